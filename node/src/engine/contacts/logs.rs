//! What follows from the key logs of others: devices that come and go, accounts that were recovered with their words, and
//! accounts of which two stories are told.

use covey_api::EventKind;
use covey_pairing::consent::State;
use covey_pairing::identity::{Contest, KeyLog, KnownLog, Refusal, Standing};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::{error, info, warn};

use crate::engine::contacts::{alerts, kept};
use crate::engine::members::rosters;
use crate::engine::notices::Notice;
use crate::engine::outbound::control;
use crate::engine::records::people::{self, AlertKind, Contact, Wanted};
use crate::engine::records::{devices, sessions};
use crate::engine::sealing::chains;
use crate::engine::shown::contact;
use crate::engine::{Cx, EngineError, journal};

/// A log of an account was not taken, and not for being old. It may have changed how the account stands.
pub(in crate::engine) fn refused(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    refusal: &Refusal,
    before: &KnownLog,
    known: KnownLog,
) -> Result<(), EngineError> {
    error!(account = %account.fmt_short(), %refusal, "a contradicting list of devices of an account is not taken");
    let proof = refusal.proof.as_ref().and_then(|fork| covey_codec::encode(fork).ok());
    let contested = matches!(known.standing(), Standing::Contested(_));
    let kind = if contested { AlertKind::Contested } else { AlertKind::Contradiction };
    if *before != known {
        kept::revise(cx, account, known)?;
    }
    alerts::raise(cx, account, kind, proof)
}

/// The log of an account is another than before, or counts in another way.
pub(in crate::engine) fn changed(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    before: Option<&KnownLog>,
    known: &KnownLog,
) -> Result<(), EngineError> {
    let Some(before) = before else { return Ok(()) };
    if before.in_force().is_none() {
        cx.notices.push(Notice::Disputed(*account));
    }
    let (was, now) = (active(before.in_force().as_ref()), active(known.in_force().as_ref()));
    if let Some(log) = known.in_force().filter(|_| rotations(known) > rotations(before)) {
        let unknown: Vec<DeviceId> = now.iter().copied().filter(|device| !was.contains(device)).collect();
        recovered(cx, account, &log, &unknown, was.iter().any(|device| now.contains(device)))?;
    } else if was != now {
        warn!(account = %account.fmt_short(), "a contact has other devices than before");
        alerts::raise(cx, account, AlertKind::Devices, None)?;
    }
    let gone: Vec<DeviceId> = was.iter().copied().filter(|device| !now.contains(device)).collect();
    if !gone.is_empty() {
        cx.notices.push(Notice::Ended(*account));
        // Rosters may name them for long: a recovered account has no device there that could say otherwise.
        for no in rosters::shared_with(cx, account) {
            chains::revoked(cx, no, &gone)?;
        }
        // Who had that device may have copied the others, too.
        control::heal(cx, sessions::Scope::Pair, account)?;
    }
    Ok(())
}

/// [KEYLOG-13] A device of before objects to the rotation of an account that we know.
pub(in crate::engine) fn contested(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    contest: &Contest,
) -> Result<(), EngineError> {
    let Some(mut known) = devices::known_log(cx.tx, account)? else { return Ok(()) };
    let before = known.clone();
    if let Err(refusal) = known.contest(contest, cx.now) {
        info!(account = %account.fmt_short(), %refusal, "an objection to a recovery does not count");
    }
    if known == before {
        return Ok(());
    }
    warn!(account = %account.fmt_short(), "a device of before objects to the recovery of an account");
    kept::revise(cx, account, known)?;
    alerts::raise(cx, account, AlertKind::Contested, Some(contest.to_bytes()))
}

/// People compared the safety number of an account that was in dispute.
pub(in crate::engine) fn settled(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    before: &KnownLog,
    known: &KnownLog,
) -> Result<(), EngineError> {
    let Some(log) = known.in_force().filter(|_| before.in_force().is_none()) else { return Ok(()) };
    let Some(contact) = people::load(cx.tx, account)?.filter(Contact::is_paired) else { return Ok(()) };
    // Its recovery was seen before it was contested, and nothing could be sent since.
    let asked = contact.wanted.is_some() || contact.recovered_at.is_none();
    if asked || log.rotations().len() == 0 { Ok(()) } else { recovered(cx, account, &log, &[], false) }
}

fn rotations(known: &KnownLog) -> usize {
    known.log().rotations().len()
}

/// An account was brought back with its words. Nothing is sent to its new devices for a moment. If none of those that we know
/// stays, the account has our pact no more, and is asked for another.
fn recovered(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    log: &KeyLog,
    unknown: &[DeviceId],
    stays: bool,
) -> Result<(), EngineError> {
    let Some(mut contact) = people::load(cx.tx, account)? else { return Ok(()) };
    info!(account = %account.fmt_short(), "a contact brought their account back with its words");
    contact.recovered_at = Some(cx.now);
    contact.verified_before |= std::mem::take(&mut contact.verified);
    contact.changed_at = cx.now;
    let kem = devices::card(cx.tx, account)?.and_then(|card| card.kem);
    let state = contact.relationship.state();
    let is_lost = !stays && contact.has_pact();
    let renewal = is_lost && state != State::Blocked;
    contact.renew = is_lost && !renewal;
    if renewal || state == State::Invited {
        let note = contact.note.clone().filter(|_| !renewal).unwrap_or_default();
        let dh = Some(log.dh());
        contact.wanted = Some(Wanted { note, token: None, since: cx.now, dh, kem, renewal, of: None });
    }
    contact.save(cx.tx)?;
    for device in devices::devices(cx.tx, account)?.iter().filter(|device| unknown.contains(&device.id)) {
        cx.live.penalties.insert(device.peer, contact.held_until());
    }
    cx.notices.push(Notice::Pursue(*account));
    let shown = contact::show(cx, &contact)?;
    journal::record(cx, EventKind::ContactRecovered, &shown)
}

fn active(log: Option<&KeyLog>) -> Vec<DeviceId> {
    log.into_iter().flat_map(KeyLog::active).map(|device| device.keys.id).collect()
}
