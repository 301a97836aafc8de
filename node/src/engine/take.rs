//! Runs of entries: verified and taken into the transaction, opened, and served.

use covey_feed::header::AuthorKey;
use covey_feed::run::{self, Known, RunLimits};
use covey_feed::sync::Rejection;
use covey_feed::{Author, ChannelId, Entry, EntryId, FeedId, Head, Kind, Run, RunIn};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::envelope;
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::{debug, error, warn};

use super::channels::{self, Channel};
use super::contacts::Owner;
use super::feeds::{self, Feed};
use super::payload::{Body, Sealed, associated_data};
use super::sessions::{Opener, Scope};
use super::{Cx, EngineError, arrivals, group, members, messages, parked, quota, rollback};
use crate::store::Tx;

/// Entries of a feed for a peer of `to`, if that account may have them.
pub(super) fn serve(
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
}

impl Known for Ours<'_, '_> {
    fn entry(&self, _feed: &FeedId, seq: u64) -> Option<Entry> {
        feeds::entry(self.tx, self.fid, seq).ok().flatten()
    }

    fn lamport(&self, id: &EntryId) -> Option<u64> {
        messages::by_id(self.tx, id).ok().flatten().map(|(_, message)| message.place.lamport)
    }

    fn key(&self, _author: &Author) -> Option<AuthorKey> {
        self.key.clone()
    }
}

/// Whether our own entry at that place of our feed is another one: we write on from an old copy.
pub(super) fn is_contested(tx: &Tx<'_>, feed: &FeedId, seq: u64, id: &EntryId) -> Result<bool, EngineError> {
    let Some(channel) = channels::by_id(tx, &feed.channel)? else { return Ok(false) };
    let Some(known) = feeds::load(tx, channel.no, &feed.key())? else { return Ok(false) };
    Ok(feeds::entry(tx, known.fid, seq)?.is_some_and(|entry| entry.id() != *id))
}

