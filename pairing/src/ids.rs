//! Names of accounts, devices, groups and invites: 32 or 16 bytes, with the text forms people and logs see.
//!
//! `pairing/SPEC.md`, section Identities.

use std::{fmt, str::FromStr};

use bech32::{Bech32m, Hrp, primitives::decode::CheckedHrpstring};

use crate::crypto::sign::VerifyingKey;

/// Characters of the short text form shown next to a nickname.
const SHORT_LEN: usize = 8;

/// Why a text is not an account or device id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// Another prefix than the one of this kind of id.
    #[error("this does not start with `{expected}1`")]
    Prefix {
        /// The prefix that was expected.
        expected: &'static str,
    },
    /// The checksum does not fit: a character was lost or mistyped.
    #[error("this id is mistyped or incomplete (its checksum does not fit)")]
    Checksum,
    /// A valid text of the wrong length.
    #[error("this id has {len} bytes, not 32")]
    Length {
        /// Bytes found.
        len: usize,
    },
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// From its bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <serde_bytes::ByteArray<$len> as serde::Deserialize>::deserialize(deserializer)
                    .map(|bytes| Self(bytes.into_array()))
            }
        }
    };
}

/// The text form of ids that people seldom see: hexadecimal.
macro_rules! hex_id {
    ($name:ident) => {
        impl $name {
            /// The first four bytes in hexadecimal, for logs.
            pub fn fmt_short(&self) -> String {
                data_encoding::HEXLOWER.encode(&self.0[..4])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.fmt_short())
            }
        }
    };
}

pub(crate) use {bytes_id, hex_id};

bytes_id!(
    /// An account (a person): its Ed25519 public key. Text form `cv1…` (bech32m).
    AccountId,
    32
);
bytes_id!(
    /// A device (one install): its Ed25519 public key. Text form `cvd1…` (bech32m).
    DeviceId,
    32
);
bytes_id!(
    /// An invite: the first 16 bytes of the BLAKE3 hash of its handshake message. Text form: hexadecimal.
    InviteId,
    16
);
bytes_id!(
    /// A group, which is also the id of its channel: commits to its founder. Text form: hexadecimal.
    GroupId,
    32
);

hex_id!(InviteId);
hex_id!(GroupId);

/// Human-readable part of an account id.
const ACCOUNT_HRP: &str = "cv";
/// Human-readable part of a device id.
const DEVICE_HRP: &str = "cvd";

macro_rules! key_id {
    ($name:ident, $hrp:ident) => {
        impl $name {
            /// The first 8 characters of the text form, for logs and lists.
            pub fn fmt_short(&self) -> String {
                self.to_string().chars().take(SHORT_LEN).collect()
            }

            /// The signing key this id is.
            pub fn verifying_key(&self) -> VerifyingKey {
                VerifyingKey::from_bytes(self.0)
            }
        }

        impl From<VerifyingKey> for $name {
            fn from(key: VerifyingKey) -> Self {
                Self(*key.as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = bech32::encode::<Bech32m>(Hrp::parse_unchecked($hrp), &self.0).map_err(|_| fmt::Error)?;
                f.write_str(&text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.fmt_short())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                from_bech32m($hrp, text.trim()).map(Self)
            }
        }
    };
}

key_id!(AccountId, ACCOUNT_HRP);
key_id!(DeviceId, DEVICE_HRP);

fn from_bech32m(expected: &'static str, text: &str) -> Result<[u8; 32], ParseIdError> {
    let prefixed = text.rsplit_once('1').is_some_and(|(hrp, _)| hrp.eq_ignore_ascii_case(expected));
    if !prefixed {
        return Err(ParseIdError::Prefix { expected });
    }
    let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| ParseIdError::Checksum)?;
    let bytes: Vec<u8> = checked.byte_iter().collect();
    bytes.try_into().map_err(|bytes: Vec<u8>| ParseIdError::Length { len: bytes.len() })
}

impl InviteId {
    /// The id of the invite whose Noise message 1 is `message`.
    pub fn of(message: &[u8]) -> Self {
        let hash = crate::crypto::hash::blake3(message);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_their_text_form_in_both_cases() {
        let id = AccountId::from_bytes([7; 32]);
        assert!(id.to_string().starts_with("cv1"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        assert_eq!(id.fmt_short().len(), 8);
        let device = DeviceId::from_bytes([9; 32]);
        assert!(device.to_string().starts_with("cvd1"));
        assert_eq!(device.to_string().parse(), Ok(device));
    }

    #[test]
    fn a_device_id_is_not_taken_for_an_account() {
        let device = DeviceId::from_bytes([9; 32]).to_string();
        assert_eq!(device.parse::<AccountId>(), Err(ParseIdError::Prefix { expected: "cv" }));
        assert_eq!("".parse::<AccountId>(), Err(ParseIdError::Prefix { expected: "cv" }));
    }

    #[test]
    fn a_mistyped_id_is_noticed() {
        let text = AccountId::from_bytes([7; 32]).to_string();
        let mistyped = text.replacen('q', "p", 1).replacen('8', "9", 1);
        assert_ne!(text, mistyped);
        assert_eq!(mistyped.parse::<AccountId>(), Err(ParseIdError::Checksum));
        assert_eq!(text[..text.len() - 1].parse::<AccountId>(), Err(ParseIdError::Checksum));
    }

    #[test]
    fn a_valid_text_of_another_length_is_refused() {
        let short = bech32::encode::<Bech32m>(Hrp::parse_unchecked("cv"), &[1; 31]).expect("short enough");
        assert_eq!(short.parse::<AccountId>(), Err(ParseIdError::Length { len: 31 }));
    }
}
