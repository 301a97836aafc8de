//! Operations on a roster: written, and taken from others.

use covey_api::{ApiError, Reason};
use covey_feed::sync::Rejection;
use covey_feed::{Entry, FeedId, Kind};
use covey_pairing::group::roster::{CUT_MAX, Cut, Op, OpId, Operation, Vouched, group_id, rotations_in};
use covey_pairing::ids::{AccountId, DeviceId};
use serde_bytes::ByteBuf;
use tracing::warn;

use crate::engine::group::changes;
use crate::engine::group::fill::{self, CHUNK, REFILL};
use crate::engine::members::rosters;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds;
use crate::engine::records::operations::{self, Stored};
use crate::engine::said::own_feed;
use crate::engine::shown::group;
use crate::engine::{Cx, EngineError, card, charge, sharing, tables};
use crate::store::Tx;

/// The account that founded the group, if the first entry of a feed is the group's creation.
pub(in crate::engine) fn founder(cx: &Cx<'_, '_>, channel: &Channel, id: &FeedId, first: &Entry) -> Option<AccountId> {
    rosters::get(cx, channel.no).filter(|group| group.roster.founder().is_none())?;
    let operation = Operation::decode(first.payload()?).ok()?;
    let Op::Create { nonce, .. } = &operation.op else { return None };
    let device = DeviceId::from_bytes(*id.author.as_bytes());
    let made = group_id(&operation.account, &device, nonce);
    (first.seq() == 1 && made.as_bytes() == channel.id.as_bytes()).then_some(operation.account)
}

/// [MEMBER-4] The account of a device of which nothing is known, if the first entry of its feed brings itself onto the roster as that of a
/// recovered account. Whether the operation counts is for the roster to say.
pub(in crate::engine) fn coming_back(cx: &Cx<'_, '_>, channel: &Channel, first: &Entry) -> Option<AccountId> {
    let group = rosters::get(cx, channel.no)?;
    let Operation { account, op: Op::Devices { .. }, .. } = Operation::decode(first.payload()?).ok()? else {
        return None;
    };
    let known = group.roster.standing(&account)?;
    let is_known = known.member.is_some() || known.exit.is_some();
    let record = operations::record_of(channel, first).filter(|_| first.seq() == 1 && is_known)?;
    matches!(&record.vouched, Vouched::Devices(devices) if rotations_in(devices.log) > 0).then_some(account)
}

/// Whether the group's creation is still to come.
pub(in crate::engine) fn awaits_founder(cx: &Cx<'_, '_>, channel: &Channel) -> bool {
    channel.is_group() && rosters::get(cx, channel.no).is_some_and(|group| group.roster.founder().is_none())
}

/// What to say of entries by somebody of whom nothing is known: it may come with an operation that is on its way.
pub(in crate::engine) fn stranger(channel: &Channel) -> Rejection {
    if !channel.is_group() { Rejection::Unwanted } else { Rejection::Busy }
}

/// [MEMBER-4] Whether nothing can be written yet: the group was given back to our account, and its roster is not here as whoever gave it
/// knew it.
pub(in crate::engine) fn is_waiting(cx: &Cx<'_, '_>, no: u64) -> Result<bool, EngineError> {
    Ok(rosters::is_unlisted(cx, no) && !rosters::is_behind(cx, no)?)
}

/// [MEMBER-4] Before anything else of it stands in a group, a device of a recovered account brings itself onto the roster: nobody would take its
/// feed if that began otherwise.
///
/// # Errors
/// As [`is_waiting`].
pub(in crate::engine) fn introduce(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), ApiError> {
    if !rosters::is_unlisted(cx, channel.no) {
        return Ok(());
    }
    if is_waiting(cx, channel.no)? {
        let sentence = "Your account was brought back, and what became of this group meanwhile is still on its way. Try again in a minute.";
        return Err(ApiError::new(Reason::WrongState, sentence));
    }
    list_devices(cx, channel)
}

/// Writes which devices our account has.
pub(in crate::engine) fn list_devices(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), ApiError> {
    let card = ByteBuf::from(card::own(cx)?);
    write(cx, channel, Op::Devices { card }).map(drop)
}

/// Writes an operation of our own and carries it out.
pub(in crate::engine) fn write(cx: &mut Cx<'_, '_>, channel: &mut Channel, op: Op) -> Result<OpId, ApiError> {
    if !matches!(op, Op::Devices { .. }) {
        introduce(cx, channel)?;
    }
    let account = cx.me.account_id();
    let Some(group) = rosters::get(cx, channel.no) else { return Err(group::closed(cx, channel)?) };
    let deps = group.roster.deps();
    let operation = Operation { account, at: cx.now, deps, op };
    let payload = operation.encode().map_err(|error| ApiError::invalid_params(error.to_string()))?;
    let next = own_feed::next(cx, channel)?;
    let entry = own_feed::finish(cx, channel, next, Kind::Control, payload)?;
    // Everybody who was a member before hears of it, also who is none afterwards.
    sharing::publish(cx)?;
    take(cx, channel, &[&entry], account)?;
    Ok(OpId::from_bytes(*entry.id().as_bytes()))
}

