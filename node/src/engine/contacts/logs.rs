//! What follows from the key logs of others: devices that come and go, accounts that were recovered with their words, and
//! accounts of which two stories are told.

use covey_pairing::identity::{KeyLog, KnownLog, NotTaken, Refusal, Standing};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::{error, warn};

use crate::engine::contacts::{alerts, kept};
use crate::engine::outbound::control;
use crate::engine::records::people::AlertKind;
use crate::engine::records::sessions;
use crate::engine::{Cx, EngineError};

/// A log of an account was not taken. It may have changed how the account stands.
pub(in crate::engine) fn refused(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    refusal: &Refusal,
    before: &KnownLog,
    known: KnownLog,
) -> Result<(), EngineError> {
    if refusal.why == NotTaken::Older {
        return Ok(());
    }
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
    let (was, now) = (active(before.in_force().as_ref()), active(known.in_force().as_ref()));
    if was != now {
        warn!(account = %account.fmt_short(), "a contact has other devices than before");
        alerts::raise(cx, account, AlertKind::Devices, None)?;
    }
    if was.iter().any(|device| !now.contains(device)) {
        // Who had that device may have copied the others, too.
        control::heal(cx, sessions::Scope::Pair, account)?;
    }
    Ok(())
}

fn active(log: Option<&KeyLog>) -> Vec<DeviceId> {
    log.into_iter().flat_map(KeyLog::active).map(|device| device.keys.id).collect()
}
