//! [NODE-ALERT] What an operator is told of a contact because a thief of their keys would do it, too. It stays with the contact until
//! safety numbers were compared again.

use covey_api::{self as api, EventKind, Time};
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::warn;

use super::contacts::{self, Contact};
use super::{Cx, EngineError, journal};

/// Something that a thief of the contact's keys would do, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Alert {
    pub(super) what: AlertKind,
    /// When it last happened, Unix milliseconds.
    pub(super) at: u64,
    /// What shows it: two operations of a key log that contradict each other, or the card that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proof: Option<ByteBuf>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AlertKind {
    /// Their invite alone made a new pact.
    Renewed,
    /// Their account has other devices than before.
    Devices,
    /// A card of theirs with a list of devices that contradicts the one known, or an older one in an invite: refused.
    Contradiction,
}

impl Alert {
    pub(super) fn show(&self) -> api::ContactAlert {
        let what = match self.what {
            AlertKind::Renewed => api::ContactAlertKind::Renewed,
            AlertKind::Devices => api::ContactAlertKind::DevicesChanged,
            AlertKind::Contradiction => api::ContactAlertKind::Contradiction,
        };
        api::ContactAlert { what, at: Time::from_unix_ms(self.at) }
    }
}

/// A list of devices that does not go on from the one known was refused. The operator is told once, with the proof kept.
pub(super) fn contradicted(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    proof: Option<Vec<u8>>,
) -> Result<(), EngineError> {
    let Some(mut contact) = contacts::load(cx.tx, account)? else { return Ok(()) };
    if !contact.has_pact() || contact.is_alerted(AlertKind::Contradiction) {
        return Ok(());
    }
    warn!(account = %account.fmt_short(), "a contact shows another or an older list of its devices; it is not taken");
    contact.alert(AlertKind::Contradiction, cx.now, proof);
    contact.save(cx.tx)?;
    told(cx, &contact)
}

/// A contact has other devices than before. Whoever has the account's keys can do that, so the operator hears of it.
pub(super) fn devices_changed(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let Some(mut contact) = contacts::load(cx.tx, account)?.filter(Contact::has_pact) else { return Ok(()) };
    warn!(account = %account.fmt_short(), "a contact has other devices than before");
    contact.alert(AlertKind::Devices, cx.now, None);
    contact.save(cx.tx)?;
    told(cx, &contact)
}

/// Tells of an alert by an event of its own kind.
pub(super) fn told(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let shown = contacts::show(cx, contact).map_err(EngineError::bug)?;
    journal::record(cx, EventKind::ContactAlert, &shown)
}
