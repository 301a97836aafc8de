//! The digits by which an owner knows a recovery again.
//!
//! Whoever has the words can rotate an account and keep a device in it. So a device that is kept waits for its operator, who types the digits that
//! the machine shows on which the words were used. They name the rotation: a thief who used the words as well would have to find another
//! rotation with the same digits, among 10^16.

use std::{fmt, str::FromStr};

use super::KeyLog;
use crate::crypto::hash::derive_key;

const CONTEXT: &str = "covey 2026 recovery code v1";
const DIGITS: usize = 16;
const MODULUS: u64 = 10_000_000_000_000_000;

/// 16 digits, of the newest rotation of an account. Shown as 4 groups of 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryCode(u64);

impl RecoveryCode {
    /// Of the newest rotation in a log, if there is one.
    pub fn of(log: &KeyLog) -> Option<Self> {
        let derived = derive_key(CONTEXT, log.rotations().last()?.as_bytes());
        let (first, _) = derived.expose().split_first_chunk().expect("32 bytes are more than 8");
        Some(Self(u64::from_le_bytes(*first) % MODULUS))
    }
}

impl fmt::Display for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |n: u32| self.0 / 10_000u64.pow(n) % 10_000;
        write!(f, "{:04} {:04} {:04} {:04}", group(3), group(2), group(1), group(0))
    }
}

/// Not 16 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are not 16 digits")]
pub struct NotACode;

impl FromStr for RecoveryCode {
    type Err = NotACode;

    /// Accepts white space and hyphens anywhere.
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if digits.len() != DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotACode);
        }
        digits.parse().map(Self).map_err(|_| NotACode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AccountSecret, DeviceSecret, Rotation};

    const NOW: u64 = 1_800_000_000_000;

    /// [KEPT-2]
    #[test]
    fn each_rotation_has_its_own_digits_and_they_are_read_as_people_type_them() {
        let account = AccountSecret::from_seed([1; 32]);
        let log = KeyLog::create(&account, NOW);
        assert_eq!(RecoveryCode::of(&log), None);
        let rotated = |seed: u8| {
            let device = DeviceSecret::from_seed([seed; 32]);
            log.rotate(&account, &Rotation { add: vec![&device], ..Rotation::default() }, NOW).expect("may rotate").0
        };
        let (one, other) = (RecoveryCode::of(&rotated(2)), RecoveryCode::of(&rotated(3)));
        assert_ne!(one, other);
        let shown = one.expect("a rotation").to_string();
        assert_eq!(shown.len(), 19);
        assert_eq!(shown.parse().ok(), one);
        assert_eq!(shown.replace(' ', "-").parse().ok(), one);
        for bad in ["", "1234", "1234 5678 9012 345", "1234 5678 9012 34567", "1234 5678 9012 345x"] {
            assert_eq!(bad.parse::<RecoveryCode>(), Err(NotACode), "{bad}");
        }
    }
}
