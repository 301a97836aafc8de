//! Synchronisation of feeds with connected contacts: drives the pure machines of `covey_feed` and applies what they
//! deliver.

use std::collections::BTreeSet;
use std::sync::Arc;

use covey_feed::sync::{Rejection, SharedChannel, SharedGroup};
use covey_feed::{Author, ChannelId, FeedId, PeerSync, SyncEffect, SyncInput};
use tracing::{info, warn};

use super::channels::{self, Channel};
use super::contacts::{self, Owner};
use super::feeds;
use super::live::ContactPeer;
use super::notices::Notice;
use super::take::{self, Taken};
use super::{Cx, Effect, EngineError, PeerKey, Protocol, control, delivery, group, members, outbox, parcels, parked};
use crate::store::Tx;

/// A connection to `peer` is up: deliver what waits for it.
pub(super) fn connected(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.connected.insert(peer);
    group::knock::peer_came(cx, peer)?;
    outbox::peer_came(cx, peer)
}

/// The last connection to `peer` is gone.
pub(super) fn disconnected(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.connected.remove(&peer);
    closed(cx, peer);
    parcels::peer_gone(cx, peer)
}

/// The sync stream to `peer` is open: begin anew.
pub(super) fn opened(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(owner) = members::peer(cx, peer)? else { return Ok(()) };
    let own = cx.me.author();
    let came = cx.live.opened.insert(peer);
    cx.live.contacts.entry(peer).or_insert_with(|| ContactPeer {
        account: owner.account,
        device: owner.device,
        sync: PeerSync::new(own),
        repaired_at: 0,
    });
    let (mut channels, mut groups) = (Vec::new(), Vec::new());
    for channel in members::shared_with(cx, &owner.account)? {
        match channel.contact {
            Some(_) => channels.push(shared_channel(cx.tx, &channel)?),
            None => groups.push(channel),
        }
    }
    if came && !channels.is_empty() {
        info!(contact = %owner.account.fmt_short(), "a contact connected");
    }
    cx.notices.sync(peer, SyncInput::Connected { channels });
    for channel in groups {
        share(cx, peer, &channel)?;
    }
    parcels::peer_opened(cx, owner, peer)?;
    group::repair::ask(cx, owner, peer)?;
    control::card_to(cx, owner)?;
    parked::request(cx, &owner.account, &owner.device)
}

/// The sync stream to `peer` is gone.
pub(super) fn closed(cx: &mut Cx<'_, '_>, peer: PeerKey) {
    let now = cx.now;
    let gone = cx.live.opened.remove(&peer);
    if let Some(contact) = cx.live.contacts.get_mut(&peer) {
        if gone && matches!(contacts::load(cx.tx, &contact.account), Ok(Some(contact)) if contact.is_paired()) {
            info!(contact = %contact.account.fmt_short(), "a contact disconnected");
        }
        // Back-offs are kept; a closed machine asks for nothing.
        let _ = contact.sync.handle(SyncInput::Disconnected, now);
    }
}

/// A frame on the sync stream.
pub(super) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Vec<u8>) {
    cx.notices.sync(peer, SyncInput::Frame(frame));
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
        cx.notices.sync(peer, SyncInput::Tick);
        if cx.live.opened.contains(&peer)
            && repair_due(cx, peer)
            && let Some(owner) = members::peer(cx, peer)?
        {
            parcels::repair(cx, owner, peer)?;
            group::repair::ask(cx, owner, peer)?;
            parked::request(cx, &owner.account, &owner.device)?;
        }
    }
    forgive(cx)
}

/// What was not acknowledged is looked through so often, in milliseconds.
const REPAIR_EVERY: u64 = 30_000;

fn repair_due(cx: &mut Cx<'_, '_>, peer: PeerKey) -> bool {
    let now = cx.now;
    let Some(at) = cx.live.contacts.get_mut(&peer) else { return false };
    let due = at.repaired_at.abs_diff(now) >= REPAIR_EVERY;
    if due {
        at.repaired_at = now;
    }
    due
}

