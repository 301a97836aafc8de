//! The owner: how its keepers answer, as this device sees it, and what clients are told of that.

use covey_api::EventKind;
use covey_pairing::keeper::Room;
use tracing::warn;

use crate::engine::contacts::renewal;
use crate::engine::records::mailboxes::{self, Mine, Stands};
use crate::engine::shown::keeper;
use crate::engine::{Cx, EngineError, PeerKey, journal};

/// A keeper is none any more, by this device or another one.
pub(super) fn forgotten(cx: &mut Cx<'_, '_>, gone: &Mine) -> Result<(), EngineError> {
    cx.live.keepers.fetching.remove(&gone.peer());
    cx.live.keepers.heard(gone.peer());
    cx.live.keepers.changed = true;
    told(cx, gone)?;
    if gone.invites.is_some() { renewal::renewed(cx) } else { Ok(()) }
}

/// Tells clients how a keeper of ours stands.
pub(super) fn told(cx: &mut Cx<'_, '_>, mine: &Mine) -> Result<(), EngineError> {
    let shown = keeper::mine(cx, mine)?;
    journal::record(cx, EventKind::KeeperChanged, &shown)
}

/// Something was heard of a keeper of ours: what it says of the room that we have.
pub(super) fn heard(cx: &mut Cx<'_, '_>, mut mine: Mine, room: Room) -> Result<(), EngineError> {
    let was_full = mine.room.is_some_and(|room| room.refused);
    let is_news = (mine.stands != Stands::Keeps) | (was_full != room.refused) | cx.live.keepers.heard(mine.peer());
    mine.stands = Stands::Keeps;
    mine.answered(room, cx.now);
    mine.save(cx.tx);
    if is_news { told(cx, &mine) } else { Ok(()) }
}

/// A peer is gone: if it is a keeper of ours, it is told of when it does not come back.
pub(super) fn peer_went(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.stands == Stands::Keeps) else {
        return Ok(());
    };
    cx.live.keepers.lost(peer, cx.now);
    mine.reached = Some(cx.now);
    mine.save(cx.tx);
    Ok(())
}

/// Time passed: keepers that were not heard of for an hour are told of.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for peer in cx.live.keepers.fell_silent(cx.now) {
        match mailboxes::mine(cx.tx, peer)? {
            Some(mine) => {
                warn!("a keeper of this account has not answered for an hour; see `covey keeper list`");
                told(cx, &mine)?;
            }
            None => drop(cx.live.keepers.heard(peer)),
        }
    }
    Ok(())
}
