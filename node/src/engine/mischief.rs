//! Nodes that keep to no rule. Here, a member of a group: operations and texts it has no right to, histories that part, entries and
//! frames that nobody honest would write. In [`keeper`] a keeper, in [`depositor`] somebody who leaves mail. Only tests contain them, and the
//! daemon that `scripts/lab.sh --hostile` builds with the feature `hostile`.

mod depositor;
mod keeper;
mod random;
mod stranger;

use covey_feed::{Entry, Kind, run};
use covey_pairing::crypto::sign::Context;
use covey_pairing::group::roster::{Grant, Op, OpId, Operation, Policy, Role, TicketId};
use covey_pairing::ids::AccountId;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, RngExt};
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::group::ops;
use crate::engine::members::rosters;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds;
use crate::engine::said::{own_feed, write};
use crate::engine::wire::payload::Body;
use crate::engine::{Appended, Cx, Effect, EngineError, Mischief, PeerKey, Protocol, sharing};

use rand::rngs::StdRng;

/// Type of a frame with a run.
const RUN: u8 = 3;

/// Operations of one burst.
const BURST: usize = 100;

/// Incarnations it opens itself at most; others take no more of one device than [`crate::engine::records::feeds::MAX_INCARNATIONS`].
const INCARNATIONS: u64 = 24;

/// One misdeed for so many frames that arrive.
const RARELY: u32 = 20;

/// How far beyond everything it knows its lamport times go.
const AHEAD: u64 = 1 << 40;

/// One misdeed in one of our groups, at random.
pub(super) fn act(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let groups = channels::all(cx.tx)?.into_iter().filter(|channel| channel.is_group() && channel.open);
    let Some(mut channel) = groups.choose(cx.rng) else { return Ok(()) };
    let deed = cx.rng.random_range(0..20);
    debug!(deed, "a misdeed");
    match deed {
        0..=6 => operation(cx, &mut channel),
        7 => (0..BURST).try_for_each(|_| operation(cx, &mut channel)),
        8..=10 => text(cx, channel),
        11 | 12 => odd_body(cx, &mut channel),
        13 | 14 => garbage(cx, &mut channel),
        15 => fork(cx, &channel),
        16 | 17 => incarnation(cx, channel),
        18 => far_future(cx, &mut channel),
        _ => {
            noise(cx);
            Ok(())
        }
    }
}

/// After each input of a node that is told to lie. `came`: the input was a frame.
pub(super) fn after(cx: &mut Cx<'_, '_>, came: bool) -> Result<(), EngineError> {
    match cx.policy.mischief {
        None => Ok(()),
        Some(Mischief::Keeper) => keeper::after(cx),
        Some(Mischief::Depositor) => depositor::after(cx, came),
        Some(Mischief::Member) => {
            if came && cx.rng.random_range(0..RARELY) == 0 {
                act(cx)?;
            }
            spoil(&mut cx.effects, cx.rng);
            Ok(())
        }
    }
}

/// What becomes of frames on their way out: some are changed, lost, sent twice or to somebody else, or come later.
fn spoil(effects: &mut Vec<Effect>, rng: &mut StdRng) {
    for at in (0..effects.len()).rev() {
        let Effect::Send { peer, protocol, frame } = &mut effects[at] else { continue };
        match rng.random_range(0..100) {
            0 => change(frame, rng),
            1 => drop(effects.remove(at)),
            2 => {
                let twice = Effect::Send { peer: *peer, protocol: *protocol, frame: frame.clone() };
                effects.push(twice);
            }
            3 => {
                let later = effects.remove(at);
                effects.push(later);
            }
            _ => {}
        }
    }
}

fn change(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    let Some(at) = (0..bytes.len()).choose(rng) else { return };
    if rng.random() {
        bytes[at] ^= 1 << rng.random_range(0..8);
    } else {
        bytes.truncate(at);
    }
}

/// An operation, mostly without the right to it, that names what it likes as its past. Our own roster hears of it only at
/// times: then we go on as if it had not been.
fn operation(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let Some(op) = some_op(cx, channel) else { return Ok(()) };
    let account = if cx.rng.random_range(0..8) == 0 { somebody(cx, channel) } else { Some(cx.me.account_id()) };
    let Some(account) = account else { return Ok(()) };
    let at = if cx.rng.random() { cx.now } else { cx.rng.next_u64() };
    let deps = past(cx, channel);
    let Ok(payload) = (Operation { account, at, deps, op }).encode() else { return Ok(()) };
    let entry = entry(cx, channel, Kind::Control, payload)?;
    if cx.rng.random() {
        ops::take(cx, channel, &[&entry], cx.me.account_id())?;
    }
    show(cx, &entry)
}