/// Signs what was appended to feeds of our own, one signature for each feed, and pushes it: once for all inputs that share a
/// transaction, and before anything that changes who hears of it.
///
/// # Errors
/// Those of the store.
pub(super) fn publish(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for mut tail in cx.appended.take() {
        let Some(channel) = channels::by_no(cx.tx, tail.channel)? else { continue };
        let feed = FeedId::new(channel.id, tail.key);
        for (run, head) in tail.runs(cx.me, cx.tx)? {
            let run = Arc::new(run);
            for peer in members::peers(cx, &channel) {
                cx.notices.sync(peer, SyncInput::Appended { feed, head, run: Arc::clone(&run) });
            }
            // Perhaps nobody is connected whose machine has done it.
            group::advance(cx, &channel, tail.key, head);
        }
    }
    Ok(())
}

/// A channel was opened with a contact that may be connected already.
pub(super) fn channel_opened(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    members::peers(cx, channel).into_iter().try_for_each(|peer| share(cx, peer, channel))
}

/// A channel is shared with a connected device from now on.
pub(super) fn share(cx: &mut Cx<'_, '_>, peer: PeerKey, channel: &Channel) -> Result<(), EngineError> {
    if let Some(input) = shared_anew(cx, peer, channel)? {
        cx.notices.sync(peer, input);
    }
    Ok(())
}

/// What tells the machine of a device that a channel is shared with it, as it is now.
fn shared_anew(cx: &Cx<'_, '_>, peer: PeerKey, channel: &Channel) -> Result<Option<SyncInput>, EngineError> {
    let Some(device) = cx.live.contacts.get(&peer).map(|at| at.device) else { return Ok(None) };
    let Some((spread, neighbour)) = group::spread_for(cx, channel, &device) else {
        return Ok(Some(SyncInput::ChannelAdded(shared_channel(cx.tx, channel)?)));
    };
    let ended = |feed: &feeds::Feed| {
        let last = members::cut(cx, channel, &feed.key);
        last.is_some_and(|last| feed.head.map_or(0, |head| head.seq) >= last)
    };
    let frozen = feeds::all(cx.tx, channel.no)?.iter().filter(|feed| ended(feed)).map(|feed| feed.key).collect();
    let (id, activity) = (channel.id, channel.active_at);
    let peer = Author::from_bytes(*device.as_bytes());
    Ok(Some(SyncInput::GroupAdded(SharedGroup { id, spread, peer, neighbour, frozen, activity })))
}

/// Nothing more of a feed is asked for or taken.
pub(super) fn frozen(cx: &mut Cx<'_, '_>, channel: &Channel, feed: FeedId) {
    members::peers(cx, channel).into_iter().for_each(|peer| cx.notices.sync(peer, SyncInput::Frozen(feed)));
}

/// A channel was closed. Its members may still be connected, for a group that they share with us.
pub(super) fn channel_closed(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    publish(cx)?;
    let of =
        |account| channel.contact.as_ref().map_or_else(|| members::includes(cx, channel, account), |c| c == account);
    let peers: Vec<_> = cx.live.contacts.iter().filter(|(_, at)| of(&at.account)).map(|(peer, _)| *peer).collect();
    peers.into_iter().for_each(|peer| cx.notices.sync(peer, SyncInput::ChannelRemoved(channel.id)));
    Ok(())
}

/// Connected devices with whom the channel is shared.
fn sharing(cx: &Cx<'_, '_>, id: &ChannelId) -> Result<Vec<PeerKey>, EngineError> {
    let channel = channels::by_id(cx.tx, id)?;
    Ok(channel.map(|channel| members::peers(cx, &channel)).unwrap_or_default())
}

fn shared_channel(tx: &Tx<'_>, channel: &Channel) -> Result<SharedChannel, EngineError> {
    let feeds = feeds::all(tx, channel.no)?;
    let frozen: BTreeSet<_> = feeds.iter().filter(|feed| feed.frozen).map(|feed| feed.key).collect();
    let heads = feeds.iter().filter_map(feeds::Feed::end).collect();
    Ok(SharedChannel { id: channel.id, heads, frozen, activity: channel.active_at })
}

