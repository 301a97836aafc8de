//! Synchronisation of feeds with connected contacts: drives the pure machines of `covey_feed` and applies what they
//! deliver.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use covey_feed::run::{self, Known, RunLimits};
use covey_feed::sync::{Rejection, SharedChannel};
use covey_feed::{Author, ChannelId, Entry, EntryId, FeedId, Head, Kind, PeerSync, Run, RunIn, SyncEffect, SyncInput};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::envelope;
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::{debug, error, warn};

use super::channels::{self, Channel};
use super::contacts::{self, Owner};
use super::feeds::{self, Feed};
use super::live::ContactPeer;
use super::payload::{Body, Sealed, associated_data};
use super::sessions::Opener;
use super::{Cx, Effect, EngineError, PeerKey, Protocol, control, delivery, messages, outbox, rollback};
use crate::store::Tx;

/// A connection to `peer` is up: deliver what waits for it.
pub(super) fn connected(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.connected.insert(peer);
    outbox::peer_came(cx, peer)
}

/// The last connection to `peer` is gone.
pub(super) fn disconnected(cx: &mut Cx<'_, '_>, peer: PeerKey) {
    cx.live.connected.remove(&peer);
    closed(cx, peer);
}

/// The sync stream to `peer` is open: begin anew.
pub(super) fn opened(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(owner) = contacts::paired_peer(cx.tx, peer)? else { return Ok(()) };
    let own = own_author(cx);
    cx.live.opened.insert(peer);
    cx.live.contacts.entry(peer).or_insert_with(|| ContactPeer {
        account: owner.account,
        device: owner.device,
        sync: PeerSync::new(own),
    });
    let mut channels = Vec::new();
    for channel in shared(cx.tx, &owner.account)? {
        channels.push(shared_channel(cx.tx, &channel)?);
    }
    drive(cx, peer, SyncInput::Connected { channels })?;
    control::peer_opened(cx, owner, peer)
}

/// The sync stream to `peer` is gone.
pub(super) fn closed(cx: &mut Cx<'_, '_>, peer: PeerKey) {
    let now = cx.now;
    cx.live.opened.remove(&peer);
    if let Some(contact) = cx.live.contacts.get_mut(&peer) {
        // Back-offs are kept; a closed machine asks for nothing.
        let _ = contact.sync.handle(SyncInput::Disconnected, now);
    }
}

/// A frame on the sync stream.
pub(super) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Vec<u8>) -> Result<(), EngineError> {
    drive(cx, peer, SyncInput::Frame(frame))
}

/// Begins anew with every open stream: what is in memory may be ahead of the store.
pub(super) fn reopen(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    // Also what peers are known to have: a mark that could not be kept has to be told again.
    cx.live.contacts.clear();
    let open: Vec<PeerKey> = cx.live.opened.iter().copied().collect();
    open.into_iter().try_for_each(|peer| opened(cx, peer))
}

/// Time passed.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let due: Vec<PeerKey> = cx
        .live
        .contacts
        .iter()
        .filter(|(_, contact)| contact.sync.next_timeout().is_some_and(|at| at <= cx.now))
        .map(|(peer, _)| *peer)
        .collect();
    for peer in due {
        drive(cx, peer, SyncInput::Tick)?;
        if cx.live.opened.contains(&peer)
            && let Some(owner) = contacts::paired_peer(cx.tx, peer)?
        {
            control::repair(cx, owner, peer)?;
        }
    }
    forgive(cx)
}

/// Entries of our own became part of this transaction: push them.
pub(super) fn appended(cx: &mut Cx<'_, '_>, channel: &Channel, entry: &Entry) -> Result<(), EngineError> {
    let Some(run) = run::assemble([entry.clone()], RunLimits::default()) else {
        return Err(EngineError::bug("an own entry without a signature"));
    };
    let (feed, head, run) = (entry.header().feed, entry.head(), Arc::new(run));
    for peer in peers_of(cx, &channel.contact) {
        drive(cx, peer, SyncInput::Appended { feed, head, run: Arc::clone(&run) })?;
    }
    Ok(())
}

/// A channel was opened with a contact that may be connected already.
pub(super) fn channel_opened(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    for peer in peers_of(cx, &channel.contact) {
        let shared = shared_channel(cx.tx, channel)?;
        drive(cx, peer, SyncInput::ChannelAdded(shared))?;
    }
    Ok(())
}

/// A channel was closed.
pub(super) fn channel_closed(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    for peer in peers_of(cx, &channel.contact) {
        drive(cx, peer, SyncInput::ChannelRemoved(channel.id))?;
    }
    Ok(())
}

