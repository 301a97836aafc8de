//! Operations as stored, each with what was verified about it: that is not verified again at every start.

use covey_feed::Entry;
use covey_pairing::group::admission::{devices, vouch as vouch_join};
use covey_pairing::group::roster::{
    Ground, Op, OpId, OpRecord, Operation, TicketId, VerifiedDevices, VerifiedJoin, Vouched,
};
use covey_pairing::identity::ContactCard;
use covey_pairing::ids::{AccountId, DeviceId, GroupId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::records::channels::Channel;
use crate::engine::{EngineError, tables};
use crate::store::{Key, Tx};

/// An operation as stored: what was verified about it is not verified again at every start.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct Stored {
    pub(in crate::engine) id: OpId,
    pub(in crate::engine) device: DeviceId,
    pub(in crate::engine) incarnation: u64,
    pub(in crate::engine) seq: u64,
    pub(in crate::engine) payload: ByteBuf,
    vouched: StoredVouch,
}

#[derive(Serialize, Deserialize)]
enum StoredVouch {
    Nothing,
    Devices(Vec<DeviceId>, u64),
    Join { account: AccountId, devices: Vec<DeviceId>, log: u64, ground: StoredGround, at: u64 },
}

#[derive(Serialize, Deserialize)]
enum StoredGround {
    Invite(OpId),
    Ticket(TicketId),
    Request,
}

impl Stored {
    fn of(record: &OpRecord, payload: &[u8]) -> Self {
        let vouched = match &record.vouched {
            Vouched::Nothing => StoredVouch::Nothing,
            Vouched::Devices(of) => StoredVouch::Devices(of.devices.clone(), of.log),
            Vouched::Join(join) => StoredVouch::Join {
                account: join.account,
                devices: join.devices.devices.clone(),
                log: join.devices.log,
                ground: match join.ground {
                    Ground::Invite(op) => StoredGround::Invite(op),
                    Ground::Ticket(id) => StoredGround::Ticket(id),
                    Ground::Request => StoredGround::Request,
                },
                at: join.at,
            },
        };
        let OpRecord { id, device, incarnation, seq, .. } = *record;
        Self { id, device, incarnation, seq, payload: ByteBuf::from(payload), vouched }
    }

    /// With the logical time that it is stored under.
    pub(in crate::engine) fn record(self, lamport: u64) -> Option<OpRecord> {
        let vouched = match self.vouched {
            StoredVouch::Nothing => Vouched::Nothing,
            StoredVouch::Devices(devices, log) => Vouched::Devices(VerifiedDevices { devices, log }),
            StoredVouch::Join { account, devices, log, ground, at } => Vouched::Join(VerifiedJoin {
                account,
                devices: VerifiedDevices { devices, log },
                ground: match ground {
                    StoredGround::Invite(op) => Ground::Invite(op),
                    StoredGround::Ticket(id) => Ground::Ticket(id),
                    StoredGround::Request => Ground::Request,
                },
                at,
            }),
        };
        let operation = Operation::decode(&self.payload).ok()?;
        let Self { id, device, incarnation, seq, .. } = self;
        Some(OpRecord { id, device, incarnation, seq, lamport, operation, vouched })
    }
}

/// What the cards and statements in an operation say. Depends on nothing but the operation and the group.
fn vouched(group: &GroupId, device: &DeviceId, operation: &Operation) -> Vouched {
    match &operation.op {
        Op::Create { card, .. } | Op::Devices { card } => {
            let Ok(card) = ContactCard::open_of(&operation.account, card, operation.at) else {
                return Vouched::Nothing;
            };
            if !card.log().is_active(device) {
                return Vouched::Nothing;
            }
            Vouched::Devices(devices(&card))
        }
        Op::Join { statement, card } => vouch_join(group, statement, card).map_or(Vouched::Nothing, Vouched::Join),
        _ => Vouched::Nothing,
    }
}

/// The operation in an entry, with what is verified about it.
pub(in crate::engine) fn record_of(channel: &Channel, entry: &Entry) -> Option<OpRecord> {
    let header = entry.header();
    let device = DeviceId::from_bytes(*header.feed.author.as_bytes());
    let operation = match Operation::decode(entry.payload()?) {
        Ok(operation) => operation,
        Err(error) => {
            debug!(device = %device.fmt_short(), %error, "an entry holds no operation");
            return None;
        }
    };
    Some(OpRecord {
        id: OpId::from_bytes(*entry.id().as_bytes()),
        device,
        incarnation: header.feed.incarnation,
        seq: entry.seq(),
        lamport: entry.lamport(),
        vouched: vouched(&channel.group_id(), &device, &operation),
        operation,
    })
}

/// Keeps it.
pub(in crate::engine) fn keep(
    tx: &mut Tx<'_>,
    channel: &Channel,
    entry: &Entry,
    record: &OpRecord,
) -> Result<(), EngineError> {
    let stored = Stored::of(record, entry.payload().unwrap_or_default());
    Ok(tx.put(&tables::operation(channel.no, entry.lamport(), &entry.id()), &stored)?)
}

/// Whether the operation in an entry is kept; true if there is none in it.
pub(in crate::engine) fn is_kept(tx: &Tx<'_>, channel: &Channel, entry: &Entry) -> Result<bool, EngineError> {
    let kept = tx.contains(&tables::operation(channel.no, entry.lamport(), &entry.id()))?;
    Ok(kept || record_of(channel, entry).is_none())
}

/// Keeps the operation in an entry, if there is one and it is not kept. Whether that was so.
pub(in crate::engine) fn mend(tx: &mut Tx<'_>, channel: &Channel, entry: &Entry) -> Result<bool, EngineError> {
    if is_kept(tx, channel, entry)? {
        return Ok(false);
    }
    let Some(record) = record_of(channel, entry) else { return Ok(false) };
    keep(tx, channel, entry, &record)?;
    Ok(true)
}

/// The logical time under which an operation is stored.
pub(in crate::engine) fn lamport_in(key: &Key) -> u64 {
    key.tail(24).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
