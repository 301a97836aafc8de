//! The list of an account's contacts as it lies at its keepers, for whoever brings the account back with its words.
//!
//! It is sealed to a key that comes from the words. A node keeps the public half when it erases its seed: it can write the list, and a thief of it
//! learns no older one. Each list has the same length, so that a keeper does not learn how many contacts there are.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{InboxError, InboxKey, InboxSecret, MAX_PAYLOAD};
use crate::{crypto::hash::blake3, ids::AccountId, version::Version};

const BIND: &[u8] = b"covey contact list v1\0";
/// Bytes of the length in front.
const LENGTH: usize = 2;
/// Contacts that are left out at a time, until the others fit.
const STEP: usize = 16;

/// A contact as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered(pub AccountId, pub Option<String>);

/// The contacts of an account, with the names that it gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactList {
    /// When it was made, by the clock of the device that did, Unix milliseconds.
    pub at: u64,
    /// The contacts; what does not fit is left out from the end.
    pub contacts: Vec<Remembered>,
}

/// `[1, at, [[account, alias or null]…]]`
#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, u64, Vec<Remembered>);

impl ContactList {
    /// Says whether two lists are the same but for their times.
    pub fn hash(&self) -> [u8; 32] {
        blake3(&covey_codec::encode(&self.contacts).expect("a list is plain data"))
    }

    /// [KEEP-20] Seals the list of `account` for whoever has its words.
    ///
    /// # Errors
    /// [`InboxError::BadKey`].
    pub fn seal(
        &self,
        to: &InboxKey,
        account: &AccountId,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, InboxError> {
        let mut wire = Wire(Version, self.at, self.contacts.clone());
        let encoded = loop {
            let encoded = covey_codec::encode(&wire).expect("a list is plain data");
            if encoded.len() <= MAX_PAYLOAD - LENGTH {
                break encoded;
            }
            wire.2.truncate(wire.2.len().saturating_sub(STEP));
        };
        let length = u16::try_from(encoded.len()).map_err(|_| InboxError::TooLong)?;
        let mut payload = [length.to_be_bytes().as_slice(), &encoded].concat();
        payload.resize(MAX_PAYLOAD, 0);
        to.seal(&bind(account), &payload, rng)
    }

    /// Opens it with the words' key.
    ///
    /// # Errors
    /// [`InboxError`].
    pub fn open(secret: &InboxSecret, account: &AccountId, sealed: &[u8]) -> Result<Self, InboxError> {
        let payload = secret.open(&bind(account), sealed)?;
        let (length, rest) = payload.split_first_chunk::<LENGTH>().ok_or(InboxError::Malformed)?;
        let encoded = rest.get(..usize::from(u16::from_be_bytes(*length))).ok_or(InboxError::Malformed)?;
        let Wire(_, at, contacts) = covey_codec::decode(encoded, MAX_PAYLOAD).map_err(|_| InboxError::Malformed)?;
        Ok(Self { at, contacts })
    }
}

fn bind(account: &AccountId) -> Vec<u8> {
    [BIND, account.as_bytes()].concat()
}
