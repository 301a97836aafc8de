//! [NODE-ALERT] What an operator is told of a contact because a thief of their keys would do it, too. It stays with the contact until
//! safety numbers were compared again.

use covey_api::EventKind;
use covey_pairing::ids::AccountId;

use crate::engine::records::people::{self, AlertKind, Contact};
use crate::engine::shown::contact;
use crate::engine::{Cx, EngineError, journal};

/// Something happened that a thief of a contact's keys would do, too. Of one kind the operator is told each time that devices
/// changed, and of contradictions once, with the proof kept.
pub(in crate::engine) fn raise(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    what: AlertKind,
    proof: Option<Vec<u8>>,
) -> Result<(), EngineError> {
    let Some(mut contact) = people::load(cx.tx, account)?.filter(Contact::has_pact) else { return Ok(()) };
    if what != AlertKind::Devices && contact.is_alerted(what) {
        return Ok(());
    }
    contact.alert(what, cx.now, proof);
    contact.save(cx.tx)?;
    cx.notices.contact(account);
    told(cx, &contact)
}

/// Tells of an alert by an event of its own kind.
pub(in crate::engine) fn told(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let shown = contact::show(cx, contact)?;
    journal::record(cx, EventKind::ContactAlert, &shown)
}
