//! The legacy open mode (`pairing.required = false`): a stranger's invite is answered at once, and what they write is
//! kept among the requests, never in the inbox, until the operator says yes.

use covey_api::{self as api, ApiError, EventKind};
use covey_pairing::consent::Input;

use tracing::debug;

use super::contacts::{self, Contact};
use super::{Cx, EngineError, channels, journal, pairing};

/// Lets a stranger in whose invite just arrived.
pub(super) fn admit(cx: &mut Cx<'_, '_>, mut contact: Contact) -> Result<(), EngineError> {
    contact.request = true;
    if let Err(error) = pairing::step(cx, contact, Input::Accept, None)? {
        debug!(%error, "a stranger's invite cannot be answered");
    }
    Ok(())
}

/// The operator says yes: the conversation moves from the requests to the inbox.
pub(super) fn accept(cx: &mut Cx<'_, '_>, mut contact: Contact) -> Result<api::Contact, ApiError> {
    contact.request = false;
    cx.live.pending = None;
    contact.changed_at = cx.now;
    contact.save(cx.tx)?;
    let shown = contacts::show(cx, &contact)?;
    journal::record(cx, EventKind::Contact, &shown)?;
    if let Some(channel) = contact.channel.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten() {
        let shown = channels::show(cx, &channel)?;
        journal::record(cx, EventKind::Channel, &shown)?;
    }
    Ok(shown)
}

/// The operator says no: the pairing ends on both sides, and the stranger is not let in again.
pub(super) fn decline(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<api::Contact, ApiError> {
    pairing::command(cx, contact.clone(), Input::Remove)?;
    let contact = contacts::load_or_new(cx.tx, &contact.account, cx.now)?;
    pairing::command(cx, contact, Input::Block)
}
