//! Runs of entries: verified and taken into the transaction, opened, and served.

use covey_feed::header::AuthorKey;
use covey_feed::run::{self, Known, RunLimits};
use covey_feed::sync::Rejection;
use covey_feed::{Author, Entry, EntryId, FeedId, Head, Kind, Run, RunIn};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::{debug, error, warn};

use crate::engine::group::{content, ops};
use crate::engine::members::{self, rosters};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::sessions::Scope;
use crate::engine::records::{messages, seen, transfer};
use crate::engine::replication::{forks, parked, rollback};
use crate::engine::said::arrivals;
use crate::engine::sealing::opening::Reader;
use crate::engine::sealing::sessions::Opener;
use crate::engine::wire::payload::Unopened;
use crate::engine::{Cx, EngineError, charge, error::Failed, notices::Notice, own, tables};
use crate::store::Tx;

/// Entries of a feed for a peer of `to`, if that account may have them.
pub(in crate::engine) fn serve(
    cx: &Cx<'_, '_>,
    to: &AccountId,
    id: &FeedId,
    from: u64,
    limits: RunLimits,
) -> Result<Option<Run>, EngineError> {
    let Some(channel) = channels::by_id(cx.tx, &id.channel)? else { return Ok(None) };
    // The machine knows which channels are shared; this is the second look.
    if !members::includes(cx, &channel, to) {
        return Ok(None);
    }
    match feeds::load(cx.tx, channel.no, &id.key())? {
        Some(feed) => feeds::serve(cx.tx, &feed, from, limits),
        None => Ok(None),
    }
}

/// What we have of a feed, for the checks of a run against it.
struct Ours<'a, 's> {
    tx: &'a Tx<'s>,
    fid: u64,
    /// Of the author whose run it is.
    key: Option<AuthorKey>,
    /// Why something could not be read: no reason to refuse a run, nor to take it.
    failed: Failed,
}

impl Known for Ours<'_, '_> {
    fn entry(&self, _feed: &FeedId, seq: u64) -> Option<Entry> {
        self.failed.note(feeds::entry(self.tx, self.fid, seq))
    }

    fn lamport(&self, id: &EntryId) -> Option<u64> {
        self.failed.note(messages::by_id(self.tx, id)).map(|(_, message)| message.place.lamport)
    }

    fn key(&self, _author: &Author) -> Option<AuthorKey> {
        self.key.clone()
    }
}

/// Whether our own entry at that place of our feed is another one: we write on from an old copy.
pub(in crate::engine) fn is_contested(tx: &Tx<'_>, feed: &FeedId, seq: u64, id: &EntryId) -> Result<bool, EngineError> {
    let Some(channel) = channels::by_id(tx, &feed.channel)? else { return Ok(false) };
    let Some(known) = feeds::load(tx, channel.no, &feed.key())? else { return Ok(false) };
    Ok(feeds::entry(tx, known.fid, seq)?.is_some_and(|entry| entry.id() != *id))
}

/// What became of a delivered run.
pub(in crate::engine) enum Taken {
    /// Its entries are ours too now; this is the head of the feed.
    Durable(Head),
    /// Nothing of it was taken.
    Refused(Rejection),
    /// Nothing of it was taken, nor will be before so many milliseconds: its author wrote too much.
    Later(u64),
    /// Our own feed gave way: its heads are other ones than the machines know.
    Anew,
}

/// [ENTRY-5] How far ahead of everything we know an entry's logical time may be. An honest author exceeds what it saw by one; the
/// rest is for what we have yet to fetch. (Without it one entry could drive the time of the channel to its end.)
const LAMPORT_SLACK: u64 = 1 << 20;

