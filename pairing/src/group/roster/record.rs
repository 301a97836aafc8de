//! An operation with what was verified about it.

use serde_bytes::ByteBuf;

use super::{
    ids::{OpId, TicketId},
    op::{Op, Operation},
};
use crate::ids::{AccountId, DeviceId};

/// The devices of an account as a verified card lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedDevices {
    /// Active devices, 1 to [`super::DEVICES_MAX`].
    pub devices: Vec<DeviceId>,
    /// Rank of the key log of the card ([`log_rank`]): a list of a lower one never replaces one of a higher.
    pub log: u64,
}

/// Bits of a rank below the number of rotations.
const ROTATIONS: u32 = 32;

/// Ranks key logs of one account: by the rotations in them, then by their operations.
pub fn log_rank(rotations: usize, operations: usize) -> u64 {
    let part = |count: usize| u64::from(u32::try_from(count).unwrap_or(u32::MAX));
    part(rotations) << ROTATIONS | part(operations)
}

/// The rotations in a key log of this rank.
pub fn rotations_in(rank: u64) -> usize {
    usize::try_from(rank >> ROTATIONS).unwrap_or(usize::MAX)
}

impl VerifiedDevices {
    /// [GROUP-16] Whether its key log was rotated since one of rank `log`.
    pub(super) fn rotated_since(&self, log: u64) -> bool {
        rotations_in(self.log) > rotations_in(log)
    }
}

/// What a join rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The operation that invited the joiner.
    Invite(OpId),
    /// A ticket, whose token the joiner showed.
    Ticket(TicketId),
    /// The joiner asked, an admin admits.
    Request,
}

/// What a verified join statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedJoin {
    /// The joiner.
    pub account: AccountId,
    /// The joiner's devices, by the card beside the statement.
    pub devices: VerifiedDevices,
    /// What the join rests on.
    pub ground: Ground,
    /// Unix milliseconds by the joiner's clock; held against the expiry of the ticket, as is the carrier's.
    pub at: u64,
}

/// What the cards and statements inside an operation were found to say. The verification must not depend on the time or on
/// the place: what one member verifies, every member must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vouched {
    /// There are none, or they do not verify: then the operation never counts.
    Nothing,
    /// The card of [`super::Op::Create`] or [`super::Op::Devices`]; it is the author's.
    Devices(VerifiedDevices),
    /// The statement and card of [`super::Op::Join`]; they are for this group.
    Join(VerifiedJoin),
}

/// An operation from a verified entry of a feed of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpRecord {
    /// The entry's id.
    pub id: OpId,
    /// The entry's author, whose signature was verified.
    pub device: DeviceId,
    /// Incarnation of the author's feed.
    pub incarnation: u64,
    /// Position in that feed, from 1.
    pub seq: u64,
    /// Logical time of the entry, which is signed. Decides nothing but what content counts as written before.
    pub lamport: u64,
    /// The decoded payload.
    pub operation: Operation,
    /// What was verified about cards and statements in it.
    pub vouched: Vouched,
}

impl OpRecord {
    /// Without the cards and statements, whose meaning is in `vouched`: those of ten thousand members would fill the memory.
    #[must_use]
    pub fn slim(mut self) -> Self {
        match &mut self.operation.op {
            Op::Join { statement, card } => (*statement, *card) = (ByteBuf::new(), ByteBuf::new()),
            Op::Create { card, .. } | Op::Devices { card } => *card = ByteBuf::new(),
            _ => {}
        }
        self
    }
}
