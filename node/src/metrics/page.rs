//! One answer in Prometheus' text format, version 0.0.4.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

type Label = [(&'static str, &'static str); 1];

/// A page in the making.
#[derive(Default)]
pub(super) struct Page(Registry);

impl Page {
    /// A metric that counts by itself.
    pub(super) fn add(&mut self, name: &str, help: &str, metric: impl Metric) {
        self.0.register(name, help, metric);
    }

    /// A value that goes up and down.
    pub(super) fn gauge<N>(&mut self, name: &str, help: &str, value: N)
    where
        i64: TryFromNumber<N>,
    {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::of(value));
        self.add(name, help, gauge);
    }

    /// A time.
    pub(super) fn seconds(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.add(name, help, gauge);
    }

    /// Values of several kinds.
    pub(super) fn gauges<N: Copy>(&mut self, name: &str, help: &str, label: &'static str, values: &[(&'static str, N)])
    where
        i64: TryFromNumber<N>,
    {
        let family = Family::<Label, Gauge>::default();
        for (kind, value) in values {
            family.get_or_create(&[(label, *kind)]).set(i64::of(*value));
        }
        self.add(name, help, family);
    }

    /// A count since the start. The format adds `_total` to its name.
    pub(super) fn counter(&mut self, name: &str, help: &str, count: u64) {
        let counter: Counter = Counter::default();
        counter.inc_by(count);
        self.add(name, help, counter);
    }

    /// Counts of several kinds.
    pub(super) fn counters(&mut self, name: &str, help: &str, label: &'static str, counts: &[(&'static str, u64)]) {
        let family = Family::<Label, Counter>::default();
        for (kind, count) in counts {
            family.get_or_create(&[(label, *kind)]).inc_by(*count);
        }
        self.add(name, help, family);
    }

    /// The page.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = encode(&mut text, &self.0);
        classic(&text)
    }
}

/// Any number as a gauge has it.
pub(super) trait TryFromNumber<N> {
    /// The number; one that is too large is the largest.
    fn of(number: N) -> i64;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl TryFromNumber<$number> for i64 {
            fn of(number: $number) -> i64 {
                Self::try_from(number).unwrap_or(Self::MAX)
            }
        }
    )*};
}
numbers!(bool, u32, u64, usize);

/// `OpenMetrics` names the family of a counter without `_total`; the older format, which every tool reads, with it. The lines that
/// describe a family come in pairs: HELP, TYPE.
fn classic(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    let mut lines = text.lines().filter(|line| *line != "# EOF").peekable();
    while let Some(line) = lines.next() {
        let counter = |line: &str| line.strip_prefix("# TYPE ")?.strip_suffix(" counter").map(str::to_owned);
        let described = lines.peek().and_then(|next| counter(next)).filter(|_| line.starts_with("# HELP "));
        if let Some(name) = described {
            let help = line.strip_prefix(&format!("# HELP {name}")).unwrap_or_default();
            classic.push_str(&format!("# HELP {name}_total{help}\n# TYPE {name}_total counter\n"));
            lines.next();
        } else {
            classic.push_str(line);
            classic.push('\n');
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_by_the_name_that_its_samples_have() {
        let mut page = Page::default();
        page.counter("covey_things", "Things", 3);
        page.counters("covey_more", "More", "kind", &[("odd", 1)]);
        page.gauge("covey_level", "Level", 2_u32);
        page.seconds("covey_age_seconds", "Age", 0.5);
        assert_eq!(
            page.text(),
            "# HELP covey_things_total Things.\n# TYPE covey_things_total counter\ncovey_things_total 3\n\
             # HELP covey_more_total More.\n# TYPE covey_more_total counter\ncovey_more_total{kind=\"odd\"} 1\n\
             # HELP covey_level Level.\n# TYPE covey_level gauge\ncovey_level 2\n\
             # HELP covey_age_seconds Age.\n# TYPE covey_age_seconds gauge\ncovey_age_seconds 0.5\n"
        );
    }
}