/// Verifies a run and takes its entries into the transaction. `from`: the device that delivered it.
pub(in crate::engine) fn apply(
    cx: &mut Cx<'_, '_>,
    id: &FeedId,
    run: RunIn,
    from: DeviceRef,
) -> Result<Taken, EngineError> {
    let Some(mut channel) = channels::by_id(cx.tx, &id.channel)? else {
        return Ok(Taken::Refused(Rejection::Unwanted));
    };
    let device = DeviceId::from_bytes(*id.author.as_bytes());
    let own = cx.me.is_this_device(&device);
    // [ENTRY-1]
    if !members::includes(cx, &channel, &from.account) {
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    // [ENTRY-2] The author must be a device of a member.
    let account = members::account_of(cx, &channel, &id.author)?;
    if account.is_none() && !ops::awaits_founder(cx, &channel) && !may_come_back(cx, &channel, &run, from) {
        return Ok(Taken::Refused(ops::stranger(&channel)));
    }
    if channels::is_crowded(cx.tx, &channel, id)? {
        warn!(channel = %id.channel.fmt_short(), "a device has too many incarnations; this one is not taken");
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    let known = feeds::load(cx.tx, channel.no, &id.key())?;
    // [ENTRY-7] In a group what stands before the fork is still taken: it ends there, as at a cut.
    if !channel.is_group() && known.as_ref().is_some_and(|feed| feed.frozen) {
        return Ok(Taken::Refused(Rejection::Fork));
    }
    let (head, fid) = known.as_ref().map_or((None, 0), |feed| (feed.head, feed.fid));
    let ours = Ours { tx: cx.tx, fid, key: cx.live.authors.of(&id.author), failed: Failed::default() };
    let verified = run::verify(id, head.as_ref(), run, &ours);
    ours.failed.end()?;
    let mut entries = match verified {
        Ok(verified) => verified.into_entries(),
        Err(refused) => return refuse(cx, &mut channel, id, &refused, known, &from),
    };
    let first = || {
        let first = entries.first()?;
        ops::founder(cx, &channel, id, first).or_else(|| ops::coming_back(cx, &channel, first))
    };
    let Some(account) = account.or_else(first) else { return Ok(Taken::Refused(ops::stranger(&channel))) };
    let mut feed = feeds::load_or_new(cx.tx, channel.no, id.key(), account)?;
    let is_from_own = cx.me.is_ours(&from.account);
    let history = cx.live.transfer.active && is_from_own;
    let last = if is_from_own {
        members::cut_for_own(cx, &channel, &id.key())?
    } else {
        members::cut(cx, &channel, &id.key())?
    };
    if let Some(last) = last {
        for entry in entries.iter().filter(|entry| entry.seq() > last) {
            ops::take_if_missed(cx, &mut channel, entry, account)?;
        }
        entries.retain(|entry| entry.seq() <= last);
        if entries.is_empty() {
            return Ok(Taken::Refused(Rejection::Unwanted));
        }
    }
    if let Some(refusal) = unfit(cx, &channel, &entries)? {
        return Ok(Taken::Refused(refusal));
    }
    if own && !entries.is_empty() {
        rollback::proven(cx, &mut channel, id.incarnation)?;
    }
    // [ENTRY-8] What another device of ours has of history was charged for when it came to the account.
    if !own
        && !history
        && let Some(wait) = charge::wait(cx, account, &entries)
    {
        return Ok(Taken::Later(wait));
    }
    if !entries.is_empty() {
        let charge = charge::Charge::begin(cx, (!own && !history).then_some(account))?;
        keep(cx, &mut channel, &mut feed, &entries, (account, device), from)?;
        charge.end(cx)?;
    }
    Ok(feed.head.map_or(Taken::Refused(Rejection::Invalid), Taken::Durable))
}

/// [MEMBER-4] Whether it is worth a look if a run of an unknown author begins with what its account was recovered to. A member makes us look
/// at no more of them than of operations that were missing.
fn may_come_back(cx: &mut Cx<'_, '_>, channel: &Channel, run: &RunIn, from: DeviceRef) -> bool {
    let now = cx.now;
    channel.is_group() && run.first() == 1 && cx.live.proofs.take(from.account, 1, forks::PROOFS, now).is_ok()
}

/// A run does not fit what we have of its feed. If its author forked it, the proof is kept; if that is us, the other copy counts.
fn refuse(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    id: &FeedId,
    refused: &run::RunError,
    known: Option<Feed>,
    from: &DeviceRef,
) -> Result<Taken, EngineError> {
    if let (run::RunError::Fork(proof), Some(mut feed)) = (refused, known) {
        if cx.me.wrote(&id.key()) {
            let forked = proof.verify().map_err(EngineError::bug)?;
            rollback::proven(cx, channel, id.incarnation)?;
            let parted = rollback::parting(cx.tx, channel, &feed, &forked, &from.device)?;
            rollback::give_way(cx, channel, &mut feed, parted)?;
            if channel.kind() == channels::Kind::Own {
                // What it said is said once more.
                cx.notices.push(Notice::OwnDevices);
            }
            if channel.is_group()
                && let Some(mut channel) = channels::by_no(cx.tx, channel.no)?
            {
                content::reconcile(cx, &mut channel)?;
            }
            return Ok(Taken::Anew);
        }
        if channel.is_group() {
            forks::found(cx, channel, *proof.clone(), None)?;
        } else {
            freeze(cx, channel, &mut feed, &proof.encode())?;
        }
    }
    debug!(channel = %id.channel.fmt_short(), %refused, "a run was refused");
    Ok(Taken::Refused(refused.rejection()))
}

/// Why verified entries are not taken, if so: something is withheld, or is from the far future.
fn unfit(cx: &Cx<'_, '_>, channel: &Channel, entries: &[Entry]) -> Result<Option<Rejection>, EngineError> {
    // [ENTRY-4] Taking them would tell the author that they were delivered.
    if entries.iter().any(|entry| entry.header().kind == Kind::Content && entry.payload().is_none()) {
        warn!(channel = %channel.id.fmt_short(), "a contact's device withholds payloads; its run is not taken");
        return Ok(Some(Rejection::Unwanted));
    }
    let ends = channels::ends(cx.tx, channel)?.lamport;
    let (latest, refusal) = match channel.kind() {
        channels::Kind::Direct(_) | channels::Kind::Own => (ends.saturating_add(LAMPORT_SLACK), Rejection::Invalid),
        // Who brings it may be honest, and others have taken it.
        channels::Kind::Group(_) => (ops::group_latest(ends, cx.now), Rejection::Busy),
    };
    if entries.iter().any(|entry| entry.lamport() > latest) {
        warn!(channel = %channel.id.fmt_short(), "an entry from the far future is not taken");
        return Ok(Some(refusal));
    }
    Ok(None)
}

/// Takes verified entries of `author` that `from` delivered: all of them into the feed, then the operations together, which cost
/// least so, then what is said, which may depend on them.
fn keep(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    feed: &mut Feed,
    entries: &[Entry],
    (account, device): (AccountId, DeviceId),
    from: DeviceRef,
) -> Result<(), EngineError> {
    let own = cx.me.is_this_device(&device);
    if !own {
        seen::note(cx.tx, &device, cx.now)?;
    }
    entries.iter().for_each(|entry| feeds::append(cx.tx, feed, entry));
    feeds::save(cx.tx, channel.no, feed)?;
    if channel.is_group() {
        let operations: Vec<&Entry> = entries.iter().filter(|entry| entry.header().kind == Kind::Control).collect();
        ops::take(cx, channel, &operations, account)?;
    }
    if channel.kind() == channels::Kind::Own {
        take_own(cx, channel, feed, entries, from.device)?;
        return parked::request(cx, &from.account, &from.device);
    }
    let mut reader = Reader::new(cx, channel, &account, &device)?;
    let mut awaited = Vec::new();
    for entry in entries.iter().filter(|entry| entry.header().kind == Kind::Content) {
        // After a repair the message may be there though its entry was lost.
        if messages::at(cx.tx, channel.no, &entry.order())?.is_some_and(|message| message.id == entry.id()) {
            content::look_again(cx, channel, entry)?;
            continue;
        }
        // What we wrote ourselves was never wrapped for us: whoever has it gives us the key.
        let opened = if own { Err(Unopened::NoKey) } else { reader.open(cx, channel, entry)? };
        match opened {
            Ok((key, body)) => arrivals::receive(cx, channel, entry, (account, cx.now), key, body)?,
            // [TRANSFER-1] Its key comes with those of many others.
            Err(Unopened::NoKey) if cx.live.transfer.active && !own => awaited.push(entry.seq()),
            Err(why) => {
                // Another device of ours that delivers it can open it, most likely, and is there.
                let from_kin = !channel.is_group() && cx.me.is_ours(&from.account);
                let ask = if own || from_kin { &from.device } else { &device };
                parked::park(cx, channel.id, feed, entry, why, ask)?;
            }
        }
    }
    reader.finish(cx)?;
    if !awaited.is_empty() {
        transfer::wait(cx.tx, (channel.no, feed.fid), (channel.id, feed.key), &awaited)?;
        transfer::came(cx.tx, entries.iter().map(Entry::size).sum())?;
        cx.notices.push(Notice::Transfer);
    }
    channels::extend(cx.tx, channel, entries)?;
    channel.save(cx.tx)?;
    parked::request(cx, &from.account, &from.device)?;
    if rosters::is_restored(cx, channel) && rosters::is_connected(cx, &device) {
        parked::request(cx, &account, &device)?;
    }
    Ok(())
}

/// Takes verified entries of the channel of our own devices. What does not open waits for its key, which any of them can give: at first
/// the one that brought it is asked.
fn take_own(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    feed: &Feed,
    entries: &[Entry],
    from: DeviceId,
) -> Result<(), EngineError> {
    let author = DeviceId::from_bytes(*feed.key.author.as_bytes());
    let mut opener = Opener::new(cx, Scope::Own, &feed.account, &author)?;
    for entry in entries.iter().filter(|entry| entry.header().kind == Kind::Content) {
        if let Err(why) = own::take::entry(cx, channel, feed, entry, &mut opener)? {
            parked::park(cx, channel.id, feed, entry, why, &from)?;
        }
    }
    opener.finish(cx)?;
    channels::extend(cx.tx, channel, entries)?;
    channel.save(cx.tx)
}

/// The author signed two histories: keep the proof, take nothing more.
fn freeze(cx: &mut Cx<'_, '_>, channel: &Channel, feed: &mut Feed, proof: &[u8]) -> Result<(), EngineError> {
    error!(channel = %channel.id.fmt_short(), author = %feed.key.author.fmt_short(), "a device forked its feed; it is frozen");
    feed.frozen = true;
    feeds::save(cx.tx, channel.no, feed)?;
    cx.tx.put_raw(&tables::fork_proof(feed.fid), proof);
    Ok(())
}