/// What became of a delivered run.
pub(super) enum Taken {
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

/// [ENTRY-6] The same in a group, where everybody has to take what anybody took, also who comes later or lacks what drove the time
/// so far. So there is a bound that grows with the clock, faster than members can drive the time beyond it: what is
/// refused now is taken soon. (2^53, the end of time, is reached 17 years after the beginning.)
const GROUP_SLACK: u64 = 1 << 16;
const GROUP_TIME_PER_SECOND: u64 = 1 << 24;
/// 1 January 2026, in seconds.
const GROUP_TIME_BEGINS: u64 = 1_767_225_600;

pub(super) fn group_latest(ends: u64, now: u64) -> u64 {
    let elapsed = (now / 1_000).saturating_sub(GROUP_TIME_BEGINS);
    ends.saturating_add(GROUP_SLACK).max(elapsed.saturating_mul(GROUP_TIME_PER_SECOND))
}

/// Verifies a run and takes its entries into the transaction. `from`: the device that delivered it.
pub(super) fn apply(cx: &mut Cx<'_, '_>, id: &FeedId, run: RunIn, from: Owner) -> Result<Taken, EngineError> {
    let Some(mut channel) = channels::by_id(cx.tx, &id.channel)? else {
        return Ok(Taken::Refused(Rejection::Unwanted));
    };
    let device = DeviceId::from_bytes(*id.author.as_bytes());
    let own = device == cx.me.device_id();
    // [ENTRY-1]
    if !members::includes(cx, &channel, &from.account) {
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    // [ENTRY-2] The author must be a device of a member. (Our own other devices come with multi-device.)
    let account = members::account_of(cx, &channel, &id.author)?;
    if account.is_none() && !group::awaits_founder(cx, &channel) {
        return Ok(Taken::Refused(group::stranger(&channel)));
    }
    if is_crowded(cx.tx, &channel, id)? {
        warn!(channel = %id.channel.fmt_short(), "a device has too many incarnations; this one is not taken");
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    let known = feeds::load(cx.tx, channel.no, &id.key())?;
    // [ENTRY-7] In a group what stands before the fork is still taken: it ends there, as at a cut.
    if !channel.is_group() && known.as_ref().is_some_and(|feed| feed.frozen) {
        return Ok(Taken::Refused(Rejection::Fork));
    }
    let (head, fid) = known.as_ref().map_or((None, 0), |feed| (feed.head, feed.fid));
    let verified = run::verify(id, head.as_ref(), run, &Ours { tx: cx.tx, fid, key: cx.live.authors.of(&id.author) });
    let mut entries = match verified {
        Ok(verified) => verified.into_entries(),
        Err(refused) => {
            if let (run::RunError::Fork(proof), Some(mut feed)) = (&refused, known) {
                if own {
                    let forked = proof.verify().map_err(EngineError::bug)?;
                    rollback::proven(cx, &mut channel, id.incarnation)?;
                    let parted = rollback::parting(cx.tx, &channel, &feed, &forked, &from.device)?;
                    rollback::give_way(cx, &channel, &mut feed, parted)?;
                    if channel.is_group()
                        && let Some(mut channel) = channels::by_no(cx.tx, channel.no)?
                    {
                        group::reconcile(cx, &mut channel)?;
                    }
                    return Ok(Taken::Anew);
                }
                if channel.is_group() {
                    group::forks::found(cx, &mut channel, *proof.clone(), None)?;
                } else {
                    freeze(cx, &channel, &mut feed, &proof.encode())?;
                }
            }
            debug!(channel = %id.channel.fmt_short(), %refused, "a run was refused");
            return Ok(Taken::Refused(refused.rejection()));
        }
    };
    let first = entries.first().and_then(|first| group::founder(cx, &channel, id, first));
    let Some(account) = account.or(first) else { return Ok(Taken::Refused(group::stranger(&channel))) };
    let mut feed = feeds::load_or_new(cx.tx, channel.no, id.key(), account)?;
    if let Some(last) = members::cut(cx, &channel, &id.key()) {
        for entry in entries.iter().filter(|entry| entry.seq() > last) {
            group::take_if_missed(cx, &mut channel, entry, account)?;
        }
        entries.retain(|entry| entry.seq() <= last);
        if entries.is_empty() {
            return Ok(Taken::Refused(Rejection::Unwanted));
        }
    }
    // [ENTRY-4] Taking them would tell the author that they were delivered.
    if entries.iter().any(|entry| entry.header().kind == Kind::Content && entry.payload().is_none()) {
        warn!(channel = %id.channel.fmt_short(), "a contact's device withholds payloads; its run is not taken");
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    let ends = channels::ends(cx.tx, &channel)?.lamport;
    let (latest, refusal) = match channel.contact {
        Some(_) => (ends.saturating_add(LAMPORT_SLACK), Rejection::Invalid),
        // Who brings it may be honest, and others have taken it.
        None => (group_latest(ends, cx.now), Rejection::Busy),
    };
    if entries.iter().any(|entry| entry.lamport() > latest) {
        warn!(channel = %id.channel.fmt_short(), "an entry from the far future is not taken");
        return Ok(Taken::Refused(refusal));
    }
    if own && !entries.is_empty() {
        rollback::proven(cx, &mut channel, id.incarnation)?;
    }
    // [ENTRY-8]
    if !own && let Some(wait) = quota::wait(cx, account, &entries) {
        return Ok(Taken::Later(wait));
    }
    if !entries.is_empty() {
        let charge = quota::Charge::begin(cx, (!own).then_some(account))?;
        keep(cx, &mut channel, &mut feed, &entries, (account, device), from)?;
        charge.end(cx)?;
    }
    Ok(feed.head.map_or(Taken::Refused(Rejection::Invalid), Taken::Durable))
}

/// Takes verified entries of `author` that `from` delivered: all of them into the feed, then the operations together, which cost
/// least so, then what is said, which may depend on them.
fn keep(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    feed: &mut Feed,
    entries: &[Entry],
    (account, device): (AccountId, DeviceId),
    from: Owner,
) -> Result<(), EngineError> {
    let own = device == cx.me.device_id();
    entries.iter().for_each(|entry| feeds::append(cx.tx, feed, entry));
    feeds::save(cx.tx, channel.no, feed)?;
    if channel.is_group() {
        let operations: Vec<&Entry> = entries.iter().filter(|entry| entry.header().kind == Kind::Control).collect();
        group::take(cx, channel, &operations, account)?;
    }
    let mut reader = Reader::new(cx, channel, &account, &device)?;
    for entry in entries.iter().filter(|entry| entry.header().kind == Kind::Content) {
        // After a repair the message may be there though its entry was lost.
        if messages::at(cx.tx, channel.no, &entry.order())?.is_some_and(|message| message.id == entry.id()) {
            group::look_again(cx, channel, entry)?;
            continue;
        }
        // What we wrote ourselves was never wrapped for us: whoever has it gives us the key.
        let opened = if own { Err(Unopened::NoKey) } else { reader.open(cx, channel, entry)? };
        match opened {
            Ok((key, body)) => arrivals::receive(cx, channel, entry, account, key, body)?,
            Err(why) => parked::park(cx, channel.id, feed, entry, why, if own { &from.device } else { &device })?,
        }
    }
    reader.finish(cx)?;
    channels::extend(cx.tx, channel, entries)?;
    channel.save(cx.tx)?;
    parked::request(cx, &from.account, &from.device)?;
    if group::is_restored(cx, channel) && group::is_connected(cx, &device) {
        parked::request(cx, &account, &device)?;
    }
    Ok(())
}

/// [ENTRY-3] A new feed of an author that has as many incarnations as we keep.
pub(super) fn is_crowded(tx: &Tx<'_>, channel: &Channel, id: &FeedId) -> Result<bool, EngineError> {
    if feeds::load(tx, channel.no, &id.key())?.is_some() {
        return Ok(false);
    }
    if feeds::of_author(tx, channel.no, &id.author)? >= feeds::MAX_INCARNATIONS {
        return Ok(true);
    }
    let Some(contact) = channel.contact else { return Ok(false) };
    let of_contact = feeds::all(tx, channel.no)?.iter().filter(|feed| feed.account == contact).count();
    Ok(of_contact >= feeds::MAX_FEEDS / 2)
}

/// The author signed two histories: keep the proof, take nothing more.
fn freeze(cx: &mut Cx<'_, '_>, channel: &Channel, feed: &mut Feed, proof: &[u8]) -> Result<(), EngineError> {
    error!(channel = %channel.id.fmt_short(), author = %feed.key.author.fmt_short(), "a device forked its feed; it is frozen");
    feed.frozen = true;
    feeds::save(cx.tx, channel.no, feed)?;
    cx.tx.put_raw(&super::tables::fork_proof(feed.fid), proof);
    Ok(())
}

/// Why an entry's content could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unopened {
    /// We lack the content key; its author can give it to us.
    NoKey,
    /// What the author wrote is not a message: nothing to wait for.
    Poison,
}

/// Opens the entries of one author.
enum Reader {
    /// Of a direct channel: content keys are wrapped for us.
    Direct(Box<Opener>),
    /// Of a group: content keys come from the author's chain.
    Group(group::Reader),
}

impl Reader {
    fn new(cx: &Cx<'_, '_>, channel: &Channel, account: &AccountId, device: &DeviceId) -> Result<Self, EngineError> {
        Ok(match &channel.contact {
            Some(_) => Self::Direct(Box::new(Opener::new(cx, Scope::Pair, account, device)?)),
            None => Self::Group(group::Reader::new(cx, channel, device)?),
        })
    }

    /// The content key and body of an entry.
    fn open(
        &mut self,
        cx: &mut Cx<'_, '_>,
        channel: &Channel,
        entry: &Entry,
    ) -> Result<Result<(Secret<32>, Body), Unopened>, EngineError> {
        let Some(payload) = entry.payload() else { return Ok(Err(Unopened::NoKey)) };
        let aad = aad_of(channel.id, entry);
        match self {
            Self::Direct(opener) => {
                let Ok(sealed) = Sealed::decode(payload) else { return Ok(Err(Unopened::Poison)) };
                unwrap(cx, opener, &sealed, &aad)
            }
            Self::Group(chains) => Ok(chains.open(payload, &aad)),
        }
    }

    /// Writes back what opening changed.
    fn finish(self, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
        match self {
            Self::Direct(opener) => opener.finish(cx),
            Self::Group(chains) => chains.finish(cx),
        }
    }
}

/// [BODY-2], [BODY-3] What the wrap for our device opens.
fn unwrap(
    cx: &mut Cx<'_, '_>,
    opener: &mut Opener,
    sealed: &Sealed,
    aad: &[u8],
) -> Result<Result<(Secret<32>, Body), Unopened>, EngineError> {
    let Some(wrap) = sealed.wraps.get(&cx.me.device_id()) else { return Ok(Err(Unopened::NoKey)) };
    let key = match opener.open(cx, wrap, aad)? {
        Ok(key) => key,
        Err(error) => {
            warn!(%error, "a content key does not open; asking its author");
            return Ok(Err(Unopened::NoKey));
        }
    };
    let Ok(key) = <[u8; 32]>::try_from(key) else { return Ok(Err(Unopened::Poison)) };
    Ok(open_with(&Secret::new(key), &sealed.ciphertext, aad))
}

/// The body that a content key opens.
pub(super) fn open_with(key: &Secret<32>, ciphertext: &[u8], aad: &[u8]) -> Result<(Secret<32>, Body), Unopened> {
    let body = envelope::open_body(key, aad, ciphertext).map_err(|_| Unopened::Poison)?;
    let body = Body::decode(&body).map_err(|_| Unopened::Poison)?;
    if body.is_sound() { Ok((key.clone(), body)) } else { Err(Unopened::Poison) }
}

/// Opens a stored entry with a content key that its author gave us afterwards; `false` if it does not open.
pub(super) fn open_late(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    account: AccountId,
    key: &Secret<32>,
) -> Result<bool, EngineError> {
    let Some(payload) = entry.payload() else { return Ok(false) };
    let aad = aad_of(channel.id, entry);
    let opened = match channel.contact {
        Some(_) => match Sealed::decode(payload) {
            Ok(sealed) => open_with(key, &sealed.ciphertext, &aad),
            Err(_) => Err(Unopened::Poison),
        },
        None => group::body(key, payload, &aad)
            .and_then(|body| Body::decode(&body).ok().filter(Body::is_sound))
            .map(|body| (key.clone(), body))
            .ok_or(Unopened::Poison),
    };
    match opened {
        Ok((key, body)) => {
            arrivals::receive(cx, channel, entry, account, key, body)?;
            Ok(true)
        }
        Err(_) => Ok(false),
    }
}

/// Opens a stored entry of a group whose author's chain has come since; `false` if it still does not open.
pub(super) fn open_again(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    chains: &mut group::Reader,
) -> Result<bool, EngineError> {
    let account = members::account_of(cx, channel, &entry.header().feed.author)?;
    let (Some(payload), Some(account)) = (entry.payload(), account) else { return Ok(false) };
    let Ok((key, body)) = chains.open(payload, &aad_of(channel.id, entry)) else { return Ok(false) };
    arrivals::receive(cx, channel, entry, account, key, body)?;
    Ok(true)
}

/// Where the entry stands, as what is sealed into it is bound to.
pub(super) fn aad_of(channel: ChannelId, entry: &Entry) -> Vec<u8> {
    let header = entry.header();
    let backlink = header.position.backlink.map(|id| *id.as_bytes());
    associated_data(
        channel.as_bytes(),
        header.feed.author.as_bytes(),
        header.feed.incarnation,
        header.position.seq,
        backlink.as_ref(),
    )
}
