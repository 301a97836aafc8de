//! Times for people.

use covey_api::Time;
use jiff::{Timestamp, tz::TimeZone};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `5 min ago`, `in 3 d`, `just now`.
#[must_use]
pub(crate) fn relative(at: Time, now: Timestamp) -> String {
    let seconds = now.as_second() - at.timestamp().as_second();
    match seconds {
        -59..=59 => String::from("just now"),
        60.. => format!("{} ago", span(seconds)),
        // What was set to two weeks a moment ago still is in two weeks.
        _ => format!("in {}", span(MINUTE - 1 - seconds)),
    }
}

/// `7 d`: how long it is until then.
#[must_use]
pub(crate) fn left(at: Time, now: Timestamp) -> String {
    let seconds = (at.timestamp().as_second() - now.as_second()).max(0);
    // As above: what was set to a week a moment ago still has a week.
    span(if seconds < MINUTE { seconds } else { seconds + MINUTE - 1 })
}

/// `45 s`, `5 min`, `3 h`, `2 d`.
#[must_use]
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        _ => format!("{} d", seconds / DAY),
    }
}

/// `2026-11-21` in the given zone.
#[must_use]
pub(crate) fn date(at: Time, zone: &TimeZone) -> String {
    at.timestamp().to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// `20:15` in the given zone.
#[must_use]
pub(crate) fn clock(at: Time, zone: &TimeZone) -> String {
    at.timestamp().to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_people_say_them() {
        let now = Timestamp::from_second(1_000_000).expect("in range");
        let at = |seconds: i64| Time::from(Timestamp::from_second(1_000_000 - seconds).expect("in range"));
        assert_eq!(relative(at(3), now), "just now");
        assert_eq!(relative(at(-59), now), "just now");
        assert_eq!(relative(at(300), now), "5 min ago");
        assert_eq!(relative(at(-14 * DAY), now), "in 14 d");
        assert_eq!(relative(at(5 - 14 * DAY), now), "in 14 d");
        assert_eq!([left(at(5 - 7 * DAY), now), left(at(-20), now), left(at(20), now)], ["7 d", "20 s", "0 s"]);
        assert_eq!(clock(Time::from_unix_ms(0), &TimeZone::UTC), "00:00");
    }
}
