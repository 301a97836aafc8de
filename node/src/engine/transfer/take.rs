//! What a device that was linked asks for, and when; the chunks that come.

use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::DeviceId;
use tracing::{debug, info, warn};

use crate::engine::counters::Counter;
use crate::engine::live::transfers::{Asked, Overview, Told, Transfers};
use crate::engine::notices::Notice;
use crate::engine::outbound::control;
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::sessions::Scope;
use crate::engine::records::transfer::{self, Awaited, Transfer};
use crate::engine::records::{channels, feeds};
use crate::engine::sealing::chunks;
use crate::engine::transfer::opening;
use crate::engine::wire::control::Control;
use crate::engine::wire::transfer::{Chunk, MAX_CHANNELS, MAX_RANGES, MAX_WANTED, Range};
use crate::engine::{Cx, EngineError, PeerKey, tables};
use crate::store::Key;

/// What was not answered is asked for again after this, in milliseconds: the request is a parcel and arrives for certain, the answer
/// is a frame that a full queue drops.
const ASK_AGAIN: u64 = 15_000;

/// [TRANSFER-5] A device that so often in a row did not answer, or with what does not open, is not asked for [`AVOIDED`].
const MAX_FAILED: u8 = 3;

/// In milliseconds.
const AVOIDED: u64 = 60_000;

/// Feeds among which the next one to ask for is chosen.
const LOOKED_AT: usize = 256;

/// Takes up what was under way when the process ended.
pub(in crate::engine) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.transfer = Transfers::default();
    let Some(record) = transfer::load(cx.tx)? else { return Ok(()) };
    (cx.live.transfer.linked, cx.live.transfer.active) = (true, !record.ended);
    cx.live.transfer.moved_at = cx.now;
    cx.live.transfer.own = Some(Told::first((&record).into(), cx.now));
    Ok(())
}

/// Asks for what is next, if nothing is under way and another device of ours is connected.
pub(in crate::engine) fn go_on(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.transfer.asked.as_ref().is_some_and(|asked| !cx.live.opened.contains(&asked.peer)) {
        forget_question(cx);
    }
    if !cx.live.transfer.active || cx.live.transfer.asked.is_some() {
        return Ok(());
    }
    let Some(record) = transfer::load(cx.tx)? else { return Ok(()) };
    let Some((peer, device)) = source(cx, &record) else { return Ok(()) };
    cx.live.transfer.look_soon(cx.now);
    let knows = cx.live.transfer.overview.as_ref().is_some_and(|overview| overview.of == device);
    let ranges = if knows { next(cx)? } else { Vec::new() };
    // With nothing to ask for it waits for entries, or has ended: see `progress`.
    if knows && ranges.is_empty() {
        return Ok(());
    }
    ask(cx, (peer, device), record.since, ranges)
}

/// [TRANSFER-5] The device to ask: the one that linked this one, or any other of ours that is connected.
fn source(cx: &Cx<'_, '_>, record: &Transfer) -> Option<(PeerKey, DeviceId)> {
    let avoided = cx.live.transfer.avoided.filter(|(_, until)| *until > cx.now).map(|(device, _)| device);
    let open = cx.live.opened.iter().filter_map(|peer| Some((*peer, cx.live.contacts.get(peer)?.device)));
    let mut others: Vec<_> =
        open.filter(|(_, device)| cx.me.is_own_other(device) && Some(*device) != avoided).collect();
    others.sort_by_key(|(_, device)| Some(*device) != record.host);
    others.first().copied()
}

/// The next entries to ask for: of the conversation that was active last, of each of its feeds the newest.
fn next(cx: &mut Cx<'_, '_>) -> Result<Vec<Range>, EngineError> {
    let rank = |awaited: &Awaited| {
        let overview = cx.live.transfer.overview.as_ref();
        overview.and_then(|known| known.channels.get(&awaited.channel)).map_or(usize::MAX, |(rank, _)| *rank)
    };
    let rows: Vec<(usize, Key, Awaited)> =
        transfer::some(cx.tx, LOOKED_AT)?.into_iter().map(|(key, awaited)| (rank(&awaited), key, awaited)).collect();
    let Some(first) = rows.iter().map(|(rank, ..)| *rank).min() else { return Ok(Vec::new()) };
    let mut chosen = Vec::new();
    for (rank, key, awaited) in rows {
        if rank != first || chosen.len() >= MAX_RANGES {
            continue;
        }
        if is_here(cx, &awaited)? {
            chosen.push(awaited);
        } else {
            cx.tx.delete(&key);
        }
    }
    let share = u16::try_from(MAX_WANTED / chosen.len().max(1)).unwrap_or(u16::MAX).max(1);
    let range = |awaited: Awaited| awaited.next(share).map(|(seq, count)| (awaited.channel, awaited.feed, seq, count));
    Ok(chosen.into_iter().filter_map(range).collect())
}