/// Takes the operations in entries that are in the feed now, all at once: so what late ones cost is paid once.
pub(in crate::engine) fn take(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entries: &[&Entry],
    author: AccountId,
) -> Result<(), EngineError> {
    let mut records = Vec::with_capacity(entries.len());
    for entry in entries {
        // In whose name it is does not matter here: whether the device was that account's is for the roster to say, which says
        // the same everywhere, whatever came first.
        let Some(record) = operations::record_of(channel, entry) else { continue };
        operations::keep(cx.tx, channel, entry, &record)?;
        let Some(group) = rosters::get_mut(cx, channel.no) else { return Ok(()) };
        group.lamports.insert(record.id, entry.lamport());
        fill::note_devices(&mut group.devices, &record);
        records.push(record);
    }
    saw(cx, channel, entries)?;
    let now = cx.now;
    let Some(group) = rosters::get_mut(cx, channel.no).filter(|_| !records.is_empty()) else { return Ok(()) };
    let (changes, refused) = group.roster.insert_all(records);
    // They are stored and taken up again: see [`refill`].
    if !refused.is_empty() {
        group.refill_at.get_or_insert(now.saturating_add(REFILL));
        warn!(author = %author.fmt_short(), "too many operations of this device wait for others");
    }
    charge::charge_work(cx, channel.no);
    changes::carry_out(cx, channel, changes, Some(author))
}

/// What we write from now on comes after these operations, whichever way they came: what a member writes before it was one
/// does not count.
fn saw(cx: &mut Cx<'_, '_>, channel: &mut Channel, entries: &[&Entry]) -> Result<(), EngineError> {
    let mut ends = channels::ends(cx.tx, channel)?;
    let bound = group_latest(ends.lamport, cx.now);
    let latest = entries.iter().map(|entry| entry.lamport()).filter(|lamport| *lamport <= bound).max();
    match latest.filter(|latest| *latest > ends.lamport) {
        Some(latest) => {
            ends.lamport = latest;
            channel.ends = Some(ends);
            channel.save(cx.tx)
        }
        None => Ok(()),
    }
}

/// Takes an operation that stands beyond the cut of its feed if one that counts was written by somebody who knew it:
/// members who saw it in time and members who did not come to the same then.
pub(in crate::engine) fn take_if_missed(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    author: AccountId,
) -> Result<(), EngineError> {
    let id = OpId::from_bytes(*entry.id().as_bytes());
    let wanted = entry.header().kind == Kind::Control
        && rosters::get(cx, channel.no).is_some_and(|group| group.roster.missing().contains(&id));
    if wanted { take(cx, channel, &[entry], author) } else { Ok(()) }
}

/// The cut of an account's feeds at what we have of them.
pub(in crate::engine) fn cut_of(tx: &Tx<'_>, channel: &Channel, account: &AccountId) -> Result<Vec<Cut>, EngineError> {
    let feeds = feeds::all(tx, channel.no)?;
    Ok(feeds.iter().filter(|feed| feed.account == *account).filter_map(end_of).collect())
}

/// All feeds with what we have of them, if they are few enough to be listed.
pub(in crate::engine) fn cut_of_all(tx: &Tx<'_>, channel: &Channel) -> Result<Option<Vec<Cut>>, EngineError> {
    let feeds = feeds::all(tx, channel.no)?;
    let ends: Vec<Cut> = feeds.iter().filter_map(end_of).collect();
    Ok((ends.len() <= CUT_MAX).then_some(ends))
}

fn end_of(feed: &feeds::Feed) -> Option<Cut> {
    let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
    Some(Cut { device, incarnation: feed.key.incarnation, seq: feed.head?.seq })
}

/// [ENTRY-6] The same in a group, where everybody has to take what anybody took, also who comes later or lacks what drove the time
/// so far. So there is a bound that grows with the clock, faster than members can drive the time beyond it: what is
/// refused now is taken soon. (2^53, the end of time, is reached 17 years after the beginning.)
const GROUP_SLACK: u64 = 1 << 16;

const GROUP_TIME_PER_SECOND: u64 = 1 << 24;

/// 1 January 2026, in seconds.
const GROUP_TIME_BEGINS: u64 = 1_767_225_600;

pub(in crate::engine) fn group_latest(ends: u64, now: u64) -> u64 {
    let elapsed = (now / 1_000).saturating_sub(GROUP_TIME_BEGINS);
    ends.saturating_add(GROUP_SLACK).max(elapsed.saturating_mul(GROUP_TIME_PER_SECOND))
}

/// Takes what found no room among the operations that waited, if there was such, now that others have come.
pub(in crate::engine) fn refill(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let no = channel.no;
    let now = cx.now;
    match rosters::get_mut(cx, no) {
        Some(group) if group.refill_at.is_some_and(|at| at <= now) => group.refill_at = None,
        _ => return Ok(()),
    }
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let part = cx.tx.scan::<Stored>(&tables::operations(no), after.as_ref(), CHUNK, false)?;
        let ended = part.len() < CHUNK;
        let Some(group) = rosters::get(cx, no) else { return Ok(()) };
        for (key, stored) in part {
            let lamport = operations::lamport_in(&key);
            after = Some(key);
            if !group.roster.contains(&stored.id) {
                records.extend(stored.record(lamport));
            }
        }
        if ended {
            break;
        }
    }
    let Some(group) = rosters::get_mut(cx, no) else { return Ok(()) };
    let (changes, refused) = group.roster.insert_all(records);
    group.refill_at = (!refused.is_empty()).then_some(now.saturating_add(REFILL));
    changes::carry_out(cx, channel, changes, None)
}
