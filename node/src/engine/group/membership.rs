//! "Am I still a member?" Members shut out whom they removed. Who was away then, and is nobody's contact, would never hear of
//! it: if nobody speaks of a group to them, they look for members who could have removed them, and ask.

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::ChannelId;
use covey_pairing::group::roster::{Exit, OpId};
use covey_pairing::identity::{ContactCard, Device};
use covey_pairing::ids::{AccountId, GroupId};
use rand::seq::IteratorRandom;
use rand_core::Rng as _;
use serde_bytes::ByteBuf;

use crate::engine::contacts::cards;
use crate::engine::group::changes;
use crate::engine::live::ContactPeer;
use crate::engine::members::{rights, rosters};
use crate::engine::records::devices::{self, ContactDevice, DeviceRef};
use crate::engine::records::standing::State;
use crate::engine::records::{channels, people};
use crate::engine::sealing::sessions;
use crate::engine::wire::knock::{
    ANSWER, INTRODUCED, Introduced, MAX_KNOCK, MAX_MEMBERSHIP, Membership, QUESTION, VERSION,
};
use crate::engine::{Cx, EngineError, PeerKey, card, gate, outbound, wire};

fn seal(
    cx: &mut Cx<'_, '_>,
    to: &ContactDevice,
    (kind, version): (&str, u8),
    said: &impl serde::Serialize,
) -> Result<Vec<u8>, EngineError> {
    let bytes = covey_codec::encode(said).map_err(EngineError::bug)?;
    sessions::seal_parcel(cx, to, &wire::knock::prologue(kind, version, &to.id), &bytes)
}

/// Asks a device. It may not know ours any more: it went on from a copy of before.
fn question(cx: &mut Cx<'_, '_>, device: &ContactDevice, membership: Membership) -> Result<(), EngineError> {
    let card = ByteBuf::from(card::own(cx)?);
    let sealed = seal(cx, device, (QUESTION, INTRODUCED), &Introduced(membership, card))?;
    outbound::knock::send_question(cx, device, sealed)
}

/// What a device says that brings its card, as its account and device by that card.
fn introduced(cx: &Cx<'_, '_>, peer: PeerKey, sealed: &[u8]) -> Result<Option<(DeviceRef, Introduced)>, EngineError> {
    let prologue = wire::knock::prologue(QUESTION, INTRODUCED, &cx.me.device_id());
    let Ok((sender, bytes)) = sessions::open_parcel(cx, &prologue, sealed)? else { return Ok(None) };
    let Ok(said) = covey_codec::decode::<Introduced>(&bytes, MAX_KNOCK) else { return Ok(None) };
    let Ok(card) = ContactCard::open(&said.1, cx.now) else { return Ok(None) };
    let is_it = |device: &&Device| device.keys.dh == sender && PeerKey(device.keys.network) == peer;
    let device = card.log().active().find(is_it).map(|device| device.keys.id);
    Ok(device.map(|device| (DeviceRef { account: card.account(), device }, said)))
}

/// What the device behind `peer` sealed for us.
fn open(
    cx: &Cx<'_, '_>,
    peer: PeerKey,
    kind: &str,
    sealed: &[u8],
) -> Result<Option<(DeviceRef, ContactDevice, Membership)>, EngineError> {
    let Some((owner, device)) = device(cx, peer)? else { return Ok(None) };
    let Ok((sender, bytes)) =
        sessions::open_parcel(cx, &wire::knock::prologue(kind, VERSION, &cx.me.device_id()), sealed)?
    else {
        return Ok(None);
    };
    let membership = covey_codec::decode(&bytes, MAX_MEMBERSHIP).ok().filter(|_| sender == device.dh);
    Ok(membership.map(|membership| (owner, device, membership)))
}

fn device(cx: &Cx<'_, '_>, peer: PeerKey) -> Result<Option<(DeviceRef, ContactDevice)>, EngineError> {
    let Some(owner) = devices::owner(cx.tx, peer)? else { return Ok(None) };
    Ok(devices::device(cx.tx, &owner.account, &owner.device)?.map(|device| (owner, device)))
}

/// So many of those who could have removed us are looked for at a time.
const SOUGHT: usize = 2;

/// While others speak of the group, they are looked for at one of so many ticks.
const RARELY: u64 = 20;

/// Among the first so many, by role and seniority.
const AMONG: usize = 64;

