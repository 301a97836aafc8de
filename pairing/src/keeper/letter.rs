//! What two tell each other who became paired at keepers and have not met: where their mail waits. In a session it is a mailbox ([`super::Mailbox`]);
//! before the first connection it is left in the invite slot, under a key that only the two have.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::INVITE_PARCEL_MAX;
use crate::{
    consent::PairSecret,
    crypto::aead,
    ids::{AccountId, DeviceId, InviteId},
    version::Version,
};

const AAD: &[u8] = b"covey pair mailbox v1\0";

/// A mailbox of one of a pair, for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxLetter {
    /// The invite that the pact came from.
    pub id: InviteId,
    sealed: ByteBuf,
}

/// `{"Mailbox": [1, invite, sealed]}`
#[derive(Serialize, Deserialize)]
enum Wire {
    Mailbox(Version<1>, InviteId, ByteBuf),
}

impl MailboxLetter {
    /// [KEEP-33] Seals what `device` of the account `sender` says of its keepers, for the other one of the pact.
    pub fn seal(
        secret: &PairSecret,
        id: InviteId,
        (sender, device): (&AccountId, &DeviceId),
        mailbox: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let content = [device.as_bytes().as_slice(), mailbox].concat();
        let sealed = aead::seal_random(&secret.mailbox_key(), &aad(&id, sender), &content, rng);
        Self { id, sealed: ByteBuf::from(sealed) }
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&Wire::Mailbox(Version, self.id, self.sealed.clone())).expect("a letter is plain data")
    }

    /// Reads them. None, if they are something else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let Wire::Mailbox(_, id, sealed) = covey_codec::decode(bytes, INVITE_PARCEL_MAX).ok()?;
        Some(Self { id, sealed })
    }

    /// What a device of `sender` says. None, if it was not written by the other one of this pact.
    pub fn open(&self, secret: &PairSecret, sender: &AccountId) -> Option<(DeviceId, Vec<u8>)> {
        let content = aead::open_random(&secret.mailbox_key(), &aad(&self.id, sender), &self.sealed).ok()?;
        let (device, mailbox) = content.split_first_chunk::<32>()?;
        Some((DeviceId::from_bytes(*device), mailbox.to_vec()))
    }
}

/// What one side sealed is not taken for a word of the other.
fn aad(id: &InviteId, sender: &AccountId) -> Vec<u8> {
    [AAD, id.as_bytes(), sender.as_bytes()].concat()
}
