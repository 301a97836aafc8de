//! Which devices may connect: those of paired contacts, and of members those that are our neighbours in a group.

use covey_feed::spread;
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::cx::Cx;
use crate::engine::effect::{Effect, PeerKey};
use crate::engine::error::EngineError;
use crate::engine::live::ContactPeer;
use crate::engine::members::{self, rosters};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::standing::State;
use crate::engine::records::{devices, people};

/// What somebody who is gone still has to be told has this time to reach them, in milliseconds.
const FAREWELL: u64 = 10_000;

/// Members that are no neighbours stay connected this long, in milliseconds.
const VISIT: u64 = 60_000;

/// With fewer connected neighbours than this, others stay as well.
const FEW: usize = 4;

/// Lets the devices of all members that are our neighbours in, and of those who let us in.
pub(super) fn allow_all(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    let Some(channel) = channels::by_no(cx.tx, no)? else { return Ok(()) };
    follow_graph(cx, &channel)?;
    let guides = rosters::get(cx, no).map(|group| group.guides.clone()).unwrap_or_default();
    for account in guides {
        if !cx.me.is_ours(&account) && rosters::includes(cx, no, &account) {
            allow(cx, &channel, &account)?;
        }
    }
    Ok(())
}

/// Lets those in who became neighbours since the size of the group was last looked at, and shuts those out who are none
/// any more and not connected. (Who is connected goes by [`part_from_far`].)
pub(super) fn follow_graph(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    let (me, own) = (cx.me.account_id(), cx.me.device_id());
    let Some(group) = rosters::get(cx, channel.no).filter(|group| group.state == State::Joined) else { return Ok(()) };
    let (before, now) = (group.graph_size, spread::graph_size(group.size()));
    if before == now {
        return Ok(());
    }
    let graphs = (group.graph(before), group.graph(now));
    let changed = |device: &DeviceId| (before > 0 && graphs.0.is_edge(&own, device)) != graphs.1.is_edge(&own, device);
    let members = group.roster.members(None).filter(|(account, _)| **account != me);
    let changed: Vec<AccountId> =
        members.filter(|(_, member)| member.devices.iter().any(changed)).map(|(account, _)| *account).collect();
    if let Some(group) = rosters::get_mut(cx, channel.no) {
        group.graph_size = now;
    }
    for account in changed {
        allow(cx, channel, &account)?;
        for device in devices::devices(cx.tx, &account)? {
            if !cx.live.contacts.contains_key(&device.peer) && !is_wanted(cx, &account, device.peer)? {
                cx.effects.push(Effect::Revoke { peer: device.peer });
            }
        }
    }
    Ok(())
}

/// Lets the devices of an account in that are our neighbours in some group.
pub(super) fn allow_near(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    for no in rosters::shared_with(cx, account) {
        if let Some(channel) = channels::by_no(cx.tx, no)? {
            allow(cx, &channel, account)?;
        }
    }
    Ok(())
}

/// Lets a member that is no neighbour in for a while: it has to be told something.
pub(super) fn visit(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        if cx.live.penalties.contains_key(&device.peer) {
            continue;
        }
        cx.effects.push(Effect::Allow { peer: device.peer, addresses: device.addresses });
        let at = cx.now.saturating_add(VISIT);
        cx.live.groups.parting.entry(device.peer).or_insert((*account, at));
    }
    Ok(())
}

/// Those who are connected and no neighbours go after a while, if there are neighbours.
pub(super) fn part_from_far(cx: &mut Cx<'_, '_>, channel: &Channel) {
    let far = |(peer, at): (&PeerKey, &ContactPeer)| {
        let (_, near) = rosters::spread_for(cx, channel, &at.device)?;
        (!near && rosters::includes(cx, channel.no, &at.account)).then_some((*peer, at.account))
    };
    let far: Vec<_> = cx.live.contacts.iter().filter_map(far).collect();
    for (peer, account) in far {
        let at = cx.now.saturating_add(VISIT);
        cx.live.groups.parting.entry(peer).or_insert((account, at));
    }
}

/// Whether there is a reason to stay connected to a device.
fn is_wanted(cx: &Cx<'_, '_>, account: &AccountId, peer: PeerKey) -> Result<bool, EngineError> {
    let is_paired = people::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired());
    if is_paired || cx.me.is_ours(account) || rosters::point(cx, peer).is_some() {
        return Ok(true);
    }
    let Some(owner) = devices::owner(cx.tx, peer)? else { return Ok(false) };
    for no in rosters::shared_with(cx, account) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        let Some((spread, near)) = rosters::spread_for(cx, &channel, &owner.device) else { continue };
        if near || spread.connected_neighbours() < FEW {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn allow(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        let near = rosters::spread_for(cx, channel, &device.id).is_some_and(|(_, near)| near);
        if near && !cx.live.penalties.contains_key(&device.peer) {
            cx.live.groups.parting.remove(&device.peer);
            cx.effects.push(Effect::Allow { peer: device.peer, addresses: device.addresses });
        }
    }
    Ok(())
}

pub(super) fn part(cx: &mut Cx<'_, '_>, account: AccountId, peer: PeerKey) {
    let at = cx.now.saturating_add(FAREWELL);
    cx.live.groups.parting.insert(peer, (account, at));
}

pub(super) fn part_if_unwanted(cx: &mut Cx<'_, '_>, account: AccountId, peer: PeerKey) -> Result<(), EngineError> {
    if !is_wanted(cx, &account, peer)? {
        members::shut_out(cx, peer);
    }
    Ok(())
}

/// Opens the gate for every device of a paired contact, or for our own other ones.
pub(super) fn allow_contact(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        if cx.live.penalties.contains_key(&device.peer) {
            continue;
        }
        cx.effects.push(Effect::Allow { peer: device.peer, addresses: device.addresses });
    }
    Ok(())
}

/// Lets devices in again whose penalty is over.
pub(super) fn forgive(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let over: Vec<PeerKey> = cx.live.penalties.iter().filter(|(_, at)| **at <= cx.now).map(|(peer, _)| *peer).collect();
    for peer in over {
        cx.live.penalties.remove(&peer);
        if let Some(owner) = members::peer(cx, peer)?
            && let Some(device) = devices::device(cx.tx, &owner.account, &owner.device)?
        {
            cx.effects.push(Effect::Allow { peer, addresses: device.addresses });
        }
    }
    Ok(())
}
