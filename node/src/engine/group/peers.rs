//! Which devices of members may connect, and what is shared with them.

use covey_feed::{SyncInput, spread};
use covey_pairing::group::roster::{Exit, OpId};
use covey_pairing::ids::{AccountId, DeviceId};

use super::rosters::{get, get_mut};
use super::standing::State;
use super::{chains, knock, membership, notes};
use crate::engine::channels::{self, Channel};
use crate::engine::live::ContactPeer;
use crate::engine::{Cx, Effect, EngineError, PeerKey, contacts, delivery, members, parcels, parked, sync, tables};

/// What somebody who is gone still has to be told has this time to reach them, in milliseconds.
const FAREWELL: u64 = 10_000;

/// Members that are no neighbours stay connected this long, in milliseconds.
const VISIT: u64 = 60_000;
/// So often, in milliseconds, members that are not connected are asked for keys, and those that do not open up whether we
/// are still members.
const ASK_ABSENT: u64 = 30_000;
/// With fewer connected neighbours than this, others stay as well.
const FEW: usize = 4;

/// Lets the devices of all members that are our neighbours in, and of those who let us in.
pub(super) fn allow_all(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    let Some(channel) = channels::by_no(cx.tx, no)? else { return Ok(()) };
    follow_graph(cx, &channel)?;
    let guides = get(cx, no).map(|group| group.guides.clone()).unwrap_or_default();
    for account in guides.into_iter().filter(|account| *account != cx.me.account_id()) {
        if super::includes(cx, no, &account) {
            allow(cx, &channel, &account)?;
        }
    }
    Ok(())
}

/// Lets those in who became neighbours since the size of the group was last looked at, and shuts those out who are none
/// any more and not connected. (Who is connected goes by [`part_from_far`].)
fn follow_graph(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    let (me, own) = (cx.me.account_id(), cx.me.device_id());
    let Some(group) = get(cx, channel.no).filter(|group| group.state == State::Joined) else { return Ok(()) };
    let (before, now) = (group.graph_size, spread::graph_size(group.size()));
    if before == now {
        return Ok(());
    }
    let graphs = (group.graph(before), group.graph(now));
    let changed = |device: &DeviceId| (before > 0 && graphs.0.is_edge(&own, device)) != graphs.1.is_edge(&own, device);
    let members = group.roster.members(None).filter(|(account, _)| **account != me);
    let changed: Vec<AccountId> =
        members.filter(|(_, member)| member.devices.iter().any(changed)).map(|(account, _)| *account).collect();
    if let Some(group) = get_mut(cx, channel.no) {
        group.graph_size = now;
    }
    for account in changed {
        allow(cx, channel, &account)?;
        for device in contacts::devices(cx.tx, &account)? {
            if !cx.live.contacts.contains_key(&device.peer) && !is_wanted(cx, &account, device.peer)? {
                cx.effects.push(Effect::Revoke { peer: device.peer });
            }
        }
    }
    Ok(())
}

/// Lets the devices of an account in that are our neighbours in some group.
pub(in crate::engine) fn allow_near(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    for no in super::shared_with(cx, account) {
        if let Some(channel) = channels::by_no(cx.tx, no)? {
            allow(cx, &channel, account)?;
        }
    }
    Ok(())
}

/// Lets a member that is no neighbour in for a while: it has to be told something.
pub(super) fn visit(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    for device in contacts::devices(cx.tx, account)? {
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
        let (_, near) = super::spread_for(cx, channel, &at.device)?;
        (!near && super::includes(cx, channel.no, &at.account)).then_some((*peer, at.account))
    };
    let far: Vec<_> = cx.live.contacts.iter().filter_map(far).collect();
    for (peer, account) in far {
        let at = cx.now.saturating_add(VISIT);
        cx.live.groups.parting.entry(peer).or_insert((account, at));
    }
}

/// Whether there is a reason to stay connected to a device.
fn is_wanted(cx: &Cx<'_, '_>, account: &AccountId, peer: PeerKey) -> Result<bool, EngineError> {
    if contacts::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired()) || super::point(cx, peer).is_some() {
        return Ok(true);
    }
    let Some(owner) = contacts::owner(cx.tx, peer)? else { return Ok(false) };
    for no in super::shared_with(cx, account) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        let Some((spread, near)) = super::spread_for(cx, &channel, &owner.device) else { continue };
        if near || spread.connected_neighbours() < FEW {
            return Ok(true);
        }
    }
    Ok(false)
}

fn allow(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    for device in contacts::devices(cx.tx, account)? {
        let near = super::spread_for(cx, channel, &device.id).is_some_and(|(_, near)| near);
        if near && !cx.live.penalties.contains_key(&device.peer) {
            cx.live.groups.parting.remove(&device.peer);
            cx.effects.push(Effect::Allow { peer: device.peer, addresses: device.addresses });
        }
    }
    Ok(())
}

/// Somebody is a member.
pub(super) fn joined(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    allow(cx, channel, account)?;
    for peer in peers_of(cx, account) {
        sync::share(cx, peer, channel)?;
    }
    Ok(())
}