/// Tells everybody of what the input brought about, and of what follows from that.
///
/// # Errors
/// Those of the store.
pub(super) fn drain(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    while let Some(notice) = cx.notices.next() {
        match notice {
            Notice::Sync(peer, input) => drive(cx, peer, input)?,
            Notice::DevicesKnown(devices) => parcels::known_now(cx, &devices)?,
            Notice::HandOut(no) => group::hand_out(cx, no)?,
        }
    }
    Ok(())
}

/// Gives one machine an input and carries its effects out.
fn drive(cx: &mut Cx<'_, '_>, peer: PeerKey, input: SyncInput) -> Result<(), EngineError> {
    let now = cx.now;
    let Some(contact) = cx.live.contacts.get_mut(&peer) else { return Ok(()) };
    let (account, device) = (contact.account, contact.device);
    for effect in contact.sync.handle(input, now) {
        match effect {
            SyncEffect::Send(frame) => cx.effects.push(Effect::Send { peer, protocol: Protocol::Sync, frame }),
            SyncEffect::Serve { feed, from, limits } => {
                let run = take::serve(cx, &account, &feed, from, limits)?;
                cx.notices.sync(peer, SyncInput::Served { feed, from, run });
            }
            SyncEffect::Deliver { feed, run } => match take::apply(cx, &feed, run, Owner { account, device })? {
                Taken::Durable(head) => {
                    for other in sharing(cx, &feed.channel)? {
                        cx.notices.sync(other, SyncInput::Applied { feed, head });
                    }
                }
                Taken::Anew => {
                    // What was written again is pushed before anything is compared.
                    publish(cx)?;
                    cx.notices.sync(peer, SyncInput::Rejected { feed, reason: Rejection::Busy });
                    if let Some(channel) = channels::by_id(cx.tx, &feed.channel)? {
                        for other in members::peers(cx, &channel) {
                            share(cx, other, &channel)?;
                        }
                    }
                }
                Taken::Later(wait) => {
                    cx.notices.sync(peer, SyncInput::Rejected { feed, reason: Rejection::Busy });
                    let until = cx.now.saturating_add(wait);
                    for other in sharing(cx, &feed.channel)? {
                        cx.notices.sync(other, SyncInput::Paused { feed, until });
                    }
                }
                Taken::Refused(reason) => {
                    if reason == Rejection::Fork {
                        for other in sharing(cx, &feed.channel)? {
                            cx.notices.sync(other, SyncInput::Frozen(feed));
                        }
                    }
                    cx.notices.sync(peer, SyncInput::Rejected { feed, reason });
                }
            },
            SyncEffect::PeerHas { feed, seq } => {
                if let Some(channel) = delivery::delivered(cx, feed.channel, feed.key(), seq, account, &device)? {
                    group::told(cx, &channel)?;
                }
            }
            SyncEffect::OwnFeedBehind { feed, seq, id } => {
                if take::is_contested(cx.tx, &feed, seq, &id)? {
                    cx.notices.sync(peer, SyncInput::Contested { feed, seq });
                }
            }
            // A hint; the run that is fetched now is the proof.
            SyncEffect::OwnFeedAhead { feed, seq } => {
                warn!(channel = %feed.channel.fmt_short(), seq, "a contact says it has more of our own feed than we do");
            }
            SyncEffect::Violation(violation) => {
                warn!(?peer, %violation, "a contact's device breaks the protocol; it is shut out for a while");
                members::shut_out_for_a_while(cx, peer);
            }
        }
    }
    Ok(())
}

/// Lets devices in again whose penalty is over.
fn forgive(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let over: Vec<PeerKey> = cx.live.penalties.iter().filter(|(_, at)| **at <= cx.now).map(|(peer, _)| *peer).collect();
    for peer in over {
        cx.live.penalties.remove(&peer);
        if let Some(owner) = members::peer(cx, peer)?
            && let Some(device) = contacts::device(cx.tx, &owner.account, &owner.device)?
        {
            cx.effects.push(Effect::Allow { peer, addresses: device.addresses });
        }
    }
    Ok(())
}
