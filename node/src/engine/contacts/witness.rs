//! Everybody is a witness. A thief of an account's keys tells its contacts of devices, or of a recovery, that the owner knows nothing of;
//! and whoever talks to the owner next says what they know of the owner's key log.
//!
//! ```text
//! contact                       owner
//!    | Head (length, newest) ---> |  of the owner's log, as the contact knows it
//!    | <--------------- LogWanted |  unless the owner wrote it
//!    | Log ---------------------> |  the proof: kept, and the owner is alarmed
//! ```

use covey_api as api;
use covey_api::{EventKind, SecondHistoryKind, Time};
use covey_pairing::identity::{Contest, KeyLog, LogOrder, SignedOp};
use covey_pairing::ids::AccountId;
use serde_bytes::{ByteArray, ByteBuf};
use tracing::{debug, error};

use crate::engine::outbound::post;
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::history::{self, Is, Objection, SecondHistory};
use crate::engine::records::people;
use crate::engine::wire::contest;
use crate::engine::wire::parcel::Frame;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, journal, tables};

/// Longest key log that is read, in bytes: that of a card.
const LOG_MAX: usize = covey_pairing::identity::CARD_MAX;

/// [WITNESS-1] A device of another account connected: it is told what we know of its account.
pub(in crate::engine) fn opened(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    if cx.me.is_ours(&owner.account) {
        return Ok(());
    }
    let Some(known) = devices::known_log(cx.tx, &owner.account)? else { return Ok(()) };
    let log = known.log();
    post::send(cx, peer, Frame::Head(log.next_place(), ByteArray::new(log.head())))
}

/// [WITNESS-2] What somebody knows of our log. What we wrote is no news.
pub(in crate::engine) fn head(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    length: u64,
    newest: &[u8; 32],
) -> Result<(), EngineError> {
    if cx.me.key_log.has_written(length, newest) { Ok(()) } else { post::send(cx, peer, Frame::LogWanted) }
}

/// [WITNESS-2] Somebody does not know what we know of their log.
pub(in crate::engine) fn wanted(cx: &mut Cx<'_, '_>, owner: DeviceRef, peer: PeerKey) -> Result<(), EngineError> {
    let Some(known) = devices::known_log(cx.tx, &owner.account)? else { return Ok(()) };
    let ops = covey_codec::encode(&known.log().ops().to_vec()).map_err(EngineError::bug)?;
    post::send(cx, peer, Frame::Log(ByteBuf::from(ops)))
}

/// [WITNESS-3] A log of our account that a contact has. Only one that verifies alarms: nobody can make a log up.
pub(in crate::engine) fn log(cx: &mut Cx<'_, '_>, owner: DeviceRef, ops: &[u8]) -> Result<(), EngineError> {
    let decoded = covey_codec::decode::<Vec<SignedOp>>(ops, LOG_MAX).ok();
    let Some(theirs) = decoded.and_then(|ops| KeyLog::verify(ops).ok()).filter(|log| cx.me.is_ours(&log.account()))
    else {
        debug!(contact = %owner.account.fmt_short(), "a key log that is none of ours");
        return Ok(());
    };
    seen(cx, owner.account, &theirs)
}

/// [DEVICE-2] Compares a verified log of our account with ours; nothing of it is taken. The worst that was seen is kept. `from`: who has it, our
/// own account if it stands in the DHT.
pub(in crate::engine) fn seen(cx: &mut Cx<'_, '_>, from: AccountId, theirs: &KeyLog) -> Result<(), EngineError> {
    let is = match theirs.compare(&cx.me.key_log) {
        Ok(LogOrder::Same | LogOrder::Behind) => return Ok(()),
        Ok(LogOrder::Extends) if theirs.is_active(&cx.me.device_id()) => Is::Longer,
        Ok(LogOrder::Extends) => Is::Revoked,
        // [KEPT-1] Only its operator knows whose recovery it is.
        Ok(LogOrder::Rotates) if theirs.is_active(&cx.me.device_id()) => Is::Kept,
        Ok(LogOrder::Rotates) => Is::Rotated,
        Err(_) => Is::Other,
    };
    if history::second(cx.tx)?.is_some_and(|known| known.is >= is) {
        return Ok(());
    }
    error!(from = %from.fmt_short(), ?is, "there is a history of this account that this node did not write");
    let second = SecondHistory { is, at: cx.now, from, log: theirs.ops().to_vec() };
    cx.tx.put(&tables::second_history(), &second)?;
    let shown = show(cx, &second)?;
    journal::record(cx, EventKind::AccountSecondHistory, &shown)
}

/// As clients see it.
pub(in crate::engine) fn show(cx: &Cx<'_, '_>, second: &SecondHistory) -> Result<api::SecondHistory, EngineError> {
    let what = match second.is {
        Is::Longer => SecondHistoryKind::Longer,
        Is::Other => SecondHistoryKind::Other,
        Is::Revoked => SecondHistoryKind::Revoked,
        Is::Kept => SecondHistoryKind::Kept,
        Is::Rotated => SecondHistoryKind::Recovered,
    };
    let alias = people::alias_of(cx.tx, &second.from)?;
    Ok(api::SecondHistory { what, at: Time::from_unix_ms(second.at), contact: second.from.to_string(), alias })
}

/// [KEYLOG-13] Objects to the recovery that was seen. Whether there is one that this device can object to.
pub(in crate::engine) fn object(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    let is_recovery = |second: &SecondHistory| matches!(second.is, Is::Rotated | Is::Kept);
    let Some(second) = history::second(cx.tx)?.filter(is_recovery) else { return Ok(false) };
    let rotated = KeyLog::verify(second.log).map_err(EngineError::bug)?;
    let Ok(contest) = Contest::sign(&cx.me.key_log, &rotated, &cx.me.device) else { return Ok(false) };
    let objection = Objection { at: cx.now, contest: ByteBuf::from(contest.to_bytes()) };
    cx.tx.put(&tables::objection(), &objection)?;
    cx.tx.delete(&tables::accepted());
    for contact in people::all(cx.tx)?.into_iter().filter(people::Contact::is_paired) {
        for device in devices::devices(cx.tx, &contact.account)? {
            cx.effects.push(Effect::Dial { peer: device.peer, addresses: device.addresses });
            objection_to(cx, device.peer)?;
        }
    }
    Ok(true)
}

/// A contact's device is connected: it is told of our objection, if we made one. It is repeated with every connection, until nobody counts
/// it any more.
pub(in crate::engine) fn objection_to(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(objection) = history::objection(cx.tx)? else { return Ok(()) };
    let is_late = objection.at.saturating_add(covey_pairing::identity::CONTEST_WINDOW_MS) < cx.now;
    let Some(owner) = devices::owner(cx.tx, peer)?.filter(|_| !is_late && cx.live.connected.contains(&peer)) else {
        return Ok(());
    };
    if people::load(cx.tx, &owner.account)?.is_some_and(|contact| contact.is_paired()) {
        let frame = contest::encode(&objection.contest);
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    }
    Ok(())
}
