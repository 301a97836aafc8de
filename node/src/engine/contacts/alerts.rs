//! [NODE-ALERT] What an operator is told of a contact because a thief of their keys would do it, too. It stays with the contact until
//! safety numbers were compared again.

use covey_api::EventKind;
use covey_pairing::ids::AccountId;
use tracing::warn;

use crate::engine::records::people::{self, AlertKind, Contact};
use crate::engine::shown::contact;
use crate::engine::{Cx, EngineError, journal};

/// A list of devices that does not go on from the one known was refused. The operator is told once, with the proof kept.
pub(in crate::engine) fn contradicted(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    proof: Option<Vec<u8>>,
) -> Result<(), EngineError> {
    let Some(mut contact) = people::load(cx.tx, account)? else { return Ok(()) };
    if !contact.has_pact() || contact.is_alerted(AlertKind::Contradiction) {
        return Ok(());
    }
    warn!(account = %account.fmt_short(), "a contact shows another or an older list of its devices; it is not taken");
    contact.alert(AlertKind::Contradiction, cx.now, proof);
    contact.save(cx.tx)?;
    told(cx, &contact)
}

/// A contact has other devices than before. Whoever has the account's keys can do that, so the operator hears of it.
pub(in crate::engine) fn devices_changed(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let Some(mut contact) = people::load(cx.tx, account)?.filter(Contact::has_pact) else { return Ok(()) };
    warn!(account = %account.fmt_short(), "a contact has other devices than before");
    contact.alert(AlertKind::Devices, cx.now, None);
    contact.save(cx.tx)?;
    told(cx, &contact)
}

/// Tells of an alert by an event of its own kind.
pub(in crate::engine) fn told(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let shown = contact::show(cx, contact)?;
    journal::record(cx, EventKind::ContactAlert, &shown)
}
