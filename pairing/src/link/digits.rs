//! The digits that both sides show.
//!
//! Six digits are few enough to try a million handshakes until two of them agree. So neither side can choose its part knowing the other's:
//! the host commits to its random bytes in the first message, the joiner gives its own in the second, and the host shows what
//! it committed to in the third (a short authentication string, as in ZRTP, RFC 6189 section 4.2).

use std::{fmt, str::FromStr};

use crate::crypto::{hash::derive_key, secret::Secret};

const COMMITMENT_CONTEXT: &str = "covey 2026 link commitment v1";
const DIGITS_CONTEXT: &str = "covey 2026 link digits v1";
const MODULUS: u64 = 1_000_000;

/// Random bytes of one side.
pub(super) type Nonce = Secret<16>;

/// What the host says of its random bytes before it knows the joiner's.
pub(super) fn commitment(nonce: &Nonce) -> [u8; 32] {
    *derive_key(COMMITMENT_CONTEXT, nonce.expose()).expose()
}

/// Six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits(u32);

impl Digits {
    /// Of a handshake, by its hash, and what both sides added.
    pub(super) fn of(hash: &[u8; 32], host: &Nonce, joiner: &Nonce) -> Self {
        let material = [hash.as_slice(), host.expose(), joiner.expose()].concat();
        let derived = derive_key(DIGITS_CONTEXT, &material);
        let (first, _) = derived.expose().split_first_chunk().expect("32 bytes are more than 8");
        Self(u32::try_from(u64::from_le_bytes(*first) % MODULUS).expect("below a million"))
    }

    /// In two groups, as people read them aloud.
    pub fn grouped(self) -> String {
        format!("{:03} {:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Six characters.
impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// Not six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are not six digits")]
pub struct NotDigits;

impl FromStr for Digits {
    type Err = NotDigits;

    /// Accepts white space and hyphens anywhere.
    fn from_str(text: &str) -> Result<Self, NotDigits> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotDigits);
        }
        digits.parse().map(Self).map_err(|_| NotDigits)
    }
}
