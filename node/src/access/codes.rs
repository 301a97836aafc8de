//! One-time codes that sign a browser in. Kept in memory only, as hashes: a restart forgets them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// How long a code can be used, in milliseconds: long enough to go to another window, and no longer.
pub(super) const CODE_LIFE: u64 = 10 * 60_000;
/// Codes that can be used at one time; the oldest one makes room.
const MAX_CODES: usize = 16;

/// Codes that were given out and not used.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<VecDeque<([u8; 32], u64)>>);

impl Codes {
    /// A code was given out, of which this is the hash.
    pub(super) fn add(&self, hash: [u8; 32], expires_at: u64) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() == MAX_CODES {
            codes.pop_front();
        }
        codes.push_back((hash, expires_at));
    }

    /// Uses a code up. Whether it was good.
    pub(super) fn take(&self, hash: &[u8; 32], now: u64) -> bool {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|(_, expires_at)| *expires_at > now);
        let found = codes.iter().position(|(known, _)| known == hash);
        found.and_then(|at| codes.remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_for_its_time() {
        let codes = Codes::default();
        codes.add([1; 32], 100);
        codes.add([2; 32], 100);
        assert!(!codes.take(&[3; 32], 50), "never given out");
        assert!(codes.take(&[1; 32], 50));
        assert!(!codes.take(&[1; 32], 50), "used");
        assert!(!codes.take(&[2; 32], 100), "too late");
        for number in 0..=MAX_CODES {
            codes.add([u8::try_from(number).expect("is small"); 32], 200);
        }
        assert!(!codes.take(&[0; 32], 150), "the oldest one made room");
        assert!(codes.take(&[1; 32], 150));
    }
}
