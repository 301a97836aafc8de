//! The legacy open mode (`pairing.required = false`): a stranger's invite is answered at once, and what they write is
//! kept among the requests, never in the inbox, until the operator says yes.

use covey_api as api;
use covey_api::{ApiError, EventKind};
use covey_pairing::consent::Input;
use tracing::debug;

use crate::engine::consent::{commands, step};
use crate::engine::records::channels;
use crate::engine::records::people::{self, Contact};
use crate::engine::shown::{channel, contact};
use crate::engine::{Cx, EngineError, journal};

/// Lets a stranger in whose invite just arrived.
pub(in crate::engine) fn admit(cx: &mut Cx<'_, '_>, mut contact: Contact) -> Result<(), EngineError> {
    contact.request = true;
    if let Err(error) = step::step(cx, contact, Input::Accept, None)? {
        debug!(%error, "a stranger's invite cannot be answered");
    }
    Ok(())
}

/// The operator says yes: the conversation moves from the requests to the inbox.
pub(in crate::engine) fn accept(cx: &mut Cx<'_, '_>, mut contact: Contact) -> Result<api::Contact, ApiError> {
    contact.request = false;
    cx.live.pending = None;
    contact.changed_at = cx.now;
    contact.save(cx.tx)?;
    cx.notices.contact(&contact.account);
    let shown = contact::show(cx, &contact)?;
    journal::record(cx, EventKind::Contact, &shown)?;
    if let Some(channel) = contact.channel.map(|no| channels::by_no(cx.tx, no)).transpose()?.flatten() {
        let shown = channel::show(cx, &channel)?;
        journal::record(cx, EventKind::Channel, &shown)?;
    }
    Ok(shown)
}

/// The operator says no: the pairing ends on both sides, and the stranger is not let in again.
pub(in crate::engine) fn decline(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<api::Contact, ApiError> {
    commands::command(cx, contact.clone(), Input::Remove)?;
    let contact = people::load_or_new(cx.tx, &contact.account, cx.now)?;
    commands::command(cx, contact, Input::Block)
}
