//! Feeds whose author signed two histories. All members come to the position where these part, whoever was shown which; it
//! ends the feed for all of them: what stands from there on counts for nobody, neither operations nor messages.

use std::collections::BTreeMap;

use covey_feed::{ChannelId, FeedKey, ForkProof};
use covey_pairing::ids::DeviceId;
use tracing::{debug, error, warn};

use crate::engine::group::{changes, content, fill};
use crate::engine::live::groups::Group;
use crate::engine::members::{self, rosters};
use crate::engine::outbound::post;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::feeds;
use crate::engine::replication::rollback;
use crate::engine::wire::parcel::ForkRank;
use crate::engine::{Cx, EngineError, PeerKey, Quota, error::Failed, tables};

/// Bytes of proofs that a device is given at a time. It lacks fewer the next time.
const MAX_TOLD: usize = 1024 * 1024;

/// A device is given proofs so often because it says that it lacks them, in milliseconds.
const TELL_AGAIN: u64 = 20_000;

/// Forks told of one group: a member's device can make as many as it has incarnations.
const MAX_LISTED: usize = 1_024;

/// [REPAIR-2] Proofs that one account may hand in, and operations that it may ask for, at once and every second after that. A device that
/// comes may know of many forks, and lack much; what is not taken or given now comes when the two compare next.
pub(in crate::engine) const PROOFS: Quota = Quota { burst: 512, per_second: 4 };

/// [REPAIR-3] How often it is taken that a feed is forked earlier than known, at once and after this pause, in milliseconds. Histories that
/// parted once are found to have parted earlier a few times, as each proof shows 256 entries of them. But who signs
/// anything can prove one fork before the other without end, and each is stored and told to all.
const EARLIER: u64 = 8;

const EARLIER_AGAIN: u64 = 60_000;

/// [REPAIR-1] Takes the proof of a fork: it counts if it names an earlier position than what is known, alone or together with what is
/// here of the feed. Then all members are told, but not `from`, who told us.
pub(in crate::engine) fn found(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    proof: ForkProof,
    from: Option<PeerKey>,
) -> Result<(), EngineError> {
    let now = cx.now;
    let Some(id) = proof.claimed().filter(|feed| feed.channel == channel.id) else { return Ok(()) };
    let device = DeviceId::from_bytes(*id.author.as_bytes());
    let Some(account) = members::account_of(cx, channel, &id.author)? else { return Ok(()) };
    if channels::is_crowded(cx.tx, channel, &id)? {
        return Ok(());
    }
    let fid = feeds::load(cx.tx, channel.no, &id.key())?.map(|feed| feed.fid);
    let told = proof.encode();
    let failed = Failed::default();
    let lowered = proof.lowered(|seq| failed.note(feeds::entry(cx.tx, fid?, seq)));
    failed.end()?;
    let Ok((proof, forked)) = lowered else {
        warn!(?from, "a member calls a feed forked that is not");
        return Ok(());
    };
    let bytes = proof.encode();
    let rank = fill::rank(&forked, &bytes);
    let Some(group) = rosters::get_mut(cx, channel.no) else { return Ok(()) };
    if group.forks.get(&id.key()).is_some_and(|known| *known <= rank) {
        return Ok(());
    }
    if !may_be_earlier(group, &id.key(), now) {
        debug!(channel = %channel.id.fmt_short(), "a feed is said to be forked ever earlier; that is not taken for a while");
        return Ok(());
    }
    error!(channel = %channel.id.fmt_short(), author = %id.author.fmt_short(), seq = forked.seq, "a device forked its feed");
    let mut feed = feeds::load_or_new(cx.tx, channel.no, id.key(), account)?;
    if cx.me.is_this_device(&device) {
        // Another copy of us wrote on. What is ours to say is said in another incarnation.
        rollback::proven(cx, channel, id.incarnation)?;
        rollback::give_way(cx, channel, &mut feed, forked.seq)?;
        *channel = channels::by_no(cx.tx, channel.no)?.ok_or_else(|| EngineError::bug("a channel is gone"))?;
        content::reconcile(cx, channel)?;
    }
    feed.frozen = true;
    feeds::save(cx.tx, channel.no, &feed)?;
    cx.tx.put_raw(&tables::fork_proof(feed.fid), &bytes);
    if let Some(group) = rosters::get_mut(cx, channel.no) {
        group.forks.insert(id.key(), rank);
        let changes = group.roster.void(device, id.incarnation, forked.seq);
        changes::carry_out(cx, channel, changes, None)?;
    }
    changes::cut(cx, channel)?;
    // Who told us has to hear what came of it, if it is more.
    let but = from.filter(|_| told == bytes);
    for peer in members::peers(cx, channel) {
        if Some(peer) != but && cx.live.opened.contains(&peer) {
            post::send_fork(cx, peer, channel.id, &bytes)?;
        }
    }
    Ok(())
}

