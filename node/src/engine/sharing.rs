//! What the sync machines of connected devices are told: which channels are shared with them, and what we wrote.

use std::collections::BTreeSet;
use std::sync::Arc;

use covey_feed::sync::{SharedChannel, SharedGroup};
use covey_feed::{Author, FeedId, SyncInput};
use covey_pairing::ids::AccountId;

use crate::engine::members::{self, rosters};
use crate::engine::notices::Notice;
use crate::engine::records::channels::{self, Channel, Kind};
use crate::engine::records::feeds;
use crate::engine::{Cx, EngineError, PeerKey};
use crate::store::Tx;

/// Signs what was appended to feeds of our own, one signature for each feed, and pushes it: once for all inputs that share a
/// transaction, and before anything that changes who hears of it.
///
/// # Errors
/// Those of the store.
pub(super) fn publish(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for mut tail in cx.appended.take() {
        let Some(channel) = channels::by_no(cx.tx, tail.channel)? else { continue };
        let feed = FeedId::new(channel.id, tail.key);
        cx.notices.push(Notice::Wrote(channel.no));
        for (run, head) in tail.runs(&cx.me, cx.tx)? {
            let run = Arc::new(run);
            for peer in members::peers(cx, &channel) {
                cx.notices.sync(peer, SyncInput::Appended { feed, head, run: Arc::clone(&run) });
            }
            // Perhaps nobody is connected whose machine has done it.
            rosters::advance(cx, &channel, tail.key, head);
        }
    }
    Ok(())
}

/// A channel was opened with a contact that may be connected already.
pub(super) fn channel_opened(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    cx.notices.push(Notice::Opened(channel.id));
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
    let Some((spread, neighbour)) = rosters::spread_for(cx, channel, &device) else {
        return Ok(Some(SyncInput::ChannelAdded(shared_channel(cx.tx, channel)?)));
    };
    let mut frozen = BTreeSet::new();
    for feed in feeds::all(cx.tx, channel.no)? {
        if members::cut(cx, channel, &feed.key)?.is_some_and(|last| feed.head.map_or(0, |head| head.seq) >= last) {
            frozen.insert(feed.key);
        }
    }
    let (id, activity) = (channel.id, channel.active_at);
    let peer = Author::from_bytes(*device.as_bytes());
    Ok(Some(SyncInput::GroupAdded(SharedGroup { id, spread, peer, neighbour, frozen, activity })))
}

/// Nothing more of a feed is asked for or taken.
pub(super) fn frozen(cx: &mut Cx<'_, '_>, channel: &Channel, feed: FeedId) {
    members::peers(cx, channel).into_iter().for_each(|peer| cx.notices.sync(peer, SyncInput::Frozen(feed)));
}

/// A channel was closed. Its members may still be connected, for a group that they share with us. Our own devices go on sharing a conversation.
pub(super) fn channel_closed(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    publish(cx)?;
    let of = |account: &AccountId| match channel.kind() {
        Kind::Direct(contact) => contact == *account,
        Kind::Group(_) | Kind::Own => members::includes(cx, channel, account),
    };
    let peers: Vec<_> = cx.live.contacts.iter().filter(|(_, at)| of(&at.account)).map(|(peer, _)| *peer).collect();
    peers.into_iter().for_each(|peer| cx.notices.sync(peer, SyncInput::ChannelRemoved(channel.id)));
    Ok(())
}

pub(super) fn shared_channel(tx: &Tx<'_>, channel: &Channel) -> Result<SharedChannel, EngineError> {
    let feeds = feeds::all(tx, channel.no)?;
    let frozen: BTreeSet<_> = feeds.iter().filter(|feed| feed.frozen).map(|feed| feed.key).collect();
    let heads = feeds.iter().filter_map(feeds::Feed::end).collect();
    Ok(SharedChannel { id: channel.id, heads, frozen, activity: channel.active_at })
}