fn own_author(cx: &Cx<'_, '_>) -> Author {
    Author::from_bytes(*cx.me.device_id().as_bytes())
}

fn peers_of(cx: &Cx<'_, '_>, account: &AccountId) -> Vec<PeerKey> {
    cx.live.contacts.iter().filter(|(_, contact)| contact.account == *account).map(|(peer, _)| *peer).collect()
}

/// Open channels that both we and `account` are members of.
fn shared(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<Channel>, EngineError> {
    let Some(contact) = contacts::load(tx, account)? else { return Ok(Vec::new()) };
    let Some(no) = contact.channel else { return Ok(Vec::new()) };
    Ok(channels::by_no(tx, no)?.filter(|channel| channel.open).into_iter().collect())
}

fn shared_channel(tx: &Tx<'_>, channel: &Channel) -> Result<SharedChannel, EngineError> {
    let feeds = feeds::all(tx, channel.no)?;
    let frozen: BTreeSet<_> = feeds.iter().filter(|feed| feed.frozen).map(|feed| feed.key).collect();
    let heads = feeds.into_iter().filter_map(|feed| Some((feed.key, feed.head?))).collect();
    Ok(SharedChannel { id: channel.id, heads, frozen, activity: channel.active_at })
}

/// Gives one machine an input and carries its effects out, and those of the inputs that follow from them.
fn drive(cx: &mut Cx<'_, '_>, peer: PeerKey, input: SyncInput) -> Result<(), EngineError> {
    let mut queue = VecDeque::from([(peer, input)]);
    while let Some((peer, input)) = queue.pop_front() {
        let now = cx.now;
        let Some(contact) = cx.live.contacts.get_mut(&peer) else { continue };
        let (account, device) = (contact.account, contact.device);
        for effect in contact.sync.handle(input, now) {
            match effect {
                SyncEffect::Send(frame) => cx.effects.push(Effect::Send { peer, protocol: Protocol::Sync, frame }),
                SyncEffect::Serve { feed, from, limits } => {
                    let run = serve(cx.tx, &account, &feed, from, limits)?;
                    queue.push_back((peer, SyncInput::Served { feed, from, run }));
                }
                SyncEffect::Deliver { feed, run } => match apply(cx, &feed, run, Owner { account, device })? {
                    Taken::Durable(head) => {
                        let account = contacts::of_channel(cx.tx, &feed.channel)?.unwrap_or(account);
                        for other in peers_of(cx, &account) {
                            queue.push_back((other, SyncInput::Applied { feed, head }));
                        }
                    }
                    Taken::Anew => {
                        queue.push_back((peer, SyncInput::Rejected { feed, reason: Rejection::Busy }));
                        if let Some(channel) = channels::by_id(cx.tx, &feed.channel)? {
                            for other in peers_of(cx, &channel.contact) {
                                let shared = shared_channel(cx.tx, &channel)?;
                                queue.push_back((other, SyncInput::ChannelAdded(shared)));
                            }
                        }
                    }
                    Taken::Refused(reason) => {
                        if reason == Rejection::Fork {
                            for other in peers_of(cx, &account) {
                                queue.push_back((other, SyncInput::Frozen(feed)));
                            }
                        }
                        queue.push_back((peer, SyncInput::Rejected { feed, reason }));
                    }
                },
                SyncEffect::PeerHas { feed, seq } => {
                    delivery::delivered(cx, feed.channel, feed.key(), seq, account, &device)?;
                }
                // A hint; the run that is fetched now is the proof.
                SyncEffect::OwnFeedAhead { feed, seq } => {
                    warn!(channel = %feed.channel.fmt_short(), seq, "a contact says it has more of our own feed than we do");
                }
                SyncEffect::Violation(violation) => {
                    warn!(?peer, %violation, "a contact's device breaks the protocol; it is shut out for a while");
                    cx.live.penalties.insert(peer, cx.now.saturating_add(PENALTY));
                    cx.effects.push(Effect::Revoke { peer });
                }
            }
        }
    }
    Ok(())
}

/// How long a contact's device that broke the protocol is shut out, in milliseconds.
const PENALTY: u64 = 60_000;

/// Lets devices in again whose penalty is over.
fn forgive(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let over: Vec<PeerKey> = cx.live.penalties.iter().filter(|(_, at)| **at <= cx.now).map(|(peer, _)| *peer).collect();
    for peer in over {
        cx.live.penalties.remove(&peer);
        if let Some(owner) = contacts::paired_peer(cx.tx, peer)?
            && let Some(device) = contacts::device(cx.tx, &owner.account, &owner.device)?
        {
            cx.effects.push(Effect::Allow { peer, addresses: device.addresses });
        }
    }
    Ok(())
}

fn serve(tx: &Tx<'_>, to: &AccountId, id: &FeedId, from: u64, limits: RunLimits) -> Result<Option<Run>, EngineError> {
    let Some(channel) = channels::by_id(tx, &id.channel)? else { return Ok(None) };
    // The machine knows which channels are shared; this is the second look.
    if !channel.open || channel.contact != *to {
        return Ok(None);
    }
    match feeds::load(tx, channel.no, &id.key())? {
        Some(feed) => feeds::serve(tx, &feed, from, limits),
        None => Ok(None),
    }
}

/// What we have of a feed, for the checks of a run against it.
struct Ours<'a, 's> {
    tx: &'a Tx<'s>,
    fid: u64,
}

impl Known for Ours<'_, '_> {
    fn entry(&self, _feed: &FeedId, seq: u64) -> Option<Entry> {
        feeds::entry(self.tx, self.fid, seq).ok().flatten()
    }

    fn lamport(&self, id: &EntryId) -> Option<u64> {
        messages::by_id(self.tx, id).ok().flatten().map(|(_, message)| message.place.lamport)
    }
}

/// What became of a delivered run.
enum Taken {
    /// Its entries are ours too now; this is the head of the feed.
    Durable(Head),
    /// Nothing of it was taken.
    Refused(Rejection),
    /// Our own feed gave way: its heads are other ones than the machines know.
    Anew,
}

/// How far ahead of everything we know an entry's logical time may be. An honest author exceeds what it saw by one; the
/// rest is for what we have yet to fetch. (Without it one entry could drive the time of the channel to its end.)
const LAMPORT_SLACK: u64 = 1 << 20;

/// Verifies a run and takes its entries into the transaction. `from`: the device that delivered it.
fn apply(cx: &mut Cx<'_, '_>, id: &FeedId, run: RunIn, from: Owner) -> Result<Taken, EngineError> {
    let Some(mut channel) = channels::by_id(cx.tx, &id.channel)? else {
        return Ok(Taken::Refused(Rejection::Unwanted));
    };
    let device = DeviceId::from_bytes(*id.author.as_bytes());
    let own = device == cx.me.device_id();
    // The author must be a device of one of the two accounts. (Our own other devices come with multi-device.)
    let member = own || contacts::device(cx.tx, &channel.contact, &device)?.is_some();
    if !channel.open || channel.contact != from.account || !member {
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    let account = if own { cx.me.account_id() } else { channel.contact };
    if is_crowded(cx.tx, &channel, id)? {
        warn!(channel = %id.channel.fmt_short(), "a device has too many incarnations; this one is not taken");
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    let mut feed = feeds::load_or_new(cx, channel.no, id.key(), account)?;
    if feed.frozen {
        return Ok(Taken::Refused(Rejection::Fork));
    }
    let verified = run::verify(id, feed.head.as_ref(), run, &Ours { tx: cx.tx, fid: feed.fid });
    let entries = match verified {
        Ok(verified) => verified.into_entries(),
        Err(refused) => {
            if let run::RunError::Fork(proof) = &refused {
                if own {
                    let forked = proof.verify().map_err(EngineError::bug)?;
                    rollback::proven(cx, &mut channel, id.incarnation)?;
                    rollback::give_way(cx, &channel, &mut feed, forked.seq)?;
                    return Ok(Taken::Anew);
                }
                freeze(cx, &channel, &mut feed, &proof.encode())?;
            }
            debug!(channel = %id.channel.fmt_short(), %refused, "a run was refused");
            return Ok(Taken::Refused(refused.rejection()));
        }
    };
    // Taking them would tell the author that they were delivered.
    if entries.iter().any(|entry| entry.header().kind == Kind::Content && entry.payload().is_none()) {
        warn!(channel = %id.channel.fmt_short(), "a contact's device withholds payloads; its run is not taken");
        return Ok(Taken::Refused(Rejection::Unwanted));
    }
    let latest = channels::heads(cx.tx, &channel)?.lamport().saturating_add(LAMPORT_SLACK);
    if entries.iter().any(|entry| entry.lamport() > latest) {
        warn!(channel = %id.channel.fmt_short(), "an entry from the far future is not taken");
        return Ok(Taken::Refused(Rejection::Invalid));
    }
    if own && !entries.is_empty() {
        rollback::proven(cx, &mut channel, id.incarnation)?;
    }
    let mut opener = Opener::new(cx, &channel.contact, &device)?;
    for entry in &entries {
        feeds::append(cx, &mut feed, entry);
        // After a repair the message may be there though its entry was lost.
        let known = messages::at(cx.tx, channel.no, &entry.order())?.is_some_and(|message| message.id == entry.id());
        if entry.header().kind == Kind::Content && !known {
            // What we wrote ourselves was never wrapped for us: whoever has it gives us the key.
            let opened = if own { Err(Unopened::NoKey) } else { open(cx, &mut opener, &channel, entry)? };
            match opened {
                Ok((key, body)) => messages::receive(cx, &mut channel, entry, account, key, body)?,
                Err(why) => control::park(cx, channel.id, &feed, entry, why, &from.device)?,
            }
        }
    }
    opener.finish(cx)?;
    if !entries.is_empty() {
        feeds::save(cx, channel.no, &feed)?;
        channel.save(cx)?;
        control::request_parked(cx, &from.account, &from.device)?;
    }
    Ok(feed.head.map_or(Taken::Refused(Rejection::Invalid), Taken::Durable))
}

/// A new feed of an author that has as many incarnations as we keep.
fn is_crowded(tx: &Tx<'_>, channel: &Channel, id: &FeedId) -> Result<bool, EngineError> {
    if feeds::load(tx, channel.no, &id.key())?.is_some() {
        return Ok(false);
    }
    let known = feeds::all(tx, channel.no)?;
    let of_author = known.iter().filter(|feed| feed.key.author == id.author).count();
    let of_contact = known.iter().filter(|feed| feed.account == channel.contact).count();
    Ok(of_author >= feeds::MAX_INCARNATIONS || of_contact >= feeds::MAX_FEEDS / 2)
}

/// The author signed two histories: keep the proof, take nothing more.
fn freeze(cx: &mut Cx<'_, '_>, channel: &Channel, feed: &mut Feed, proof: &[u8]) -> Result<(), EngineError> {
    error!(channel = %channel.id.fmt_short(), author = %feed.key.author.fmt_short(), "a device forked its feed; it is frozen");
    feed.frozen = true;
    feeds::save(cx, channel.no, feed)?;
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

/// The content key and body of an entry.
fn open(
    cx: &mut Cx<'_, '_>,
    opener: &mut Opener,
    channel: &Channel,
    entry: &Entry,
) -> Result<Result<(Secret<32>, Body), Unopened>, EngineError> {
    let Some(payload) = entry.payload() else { return Ok(Err(Unopened::NoKey)) };
    let Ok(sealed) = Sealed::decode(payload) else { return Ok(Err(Unopened::Poison)) };
    let aad = aad_of(channel.id, entry);
    let Some(wrap) = sealed.wraps.get(&cx.me.device_id()) else { return Ok(Err(Unopened::NoKey)) };
    let key = match opener.open(cx, wrap, &aad)? {
        Ok(key) => key,
        Err(error) => {
            warn!(channel = %channel.id.fmt_short(), seq = entry.seq(), %error, "a content key does not open; asking its author");
            return Ok(Err(Unopened::NoKey));
        }
    };
    let Ok(key) = <[u8; 32]>::try_from(key) else { return Ok(Err(Unopened::Poison)) };
    Ok(open_with(&Secret::new(key), &sealed.ciphertext, &aad))
}

fn open_with(key: &Secret<32>, ciphertext: &[u8], aad: &[u8]) -> Result<(Secret<32>, Body), Unopened> {
    let body = envelope::open_body(key, aad, ciphertext).map_err(|_| Unopened::Poison)?;
    let body = Body::decode(&body).map_err(|_| Unopened::Poison)?;
    if body.is_sound() { Ok((key.clone(), body)) } else { Err(Unopened::Poison) }
}

/// Opens a stored entry with a content key that its author gave us afterwards; `false` if it does not open.
pub(super) fn open_late(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    key: &Secret<32>,
) -> Result<bool, EngineError> {
    let Some(sealed) = entry.payload().and_then(|payload| Sealed::decode(payload).ok()) else { return Ok(false) };
    match open_with(key, &sealed.ciphertext, &aad_of(channel.id, entry)) {
        Ok((key, body)) => {
            let own = entry.header().feed.author.as_bytes() == cx.me.device_id().as_bytes();
            let account = if own { cx.me.account_id() } else { channel.contact };
            messages::receive(cx, channel, entry, account, key, body)?;
            Ok(true)
        }
        Err(_) => Ok(false),
    }
}

fn aad_of(channel: ChannelId, entry: &Entry) -> Vec<u8> {
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
