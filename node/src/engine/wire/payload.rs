//! What a content entry's payload is: the body under a content key, and that key wrapped for every recipient device.

use std::collections::BTreeMap;

use covey_codec::DecodeError;
use covey_feed::{ChannelId, Entry, EntryId};
use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::EngineError;

/// Longest payload, in bytes: that of an entry.
pub(in crate::engine) const MAX_PAYLOAD: usize = 64 * 1024;

/// Longest text of a message in bytes of UTF-8.
pub(in crate::engine) const MAX_TEXT: usize = 16 * 1024;

/// Version of a body.
const VERSION: u8 = 1;
/// Version of a payload that commits to its content key.
const COMMITTED: u8 = 2;

/// Payload of a content entry as older versions wrote it.
#[derive(Serialize, Deserialize)]
struct Before(u8, ByteBuf, Vec<(DeviceId, ByteBuf)>);

/// Payload of a content entry, as it travels.
#[derive(Serialize, Deserialize)]
struct Wire(u8, ByteArray<32>, ByteBuf, Vec<(DeviceId, ByteBuf)>);

/// Payload of a content entry.
pub(in crate::engine) struct Sealed {
    /// To the content key. Older versions did not commit.
    pub(in crate::engine) commitment: Option<[u8; 32]>,
    /// The padded body under the content key.
    pub(in crate::engine) ciphertext: Vec<u8>,
    /// The content key in an envelope for each recipient device.
    pub(in crate::engine) wraps: BTreeMap<DeviceId, Vec<u8>>,
}

impl Sealed {
    /// The bytes of the payload.
    pub(in crate::engine) fn encode(self) -> Result<Vec<u8>, EngineError> {
        let wraps = self.wraps.into_iter().map(|(device, envelope)| (device, ByteBuf::from(envelope))).collect();
        let ciphertext = ByteBuf::from(self.ciphertext);
        let encoded = match self.commitment {
            Some(commitment) => covey_codec::encode(&Wire(COMMITTED, ByteArray::new(commitment), ciphertext, wraps)),
            None => covey_codec::encode(&Before(VERSION, ciphertext, wraps)),
        };
        encoded.map_err(EngineError::bug)
    }

    /// [BODY-1] Reads a payload that came from a member.
    pub(in crate::engine) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        // An array whose first element is the version.
        let (commitment, ciphertext, wraps) = match bytes {
            [0x83, VERSION, ..] => {
                let Before(_, ciphertext, wraps) = covey_codec::decode(bytes, MAX_PAYLOAD)?;
                (None, ciphertext, wraps)
            }
            [0x84, COMMITTED, ..] => {
                let Wire(_, commitment, ciphertext, wraps) = covey_codec::decode(bytes, MAX_PAYLOAD)?;
                (Some(commitment.into_array()), ciphertext, wraps)
            }
            _ => return Err(DecodeError::Malformed("payload of an unknown version")),
        };
        Ok(Self {
            commitment,
            ciphertext: ciphertext.into_vec(),
            wraps: wraps.into_iter().map(|(device, envelope)| (device, envelope.into_vec())).collect(),
        })
    }
}

/// Where an entry stands: associated data of its body and of its wraps, so that neither can be moved elsewhere.
pub(in crate::engine) fn associated_data(
    channel: &[u8; 32],
    author: &[u8; 32],
    incarnation: u64,
    seq: u64,
    backlink: Option<&[u8; 32]>,
) -> Vec<u8> {
    [
        b"covey entry v1\0".as_slice(),
        channel,
        author,
        &incarnation.to_be_bytes(),
        &seq.to_be_bytes(),
        backlink.unwrap_or(&[0; 32]),
    ]
    .concat()
}

/// Kinds of bodies. Others are kept (their content key is) and not shown.
pub(in crate::engine) mod kind {
    /// A text, perhaps an answer to another message.
    pub(in crate::engine) const TEXT: u16 = 1;
    /// What was read.
    pub(in crate::engine) const READ: u16 = 2;
    /// What was deleted: made here, and refused from others. An author could show a message to some with it and take it from
    /// others, without two histories.
    pub(in crate::engine) const DELETED: u16 = 3;
    /// Another text for a message of one's own.
    pub(in crate::engine) const EDIT: u16 = 4;

    /// Whether a body of this kind says something in the channel, for which it takes the right to write.
    pub(in crate::engine) fn is_said(kind: u16) -> bool {
        matches!(kind, TEXT | EDIT)
    }
}

/// How far a feed was read: author device, incarnation, sequence number.
pub(in crate::engine) type ReadMark = (ByteArray<32>, u64, u64);

