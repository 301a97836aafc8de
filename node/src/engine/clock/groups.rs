//! What happens in groups when time passes.

use covey_pairing::ids::AccountId;

use crate::engine::group::membership;
use crate::engine::live::groups;
use crate::engine::outbound::{handing, knock, post};
use crate::engine::records::devices;
use crate::engine::replication::parked;
use crate::engine::{Cx, EngineError, PeerKey, gate, members, tables};

/// So often, in milliseconds, members that are not connected are asked for keys, and those that do not open up whether we
/// are still members.
const ASK_ABSENT: u64 = 30_000;

/// Time passed.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let now = cx.now;
    let over: Vec<(PeerKey, AccountId)> = cx
        .live
        .groups
        .parting
        .iter()
        .filter(|(_, (_, at))| *at <= now)
        .map(|(peer, (account, _))| (*peer, *account))
        .collect();
    for (peer, account) in over {
        cx.live.groups.parting.remove(&peer);
        if let Some(owner) = devices::owner(cx.tx, peer)? {
            post::forget_unless_known(cx, &account, &owner.device)?;
            cx.tx.delete(&tables::parting(&owner.device));
        }
        members::parted(cx, &account, peer)?;
        gate::part_if_unwanted(cx, account, peer)?;
    }
    if cx.live.groups.keys_due.is_some_and(|at| at <= now) {
        cx.live.groups.keys_due = None;
        parked::request_of_all(cx)?;
    }
    if cx.live.groups.keys_asked_at.abs_diff(now) >= ASK_ABSENT && !cx.live.groups.by_no.is_empty() {
        cx.live.groups.keys_asked_at = now;
        parked::request_of_absent(cx)?;
        membership::ask(cx)?;
    }
    knock::tick(cx)?;
    handing::tick(cx)
}

/// When [`tick`] next has something to do.
pub(in crate::engine) fn next_wake(groups: &groups::Groups) -> Option<u64> {
    let parting = groups.parting.values().map(|(_, at)| *at);
    let chains = groups.by_no.values().filter_map(|group| group.hand_out_at);
    parting.chain(chains).chain(groups.keys_due).chain(knock::next_wake(groups)).min()
}
