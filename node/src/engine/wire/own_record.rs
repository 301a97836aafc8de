//! What the devices of an account tell each other in their channel: records, each of one key. The newest of a key counts.

use covey_codec::DecodeError;
use covey_feed::ChannelId;
use covey_pairing::identity::TokenId;
use covey_pairing::ids::{AccountId, DeviceId, GroupId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::EngineError;

/// [OWN-4] Longest body of an entry, in bytes: sealed, with the content key wrapped for seven devices, it is within a payload.
const MAX_BODY: usize = 44 * 1024;

/// [OWN-4] Longest value.
pub(in crate::engine) const MAX_VALUE: usize = 40 * 1024;

/// [OWN-4] Longest id of a key.
const MAX_ID: usize = 64;

/// [OWN-4] Records of an entry.
pub(in crate::engine) const MAX_RECORDS: usize = 64;

/// Version of the body.
const VERSION: u8 = 1;

/// Kinds of keys. Records of others are kept, so that a later version can use them.
pub(in crate::engine) mod kind {
    /// A contact, by its account.
    pub(in crate::engine) const CONTACT: u16 = 1;
    /// How far a channel was read, and what else is ours about it, by its id.
    pub(in crate::engine) const READING: u16 = 2;
    /// The name on our card.
    pub(in crate::engine) const NAME: u16 = 3;
    /// How we stand to a group, by its id.
    pub(in crate::engine) const GROUP: u16 = 4;
    /// The name of a device of ours, by its id.
    pub(in crate::engine) const DEVICE: u16 = 5;
    /// A ticket of ours, by the id of its token.
    pub(in crate::engine) const TICKET: u16 = 6;
    /// A conversation that has ended, by the id of its channel.
    pub(in crate::engine) const CONVERSATION: u16 = 7;
    /// A keeper of ours, by its device.
    pub(in crate::engine) const KEEPER: u16 = 8;
    /// What mail for us is sealed to.
    pub(in crate::engine) const INBOX: u16 = 9;
}

/// What a record is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::engine) struct Key(pub(in crate::engine) u16, pub(in crate::engine) ByteBuf);

impl Key {
    pub(in crate::engine) fn contact(account: &AccountId) -> Self {
        Self(kind::CONTACT, ByteBuf::from(account.as_bytes().to_vec()))
    }

    pub(in crate::engine) fn reading(channel: &ChannelId) -> Self {
        Self(kind::READING, ByteBuf::from(channel.as_bytes().to_vec()))
    }

    pub(in crate::engine) fn group(id: &GroupId) -> Self {
        Self(kind::GROUP, ByteBuf::from(id.as_bytes().to_vec()))
    }

    pub(in crate::engine) fn name() -> Self {
        Self(kind::NAME, ByteBuf::new())
    }

    /// Whom it is about, if it is the key of a contact.
    pub(in crate::engine) fn contact_id(&self) -> Option<AccountId> {
        self.id().filter(|_| self.0 == kind::CONTACT).map(AccountId::from_bytes)
    }

    pub(in crate::engine) fn device(id: &DeviceId) -> Self {
        Self(kind::DEVICE, ByteBuf::from(id.as_bytes().to_vec()))
    }

    pub(in crate::engine) fn ticket(id: &TokenId) -> Self {
        Self(kind::TICKET, ByteBuf::from(id.as_bytes().to_vec()))
    }

    pub(in crate::engine) fn conversation(channel: &ChannelId) -> Self {
        Self(kind::CONVERSATION, ByteBuf::from(channel.as_bytes().to_vec()))
    }

    pub(in crate::engine) fn keeper(id: &DeviceId) -> Self {
        Self(kind::KEEPER, ByteBuf::from(id.as_bytes().to_vec()))
    }

    pub(in crate::engine) fn inbox() -> Self {
        Self(kind::INBOX, ByteBuf::new())
    }

    /// The 32 bytes of an id.
    pub(in crate::engine) fn id(&self) -> Option<[u8; 32]> {
        self.1.as_slice().try_into().ok()
    }

    /// As the key of a row.
    pub(in crate::engine) fn bytes(&self) -> Vec<u8> {
        [&self.0.to_be_bytes(), self.1.as_slice()].concat()
    }
}

/// A key and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Record(pub(in crate::engine) Key, pub(in crate::engine) ByteBuf);

impl Record {
    /// Bytes that it takes in a body, at most.
    pub(in crate::engine) fn size(&self) -> usize {
        self.0.1.len() + self.1.len() + 16
    }
}

#[derive(Serialize, Deserialize)]
struct Body(u8, Vec<Record>);

/// A value, as it stands in a record.
pub(in crate::engine) fn value_of(value: &impl Serialize) -> Result<ByteBuf, EngineError> {
    covey_codec::encode(value).map(ByteBuf::from).map_err(EngineError::bug)
}

/// The body of an entry.
pub(in crate::engine) fn encode(records: Vec<Record>) -> Result<Vec<u8>, EngineError> {
    covey_codec::encode(&Body(VERSION, records)).map_err(EngineError::bug)
}

/// [OWN-4] Reads the body of an entry that a device of ours wrote, which may be newer, or stolen.
pub(in crate::engine) fn decode(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let Body(version, records) = covey_codec::decode(bytes, MAX_BODY)?;
    let fits = |Record(key, value): &Record| key.1.len() <= MAX_ID && value.len() <= MAX_VALUE;
    if version != VERSION || records.len() > MAX_RECORDS || !records.iter().all(fits) {
        return Err(DecodeError::Malformed("records of an unknown version, or beyond their limits"));
    }
    Ok(records)
}