/// What is inside an entry. Fields that a newer covey adds are ignored here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct Body {
    #[serde(rename = "v")]
    version: u8,
    /// See [`kind`].
    #[serde(rename = "k")]
    pub(in crate::engine) kind: u16,
    /// The author's clock, Unix milliseconds: for display only.
    #[serde(rename = "t")]
    pub(in crate::engine) sent_at: u64,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) text: Option<String>,
    /// Entry id of the message this one answers. Of an edit: of the one that it changes, as it was called first. (An older covey
    /// stores this field of a kind that it does not know, so that the edit is there when it is known.)
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) reply_to: Option<ByteArray<32>>,
    /// When the author gives it up, Unix milliseconds.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) expires_at: Option<u64>,
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) read: Vec<ReadMark>,
    /// The id that the message had first, if it had to be written again.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) again: Option<ByteArray<32>>,
}

impl Body {
    /// A body that says nothing yet.
    fn empty(kind: u16, sent_at: u64) -> Self {
        Self {
            version: VERSION,
            kind,
            sent_at,
            text: None,
            reply_to: None,
            expires_at: None,
            read: Vec::new(),
            again: None,
        }
    }

    /// A text.
    pub(in crate::engine) fn text(
        text: String,
        reply_to: Option<[u8; 32]>,
        expires_at: Option<u64>,
        sent_at: u64,
    ) -> Self {
        let reply_to = reply_to.map(ByteArray::new);
        Self { text: Some(text), reply_to, expires_at, ..Self::empty(kind::TEXT, sent_at) }
    }

    /// Another text for the message that was called `target` first.
    pub(in crate::engine) fn edit(target: EntryId, text: String, sent_at: u64) -> Self {
        let reply_to = Some(ByteArray::new(*target.as_bytes()));
        Self { text: Some(text), reply_to, ..Self::empty(kind::EDIT, sent_at) }
    }

    /// The message whose text it replaces, if it is an edit.
    pub(in crate::engine) fn edits(&self) -> Option<EntryId> {
        let target = self.reply_to.filter(|_| self.kind == kind::EDIT);
        target.map(|id| EntryId::from_bytes(*id))
    }

    /// What was read.
    pub(in crate::engine) fn read(read: Vec<ReadMark>, sent_at: u64) -> Self {
        Self { read, ..Self::empty(kind::READ, sent_at) }
    }

    /// What is left of it when it is deleted: when it was, and for what it was written again.
    pub(in crate::engine) fn deleted(&self) -> Self {
        Self { again: self.again, ..Self::empty(kind::DELETED, self.sent_at) }
    }

    /// Whether nothing is left of it.
    pub(in crate::engine) fn is_deleted(&self) -> bool {
        self.kind == kind::DELETED
    }

    /// Whether it is the same but for having been written again.
    pub(in crate::engine) fn says_the_same(&self, other: &Self) -> bool {
        Self { again: other.again, ..self.clone() } == *other
    }

    /// The same, to be written again after it first stood as the entry `first`.
    pub(in crate::engine) fn written_again(self, first: EntryId) -> Self {
        Self { again: Some(self.again.unwrap_or_else(|| ByteArray::new(*first.as_bytes()))), ..self }
    }

    /// [BODY-5], [BODY-6], [BODY-7], [BODY-10] Whether it is within what its kind may say to others. Kinds that this covey does not
    /// know always are.
    pub(in crate::engine) fn is_sound(&self) -> bool {
        let text = || self.text.as_ref().is_some_and(|text| !text.is_empty() && text.len() <= MAX_TEXT);
        match self.kind {
            kind::TEXT => text(),
            kind::EDIT => text() && self.reply_to.is_some(),
            kind::DELETED => false,
            _ => true,
        }
    }

    /// The bytes that are sealed.
    pub(in crate::engine) fn encode(&self) -> Result<Vec<u8>, EngineError> {
        covey_codec::encode(self).map_err(EngineError::bug)
    }

    /// [BODY-4] Reads a body that authenticated, from a member that may be newer or hostile.
    pub(in crate::engine) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let body: Self = covey_codec::decode(bytes, MAX_PAYLOAD)?;
        if body.version != VERSION {
            return Err(DecodeError::Malformed("body of an unknown version"));
        }
        Ok(body)
    }
}

/// Where the entry stands, as what is sealed into it is bound to.
pub(in crate::engine) fn aad_of(channel: ChannelId, entry: &Entry) -> Vec<u8> {
    let header = entry.header();
    let backlink = header.position.backlink.map(|id| *id.as_bytes());
    associated_data(
        channel.as_bytes(),
        header.feed.author.as_bytes(),
        header.feed.incarnation,
        header.position.seq,
        backlink.as_ref(),
    )
}

/// Why an entry's content could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Unopened {
    /// We lack the content key; its author can give it to us.
    NoKey,
    /// What the author wrote is not a message: nothing to wait for.
    Poison,
}