/// Whether there still is such a feed. A conversation that ended without a word is forgotten.
fn is_here(cx: &Cx<'_, '_>, awaited: &Awaited) -> Result<bool, EngineError> {
    let Some(channel) = channels::by_id(cx.tx, &awaited.channel)? else { return Ok(false) };
    Ok(feeds::load(cx.tx, channel.no, &awaited.feed)?.is_some())
}

/// [TRANSFER-2], [TRANSFER-3] Asks, with a key for the one answer.
fn ask(
    cx: &mut Cx<'_, '_>,
    (peer, device): (PeerKey, DeviceId),
    since: u64,
    ranges: Vec<Range>,
) -> Result<(), EngineError> {
    let account = cx.me.account_id();
    let Some(known) = devices::device(cx.tx, &account, &device)? else { return Ok(()) };
    let key = Secret::random(cx.rng);
    // If there was no answer the session may be what is broken.
    let fresh = cx.live.transfer.failed > 0 || cx.live.transfer.avoided.is_some_and(|(avoided, _)| avoided == device);
    let before = Counter::Parcel.get(cx.tx)?;
    control::tell(cx, Scope::Own, &account, &known, &Control::History(since, key.clone(), ranges.clone()), fresh)?;
    // There is none if there is no session yet; then it is asked again in a while.
    let parcel = Some(Counter::Parcel.get(cx.tx)?).filter(|number| *number != before);
    cx.live.transfer.asked = Some(Asked { peer, device, key, ranges, at: cx.now, parcel });
    Ok(())
}

/// What was asked for is not awaited any more, nor asked for again by itself: what comes of it could not be opened.
fn forget_question(cx: &mut Cx<'_, '_>) {
    if let Some(Asked { device, parcel: Some(number), .. }) = cx.live.transfer.asked.take() {
        cx.tx.delete(&tables::parcel(&device, number));
    }
}

/// A chunk. It counts if it came from the device that was asked and opens with the key that went with the question.
pub(in crate::engine) fn chunk(cx: &mut Cx<'_, '_>, owner: DeviceRef, sealed: &[u8]) -> Result<(), EngineError> {
    let awaited = cx.live.transfer.asked.as_ref().filter(|asked| asked.device == owner.device);
    let opened = awaited.and_then(|asked| chunks::open(&asked.key, &owner.device, &cx.me.device_id(), sealed));
    let Some(chunk) = opened else {
        // Altered, or the answer to a question of before a restart: the one that is awaited may still come.
        debug!(device = %owner.device.fmt_short(), "a chunk of history that nobody asked for");
        return Ok(());
    };
    let Some(asked) = cx.live.transfer.asked.take() else { return Ok(()) };
    let wanted: usize = asked.ranges.iter().map(|(.., count)| usize::from(*count)).sum();
    match chunk {
        Chunk::Overview(channels) if asked.ranges.is_empty() => {
            info!(channels = channels.len(), "the history of this account is given to this device");
            let ranked = channels.into_iter().take(MAX_CHANNELS).enumerate();
            let channels = ranked.map(|(rank, (id, entries))| (id, (rank, entries))).collect();
            cx.live.transfer.overview = Some(Overview { of: owner.device, channels });
        }
        Chunk::Keys(given) if wanted > 0 && given.len() == wanted => {
            opening::take(cx, &asked.ranges, given)?;
        }
        Chunk::Overview(_) | Chunk::Keys(_) => {
            warn!(device = %owner.device.fmt_short(), "a device of this account answers another question; it is asked again");
            failed(cx, owner.device);
            cx.notices.push(Notice::Transfer);
            return Ok(());
        }
    }
    cx.live.transfer.failed = 0;
    cx.live.transfer.moved_at = cx.now;
    transfer::came(cx.tx, sealed.len())?;
    cx.notices.push(Notice::Transfer);
    Ok(())
}

/// [TRANSFER-5] Time passed without an answer.
pub(in crate::engine) fn give_up_waiting(cx: &mut Cx<'_, '_>) {
    let late = cx.live.transfer.asked.as_ref().filter(|asked| asked.at.saturating_add(ASK_AGAIN) <= cx.now);
    if let Some(device) = late.map(|asked| asked.device) {
        forget_question(cx);
        failed(cx, device);
    }
}

fn failed(cx: &mut Cx<'_, '_>, device: DeviceId) {
    let transfer = &mut cx.live.transfer;
    transfer.failed = transfer.failed.saturating_add(1);
    if transfer.failed >= MAX_FAILED {
        transfer.failed = 0;
        transfer.avoided = Some((device, cx.now.saturating_add(AVOIDED)));
    }
}