fn some_op(cx: &mut Cx<'_, '_>, channel: &Channel) -> Option<Op> {
    let account = somebody(cx, channel)?;
    let role = *[Role::Reader, Role::Member, Role::Admin].choose(cx.rng)?;
    let grant = Grant { role, invisible: cx.rng.random() };
    let cut = if cx.rng.random() { ops::cut_of(cx.tx, channel, &account).ok()? } else { Vec::new() };
    Some(match cx.rng.random_range(0..14) {
        0 => Op::Invite { account, grant },
        1 => Op::Uninvite { account },
        2 => Op::Join { statement: bytes(cx, 64), card: bytes(cx, 200) },
        3 => Op::Leave,
        4 => Op::Remove { account, cut },
        5 => Op::Ban { account, cut },
        6 => Op::Unban { account },
        7 => Op::Role { account, grant, cut: None },
        8 => Op::Transfer { to: account },
        9 => Op::Policy { policy: Policy { invite: role, ..Policy::default() }, cut: None },
        10 => ticket(cx, grant),
        11 => Op::Devices { card: bytes(cx, 200) },
        12 => deletion(cx, channel)?,
        _ => Op::Rename { name: format!("mine {}", cx.rng.random_range(0..100)) },
    })
}

fn ticket(cx: &mut Cx<'_, '_>, grant: Grant) -> Op {
    let id = TicketId::from_bytes(cx.rng.random());
    Op::Ticket { id, grant, uses: Some(1), expires_at: None, approve: cx.rng.random() }
}

/// Of any message, as if that device had written it: the true author or we.
fn deletion(cx: &mut Cx<'_, '_>, channel: &Channel) -> Option<Op> {
    let feeds = feeds::all(cx.tx, channel.no).ok()?;
    let feed = feeds.choose(cx.rng)?;
    let head = feed.head?;
    let entry = feeds::entry(cx.tx, feed.fid, cx.rng.random_range(1..=head.seq)).ok()??;
    let author = if cx.rng.random() { *feed.key.author.as_bytes() } else { *cx.me.device_id().as_bytes() };
    let entry = covey_pairing::group::roster::EntryId::from_bytes(*entry.id().as_bytes());
    Some(Op::Delete { entry, device: covey_pairing::ids::DeviceId::from_bytes(author) })
}

fn bytes(cx: &mut Cx<'_, '_>, most: usize) -> ByteBuf {
    let mut bytes = vec![0; cx.rng.random_range(1..=most)];
    cx.rng.fill_bytes(&mut bytes);
    ByteBuf::from(bytes)
}

fn somebody(cx: &mut Cx<'_, '_>, channel: &Channel) -> Option<AccountId> {
    let group = rosters::get(cx, channel.no)?;
    let known: Vec<AccountId> = group.roster.standings(None).map(|(account, _)| *account).collect();
    known.choose(cx.rng).copied()
}

/// All that is known, nothing, or some of what ever was.
fn past(cx: &mut Cx<'_, '_>, channel: &Channel) -> Vec<OpId> {
    let Some(group) = rosters::get(cx, channel.no) else { return Vec::new() };
    let newest = group.roster.deps();
    let known: Vec<OpId> = group.lamports.keys().copied().collect();
    match cx.rng.random_range(0..4) {
        0 => newest,
        1 => Vec::new(),
        _ => {
            let count = cx.rng.random_range(1..4);
            known.sample(cx.rng, count).copied().collect()
        }
    }
}

/// The next entry of our feed, in our own store.
fn entry(cx: &mut Cx<'_, '_>, channel: &mut Channel, kind: Kind, payload: Vec<u8>) -> Result<Entry, EngineError> {
    let next = own_feed::next(cx, channel)?;
    let key = next.feed.key;
    own_feed::finish(cx, channel, next, kind, payload)?;
    own_feed::sign(cx, channel.no, key).ok_or_else(|| EngineError::bug("an entry that was just written"))
}

