//! The safety number: 60 digits that two people compare to know that nobody sits between them.
//!
//! Signal's numeric fingerprint (version 0, 5,200 rounds of SHA-512), over the two account keys, so adding a device
//! does not change it. A rotation does: of an account that was rotated twice, one number belongs to each rotation.
//! `pairing/SPEC.md`, section Safety number.

use std::fmt;

use sha2::{Digest, Sha512};

use super::{KeyLog, RotationId};
use crate::ids::AccountId;

/// Rounds of SHA-512: makes the search for a key with a similar number expensive.
const ROUNDS: usize = 5200;
/// Version of the fingerprint, two bytes.
const VERSION: [u8; 2] = [0, 0];

/// 60 digits, the same on both sides. Shown as 12 groups of 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyNumber(String);

impl SafetyNumber {
    /// The digits without spaces.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, digit) in self.0.chars().enumerate() {
            if n > 0 && n % 5 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// One side of a safety number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    account: AccountId,
    rotation: Option<RotationId>,
}

impl From<&AccountId> for Party {
    /// An account that was never rotated.
    fn from(account: &AccountId) -> Self {
        Self { account: *account, rotation: None }
    }
}

impl From<&KeyLog> for Party {
    fn from(log: &KeyLog) -> Self {
        Self { account: log.account(), rotation: log.rotations().last() }
    }
}

impl Party {
    /// An account as it is after a rotation.
    pub fn rotated(account: AccountId, rotation: RotationId) -> Self {
        Self { account, rotation: Some(rotation) }
    }

    fn fingerprint(&self) -> String {
        let key = self.rotation.as_ref().map_or(self.account.as_bytes(), RotationId::as_bytes);
        fingerprint(self.account.as_bytes(), key)
    }
}

/// The safety number of two accounts, in either order.
pub fn safety_number(a: impl Into<Party>, b: impl Into<Party>) -> SafetyNumber {
    combine(a.into().fingerprint(), b.into().fingerprint())
}

/// The 30 digits of one side, whose stable identifier is `id`.
fn fingerprint(id: &[u8], key: &[u8]) -> String {
    let first = Sha512::new().chain_update(VERSION).chain_update(key).chain_update(id).chain_update(key).finalize();
    let hash = (1..ROUNDS).fold(first, |hash, _| Sha512::new().chain_update(hash).chain_update(key).finalize());
    hash.chunks_exact(5).take(6).fold(String::with_capacity(30), |digits, chunk| {
        let number = chunk.iter().fold(0u64, |n, byte| (n << 8) | u64::from(*byte));
        digits + &format!("{:05}", number % 100_000)
    })
}

fn combine(a: String, b: String) -> SafetyNumber {
    SafetyNumber(if a < b { a + &b } else { b + &a })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AccountSecret, DeviceSecret, Rotation};

    /// [SAFETY-1] The published vector of libsignal (identity keys in their encoded form, phone numbers as ids).
    #[test]
    fn the_number_is_the_one_signal_publishes() {
        let alice = hex::decode("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868").expect("hex");
        let bob = hex::decode("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b").expect("hex");
        let number = combine(fingerprint(b"+14152222222", &alice), fingerprint(b"+14153333333", &bob));
        assert_eq!(number.digits(), "300354477692869396892869876765458257569162576843440918079131");
    }

    /// [SAFETY-2]
    #[test]
    fn both_sides_see_the_same_twelve_groups() {
        let (a, b) = (AccountId::from_bytes([1; 32]), AccountId::from_bytes([2; 32]));
        let number = safety_number(&a, &b);
        assert_eq!(number, safety_number(&b, &a));
        let groups: Vec<String> = number.to_string().split(' ').map(str::to_owned).collect();
        assert_eq!(groups.len(), 12);
        assert!(groups.iter().all(|g| g.len() == 5 && g.bytes().all(|c| c.is_ascii_digit())));
        assert_ne!(number, safety_number(&a, &AccountId::from_bytes([3; 32])));
    }

    /// [SAFETY-3]
    #[test]
    fn a_rotation_changes_the_number_and_two_rotations_have_two() {
        let account = AccountSecret::from_seed([1; 32]);
        let them = AccountId::from_bytes([2; 32]);
        let device = |n: u8| DeviceSecret::from_seed([n; 32]);
        let log = KeyLog::create(&account, 1).add_device(&account, &device(10), 1).expect("room");
        assert_eq!(safety_number(&log, &them), safety_number(&account.id(), &them));
        let rotated = |n: u8| {
            let fresh = device(n);
            let plan = Rotation { keep: vec![device(10).id()], add: vec![&fresh], ..Rotation::default() };
            log.rotate(&account, &plan, 1).expect("by the owner")
        };
        let (ours, keys) = rotated(11);
        let numbers = [&log, &ours, &rotated(12).0].map(|log| safety_number(log, &them));
        assert!(numbers[0] != numbers[1] && numbers[0] != numbers[2] && numbers[1] != numbers[2]);
        let longer = ours.add_device(&keys, &device(13), 1).expect("room");
        assert_eq!(safety_number(&longer, &them), numbers[1]);
    }
}