/// [KNOCK-4] In the groups of which nobody who is connected and may remove us speaks, asks those who could tell why, or else looks for them: at once
/// if nobody at all speaks (that also meets somebody if all neighbours are away), rarely if others do, who may have been removed as well. Our own
/// devices may all be as far behind, and contacts connect for their own sake.
pub(in crate::engine) fn ask(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let connected: BTreeMap<AccountId, PeerKey> = connected(cx)?;
    let (mut questions, mut sought) = (Vec::new(), Vec::new());
    for group in cx.live.groups.by_no.values() {
        let id = channels::channel_id(&group.id);
        let speaks = |at: &ContactPeer| !cx.me.is_ours(&at.account) && at.sync.speaks_of(&id, cx.now);
        let Some(member) = group.own(&me).filter(|_| group.roster.len() > 1) else { continue };
        let speaking: BTreeSet<AccountId> =
            cx.live.contacts.values().filter(|at| speaks(at)).map(|at| at.account).collect();
        let others = group.roster.by_rank().map(|(account, _)| *account).filter(|account| *account != me);
        let may: Vec<AccountId> =
            others.take(AMONG).filter(|account| rights::may_remove_us(group, &me, account)).collect();
        if may.iter().any(|account| speaking.contains(account)) {
            continue;
        }
        let membership = Membership(id, member.joined);
        questions.extend(may.iter().filter_map(|account| Some((*connected.get(account)?, membership))));
        if speaking.is_empty() || cx.rng.next_u64().is_multiple_of(RARELY) {
            let absent = may.iter().filter(|account| !connected.contains_key(account));
            sought.extend(absent.copied().sample(cx.rng, SOUGHT));
        }
    }
    for (peer, membership) in questions {
        let Some((_, device)) = device(cx, peer)? else { continue };
        question(cx, &device, membership)?;
    }
    sought.iter().try_for_each(|account| gate::visit(cx, account))
}

/// [KNOCK-6] Somebody invites us to a group in which we believe to be: we were removed and not told. If it may have done so, it is asked.
pub(in crate::engine) fn doubted(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    device: &ContactDevice,
    id: &GroupId,
) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let joined = cx.live.groups.by_no.values().find(|group| group.id == *id).and_then(|group| {
        let member = group.own(&me).filter(|_| rights::may_remove_us(group, &me, &owner.account));
        member.map(|member| member.joined)
    });
    let Some(joined) = joined else { return Ok(()) };
    question(cx, device, Membership(channels::channel_id(id), joined))
}

/// One device of each account that is connected.
fn connected(cx: &Cx<'_, '_>) -> Result<BTreeMap<AccountId, PeerKey>, EngineError> {
    let mut connected = BTreeMap::new();
    for peer in &cx.live.connected {
        connected.extend(devices::owner(cx.tx, *peer)?.map(|owner| (owner.account, *peer)));
    }
    Ok(connected)
}

/// [KNOCK-5] Somebody asks us. Who is a member still, and who never was one, gets no answer. Tells who got one.
pub(in crate::engine) fn asked(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    version: u8,
    sealed: &[u8],
) -> Result<Option<AccountId>, EngineError> {
    let (owner, membership, card) = if version == INTRODUCED {
        let Some((owner, Introduced(membership, card))) = introduced(cx, peer, sealed)? else { return Ok(None) };
        (owner, membership, Some(card))
    } else {
        let Some((owner, _, membership)) = open(cx, peer, QUESTION, sealed)? else { return Ok(None) };
        (owner, membership, None)
    };
    let Membership(id, joined) = membership;
    let Some(channel) = channels::group(cx.tx, &id)? else { return Ok(None) };
    // Who knows of the joining and not of the member saw it end.
    let over = rosters::get(cx, channel.no).is_some_and(|group| {
        let now = group.roster.standing(&owner.account);
        let gone = now.is_some_and(|now| now.member.is_none() && now.exit.is_some());
        group.state == State::Joined && group.roster.contains(&joined) && gone
    });
    if !over || people::is_blocked(cx.tx, &owner.account)? {
        return Ok(None);
    }
    // Whoever was a member once may say which devices it has now. That it is none of them any more we may know already.
    if let Some(card) = card {
        cards::learn(cx, &owner.account, &card)?;
    }
    let Some(device) = devices::device(cx.tx, &owner.account, &owner.device)? else { return Ok(None) };
    let sealed = seal(cx, &device, (ANSWER, VERSION), &membership)?;
    outbound::knock::send_answer(cx, &device, sealed)?;
    Ok(Some(owner.account))
}

/// Somebody whom we asked says that we are none.
pub(in crate::engine) fn answered(cx: &mut Cx<'_, '_>, peer: PeerKey, sealed: &[u8]) -> Result<(), EngineError> {
    match open(cx, peer, ANSWER, sealed)? {
        Some((owner, _, Membership(id, joined))) => removed(cx, owner, &id, joined),
        None => Ok(()),
    }
}

/// [NOTE-5] Somebody says that we were removed: believed of those who may.
pub(in crate::engine) fn removed(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    id: &ChannelId,
    joined: OpId,
) -> Result<(), EngineError> {
    let Some(mut channel) = channels::group(cx.tx, id)? else { return Ok(()) };
    let me = cx.me.account_id();
    let believed = rosters::get(cx, channel.no).is_some_and(|group| {
        // Who came back since is another member.
        let meant = group.own(&me).is_some_and(|member| member.joined == joined);
        meant && rights::may_remove_us(group, &me, &owner.account)
    });
    if believed {
        changes::went_out(cx, &mut channel, Some(Exit::Removed), (Some(owner.account), Some(joined)))
    } else {
        Ok(())
    }
}
