//! Our chain, given to those who still have to get it.

use covey_pairing::group::cipher::{GroupCipher, SenderKeys};
use covey_pairing::ids::DeviceId;
use tracing::debug;

use crate::engine::live::groups::{self, OnRoster};
use crate::engine::members::{dormant, rosters};
use crate::engine::outbound::control;
use crate::engine::sealing::chains;
use crate::engine::{Cx, EngineError, tables};

/// Devices given our chain at a time.
const AT_ONCE: usize = 64;

/// Pause between two such batches, in milliseconds: other work goes on meanwhile.
const PAUSE: u64 = 200;

/// Gives our chain to some of those who still have to get it. Called again until all have it.
pub(in crate::engine) fn hand_out(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    let Some((chain, mut work)) = chains::own(cx, no)? else { return Ok(()) };
    if chain.chain().is_none() || work.is_done() {
        if let Some(group) = rosters::get_mut(cx, no) {
            group.hand_out_at = None;
        }
        return Ok(());
    }
    let Some(group) = rosters::get(cx, no) else { return Ok(()) };
    let handouts = work.next(AT_ONCE, &OnRoster(&group.roster));
    let done = work.is_done();
    cx.tx.put(&tables::chain_work(no), &work)?;
    for handout in handouts {
        if let Some(bytes) = SenderKeys::handout(&chain, handout.from) {
            give(cx, no, &handout.device, bytes)?;
        }
    }
    let at = (!done).then_some(cx.now.saturating_add(PAUSE));
    if let Some(group) = rosters::get_mut(cx, no) {
        group.hand_out_at = at;
    }
    Ok(())
}

fn give(cx: &mut Cx<'_, '_>, no: u64, device: &DeviceId, chain: Vec<u8>) -> Result<(), EngineError> {
    let Some(account) = rosters::get(cx, no).and_then(|group| group.devices.get(device)).copied() else {
        return Ok(());
    };
    if cx.me.is_ours(&account) && cx.me.is_this_device(device) {
        return Ok(());
    }
    // [DORMANT-1]
    let awake = dormant::awake(cx, &account)?;
    match awake.into_iter().find(|known| known.id == *device) {
        Some(known) => control::give_chain(cx, no, &account, &known, chain),
        None => {
            debug!(device = %device.fmt_short(), "no card of this member's device, or it is dormant; it will ask for the key");
            Ok(())
        }
    }
}

/// Chains are handed out further.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let due = |group: &groups::Group, now: u64| group.hand_out_at.is_some_and(|at| at <= now);
    let now = cx.now;
    let due: Vec<u64> = cx.live.groups.by_no.iter().filter(|(_, group)| due(group, now)).map(|(no, _)| *no).collect();
    for no in due {
        hand_out(cx, no)?;
    }
    Ok(())
}
