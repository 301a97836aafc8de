//! The version that stands first in every wire and stored object.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A version byte that is always `N`: any other value does not decode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Version<const N: u8>;

impl<const N: u8> Serialize for Version<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(N)
    }
}

impl<'de, const N: u8> Deserialize<'de> for Version<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u8::deserialize(deserializer)?;
        if found == N { Ok(Self) } else { Err(D::Error::custom(format_args!("unknown version {found}"))) }
    }
}

/// A version byte of something stored: every version up to `N` is read, `N` is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct UpTo<const N: u8>;

impl<const N: u8> Serialize for UpTo<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(N)
    }
}

impl<'de, const N: u8> Deserialize<'de> for UpTo<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u8::deserialize(deserializer)?;
        if (1..=N).contains(&found) { Ok(Self) } else { Err(D::Error::custom(format_args!("unknown version {found}"))) }
    }
}
