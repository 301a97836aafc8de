//! How far a transfer is: counted on the device that takes it, told to clients and to our other devices each second; when it has ended.

use covey_api::EventKind;
use covey_pairing::ids::DeviceId;
use tracing::info;

use crate::engine::live::transfers::{Progress, Told};
use crate::engine::outbound::post;
use crate::engine::records::channels;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::transfer::{self, Transfer};
use crate::engine::records::{feeds, messages};
use crate::engine::replication::parked;
use crate::engine::shown;
use crate::engine::transfer::take;
use crate::engine::wire::parcel::Frame;
use crate::engine::wire::payload::Unopened;
use crate::engine::{Cx, EngineError, journal};

/// [TRANSFER-7] If nothing comes for so long although another device is connected, nothing will: two comparisons of heads and some
/// more, in milliseconds.
const STALLED: u64 = 150_000;

/// [TRANSFER-8] Another device's word is told to clients this often at most, in milliseconds.
const HEARD_EVERY: u64 = 500;

/// Feeds whose waiting entries are counted.
const COUNTED: usize = 100_000;

/// Entries that are given up at a time.
const GIVEN_UP: u16 = 512;

/// Time passed.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if !cx.live.transfer.active || cx.live.transfer.next.is_none_or(|at| at > cx.now) {
        return Ok(());
    }
    cx.live.transfer.next = None;
    take::give_up_waiting(cx);
    take::go_on(cx)?;
    let is_connected = shown::transfer::is_any_connected(cx);
    let Some(record) = transfer::load(cx.tx)? else { return Ok(()) };
    let (done, total, waiting) = counted(cx)?;
    let moved = done != record.done || total != record.total;
    let stalled = is_connected && cx.live.transfer.moved_at.saturating_add(STALLED) <= cx.now;
    // What is given up counts as decided, and is no reason to hope.
    if moved && !stalled {
        cx.live.transfer.moved_at = cx.now;
    }
    if stalled && waiting > 0 {
        give_up(cx)?;
    }
    let known = cx.live.transfer.overview.is_some() && cx.live.transfer.asked.is_none();
    let ended = known && waiting == 0 && (done >= total || stalled);
    let record = Transfer { done, total, ended, ..record };
    if ended {
        end(cx, &record)?;
    } else if is_connected {
        cx.live.transfer.look_soon(cx.now);
    }
    if moved
        || ended
        || !is_connected
        || cx.live.transfer.own.is_none_or(|told| told.progress != Progress::from(&record))
    {
        transfer::save(cx.tx, &record);
        tell(cx, &record)?;
    }
    Ok(())
}

/// Entries that are here and decided about, entries that there are, entries that wait for their keys.
fn counted(cx: &Cx<'_, '_>) -> Result<(u64, u64, u64), EngineError> {
    let waiting = transfer::some(cx.tx, COUNTED)?.iter().map(|(_, awaited)| awaited.len()).sum();
    let (mut here, mut total) = (0u64, 0u64);
    let Some(overview) = &cx.live.transfer.overview else { return Ok((0, 0, waiting)) };
    for (id, (_, theirs)) in &overview.channels {
        total = total.saturating_add(*theirs);
        let Some(channel) = channels::by_id(cx.tx, id)? else { continue };
        let others = feeds::all(cx.tx, channel.no)?.into_iter().filter(|feed| !cx.me.wrote(&feed.key));
        let ours: u64 = others.filter_map(|feed| feed.head).map(|head| head.seq).sum();
        here = here.saturating_add(ours.min(*theirs));
    }
    Ok((here.saturating_sub(waiting), total, waiting))
}

/// [TRANSFER-7] Nobody gives what still waits: it is asked of its authors, as what cannot be opened always is.
fn give_up(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let Some((key, mut awaited)) = transfer::some(cx.tx, 1)?.pop() else { return Ok(()) };
    let channel = channels::by_id(cx.tx, &awaited.channel)?;
    let feed = channel.as_ref().map(|channel| feeds::load(cx.tx, channel.no, &awaited.feed)).transpose()?.flatten();
    let (Some(channel), Some(feed), Some((first, count))) = (channel, feed, awaited.next(GIVEN_UP)) else {
        cx.tx.delete(&key);
        return Ok(());
    };
    let author = DeviceId::from_bytes(*feed.key.author.as_bytes());
    let last = first + u64::from(count) - 1;
    for seq in first..=last {
        if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
            parked::park(cx, channel.id, &feed, &entry, Unopened::NoKey, &author)?;
        }
    }
    awaited.remove(first, last);
    awaited.save_at(cx.tx, &key);
    Ok(())
}

/// Everything is here: conversations are as old as what was said last in them.
fn end(cx: &mut Cx<'_, '_>, record: &Transfer) -> Result<(), EngineError> {
    info!(entries = record.done, of = record.total, "this device has the history of its account");
    cx.live.transfer.active = false;
    let ids: Vec<_> = cx.live.transfer.overview.iter().flat_map(|known| known.channels.keys().copied()).collect();
    for id in ids {
        let Some(mut channel) = channels::by_id(cx.tx, &id)? else { continue };
        let newest = channel.newest.map(|place| messages::at(cx.tx, channel.no, &place)).transpose()?.flatten();
        if let Some(newest) = newest.filter(|newest| newest.received_at < channel.active_at) {
            channel.active_at = newest.received_at;
            channel.save(cx.tx)?;
        }
    }
    Ok(())
}

/// Clients and our other devices are told.
fn tell(cx: &mut Cx<'_, '_>, record: &Transfer) -> Result<(), EngineError> {
    let (progress, now) = (Progress::from(record), cx.now);
    let told = cx.live.transfer.own.map_or_else(|| Told::first(progress, now), |told| told.next(progress, now));
    cx.live.transfer.own = Some(told);
    let own = cx.me.device_id();
    let others: Vec<_> = shown::transfer::connected(cx).collect();
    for peer in others {
        post::send(cx, peer, Frame::Progress(progress.ended, progress.done, progress.total, progress.bytes))?;
    }
    if let Some(shown) = shown::transfer::of(cx, &own)? {
        journal::record(cx, EventKind::TransferProgress, &shown)?;
    }
    Ok(())
}

/// [TRANSFER-8] Another device of ours says how far it is.
pub(in crate::engine) fn told(cx: &mut Cx<'_, '_>, owner: DeviceRef, progress: Progress) -> Result<(), EngineError> {
    if !cx.me.is_own_other(&owner.device) {
        return Ok(());
    }
    let now = cx.now;
    let known = cx.live.transfer.others.get(&owner.device).copied();
    // Other devices are few, and what was revoked is not shown: nothing has to be removed.
    if known.is_some_and(|known| known.at.saturating_add(HEARD_EVERY) > now && progress.ended == known.progress.ended) {
        return Ok(());
    }
    let told = known.map_or_else(|| Told::first(progress, now), |known| known.next(progress, now));
    cx.live.transfer.others.insert(owner.device, told);
    match shown::transfer::of(cx, &owner.device)? {
        Some(shown) => journal::record(cx, EventKind::TransferProgress, &shown),
        None => Ok(()),
    }
}