/// To all, or to one.
fn show(cx: &mut Cx<'_, '_>, entry: &Entry) -> Result<(), EngineError> {
    if cx.rng.random_range(0..4) > 0 {
        return sharing::publish(cx);
    }
    cx.appended = Appended::default();
    if let Some(peer) = a_peer(cx) {
        send_run(cx, peer, entry);
    }
    Ok(())
}

fn a_peer(cx: &mut Cx<'_, '_>) -> Option<PeerKey> {
    cx.live.opened.iter().copied().choose(cx.rng)
}

fn send_run(cx: &mut Cx<'_, '_>, peer: PeerKey, entry: &Entry) {
    let feed = entry.header().feed;
    let Some(run) = run::assemble([entry.clone()], run::RunLimits::default()) else { return };
    let Ok(frame) = covey_codec::encode(&(1u8, RUN, ((feed.channel, feed.author, feed.incarnation), run))) else {
        return;
    };
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Sync, frame });
}

/// A text without asking whether we may.
fn text(cx: &mut Cx<'_, '_>, channel: Channel) -> Result<(), EngineError> {
    let body = Body::text(format!("whatever {}", cx.rng.random_range(0..1_000_000)), None, None, cx.now);
    // Refused only if we have no chain: then there is nothing to write.
    drop(write::send(cx, channel, &body));
    Ok(())
}

/// A body that opens, of a kind or with fields that no honest node writes.
fn odd_body(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let feeds = feeds::all(cx.tx, channel.no)?;
    let target = feeds.choose(cx.rng).and_then(|feed| feed.head).map(|head| head.id);
    let mut body = Body::text("odd".into(), None, Some(cx.rng.next_u64() >> 12), cx.now);
    body.kind = *[0, 1, 2, 3, 4, 99].choose(cx.rng).unwrap_or(&0);
    if cx.rng.random() {
        body.text = None;
    }
    if let Some(target) = target {
        body = body.written_again(target);
    }
    drop(write::write(cx, channel, &body));
    Ok(())
}

fn garbage(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let kind = if cx.rng.random() { Kind::Content } else { Kind::Control };
    let payload = bytes(cx, 2_000).into_vec();
    let entry = entry(cx, channel, kind, payload)?;
    show(cx, &entry)
}

/// Two entries at the same place, to two peers.
fn fork(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    let next = own_feed::next(cx, channel)?;
    let lamport = channels::ends(cx.tx, channel)?.lamport;
    let id = next.feed.id(channel.id);
    for _ in 0..2 {
        let payload = bytes(cx, 100).into_vec();
        let items = vec![(Kind::Control, payload)];
        let sign = |header: &[u8]| cx.me.device.signing().sign(Context::FeedEntry, header);
        let Ok(batch) = run::build(id, next.feed.head.as_ref(), lamport, Vec::new(), items, sign) else { continue };
        if let (Some(peer), Some(entry)) = (a_peer(cx), batch.entries.first()) {
            send_run(cx, peer, entry);
        }
    }
    Ok(())
}

/// Forgets what it wrote: goes on in a new feed.
fn incarnation(cx: &mut Cx<'_, '_>, mut channel: Channel) -> Result<(), EngineError> {
    if channel.incarnation < INCARNATIONS {
        channel.incarnation += 1;
        channel.save(cx.tx)?;
    }
    Ok(())
}

/// An entry whose lamport time is beyond what anybody takes; ours then stays behind it.
fn far_future(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let next = own_feed::next(cx, channel)?;
    let lamport = channels::ends(cx.tx, channel)?.lamport.saturating_add(AHEAD);
    let id = next.feed.id(channel.id);
    let items = vec![(Kind::Content, bytes(cx, 100).into_vec())];
    let sign = |header: &[u8]| cx.me.device.signing().sign(Context::FeedEntry, header);
    if let Ok(batch) = run::build(id, next.feed.head.as_ref(), lamport, Vec::new(), items, sign)
        && let (Some(peer), Some(entry)) = (a_peer(cx), batch.entries.first())
    {
        send_run(cx, peer, entry);
    }
    Ok(())
}

/// Bytes that mean nothing, on any protocol.
fn noise(cx: &mut Cx<'_, '_>) {
    let Some(peer) = a_peer(cx) else { return };
    let protocol = *[Protocol::Sync, Protocol::Parcel, Protocol::Pair].choose(cx.rng).unwrap_or(&Protocol::Sync);
    let frame = bytes(cx, 500).into_vec();
    cx.effects.push(Effect::Send { peer, protocol, frame });
}
