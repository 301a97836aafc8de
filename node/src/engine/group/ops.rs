//! Operations on a roster: written, and taken from others.

use covey_api::{ApiError, GroupRefusal};
use covey_feed::sync::Rejection;
use covey_feed::{Entry, FeedId, Kind};
use covey_pairing::group::roster::{CUT_MAX, Cut, Op, OpId, Operation, group_id};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::warn;

use super::rosters::{get, get_mut};
use super::standing::{self, State};
use super::{changes, replay, show, stored};
use crate::engine::channels::{self, Channel};
use crate::engine::{Cx, EngineError, feeds, quota, sync, take};
use crate::store::Tx;

/// The account that founded the group, if the first entry of a feed is the group's creation.
pub(in crate::engine) fn founder(cx: &Cx<'_, '_>, channel: &Channel, id: &FeedId, first: &Entry) -> Option<AccountId> {
    get(cx, channel.no).filter(|group| group.roster.founder().is_none())?;
    let operation = Operation::decode(first.payload()?).ok()?;
    let Op::Create { nonce, .. } = &operation.op else { return None };
    let device = DeviceId::from_bytes(*id.author.as_bytes());
    let made = group_id(&operation.account, &device, nonce);
    (first.seq() == 1 && made.as_bytes() == channel.id.as_bytes()).then_some(operation.account)
}

/// Whether the group's creation is still to come.
pub(in crate::engine) fn awaits_founder(cx: &Cx<'_, '_>, channel: &Channel) -> bool {
    channel.is_group() && get(cx, channel.no).is_some_and(|group| group.roster.founder().is_none())
}

/// What to say of entries by somebody of whom nothing is known: it may come with an operation that is on its way.
pub(in crate::engine) fn stranger(channel: &Channel) -> Rejection {
    if channel.contact.is_some() { Rejection::Unwanted } else { Rejection::Busy }
}

/// Writes an operation of our own and carries it out.
pub(in crate::engine) fn write(cx: &mut Cx<'_, '_>, channel: &mut Channel, op: Op) -> Result<OpId, ApiError> {
    let account = cx.me.account_id();
    let Some(group) = get(cx, channel.no) else { return Err(closed(cx, channel)?) };
    let deps = group.roster.deps();
    let operation = Operation { account, at: cx.now, deps, op };
    let payload = operation.encode().map_err(|error| ApiError::invalid_params(error.to_string()))?;
    let next = feeds::next(cx, channel)?;
    let entry = feeds::finish(cx, channel, next, Kind::Control, payload)?;
    // Everybody who was a member before hears of it, also who is none afterwards.
    sync::publish(cx)?;
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
        let Some(record) = stored::record_of(channel, entry) else { continue };
        stored::keep(cx.tx, channel, entry, &record)?;
        let Some(group) = get_mut(cx, channel.no) else { return Ok(()) };
        group.lamports.insert(record.id, entry.lamport());
        replay::note_devices(&mut group.devices, &record);
        records.push(record);
    }
    saw(cx, channel, entries)?;
    let now = cx.now;
    let Some(group) = get_mut(cx, channel.no).filter(|_| !records.is_empty()) else { return Ok(()) };
    let (changes, refused) = group.roster.insert_all(records);
    // They are stored and taken up again: see [`replay::refill`].
    if !refused.is_empty() {
        group.refill_at.get_or_insert(now.saturating_add(replay::REFILL));
        warn!(author = %author.fmt_short(), "too many operations of this device wait for others");
    }
    quota::charge_work(cx, channel.no);
    changes::carry_out(cx, channel, changes, Some(author))
}

/// What we write from now on comes after these operations, whichever way they came: what a member writes before it was one
/// does not count.
fn saw(cx: &mut Cx<'_, '_>, channel: &mut Channel, entries: &[&Entry]) -> Result<(), EngineError> {
    let mut ends = channels::ends(cx.tx, channel)?;
    let bound = take::group_latest(ends.lamport, cx.now);
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
        && get(cx, channel.no).is_some_and(|group| group.roster.missing().contains(&id));
    if wanted { take(cx, channel, &[entry], author) } else { Ok(()) }
}

/// Why nothing can be done in the group of this channel.
pub(in crate::engine) fn closed(cx: &Cx<'_, '_>, channel: &Channel) -> Result<ApiError, EngineError> {
    let name = channels::name(cx.tx, channel)?;
    let standing = standing::of_channel(cx.tx, channel)?;
    let state = standing.map_or(State::Left, |standing| standing.state);
    Ok(match state {
        State::Invited | State::Requested | State::Declined => GroupRefusal::WeAreNotAMember(&name).into(),
        State::Joined | State::Left | State::Removed => GroupRefusal::Left(&name).into(),
    })
}

/// Whether we may write messages.
pub(in crate::engine) fn may_write(cx: &Cx<'_, '_>, channel: &Channel) -> Result<(), ApiError> {
    let (Some(group), Some(standing)) = (get(cx, channel.no), standing::of_channel(cx.tx, channel)?) else {
        return Err(closed(cx, channel)?);
    };
    let may = group.roster.may_write(&cx.me.account_id());
    may.map_err(|denied| show::denied(cx, &standing, "You", &denied))
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
