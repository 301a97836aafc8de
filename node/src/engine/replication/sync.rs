//! Synchronisation of feeds with connected contacts: drives the pure machines of `covey_feed` and applies what they
//! deliver.

use std::collections::BTreeSet;
use std::sync::Arc;

use covey_feed::sync::Rejection;
use covey_feed::{Author, ChannelId, FeedId, PeerSync, RunIn, SyncEffect, SyncInput};
use tracing::{info, warn};

use crate::engine::consent::pursuit;
use crate::engine::contacts::witness;
use crate::engine::group::{peers, returning};
use crate::engine::live::ContactPeer;
use crate::engine::notices::Notice;
use crate::engine::outbound::{control, knock, post};
use crate::engine::records::channels::{self, Kind};
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::{mailboxes, people, seen};
use crate::engine::replication::take::{self, Taken};
use crate::engine::replication::{parked, repair};
use crate::engine::said::receipts;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, gate, members, sharing};

/// A connection to `peer` is up: deliver what waits for it.
pub(in crate::engine) fn connected(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.connected.insert(peer);
    knock::peer_came(cx, peer)?;
    witness::objection_to(cx, peer)?;
    pursuit::peer_came(cx, peer)
}

/// The last connection to `peer` is gone.
pub(in crate::engine) fn disconnected(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.connected.remove(&peer);
    cx.live.unheard.take(&peer);
    closed(cx, peer);
    post::peer_gone(cx, peer)
}

/// The sync stream to `peer` is open: begin anew.
pub(in crate::engine) fn opened(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    // Before anything is read: if the disk fails now, this is begun anew once it does not ([`reopen`]); nobody says again that the stream is open.
    let came = cx.live.opened.insert(peer);
    let said = cx.live.unheard.take(&peer);
    let Some(owner) = members::peer(cx, peer)? else {
        cx.live.opened.remove(&peer);
        return Ok(());
    };
    let own = cx.me.author();
    let at = cx.live.contacts.entry(peer).or_insert_with(|| ContactPeer {
        account: owner.account,
        device: owner.device,
        sync: PeerSync::new(own),
        repaired_at: 0,
    });
    at.sync.set_kin(cx.me.kin());
    streams_changed(cx);
    seen::note(cx.tx, &owner.device, cx.now)?;
    if let Some(contact) = people::load(cx.tx, &owner.account)? {
        mailboxes::meet(cx.tx, &contact)?;
    }
    let is_ours = cx.me.is_ours(&owner.account);
    let (mut channels, mut groups) = (Vec::new(), Vec::new());
    for channel in members::shared_with(cx, &owner.account)? {
        match channel.kind() {
            Kind::Direct(_) | Kind::Own => channels.push(sharing::shared_channel(cx.tx, &channel)?),
            Kind::Group(_) => groups.push(channel),
        }
    }
    if came && !channels.is_empty() && !is_ours {
        info!(contact = %owner.account.fmt_short(), "a contact connected");
    }
    // It is told where our mail waits, if that could not be sealed for it before.
    if !is_ours {
        cx.live.keepers.contacts.insert(owner.account);
    }
    cx.notices.sync(peer, SyncInput::Connected { channels });
    for channel in groups {
        sharing::share(cx, peer, &channel)?;
    }
    // [SYNC-18] Only now: it knows where it is in channels that are shared, and may be waiting for us to say it has all.
    said.into_iter().for_each(|frame| cx.notices.sync(peer, SyncInput::Frame(frame)));
    post::peer_opened(cx, owner, peer)?;
    repair::ask(cx, owner, peer)?;
    control::card_to(cx, owner)?;
    parked::take_over(cx, &owner.device)?;
    witness::opened(cx, owner, peer)?;
    cx.live.lost.add(owner.account, cx.now);
    returning::give_back(cx, &owner.account)?;
    if is_ours {
        cx.live.transfer.moved_at = cx.now;
        cx.notices.push(Notice::Transfer);
    }
    parked::request(cx, &owner.account, &owner.device)
}

/// The machines hear to which devices there are streams.
fn streams_changed(cx: &mut Cx<'_, '_>) {
    let author = |at: &ContactPeer| Author::from_bytes(*at.device.as_bytes());
    let (contacts, opened) = (&mut cx.live.contacts, &cx.live.opened);
    let connected = contacts.iter().filter(|(peer, _)| opened.contains(peer)).map(|(_, at)| author(at));
    let connected: Arc<BTreeSet<Author>> = Arc::new(connected.collect());
    for at in contacts.values_mut() {
        at.sync.set_connected(author(at), Arc::clone(&connected));
    }
}