/// The size of the group changed, and with it perhaps who is our neighbour.
pub(super) fn neighbours(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    for peer in members::peers(cx, channel) {
        let Some(device) = cx.live.contacts.get(&peer).map(|at| at.device) else { continue };
        if let Some((_, neighbour)) = super::spread_for(cx, channel, &device) {
            cx.notices.sync(peer, SyncInput::Neighbour { channel: channel.id, neighbour });
        }
    }
    part_from_far(cx, channel);
    follow_graph(cx, channel)
}

fn peers_of(cx: &Cx<'_, '_>, account: &AccountId) -> Vec<PeerKey> {
    cx.live.contacts.iter().filter(|(_, at)| at.account == *account).map(|(peer, _)| *peer).collect()
}

/// The channel is shared with everyone who is connected and may have it.
pub(super) fn share_anew(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    for peer in members::peers(cx, channel) {
        sync::share(cx, peer, channel)?;
    }
    Ok(())
}

/// Somebody is a member no more.
pub(super) fn left(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    account: &AccountId,
    joined: OpId,
    exit: Option<Exit>,
) -> Result<(), EngineError> {
    for device in contacts::devices(cx.tx, account)? {
        if matches!(exit, Some(Exit::Removed | Exit::Banned)) {
            // Nobody shows them the operation any more.
            notes::post(cx, &device, &notes::Note::Removed(channel.id, joined), None)?;
            cx.tx.put(&tables::parting(&device.id), &(*account, device.id))?;
        }
        cx.notices.sync(device.peer, SyncInput::ChannelRemoved(channel.id));
        part(cx, *account, device.peer);
    }
    Ok(())
}

fn part(cx: &mut Cx<'_, '_>, account: AccountId, peer: PeerKey) {
    let at = cx.now.saturating_add(FAREWELL);
    cx.live.groups.parting.insert(peer, (account, at));
}

/// After a start: those who were still to be told that they are out have that time again.
pub(super) fn resume_partings(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for (key, (account, id)) in cx.tx.scan::<(AccountId, DeviceId)>(&tables::partings(), None, usize::MAX, false)? {
        match contacts::device(cx.tx, &account, &id)? {
            Some(device) => {
                cx.effects.push(Effect::Allow { peer: device.peer, addresses: device.addresses });
                part(cx, account, device.peer);
            }
            None => {
                parcels::forget(cx, &id)?;
                cx.tx.delete(&key);
            }
        }
    }
    Ok(())
}

/// We are a member no more. Who left by themselves tells the others first.
pub(super) fn went_out(cx: &mut Cx<'_, '_>, channel: &Channel, state: State) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let Some(group) = get_mut(cx, channel.no) else { return Ok(()) };
    let others: Vec<AccountId> =
        group.roster.members(None).map(|(account, _)| *account).filter(|account| *account != me).collect();
    group.state = state;
    group.guides.clear();
    group.graph_size = 0;
    if state == State::Left {
        group.farewell = others.into_iter().collect();
        return Ok(());
    }
    group.farewell.clear();
    close(cx, channel, others)
}

/// Nothing of the channel is shared any more.
fn close(cx: &mut Cx<'_, '_>, channel: &Channel, others: Vec<AccountId>) -> Result<(), EngineError> {
    for account in others {
        for device in contacts::devices(cx.tx, &account)? {
            cx.notices.sync(device.peer, SyncInput::ChannelRemoved(channel.id));
            part(cx, account, device.peer);
        }
    }
    Ok(())
}

/// After a start: whether it still has to be told that we left.
pub(super) fn resume_farewell(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    if delivery::is_told(cx.tx, channel, &cx.me.device_id())? {
        return Ok(());
    }
    let me = cx.me.account_id();
    if let Some(group) = get_mut(cx, channel.no) {
        group.farewell =
            group.roster.members(None).map(|(account, _)| *account).filter(|account| *account != me).collect();
    }
    Ok(())
}

/// A member durably has all that we wrote: if we left, it is known now.
pub(in crate::engine) fn told(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    let Some(group) = get_mut(cx, channel.no) else { return Ok(()) };
    if group.farewell.is_empty() {
        return Ok(());
    }
    let others = std::mem::take(&mut group.farewell).into_iter().collect();
    close(cx, channel, others)
}

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
        if let Some(owner) = contacts::owner(cx.tx, peer)? {
            parcels::forget_unless_known(cx, &account, &owner.device)?;
            cx.tx.delete(&tables::parting(&owner.device));
        }
        members::parted(cx, &account, peer)?;
        part_if_unwanted(cx, account, peer)?;
    }
    if cx.live.groups.keys_asked_at.abs_diff(now) >= ASK_ABSENT && !cx.live.groups.by_no.is_empty() {
        cx.live.groups.keys_asked_at = now;
        parked::request_of_absent(cx)?;
        membership::ask(cx)?;
    }
    knock::tick(cx)?;
    chains::tick(cx)
}

fn part_if_unwanted(cx: &mut Cx<'_, '_>, account: AccountId, peer: PeerKey) -> Result<(), EngineError> {
    if !is_wanted(cx, &account, peer)? {
        members::shut_out(cx, peer);
    }
    Ok(())
}

/// When [`tick`] next has something to do.
pub(in crate::engine) fn next_wake(groups: &super::Groups) -> Option<u64> {
    let parting = groups.parting.values().map(|(_, at)| *at);
    let chains = groups.by_no.values().filter_map(|group| group.hand_out_at);
    parting.chain(chains).chain(knock::next_wake(groups)).min()
}
