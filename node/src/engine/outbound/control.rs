//! What we tell other devices inside sessions.

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::consent::State;
use covey_pairing::ids::AccountId;
use serde_bytes::ByteBuf;

use crate::engine::members::rosters;
use crate::engine::outbound::post;
use crate::engine::records::devices::{self, ContactDevice, DeviceRef};
use crate::engine::records::sessions::Scope;
use crate::engine::records::{channels, people};
use crate::engine::sealing::sessions;
use crate::engine::wire::control::{CONTROL_AAD, Control, TURNS};
use crate::engine::wire::parcel::{Content, VERSION};
use crate::engine::{Cx, EngineError, card};

/// Somebody may have copied these devices of an account: the sessions with them heal at once, without waiting for something to
/// be said in them.
pub(in crate::engine) fn heal(cx: &mut Cx<'_, '_>, scope: Scope, account: &AccountId) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        if !cx.me.is_this_device(&device.id) && sessions::renew(cx, scope, &device.id)? {
            tell(cx, scope, account, &device, &Control::Turn(TURNS), false)?;
        }
    }
    Ok(())
}

/// Hands our card to a contact's device, or one of our own, unless it has it already.
pub(in crate::engine) fn card_to(cx: &mut Cx<'_, '_>, owner: DeviceRef) -> Result<(), EngineError> {
    let Some(device) = devices::device(cx.tx, &owner.account, &owner.device)? else { return Ok(()) };
    let contact = people::load(cx.tx, &owner.account)?;
    let is_blocked = contact.as_ref().is_some_and(|contact| contact.relationship.state() == State::Blocked);
    if is_blocked || (contact.is_none() && !cx.me.is_ours(&owner.account)) {
        return Ok(());
    }
    let own = card::own(cx)?;
    let hash = ByteBuf::from(covey_pairing::crypto::hash::blake3(&own).to_vec());
    if devices::card_sent(cx.tx, &device.id)?.as_ref() == Some(&hash) {
        return Ok(());
    }
    post::post(cx, &device, &Content::Card(ByteBuf::from(own)), None)?;
    devices::save_card_sent(cx.tx, &device.id, &hash);
    Ok(())
}

/// [CTRL-9] Tells a device our card inside a session: it seals parcels to a key that we have no more.
pub(in crate::engine) fn card_again(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    device: &ContactDevice,
) -> Result<(), EngineError> {
    let paired = people::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired());
    let own = Some(Scope::Own).filter(|_| cx.me.is_ours(account));
    let group = || rosters::shared_with(cx, account).first().copied().map(Scope::Group);
    let Some(scope) = own.or(Some(Scope::Pair).filter(|_| paired)).or_else(group) else { return Ok(()) };
    if !cx.live.misuse.may_be_told(device.peer, cx.now) {
        return Ok(());
    }
    let own = card::own(cx)?;
    // The old session may be lost as the key is.
    tell(cx, scope, account, device, &Control::Card(ByteBuf::from(own)), true)
}

/// Seals a control message on a session with the device, a fresh one if asked to.
pub(in crate::engine) fn tell(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
    control: &Control,
    fresh: bool,
) -> Result<(), EngineError> {
    told(cx, scope, account, device, control, fresh).map(drop)
}

/// The same; whether there is a session in which it could be sealed.
pub(in crate::engine) fn told(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
    control: &Control,
    fresh: bool,
) -> Result<bool, EngineError> {
    let plaintext = covey_codec::encode(&(VERSION, control)).map_err(EngineError::bug)?;
    let Some(envelope) = sessions::seal(cx, scope, account, device, &plaintext, CONTROL_AAD, fresh)? else {
        return Ok(false);
    };
    match scope {
        Scope::Pair => post::post(cx, device, &Content::Session(ByteBuf::from(envelope)), None),
        Scope::Own => post::post(cx, device, &Content::Own(ByteBuf::from(envelope)), None),
        Scope::Group(no) => {
            let Some(channel) = channels::by_no(cx.tx, no)? else { return Ok(false) };
            post::post(cx, device, &Content::Member(channel.id, ByteBuf::from(envelope)), Some(no))
        }
    }?;
    Ok(true)
}

/// Gives a member's device our chain in a group.
pub(in crate::engine) fn give_chain(
    cx: &mut Cx<'_, '_>,
    no: u64,
    account: &AccountId,
    device: &ContactDevice,
    chain: Vec<u8>,
) -> Result<(), EngineError> {
    tell(cx, Scope::Group(no), account, device, &Control::Chain(ByteBuf::from(chain)), false)
}

/// Asks a device for content keys, on a fresh session: it may be the old one that is broken.
pub(in crate::engine) fn ask_for_keys(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
    wanted: Vec<(ChannelId, FeedKey, u64)>,
) -> Result<(), EngineError> {
    tell(cx, scope, account, device, &Control::KeysWanted(wanted), true)
}