/// The sync stream to `peer` is gone.
pub(in crate::engine) fn closed(cx: &mut Cx<'_, '_>, peer: PeerKey) {
    let now = cx.now;
    let gone = cx.live.opened.remove(&peer);
    if gone {
        streams_changed(cx);
    }
    if cx.live.transfer.active {
        // Another device of ours may go on.
        cx.notices.push(Notice::Transfer);
    }
    if let Some(contact) = cx.live.contacts.get_mut(&peer) {
        cx.live.lost.add(contact.account, now);
        cx.live.keepers.away(contact.account, now);
        if gone && matches!(people::load(cx.tx, &contact.account), Ok(Some(contact)) if contact.is_paired()) {
            info!(contact = %contact.account.fmt_short(), "a contact disconnected");
        }
        // Back-offs are kept; a closed machine asks for nothing.
        let _ = contact.sync.handle(SyncInput::Disconnected, now);
    }
}

/// A frame on the peer's sync stream. That may be open before ours is.
pub(in crate::engine) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Vec<u8>) {
    if cx.live.opened.contains(&peer) {
        cx.notices.sync(peer, SyncInput::Frame(frame));
    } else {
        cx.live.unheard.keep(peer, frame);
    }
}

/// Begins anew with every open stream: what is in memory may be ahead of the store.
pub(in crate::engine) fn reopen(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    // Also what peers are known to have: a mark that could not be kept has to be told again.
    cx.live.contacts.clear();
    let open: Vec<PeerKey> = cx.live.opened.iter().copied().collect();
    open.into_iter().try_for_each(|peer| opened(cx, peer))
}

/// Time passed.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
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
            seen::note(cx.tx, &owner.device, cx.now)?;
            post::repair(cx, owner, peer)?;
            repair::ask(cx, owner, peer)?;
            parked::take_over(cx, &owner.device)?;
            parked::request(cx, &owner.account, &owner.device)?;
        }
    }
    gate::forgive(cx)
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

/// Connected devices with whom the channel is shared.
fn sharing(cx: &Cx<'_, '_>, id: &ChannelId) -> Result<Vec<PeerKey>, EngineError> {
    let channel = channels::by_id(cx.tx, id)?;
    Ok(channel.map(|channel| members::peers(cx, &channel)).unwrap_or_default())
}

/// What became of a run that came another way than from the device that is its bearer.
pub(in crate::engine) enum Came {
    /// Its entries are here, or it is worthless: it need not come again.
    Done,
    /// It does not fit yet: something before it is missing, or its author wrote too much lately.
    NotYet,
}

/// Takes a run that a device left for us elsewhere. Connected devices are told of what was taken.
pub(in crate::engine) fn came(
    cx: &mut Cx<'_, '_>,
    feed: FeedId,
    run: RunIn,
    from: DeviceRef,
) -> Result<Came, EngineError> {
    match take::apply(cx, &feed, run, from)? {
        Taken::Durable(head) => {
            for other in sharing(cx, &feed.channel)? {
                cx.notices.sync(other, SyncInput::Applied { feed, head });
            }
            Ok(Came::Done)
        }
        Taken::Anew => {
            sharing::publish(cx)?;
            if let Some(channel) = channels::by_id(cx.tx, &feed.channel)? {
                for other in members::peers(cx, &channel) {
                    sharing::share(cx, other, &channel)?;
                }
            }
            Ok(Came::NotYet)
        }
        Taken::Later(_) | Taken::Refused(Rejection::Busy) => Ok(Came::NotYet),
        Taken::Refused(reason) => {
            if reason == Rejection::Fork {
                for other in sharing(cx, &feed.channel)? {
                    cx.notices.sync(other, SyncInput::Frozen(feed));
                }
            }
            Ok(Came::Done)
        }
    }
}

/// Gives one machine an input and carries its effects out.
pub(in crate::engine) fn drive(cx: &mut Cx<'_, '_>, peer: PeerKey, input: SyncInput) -> Result<(), EngineError> {
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
            SyncEffect::Deliver { feed, run } => match take::apply(cx, &feed, run, DeviceRef { account, device })? {
                Taken::Durable(head) => {
                    for other in sharing(cx, &feed.channel)? {
                        cx.notices.sync(other, SyncInput::Applied { feed, head });
                    }
                }
                Taken::Anew => {
                    // What was written again is pushed before anything is compared.
                    sharing::publish(cx)?;
                    cx.notices.sync(peer, SyncInput::Rejected { feed, reason: Rejection::Busy });
                    if let Some(channel) = channels::by_id(cx.tx, &feed.channel)? {
                        for other in members::peers(cx, &channel) {
                            sharing::share(cx, other, &channel)?;
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
                if let Some(channel) = receipts::delivered(cx, feed.channel, feed.key(), seq, account, &device)? {
                    peers::told(cx, &channel)?;
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
