//! Who may write, read, delete and remove, and whether what was written counts.
//!
//! Asked whenever something is opened, however late, and again when the roster changes: so all members show the same,
//! whatever reached whom first (`[NODE-RIGHT]`).

use covey_feed::{Entry, EntryId, FeedKey, OrderKey};
use covey_pairing::group::roster::{self, Op, Written};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::live::groups::Group;
use crate::engine::members::{self, rosters};
use crate::engine::records::channels::Channel;
use crate::engine::records::messages::Message;
use crate::engine::wire::payload;
use crate::engine::{Cx, EngineError, tables};

/// [BODY-9], [BODY-12] Whether a body of this kind counts that `author` wrote at this place. (A reader does not write; that they read is for
/// them to say.)
pub(in crate::engine) fn counts(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    author: &AccountId,
    place: &OrderKey,
    of: u16,
) -> bool {
    let Some(group) = rosters::get(cx, channel.no) else { return true };
    // [DISPUTE-1]
    if cx.live.groups.frozen.get(author).is_some_and(|frozen| !frozen.had(channel.no, place)) {
        return false;
    }
    let (device, OrderKey { incarnation, seq, lamport, .. }) = (device_of(place), *place);
    // [MEMBER-3]
    let is_within =
        group.roster.cut(&device, incarnation).is_none_or(|last| seq <= last) && group.roster.has_had(author, &device);
    let written = Written { device, incarnation, seq, lamport };
    is_within && (!payload::kind::is_said(of) || group.roster.may_have_written(author, &written))
}

/// Whether what stands at this place was written before its author's feed was cut off.
pub(in crate::engine) fn is_within(cx: &Cx<'_, '_>, channel: &Channel, place: &OrderKey) -> Result<bool, EngineError> {
    let key = FeedKey { author: place.author, incarnation: place.incarnation };
    Ok(members::cut(cx, channel, &key)?.is_none_or(|last| place.seq <= last))
}

fn device_of(place: &OrderKey) -> DeviceId {
    DeviceId::from_bytes(*place.author.as_bytes())
}

/// Whether a message was deleted for everyone: itself, what it was written again for, or the message of its author that it changes.
pub(in crate::engine) fn is_deleted(cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> bool {
    let Some(group) = rosters::get(cx, channel.no) else { return false };
    let device = device_of(&message.place);
    let first = message.body.again.map(|id| EntryId::from_bytes(*id));
    let is_deleted =
        |id: EntryId, device: &DeviceId| group.roster.is_deleted(&roster::EntryId::from_bytes(*id.as_bytes()), device);
    let devices = || group.devices.iter().filter(|(_, of)| **of == message.author).map(|(device, _)| device);
    first.into_iter().chain([message.id]).any(|id| is_deleted(id, &device))
        || message.body.edits().is_some_and(|id| is_deleted(id, &device) || devices().any(|of| is_deleted(id, of)))
}

/// Whether `account` may read an entry of ours.
pub(in crate::engine) fn may_read(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    account: &AccountId,
    entry: &Entry,
) -> Result<bool, EngineError> {
    let Some(group) = rosters::get(cx, channel.no) else { return Ok(!channel.is_group()) };
    let Some(member) = group.roster.member(account) else { return Ok(false) };
    // Nothing is kept of those who were there before we wrote anything.
    let after = cx.tx.get::<u64>(&tables::reads_after(channel.no, account))?;
    let after = after.or_else(|| group.lamports.get(&member.joined).copied());
    Ok(after.is_some_and(|after| entry.lamport() > after))
}

/// Whether `account` could remove us.
pub(in crate::engine) fn may_remove_us(group: &Group, me: &AccountId, account: &AccountId) -> bool {
    group.roster.allowed(account, &Op::Remove { account: *me, cut: Vec::new() }).is_ok()
}
