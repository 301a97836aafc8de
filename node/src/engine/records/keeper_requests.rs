//! Contacts who asked that this node keeps their mail, and those whom we asked, as stored.

use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum Answer {
    /// It waits.
    None,
    /// The contact was given a ticket that it has not used yet.
    Yes,
    /// It was declined.
    No,
}

/// A contact that wants its mail kept here.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::engine) struct Wanted {
    pub(in crate::engine) account: AccountId,
    /// When it asked or was answered, Unix milliseconds.
    pub(in crate::engine) at: u64,
    pub(in crate::engine) answer: Answer,
}

/// A contact whom we asked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::engine) struct Asked {
    pub(in crate::engine) account: AccountId,
    /// When, Unix milliseconds.
    pub(in crate::engine) at: u64,
    /// A device of it says no; another one may say yes.
    pub(in crate::engine) refused: bool,
}

pub(in crate::engine) fn wanted(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Wanted>, EngineError> {
    Ok(tx.load(&tables::wanted_keeping(account))?)
}

pub(in crate::engine) fn all_wanted(tx: &Tx<'_>) -> Result<Vec<Wanted>, EngineError> {
    Ok(tx.scan_intact(&tables::all_wanted_keeping(), usize::MAX)?.into_iter().map(|(_, wanted)| wanted).collect())
}

pub(in crate::engine) fn asked(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Asked>, EngineError> {
    Ok(tx.load(&tables::asked_keeping(account))?)
}

pub(in crate::engine) fn all_asked(tx: &Tx<'_>) -> Result<Vec<Asked>, EngineError> {
    Ok(tx.scan_intact(&tables::all_asked_keeping(), usize::MAX)?.into_iter().map(|(_, asked)| asked).collect())
}

/// A contact is forgotten.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>, account: &AccountId) {
    tx.delete(&tables::wanted_keeping(account));
    tx.delete(&tables::asked_keeping(account));
}
