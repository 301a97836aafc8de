//! Entries that could not be opened: whom their content keys are asked of, when, and when they are given up (`[NODE-REWRAP]`).

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use covey_feed::{ChannelId, Entry, FeedKey};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::{debug, info, warn};

use crate::engine::members::{self, rosters};
use crate::engine::outbound::control;
use crate::engine::records::channels::{self, Channel, Kind};
use crate::engine::records::devices;
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::parked::{MAX_PARKED, Parked};
use crate::engine::records::sessions::Scope;
use crate::engine::replication::late;
use crate::engine::sealing::chains;
use crate::engine::wire::control::MAX_ASKED;
use crate::engine::wire::payload::Unopened;
use crate::engine::{Cx, EngineError, charge, tables};
use crate::store::Key;

/// The same entries are not asked for again, nor the same parcels sent again, within this time, in milliseconds.
const ASK_AGAIN: u64 = 60_000;

/// How often a device that is connected is asked for an entry before another one is; then it has lost the key too.
const MAX_TIMES_ASKED: u8 = 20;

/// The same once everybody who may have the key was asked in vain before.
const TIMES_ASKED_AGAIN: u8 = 3;

/// After everybody who may have a key was asked in vain they are left in peace for this time, in milliseconds: one of them may be an old copy that
/// gets the key back, or wait for it. The pause doubles with each round.
const PAUSE: u64 = 10 * 60_000;

/// It grows up to a day.
const MAX_PAUSE: u64 = 24 * 3_600_000;

/// Rounds before the key is given up: about a month.
const MAX_ROUNDS: u8 = 36;

/// Members' devices asked each time, if there are more.
const MAX_TRIED: usize = 256;

/// Of a device that is not connected the same entries are asked for less and less often, at last after this time, in
/// milliseconds.
const ASK_ABSENT_AGAIN: u64 = 10 * 60_000;

/// After so many doublings that is reached.
const ABSENT_DOUBLINGS: u8 = 4;

/// And after so many [`MAX_PAUSE`].
const PAUSE_DOUBLINGS: u8 = 8;

/// A key that members are given by themselves is asked for after this time, in milliseconds.
const GRACE: u64 = 5_000;

/// Remembers an entry that could not be opened; `ask` is the device that can open it.
pub(in crate::engine) fn park(
    cx: &mut Cx<'_, '_>,
    channel: ChannelId,
    feed: &Feed,
    entry: &Entry,
    why: Unopened,
    ask: &DeviceId,
) -> Result<(), EngineError> {
    if why == Unopened::Poison {
        warn!(channel = %channel.fmt_short(), seq = entry.seq(), "an entry holds no message; it is kept and not shown");
        return Ok(());
    }
    cx.live.tally.parked += 1;
    // The key of a member's chain is on its way by itself, usually; never that of what we wrote ourselves and have lost.
    let comes = !cx.me.wrote(&feed.key)
        && channels::group(cx.tx, &channel)?.is_some_and(|channel| !rosters::is_restored(cx, &channel));
    let asked_at = if comes { cx.now.saturating_sub(ASK_AGAIN - GRACE) } else { 0 };
    if comes {
        // Its time has not come before, whatever waits already.
        cx.live.groups.keys_due.get_or_insert(cx.now.saturating_add(GRACE));
    }
    let parked = Parked { of: Some(*ask), asked_at, ..Parked::new(channel, feed.key, entry.seq()) };
    Ok(cx.tx.put(&tables::parked(ask, feed.fid, entry.seq()), &parked)?)
}

