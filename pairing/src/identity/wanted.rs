//! A question for one's own account, by somebody who has its words and nothing else: what happened to it?
//!
//! The words give every operational key that the account had or will have, but not how often it was rotated, nor, if they are not its first ones,
//! what it is called. So the question is signed with each of the keys. Whoever knows the account finds the key among them that its log names now.
//! A key of before is of no use: its thief was put out by the rotation.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{AccountSecret, KeyLog, MAX_ROTATIONS};
use crate::{
    crypto::sign::{Context, VerifyingKey},
    version::Version,
};

/// Most signatures: one for each operational key that an account can have.
const MAX_KEYS: usize = MAX_ROTATIONS + 1;

/// Longest question in bytes.
const WANTED_MAX: usize = 4 * 1024;

#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, Vec<(ByteArray<32>, ByteArray<64>)>);

/// The question, for one node. Its signatures are not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountWanted(Vec<(VerifyingKey, [u8; 64])>);

impl AccountWanted {
    /// Asks the node whose network key is `asked`. None without the words.
    pub fn sign(words: &AccountSecret, asked: &[u8; 32]) -> Option<Self> {
        let keys = (0..).take(MAX_KEYS).map(|index| {
            let keys = words.after_rotations(index)?;
            let key = keys.signing()?;
            Some((key.public(), key.sign(Context::AccountWanted, asked)))
        });
        keys.collect::<Option<_>>().map(Self)
    }

    /// The bytes that travel, at most 4 KiB.
    pub fn to_bytes(&self) -> Vec<u8> {
        let keys = self.0.iter().map(|(key, signature)| (ByteArray::new(*key.as_bytes()), ByteArray::new(*signature)));
        covey_codec::encode(&Wire(Version, keys.collect())).expect("a question is plain data")
    }

    /// Reads them. None if they are no question of a version that is known here.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Wire(_, keys) = covey_codec::decode(bytes, WANTED_MAX).ok()?;
        let read = |(key, signature): (ByteArray<32>, ByteArray<64>)| {
            (VerifyingKey::from_bytes(key.into_array()), signature.into_array())
        };
        (keys.len() <= MAX_KEYS).then(|| Self(keys.into_iter().map(read).collect()))
    }

    /// [KEYLOG-18] Whether somebody with the operational key that this log names asks the node whose network key is `asked`. Costs a signature
    /// check at most.
    pub fn is_about(&self, log: &KeyLog, asked: &[u8; 32]) -> bool {
        let now = log.operational_key();
        let made = self.0.iter().find(|(key, _)| *key == now);
        made.is_some_and(|(key, signature)| key.verify(Context::AccountWanted, asked, signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{DeviceSecret, Rotation};

    const NOW: u64 = 1_800_000_000_000;
    const ASKED: [u8; 32] = [9; 32];

    fn words(n: u8) -> AccountSecret {
        AccountSecret::from_seed([n; 32])
    }

    fn log(of: &AccountSecret) -> KeyLog {
        KeyLog::create(of, NOW).add_device(of, &DeviceSecret::from_seed([1; 32]), NOW).expect("room")
    }

    /// As it arrives.
    fn asks(words: &AccountSecret, asked: [u8; 32]) -> AccountWanted {
        let bytes = AccountWanted::sign(words, &asked).expect("words").to_bytes();
        assert!(bytes.len() <= WANTED_MAX, "{}", bytes.len());
        AccountWanted::from_bytes(&bytes).expect("a question")
    }

    /// [KEYLOG-18]
    #[test]
    fn whoever_has_the_words_is_known_by_the_key_of_now_however_often_the_account_was_recovered() {
        let mut log = log(&words(1));
        for n in 0..=3 {
            assert!(asks(&words(1), ASKED).is_about(&log, &ASKED), "after {n}");
            let fresh = DeviceSecret::from_seed([50 + n; 32]);
            log = log.rotate(&words(1), &Rotation { add: vec![&fresh], ..Rotation::default() }, NOW).expect("words").0;
        }
        // Other words took the place of the first.
        let (fresh, later) = (DeviceSecret::from_seed([60; 32]), words(2));
        let rotation = Rotation { add: vec![&fresh], successor: Some(&later), ..Rotation::default() };
        let replaced = log.rotate(&words(1), &rotation, NOW).expect("words").0;
        assert!(asks(&later, ASKED).is_about(&replaced, &ASKED));
        assert!(!asks(&words(1), ASKED).is_about(&replaced, &ASKED));
    }

    /// [KEYLOG-18]
    #[test]
    fn a_key_of_before_other_words_and_a_question_for_another_node_are_none() {
        let before = log(&words(1));
        let fresh = DeviceSecret::from_seed([50; 32]);
        let rotated = before.rotate(&words(1), &Rotation { add: vec![&fresh], ..Rotation::default() }, NOW);
        let rotated = rotated.expect("words").0;
        // The thief of a node has its operational key, and nothing that comes after it.
        let of_before = AccountWanted(asks(&words(1), ASKED).0.into_iter().take(1).collect());
        assert!(of_before.is_about(&before, &ASKED) && !of_before.is_about(&rotated, &ASKED));
        assert!(!asks(&words(2), ASKED).is_about(&before, &ASKED));
        assert!(!asks(&words(1), [8; 32]).is_about(&before, &ASKED));
        let mut altered = asks(&words(1), ASKED);
        altered.0[0].1[5] ^= 1;
        assert!(!altered.is_about(&before, &ASKED));
    }

    #[test]
    fn a_sealed_node_cannot_ask_and_what_is_no_question_is_not_read() {
        assert_eq!(AccountWanted::sign(&words(1).sealed(), &ASKED), None);
        let key = (ByteArray::new([1; 32]), ByteArray::new([2; 64]));
        let many = covey_codec::encode(&Wire(Version, vec![key; MAX_KEYS + 1])).expect("plain data");
        let newer = covey_codec::encode(&(2u8, Vec::<(ByteArray<32>, ByteArray<64>)>::new())).expect("plain data");
        for bytes in [&many[..], &newer, b"", b"nonsense"] {
            assert_eq!(AccountWanted::from_bytes(bytes), None);
        }
    }
}
