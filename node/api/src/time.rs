//! Points in time as clients see them.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// A point in time; RFC 3339 in UTC with milliseconds on the wire, e.g. `2026-11-21T20:15:00.123Z`.
///
/// All have the same length, so that they sort as text too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Time(Timestamp);

impl Time {
    /// From Unix milliseconds; a value past the year 9999 becomes the last representable moment.
    #[must_use]
    pub fn from_unix_ms(ms: u64) -> Self {
        let last = Timestamp::MAX;
        i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).map_or(Self(last), Self)
    }

    /// Unix milliseconds; a moment before 1970 is 0.
    #[must_use]
    pub fn unix_ms(self) -> u64 {
        u64::try_from(self.0.as_millisecond()).unwrap_or(0)
    }

    /// The moment as jiff's type, for arithmetic and local display.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl FromStr for Time {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "description": "RFC 3339 in UTC" })
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn a_time_is_an_rfc_3339_string_on_the_wire() {
        let at = Time::from_unix_ms(1_795_292_100_123);
        let json = serde_json::to_string(&at).expect("a time serialises");
        assert_eq!(json, "\"2026-11-21T20:15:00.123Z\"");
        assert_eq!(serde_json::from_str::<Time>(&json).expect("and back"), at);
        assert_eq!(at.unix_ms(), 1_795_292_100_123);
        assert_eq!(Time::from_unix_ms(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn an_absurd_time_is_clamped_instead_of_refused() {
        assert!(Time::from_unix_ms(u64::MAX).to_string().starts_with("9999-12-"));
    }
}