/// Asks a device for the content keys that it should have and we lack.
pub(in crate::engine) fn request(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    device: &DeviceId,
) -> Result<(), EngineError> {
    adopt(cx, account, device)?;
    let rows = cx.tx.scan::<Parked>(&tables::parked_by(device), None, MAX_ASKED, false)?;
    // Who is not connected hears it through others, if at all: that is no reason to ask often, nor ever to give up.
    let absent = !rosters::is_connected(cx, device);
    let rarely = |asked: u8| (ASK_AGAIN << asked.min(ABSENT_DOUBLINGS)).min(ASK_ABSENT_AGAIN);
    let now = cx.now;
    let due = |it: &Parked| it.asked_at.abs_diff(now) >= if absent { rarely(it.asked) } else { ASK_AGAIN };
    if rows.is_empty() || !rows.iter().any(|(_, parked)| due(parked)) {
        return Ok(());
    }
    let Some(known) = devices::device(cx.tx, account, device)? else { return Ok(()) };
    info!(device = %device.fmt_short(), entries = rows.len(), "asking for content keys again");
    // What is asked for in one session concerns its scope alone.
    let mut wanted: Vec<(Scope, Vec<_>)> = Vec::new();
    for (key, parked) in rows {
        let Some(channel) = channels::by_id(cx.tx, &parked.channel)? else { continue };
        let of_any = is_of_any(cx, &channel, &parked.feed);
        let most_asked = if parked.rounds == 0 { MAX_TIMES_ASKED } else { TIMES_ASKED_AGAIN };
        if parked.asked >= most_asked && !absent && !of_any {
            ask_another(cx, &channel, &key, device, parked)?;
            continue;
        }
        if of_any && parked.asked_at > 0 {
            if !due(&parked) {
                continue;
            }
            // It is of no use to ask the same member for ever, unless nobody else is here: the answer of one that is away may take long.
            if !absent || is_other_here(cx, &channel, &parked) {
                in_vain(cx, &channel, &key, device, parked, tables::feed_of_parked(&key), !absent)?;
                continue;
            }
        }
        let scope = Scope::of(&channel, cx.me.is_ours(account));
        let entry = (parked.channel, parked.feed, parked.seq);
        match wanted.iter_mut().find(|(of, _)| *of == scope) {
            Some((_, entries)) => entries.push(entry),
            None => wanted.push((scope, vec![entry])),
        }
        let most = if absent { parked.asked.max(ABSENT_DOUBLINGS) } else { u8::MAX };
        let asked = if of_any && !absent { parked.asked } else { parked.asked.saturating_add(1).min(most) };
        cx.tx.put(&key, &Parked { asked_at: cx.now, asked, ..parked })?;
    }
    for (scope, wanted) in wanted {
        control::ask_for_keys(cx, scope, account, &known, wanted)?;
    }
    Ok(())
}

/// Whether others than the author may have the key: of what we wrote in a group and lost any member, of what our own devices tell each
/// other any of them.
fn is_of_any(cx: &Cx<'_, '_>, channel: &Channel, feed: &FeedKey) -> bool {
    channel.kind() == Kind::Own || (channel.is_group() && cx.me.wrote(feed))
}

/// Whether something is so of all other devices that may have such a key.
fn are_all(cx: &Cx<'_, '_>, channel: &Channel, is: impl Fn(&DeviceId) -> bool) -> bool {
    if channel.kind() != Kind::Own {
        return rosters::are_all(cx, channel, is);
    }
    cx.me.key_log.active().map(|device| &device.keys.id).filter(|device| cx.me.is_own_other(device)).all(is)
}

/// Whether a device is connected that was not asked yet for such an entry.
fn is_other_here(cx: &Cx<'_, '_>, channel: &Channel, parked: &Parked) -> bool {
    !are_all(cx, channel, |device| parked.tried.contains(&short(device)) || !rosters::is_connected(cx, device))
}

/// What we wrote in groups and lost, any member may have: it waits under our own name until there is one to ask.
fn adopt(cx: &mut Cx<'_, '_>, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
    let own = cx.me.device_id();
    for (key, parked) in cx.tx.scan::<Parked>(&tables::parked_by(&own), None, MAX_ASKED, false)? {
        let channel = channels::by_id(cx.tx, &parked.channel)?;
        let untried = !parked.tried.contains(&short(device));
        if untried && channel.is_some_and(|channel| members::includes(cx, &channel, account)) {
            move_to(cx, &key, device, tables::feed_of_parked(&key), parked)?;
        }
    }
    Ok(())
}

/// Who may have the key of an entry of a feed: its author, our other devices, and the other devices of the account that wrote it; if that is ours,
/// those of the contact to whom it was written. One that is a device of its account no more gives no keys.
fn who_may_have(cx: &Cx<'_, '_>, channel: &Channel, feed: &FeedKey) -> Result<Vec<DeviceId>, EngineError> {
    let account = members::account_of(cx, channel, &feed.author)?;
    let mut theirs = account.map(|account| devices::devices(cx.tx, &account)).transpose()?.unwrap_or_default();
    if let Some(contact) = channel.contact().filter(|_| account.is_some_and(|account| cx.me.is_ours(&account))) {
        theirs.extend(devices::devices(cx.tx, &contact)?);
    }
    let author = author_of(feed);
    let author = if members::is_gone(cx, channel, &author)? { None } else { Some(author) };
    let kin = cx.me.kin().into_iter().map(|kin| DeviceId::from_bytes(*kin.as_bytes()));
    let mut all = Vec::new();
    for device in author.into_iter().chain(kin).chain(theirs.into_iter().map(|device| device.id)) {
        if !cx.me.is_this_device(&device) && !all.contains(&device) {
            all.push(device);
        }
    }
    Ok(all)
}

fn author_of(feed: &FeedKey) -> DeviceId {
    DeviceId::from_bytes(*feed.author.as_bytes())
}

