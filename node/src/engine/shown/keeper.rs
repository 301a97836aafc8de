//! Keepers as clients see them: ours, those whose mail this node keeps, and who asked whom.

use covey_api::{Keeper, KeeperRole, KeeperState, Time};

use crate::engine::records::keeper_requests::{Answer, Asked, Wanted};
use crate::engine::records::keeping::{self, Owner};
use crate::engine::records::mailboxes::{Mine, Stands};
use crate::engine::records::{devices, people};
use crate::engine::{Cx, EngineError, PeerKey};

/// A clock that is off by more seconds than this is told of.
const CLOCK_OFF: u64 = 3_600;

/// A keeper of ours.
pub(in crate::engine) fn mine(cx: &Cx<'_, '_>, mine: &Mine) -> Result<Keeper, EngineError> {
    let owner = devices::owner(cx.tx, mine.peer())?;
    let name = owner.map(|owner| people::name_of(cx.tx, &owner.account)).transpose()?.flatten();
    let used = mine.room.map(|room| room.used).unwrap_or_default();
    Ok(Keeper {
        keeper: mine.keeper.id.to_string(),
        name,
        role: KeeperRole::Mine,
        reached: reached(cx, mine.peer(), mine.reached).map(Time::from_unix_ms),
        used: used.bytes,
        limit: mine.room.map_or(0, |room| room.limit),
        parcels: used.parcels,
        refused: mine.room.is_some_and(|room| room.refused),
        state: match mine.stands {
            Stands::Asked => KeeperState::Asked,
            Stands::Keeps if cx.live.keepers.is_silent(mine.peer()) => KeeperState::Unreached,
            Stands::Keeps => KeeperState::Keeps,
            Stands::Refused => KeeperState::Refused,
            Stands::Removed => KeeperState::Removed,
        },
        clock_off: mine.ahead.map(|ahead| ahead / 1_000).filter(|ahead| ahead.unsigned_abs() > CLOCK_OFF),
    })
}

/// When a peer was last in touch: now, if it is connected.
fn reached(cx: &Cx<'_, '_>, peer: PeerKey, before: Option<u64>) -> Option<u64> {
    if cx.live.connected.contains(&peer) { Some(cx.now) } else { before }
}

/// An account whose mail this node keeps.
pub(in crate::engine) fn held(cx: &Cx<'_, '_>, owner: &Owner) -> Result<Keeper, EngineError> {
    let used = keeping::used(cx.tx, &owner.account)?;
    let reached = owner.peers.iter().filter_map(|peer| reached(cx, *peer, Some(owner.seen))).max();
    Ok(Keeper {
        keeper: owner.account.to_string(),
        name: people::name_of(cx.tx, &owner.account)?.or_else(|| owner.name.clone()),
        role: KeeperRole::Held,
        reached: reached.map(Time::from_unix_ms),
        used: used.used.bytes,
        limit: owner.limit,
        parcels: used.used.parcels,
        refused: used.refused,
        state: KeeperState::Keeps,
        clock_off: None,
    })
}

/// A contact who asked that this node keeps its mail.
pub(in crate::engine) fn wanted(cx: &Cx<'_, '_>, wanted: &Wanted) -> Result<Keeper, EngineError> {
    let state = match wanted.answer {
        Answer::None => KeeperState::Requested,
        Answer::Yes => KeeperState::Asked,
        Answer::No => KeeperState::Refused,
    };
    of_nothing(cx, &wanted.account, KeeperRole::Held, state)
}

/// A contact whom we asked.
pub(in crate::engine) fn asked(cx: &Cx<'_, '_>, asked: &Asked) -> Result<Keeper, EngineError> {
    let state = if asked.refused { KeeperState::Refused } else { KeeperState::Asked };
    of_nothing(cx, &asked.account, KeeperRole::Mine, state)
}

fn of_nothing(
    cx: &Cx<'_, '_>,
    account: &covey_pairing::ids::AccountId,
    role: KeeperRole,
    state: KeeperState,
) -> Result<Keeper, EngineError> {
    let (keeper, name) = (account.to_string(), people::name_of(cx.tx, account)?);
    let (used, limit, parcels) = (0, 0, 0);
    Ok(Keeper { keeper, name, role, reached: None, used, limit, parcels, refused: false, state, clock_off: None })
}
