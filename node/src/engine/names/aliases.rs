//! Names that we give: one name means one contact or one group.

use covey_api::{ApiError, Reason};
use covey_pairing::ids::AccountId;

use crate::engine::names::pick;
use crate::engine::records::people::{self, Contact};
use crate::engine::records::standing::{self, State};
use crate::engine::shown::ids;
use crate::engine::{Cx, tables};

/// Gives a contact an alias.
///
/// # Errors
/// [`Reason::InvalidAlias`], [`Reason::AliasTaken`].
pub(in crate::engine) fn set_alias(cx: &mut Cx<'_, '_>, contact: &mut Contact, alias: &str) -> Result<(), ApiError> {
    let alias = covey_api::names::name(alias)
        .map_err(|why| ApiError::new(Reason::InvalidAlias, format!("{why} Choose another alias.")))?;
    if let Some(account) = cx.tx.get::<AccountId>(&tables::alias(alias))?
        && account != contact.account
        && let Some(mut other) = people::load(cx.tx, &account)?
    {
        if people::is_known(&other) {
            return Err(ApiError::new(
                Reason::AliasTaken,
                format!("Another contact is called \"{alias}\". Choose another alias, or rename that contact first."),
            ));
        }
        other.alias = None;
        other.save(cx.tx)?;
    }
    no_group_has(cx, alias)?;
    if let Some(old) = contact.alias.take() {
        cx.tx.delete(&tables::alias(&old));
    }
    cx.tx.put(&tables::alias(alias), &contact.account)?;
    contact.alias = Some(alias.to_owned());
    Ok(())
}

/// Refuses an alias that is the name of a group that we are in, or about to be.
///
/// # Errors
/// [`Reason::AliasTaken`].
pub(in crate::engine) fn no_group_has(cx: &Cx<'_, '_>, alias: &str) -> Result<(), ApiError> {
    let folded = pick::fold(alias);
    let counts = |state| matches!(state, State::Joined | State::Invited | State::Requested);
    let taken =
        standing::all(cx.tx)?.into_iter().find(|group| counts(group.state) && pick::fold(&group.name) == folded);
    let Some(group) = taken else { return Ok(()) };
    Err(ApiError::new(
        Reason::AliasTaken,
        format!(
            "A group is called \"{}\" ({}). Choose another alias, so that a name means one of them.",
            group.name,
            ids::short(&group.id.to_string())
        ),
    ))
}

/// Refuses the name of a group that is the alias of a contact.
///
/// # Errors
/// [`Reason::AliasTaken`].
pub(in crate::engine) fn no_contact_has(cx: &Cx<'_, '_>, name: &str) -> Result<(), ApiError> {
    let account = cx.tx.load::<AccountId>(&tables::alias(name))?;
    let contact = account.map(|account| people::load(cx.tx, &account)).transpose()?.flatten();
    let Some(contact) = contact.filter(people::is_known) else { return Ok(()) };
    let id = contact.account.to_string();
    Err(ApiError::new(
        Reason::AliasTaken,
        format!(
            "You call a contact \"{}\". Choose another name for the group, or rename the contact: \
             `covey pair rename {} NAME`.",
            contact.alias.unwrap_or_default(),
            ids::short(&id)
        ),
    ))
}