/// A device is here that may have keys for which others who are away would be waited for. One that is asked and will never be here again is
/// not waited for at all.
pub(in crate::engine) fn take_over(cx: &mut Cx<'_, '_>, device: &DeviceId) -> Result<(), EngineError> {
    let mut known: BTreeMap<(ChannelId, FeedKey), Vec<DeviceId>> = BTreeMap::new();
    for (key, parked) in cx.tx.scan::<Parked>(&tables::all_parked(), None, MAX_PARKED, false)? {
        let Some(channel) = channels::by_id(cx.tx, &parked.channel)? else { continue };
        let (fid, asked) = (tables::feed_of_parked(&key), parked.asked_of());
        let is_resting = !cx.tx.contains(&tables::parked(&asked, fid, parked.seq))?;
        let is_asked = asked == *device || rosters::is_connected(cx, &asked);
        if is_resting || is_asked || is_of_any(cx, &channel, &parked.feed) {
            continue;
        }
        let candidates = match known.entry((parked.channel, parked.feed)) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(new) => new.insert(who_may_have(cx, &channel, &parked.feed)?),
        };
        if candidates.contains(device) && !parked.tried.contains(&short(device)) {
            move_to(cx, &key, device, fid, parked)?;
        } else if !candidates.contains(&asked) {
            ask_another(cx, &channel, &key, &asked, parked)?;
        }
    }
    Ok(())
}

/// A device did not give the key of an entry: its author is asked, then our other devices and those of its account, each once.
fn ask_another(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    key: &Key,
    device: &DeviceId,
    mut parked: Parked,
) -> Result<(), EngineError> {
    debug!(device = %device.fmt_short(), seq = parked.seq, denied = parked.denied, "a device did not give the key of an entry");
    parked.tried.push(short(device));
    let mut candidates = who_may_have(cx, channel, &parked.feed)?;
    candidates.retain(|one| !parked.tried.contains(&short(one)));
    let here = candidates.iter().find(|one| rosters::is_connected(cx, one)).or(candidates.first()).copied();
    let Some(next) = here else {
        // A newcomer to a group is refused what is older.
        if parked.denied {
            cx.tx.delete(key);
            return Ok(());
        }
        return rest(cx, key, tables::feed_of_parked(key), &parked);
    };
    move_to(cx, key, &next, tables::feed_of_parked(key), Parked { asked: 0, ..parked })?;
    let owner = cx.live.contacts.values().find(|at| at.device == next).map(|at| at.account);
    match owner {
        Some(account) => request(cx, &account, &next),
        None => Ok(()),
    }
}

