//! Members whose account is contested: two recoveries of it contradict each other, or a device of before objects to one. Which of the devices are
//! the person's nobody knows until people have compared safety numbers.
//!
//! Until then an account is frozen here: what its devices wrote after the dispute was seen is kept and hidden, and they are given no keys to what
//! we write. The roster is not touched: it is the same for all members, and each of them may know of the dispute or not.

use covey_pairing::group::roster::Exit;
use covey_pairing::ids::{AccountId, DeviceId};
use serde_bytes::ByteArray;
use tracing::warn;

use crate::engine::group::content;
use crate::engine::members::rosters;
use crate::engine::records::disputes::{self, End, Frozen};
use crate::engine::records::feeds::Feed;
use crate::engine::records::{channels, devices, people};
use crate::engine::sealing::chains;
use crate::engine::{Cx, EngineError, tables};

/// Fills the memory from the store. Called before anything is judged.
pub(super) fn load(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let frozen = disputes::all(cx.tx)?;
    cx.live.groups.frozen = frozen.into_iter().map(|frozen| (frozen.account, frozen)).collect();
    Ok(())
}

/// Accounts that were contested before this was noted, by an earlier covey.
pub(super) fn catch_up(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for contact in people::all(cx.tx)? {
        changed(cx, &contact.account)?;
    }
    Ok(())
}

/// [DISPUTE-1] Something was learned of how an account stands.
pub(in crate::engine) fn changed(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let contested = devices::card(cx.tx, account)?.is_some_and(|card| card.is_contested());
    match (contested, cx.live.groups.frozen.contains_key(account)) {
        (true, false) => freeze(cx, account),
        (false, true) => thaw(cx, account),
        _ => Ok(()),
    }
}

fn freeze(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    warn!(account = %account.fmt_short(), "a member's account is contested; nothing new of it is shown, and it is given no keys");
    let mut frozen = Frozen { account: *account, at: cx.now, ends: Vec::new() };
    for no in rosters::shared_with(cx, account) {
        let devices = devices_of(cx, no, account);
        for device in &devices {
            for (_, feed) in cx.tx.scan::<Feed>(&tables::feeds_of(no, device.as_bytes()), None, usize::MAX, false)? {
                let Some(head) = feed.head else { continue };
                frozen.ends.push(End(no, ByteArray::new(*device.as_bytes()), feed.key.incarnation, head.seq));
            }
        }
        // What they were given opens nothing that we write from now on.
        chains::left(cx, no, &devices, Some(Exit::Removed))?;
    }
    disputes::save(cx.tx, &frozen)?;
    cx.live.groups.ahead = true;
    cx.live.groups.frozen.insert(*account, frozen);
    Ok(())
}

/// People compared: what is theirs counts again, and they are given keys.
fn thaw(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    disputes::forget(cx.tx, account);
    cx.live.groups.ahead = true;
    cx.live.groups.frozen.remove(account);
    for no in rosters::shared_with(cx, account) {
        let Some(mut channel) = channels::by_no(cx.tx, no)? else { continue };
        content::judge_anew(cx, &mut channel, &[Some(*account)], None)?;
        channel.save(cx.tx)?;
        let devices = devices_of(cx, no, account);
        chains::joined(cx, no, &devices)?;
    }
    Ok(())
}

fn devices_of(cx: &Cx<'_, '_>, no: u64, account: &AccountId) -> Vec<DeviceId> {
    let devices = rosters::get(cx, no).into_iter().flat_map(|group| &group.devices);
    devices.filter(|(_, of)| *of == account).map(|(device, _)| *device).collect()
}
