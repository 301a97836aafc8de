//! Members who come and go, and we ourselves: what is shared with whom from then on.

use covey_feed::SyncInput;
use covey_pairing::group::roster::{Exit, OpId};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::members::{self, rosters};
use crate::engine::outbound::{notes, post};
use crate::engine::records::channels::Channel;
use crate::engine::records::standing::State;
use crate::engine::records::{devices, marks};
use crate::engine::wire::note;
use crate::engine::{Cx, Effect, EngineError, PeerKey, gate, sharing, tables};

/// Somebody is a member.
pub(in crate::engine) fn joined(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    account: &AccountId,
) -> Result<(), EngineError> {
    gate::allow(cx, channel, account)?;
    for peer in peers_of(cx, account) {
        sharing::share(cx, peer, channel)?;
    }
    Ok(())
}

/// The size of the group changed, and with it perhaps who is our neighbour.
pub(in crate::engine) fn neighbours(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    for peer in members::peers(cx, channel) {
        let Some(device) = cx.live.contacts.get(&peer).map(|at| at.device) else { continue };
        if let Some((_, neighbour)) = rosters::spread_for(cx, channel, &device) {
            cx.notices.sync(peer, SyncInput::Neighbour { channel: channel.id, neighbour });
        }
    }
    gate::part_from_far(cx, channel);
    gate::follow_graph(cx, channel)
}

fn peers_of(cx: &Cx<'_, '_>, account: &AccountId) -> Vec<PeerKey> {
    cx.live.contacts.iter().filter(|(_, at)| at.account == *account).map(|(peer, _)| *peer).collect()
}

/// The channel is shared with everyone who is connected and may have it.
pub(in crate::engine) fn share_anew(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    for peer in members::peers(cx, channel) {
        sharing::share(cx, peer, channel)?;
    }
    Ok(())
}

/// Somebody is a member no more.
pub(in crate::engine) fn left(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    account: &AccountId,
    joined: OpId,
    exit: Option<Exit>,
) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        if matches!(exit, Some(Exit::Removed | Exit::Banned)) {
            // Nobody shows them the operation any more.
            notes::post(cx, &device, &note::Note::Removed(channel.id, joined), None)?;
            cx.tx.put(&tables::parting(&device.id), &(*account, device.id))?;
        }
        cx.notices.sync(device.peer, SyncInput::ChannelRemoved(channel.id));
        gate::part(cx, *account, device.peer);
    }
    Ok(())
}

/// After a start: those who were still to be told that they are out have that time again.
pub(in crate::engine) fn resume_partings(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for (key, (account, id)) in cx.tx.scan::<(AccountId, DeviceId)>(&tables::partings(), None, usize::MAX, false)? {
        match devices::device(cx.tx, &account, &id)? {
            Some(device) => {
                cx.effects.push(Effect::Allow { peer: device.peer, addresses: device.addresses });
                gate::part(cx, account, device.peer);
            }
            None => {
                post::forget(cx, &id)?;
                cx.tx.delete(&key);
            }
        }
    }
    Ok(())
}

/// We are a member no more. Who left by themselves tells the others first.
pub(in crate::engine) fn went_out(cx: &mut Cx<'_, '_>, channel: &Channel, state: State) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let Some(group) = rosters::get_mut(cx, channel.no) else { return Ok(()) };
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
        for device in devices::devices(cx.tx, &account)? {
            cx.notices.sync(device.peer, SyncInput::ChannelRemoved(channel.id));
            gate::part(cx, account, device.peer);
        }
    }
    Ok(())
}

/// After a start: whether it still has to be told that we left.
pub(in crate::engine) fn resume_farewell(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    if marks::is_told(cx.tx, channel, &cx.me.device_id())? {
        return Ok(());
    }
    let me = cx.me.account_id();
    if let Some(group) = rosters::get_mut(cx, channel.no) {
        group.farewell =
            group.roster.members(None).map(|(account, _)| *account).filter(|account| *account != me).collect();
    }
    Ok(())
}

/// A member durably has all that we wrote: if we left, it is known now.
pub(in crate::engine) fn told(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    let Some(group) = rosters::get_mut(cx, channel.no) else { return Ok(()) };
    if group.farewell.is_empty() {
        return Ok(());
    }
    let others = std::mem::take(&mut group.farewell).into_iter().collect();
    close(cx, channel, others)
}