fn short(device: &DeviceId) -> u64 {
    device.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Everybody who may have the key was asked in vain. They are asked again after a pause.
fn rest(cx: &mut Cx<'_, '_>, key: &Key, fid: u64, parked: &Parked) -> Result<(), EngineError> {
    cx.tx.delete(key);
    let rounds = parked.rounds.saturating_add(1);
    if rounds >= MAX_ROUNDS {
        warn!(channel = %parked.channel.fmt_short(), seq = parked.seq, "nobody can open this entry any more; it is kept and not shown");
        return Ok(());
    }
    let parked = Parked { asked_at: cx.now, rounds, ..Parked::new(parked.channel, parked.feed, parked.seq) };
    Ok(cx.tx.put(&tables::resting_entry(fid, parked.seq), &parked)?)
}

/// Has entries asked for again whose pause is over.
pub(in crate::engine) fn wake(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for (key, parked) in cx.tx.scan::<Parked>(&tables::resting(), None, MAX_PARKED, false)? {
        let pause = (PAUSE << parked.rounds.saturating_sub(1).min(PAUSE_DOUBLINGS)).min(MAX_PAUSE);
        if parked.asked_at.abs_diff(cx.now) < pause {
            continue;
        }
        let Some(channel) = channels::by_id(cx.tx, &parked.channel)? else {
            cx.tx.delete(&key);
            continue;
        };
        let next = if is_of_any(cx, &channel, &parked.feed) { cx.me.device_id() } else { author_of(&parked.feed) };
        move_to(cx, &key, &next, tables::feed_of_parked(&key), parked)?;
    }
    Ok(())
}

/// Another device is to be asked for it.
fn move_to(cx: &mut Cx<'_, '_>, key: &Key, device: &DeviceId, fid: u64, parked: Parked) -> Result<(), EngineError> {
    cx.tx.delete(key);
    Ok(cx.tx.put(&tables::parked(device, fid, parked.seq), &Parked { of: Some(*device), asked_at: 0, ..parked })?)
}

/// A device did not help with an entry: says that it has no key, or gave one that does not open it. Our other devices may have it, or those of
/// its author's account; of what we wrote ourselves in a group any other member, whatever this one says.
pub(in crate::engine) fn refused(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    feed: &Feed,
    seq: u64,
    device: &DeviceId,
) -> Result<(), EngineError> {
    let key = tables::parked(device, feed.fid, seq);
    match cx.tx.get::<Parked>(&key)? {
        Some(parked) if is_of_any(cx, channel, &feed.key) => in_vain(cx, channel, &key, device, parked, feed.fid, true),
        Some(parked) => {
            let denied = parked.denied || device.as_bytes() == feed.key.author.as_bytes();
            ask_another(cx, channel, &key, device, Parked { denied, ..parked })
        }
        None => Ok(()),
    }
}

/// A member was asked for what we wrote ourselves, and did not give it: another one is, until all were.
fn in_vain(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    key: &Key,
    device: &DeviceId,
    mut parked: Parked,
    fid: u64,
    tried: bool,
) -> Result<(), EngineError> {
    if tried {
        parked.tried.push(short(device));
        if parked.tried.len() >= MAX_TRIED || are_all(cx, channel, |device| parked.tried.contains(&short(device))) {
            return rest(cx, key, fid, &parked);
        }
    }
    let own = cx.me.device_id();
    move_to(cx, key, &own, fid, parked)
}

/// Asks members that are not connected for the content keys we lack of their entries.
pub(in crate::engine) fn request_of_absent(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    request_of(cx, |cx, device| !rosters::is_connected(cx, device))
}

/// Asks all members for the content keys we lack of their entries.
pub(in crate::engine) fn request_of_all(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    request_of(cx, |_, _| true)
}

fn request_of(cx: &mut Cx<'_, '_>, which: impl Fn(&Cx<'_, '_>, &DeviceId) -> bool) -> Result<(), EngineError> {
    let rows = cx.tx.scan::<Parked>(&tables::all_parked(), None, MAX_PARKED, false)?;
    let mut asked = BTreeSet::new();
    for (key, parked) in rows {
        let device = parked.asked_of();
        let channel = channels::by_id(cx.tx, &parked.channel)?.filter(|_| !cx.me.is_this_device(&device));
        let Some(channel) = channel else { continue };
        if parked.of.is_some() && is_of_any(cx, &channel, &parked.feed) && members::is_gone(cx, &channel, &device)? {
            in_vain(cx, &channel, &key, &device, parked, tables::feed_of_parked(&key), true)?;
        } else {
            asked.insert(device);
        }
    }
    for device in asked {
        let Some(account) = rosters::account_of_device(cx, &device) else { continue };
        if which(cx, &device) {
            request(cx, &account, &device)?;
        }
    }
    Ok(())
}

/// Opens what waits for the chain of a member's device, which has just come.
pub(in crate::engine) fn open(cx: &mut Cx<'_, '_>, no: u64, device: &DeviceId) -> Result<(), EngineError> {
    let Some(mut channel) = channels::by_no(cx.tx, no)? else { return Ok(()) };
    let mut rows = cx.tx.scan::<Parked>(&tables::parked_by(device), None, MAX_PARKED, false)?;
    let resting = cx.tx.scan::<Parked>(&tables::resting(), None, MAX_PARKED, false)?;
    rows.extend(resting.into_iter().filter(|(_, parked)| parked.feed.author.as_bytes() == device.as_bytes()));
    let mut opened = 0;
    let id = channel.id;
    let account = rosters::account_of(cx, &channel, device);
    let charge = charge::Charge::begin(cx, account)?;
    let mut chains = chains::Reader::new(cx, &channel, device)?;
    for (key, parked) in rows.into_iter().filter(|(_, parked)| parked.channel == id) {
        if is_beyond(cx, &channel, &parked.feed, parked.seq)? {
            cx.tx.delete(&key);
            continue;
        }
        let Some(feed) = feeds::load(cx.tx, no, &parked.feed)? else { continue };
        let Some(entry) = feeds::entry(cx.tx, feed.fid, parked.seq)? else { continue };
        if late::open_again(cx, &mut channel, &entry, &mut chains)? {
            cx.tx.delete(&key);
            opened += 1;
        }
    }
    chains.finish(cx)?;
    charge.end(cx)?;
    if opened > 0 {
        debug!(device = %device.fmt_short(), opened, "entries that waited for a key are open");
        channel.save(cx.tx)?;
    }
    Ok(())
}

/// Whether a place is beyond the end of its feed: what its author wrote when it was a member no more.
pub(in crate::engine) fn is_beyond(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    feed: &FeedKey,
    seq: u64,
) -> Result<bool, EngineError> {
    Ok(members::cut(cx, channel, feed)?.is_some_and(|last| seq > last))
}
