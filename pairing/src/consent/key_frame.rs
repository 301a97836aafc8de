//! How an inviter gets the KEM key that it seals its invite to: it knows the key's hash, from a ticket or a card, and asks a
//! peer of the account for the key.
//!
//! Nothing here is believed: the key is the one of the hash, or it is none. Who asks has the ticket or the card already, so
//! the answer tells nothing new. `pairing/SPEC.md`, section Consent handshake, *Sealed invites*.

use serde::{Deserialize, Serialize};

use super::FrameError;
use crate::{
    crypto::kem::{KemHash, KemPublic, PUBLIC_LEN},
    identity::AccountSecret,
    version::Version,
};

/// Longest frame: a key.
const FRAME_MAX: usize = PUBLIC_LEN + 64;

/// A frame about the KEM key of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyFrame {
    /// Which key is it that has this hash?
    #[serde(rename = "AskKey")]
    Ask(KemHash),
    /// This one.
    Key(KemPublic),
}

#[derive(Serialize, Deserialize)]
struct Wire<T>(Version<1>, T);

impl KeyFrame {
    /// Decodes a frame. A key in it is not checked.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let Wire(_, frame) = covey_codec::decode(bytes, FRAME_MAX)?;
        Ok(frame)
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&Wire(Version, self)).expect("a frame is plain data")
    }

    /// What `account` answers. None, if it was asked for another key.
    pub fn answer(&self, account: &AccountSecret) -> Option<Self> {
        let Self::Ask(hash) = self else { return None };
        (*hash == account.kem_key().hash()).then(|| Self::Key(account.kem_key().clone()))
    }

    /// The key, if it is the one of `hash` and can be used.
    pub fn key_of(self, hash: &KemHash) -> Option<KemPublic> {
        let Self::Key(key) = self else { return None };
        (key.hash() == *hash).then(|| KemPublic::from_bytes(key.as_bytes()).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountSecret {
        AccountSecret::from_seed([1; 32])
    }

    /// [PAIR-84]
    #[test]
    fn an_account_gives_its_key_to_who_names_its_hash_and_nobody_else() {
        let hash = account().kem_key().hash();
        let answer = KeyFrame::Ask(hash).answer(&account()).expect("its own");
        let answer = KeyFrame::decode(&answer.encode()).expect("decodes");
        assert_eq!(answer.clone().key_of(&hash).as_ref(), Some(account().kem_key()));
        assert_eq!(answer.answer(&account()), None);
        let other = AccountSecret::from_seed([2; 32]);
        assert_eq!(KeyFrame::Ask(hash).answer(&other), None);
        assert_eq!(KeyFrame::Key(other.kem_key().clone()).key_of(&hash), None);
    }

    /// [PAIR-84]
    #[test]
    fn a_changed_key_is_none_and_so_is_one_that_fails_the_modulus_check() {
        let key = KeyFrame::Key(account().kem_key().clone()).encode();
        let hash = account().kem_key().hash();
        for at in 0..key.len() {
            let mut changed = key.clone();
            changed[at] ^= 1;
            let taken = KeyFrame::decode(&changed).ok().and_then(|frame| frame.key_of(&hash));
            assert_eq!(taken, None, "byte {at}");
        }
        let unusable = covey_codec::encode(&serde_bytes::Bytes::new(&[0xff; PUBLIC_LEN])).expect("encodes");
        let unusable: KemPublic = covey_codec::decode(&unusable, PUBLIC_LEN + 8).expect("is not looked at");
        assert_eq!(KeyFrame::Key(unusable.clone()).key_of(&unusable.hash()), None);
        assert!(KeyFrame::decode(&[key.as_slice(), &[0; 64]].concat()).is_err());
    }
}
