//! Frames of `/covey/keeper/1`.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{MAX_SLOTS, Receipt, SlotId, SlotToken, TicketSecret, TokenHash, Use, are_few, fewer};
use crate::{
    crypto::kem::{KemHash, KemPublic, PUBLIC_LEN},
    ids::AccountId,
    version::Version,
};

/// Longest frame in bytes: a parcel with its slot and token, or [`MAX_SLOTS`] slots.
pub const KEEPER_FRAME_MAX: usize = 80 * 1024;
/// Parcels that are acknowledged in one frame.
const MAX_GOT: usize = 256;
/// Parcels that a depositor asks for in one frame: as many as a slot holds.
pub const MAX_CHECKED: usize = 64;

/// A slot as a device of its owner registers it: with the hash of its token, and the number of that token. Of two tokens the one with the
/// higher number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotEntry(pub SlotId, pub TokenHash, pub u32);

/// What an owner uses at a keeper, and may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// What lies there.
    #[serde(rename = "u")]
    pub used: Use,
    /// How many bytes may.
    #[serde(rename = "l")]
    pub limit: u64,
    /// Parcels were refused for want of room since the owner last fetched all.
    #[serde(rename = "f")]
    pub refused: bool,
    /// What the keeper's clock says, Unix milliseconds; 0: it does not say.
    #[serde(rename = "t", default)]
    pub clock: u64,
    /// In a welcome, the keeper's account, by whose card it is found when it moved.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// One frame, `[1, {"name": content}]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeeperFrame {
    /// Owner: this is my card; with the secret of a ticket, keep mail for me from now on.
    Hello(Option<TicketSecret>, ByteBuf),
    /// Keeper: mail is kept for you, and this is where I listen (multiaddresses as text, opaque here).
    Welcome(Room, Vec<String>),
    /// Keeper: it is not, whatever the reason.
    Refused,
    /// Owner: these are all slots that this device of mine knows; the number says of which list the answer speaks.
    Slots(u64, Vec<SlotEntry>),
    /// Keeper: the slots of that list are durable.
    Open(u64),
    /// Owner: what lies there with higher numbers than this?
    Fetch(u64),
    /// Keeper: one parcel, its number, its slot.
    Parcel(u64, SlotId, ByteBuf),
    /// Keeper: that were those up to this number; whether there are more.
    Batch(u64, bool, Room),
    /// Keeper: something new lies there.
    Waiting,
    /// Owner: these are durable on this device, or worthless.
    Got(Vec<u64>),
    /// Depositor: put this parcel into that slot.
    Deposit(SlotId, SlotToken, ByteBuf),
    /// Keeper: it is durable here.
    Kept(Receipt),
    /// Keeper: no room for the parcel with this hash.
    Full(ByteArray<32>),
    /// Keeper: not taken, whatever the reason.
    No(ByteArray<32>),
    /// Keeper: too many into this slot at once; the same again in a second.
    Later(ByteArray<32>),
    /// Depositor: which of these parcels, by their hashes, are neither in that slot nor fetched from it?
    Check(SlotId, SlotToken, Vec<ByteArray<32>>),
    /// Keeper: these; all of them if the slot is unknown or the token wrong.
    Missing(SlotId, Vec<ByteArray<32>>),
    /// Owner: this is my list of contacts, instead of the one that lies there.
    PutList(ByteBuf),
    /// Keeper: the list with this hash is durable.
    ListKept(ByteArray<32>),
    /// Owner: which list lies there?
    GetList,
    /// Keeper: this one, or none.
    List(Option<ByteBuf>),
    /// Owner: this is the KEM key of my account; strangers may leave invites that are sealed to it. None: they may not any more.
    Invites(Option<KemPublic>),
    /// Keeper: the invite slot of the key with this hash is durable.
    InvitesOpen(KemHash),
    /// Stranger: which key has this hash?
    AskKey(KemHash),
    /// Keeper: this one, of an owner.
    Key(KemPublic),
}

#[derive(Serialize, Deserialize)]
struct Wire<T>(Version<1>, T);

/// No frame of a keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no frame of a keeper")]
pub struct NotAFrame;

impl KeeperFrame {
    /// [KEEP-1] Decodes a frame.
    ///
    /// # Errors
    /// What is no frame of a keeper, and lists that are too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAFrame> {
        let Wire(_, frame) = covey_codec::decode(bytes, KEEPER_FRAME_MAX).map_err(|_| NotAFrame)?;
        match &frame {
            Self::Slots(_, slots) if slots.len() > MAX_SLOTS => Err(NotAFrame),
            Self::Welcome(_, addresses) if !are_few(addresses) => Err(NotAFrame),
            Self::Got(numbers) if numbers.len() > MAX_GOT => Err(NotAFrame),
            Self::Invites(Some(key)) | Self::Key(key) if key.as_bytes().len() != PUBLIC_LEN => Err(NotAFrame),
            Self::Check(.., hashes) | Self::Missing(_, hashes) if hashes.len() > MAX_CHECKED => Err(NotAFrame),
            _ => Ok(frame),
        }
    }

    /// A welcome with the first addresses, as many as there may be.
    pub fn welcome(room: Room, mut addresses: Vec<String>) -> Self {
        fewer(&mut addresses);
        Self::Welcome(room, addresses)
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&Wire(Version, self)).expect("a frame is plain data")
    }
}
