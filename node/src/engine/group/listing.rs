//! Our devices on rosters: a list of them that is not that of our key log is written anew by one of those that are on it.

use std::collections::BTreeSet;

use covey_pairing::ids::DeviceId;
use tracing::{info, warn};

use crate::engine::group::ops;
use crate::engine::members::rosters;
use crate::engine::records::channels;
use crate::engine::{Cx, EngineError};

/// Our account has other devices than before: the first one that is on a roster tells that group.
pub(in crate::engine) fn changed(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    renew(cx, true)
}

/// Now and then: the first one may be gone.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    renew(cx, false)
}

/// [MEMBER-1] Writes our list of devices into the groups that have another one.
fn renew(cx: &mut Cx<'_, '_>, only_first: bool) -> Result<(), EngineError> {
    let (me, this) = (cx.me.account_id(), cx.me.device_id());
    let active: Vec<DeviceId> = cx.me.key_log.active().map(|device| device.keys.id).collect();
    let now: BTreeSet<&DeviceId> = active.iter().collect();
    let mut outdated = Vec::new();
    for (no, group) in &cx.live.groups.by_no {
        let Some(member) = group.own(&me) else { continue };
        let listed: BTreeSet<&DeviceId> = member.devices.iter().collect();
        let first = active.iter().find(|device| listed.contains(device));
        let may = match first {
            Some(first) => listed.contains(&this) && (!only_first || *first == this),
            // [MEMBER-4] Those of a recovered account bring themselves.
            None => rosters::is_behind(cx, *no)? && (!only_first || active.first() == Some(&this)),
        };
        if listed != now && may {
            outdated.push(*no);
        }
    }
    for no in outdated {
        let Some(mut channel) = channels::by_no(cx.tx, no)? else { continue };
        info!(group = %channel.id.fmt_short(), "the group is told which devices this account has");
        if let Err(error) = ops::list_devices(cx, &mut channel) {
            warn!(group = %channel.id.fmt_short(), %error, "the group cannot be told which devices this account has");
        }
    }
    Ok(())
}