/// Whether another proof of a fork of this feed is taken now; then it is counted.
fn may_be_earlier(group: &mut Group, feed: &FeedKey, now: u64) -> bool {
    // When the last one would be due if they came evenly.
    let due = group.forks_due.entry(*feed).or_default();
    *due = (*due).clamp(now.saturating_sub((EARLIER - 1) * EARLIER_AGAIN), now.saturating_add(EARLIER_AGAIN));
    let may = *due <= now;
    *due += if may { EARLIER_AGAIN } else { 0 };
    may
}

/// A member says that a feed is forked.
pub(in crate::engine) fn told(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    peer: PeerKey,
    id: &ChannelId,
    bytes: &[u8],
) -> Result<(), EngineError> {
    let Some(mut channel) = rosters::shared(cx, id, &owner.account)? else { return Ok(()) };
    let Ok(proof) = ForkProof::decode(bytes) else { return Ok(()) };
    // What is known costs a look-up; only news costs the check of signatures.
    if let Some(claimed) = proof.claimed()
        && let Some(feed) = feeds::load(cx.tx, channel.no, &claimed.key())?
        && cx.tx.get_raw(&tables::fork_proof(feed.fid))?.is_some_and(|known| known == bytes)
    {
        return Ok(());
    }
    if cx.live.proofs.take(owner.account, 1, PROOFS, cx.now).is_err() {
        debug!(?peer, "a member hands in too many proofs of forks");
        return Ok(());
    }
    found(cx, &mut channel, proof, Some(peer))
}

/// Tells a member's device which forks are known here, if there are any. It asks for those that it does not know.
pub(in crate::engine) fn compare(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    for no in rosters::shared_with(cx, &owner.account) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        list(cx, &channel, peer, false)?;
    }
    Ok(())
}

fn list(cx: &mut Cx<'_, '_>, channel: &Channel, peer: PeerKey, answer: bool) -> Result<(), EngineError> {
    let ours = rosters::get(cx, channel.no).into_iter().flat_map(|group| &group.forks).take(MAX_LISTED);
    let ours: Vec<_> = ours.map(|(key, rank)| (*key, *rank)).collect();
    if ours.is_empty() && !answer {
        return Ok(());
    }
    post::send_forks(cx, peer, channel.id, answer, ours)
}

/// [PARCEL-7] A member's device says which forks it knows: it is given the proofs of those that it does not, and if it knows others than
/// we do, it is told what is known here (but an answer is not answered).
pub(in crate::engine) fn listed(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    peer: PeerKey,
    id: &ChannelId,
    (answer, theirs): (bool, &[(FeedKey, ForkRank)]),
) -> Result<(), EngineError> {
    let Some(channel) = rosters::shared(cx, id, &owner.account)? else { return Ok(()) };
    let theirs: BTreeMap<FeedKey, ForkRank> = theirs.iter().take(MAX_LISTED).copied().collect();
    let Some(ours) = rosters::get(cx, channel.no).map(|group| group.forks.clone()) else { return Ok(()) };
    let last = cx.live.groups.forks_told.get(&peer).copied();
    if last.is_none_or(|last| last.abs_diff(cx.now) >= TELL_AGAIN) {
        let mut room = MAX_TOLD;
        for (key, _) in ours.iter().filter(|(key, known)| theirs.get(key).is_none_or(|theirs| theirs > *known)) {
            let Some(feed) = feeds::load(cx.tx, channel.no, key)? else { continue };
            let Some(proof) = cx.tx.get_raw(&tables::fork_proof(feed.fid))? else { continue };
            let Some(left) = room.checked_sub(proof.len()) else { break };
            room = left;
            cx.live.groups.forks_told.insert(peer, cx.now);
            post::send_fork(cx, peer, *id, &proof)?;
        }
    }
    let news = theirs.iter().any(|(key, known)| ours.get(key).is_none_or(|ours| ours > known));
    if news && !answer { list(cx, &channel, peer, true) } else { Ok(()) }
}
