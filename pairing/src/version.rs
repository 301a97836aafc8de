//! The version that stands first in every wire and stored object.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A version byte: `N` is written, and every version from `OLDEST` up to `N` is read. Any other value does not decode. Of what
/// travels, `N` only; of what is stored, perhaps older ones too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Version<const N: u8, const OLDEST: u8 = N>;

impl<const N: u8, const OLDEST: u8> Serialize for Version<N, OLDEST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(N)
    }
}

impl<'de, const N: u8, const OLDEST: u8> Deserialize<'de> for Version<N, OLDEST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u8::deserialize(deserializer)?;
        if (OLDEST..=N).contains(&found) {
            Ok(Self)
        } else {
            Err(D::Error::custom(format_args!("unknown version {found}")))
        }
    }
}
