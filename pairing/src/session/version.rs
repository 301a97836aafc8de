//! Version markers of wire and stored objects.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The version field of an object: written as the integer `N`, and anything else is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Version<const N: u8>;

impl<const N: u8> Serialize for Version<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(N)
    }
}

impl<'de, const N: u8> Deserialize<'de> for Version<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            version if version == N => Ok(Self),
            version => Err(D::Error::custom(format_args!("version {version}, expected {N}"))),
        }
    }
}
