//! Our own tickets, as stored.

use covey_pairing::identity::{TokenBook, TokenId, TokenRecord};
use covey_pairing::ids::InviteId;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Uses that are told apart by the invites that came with them, so that one that came to two devices counts once.
pub(in crate::engine) const MAX_NAMED: usize = 512;

/// What is kept of a ticket with a token.
#[derive(Serialize, Deserialize)]
pub(crate) struct Issued {
    pub(in crate::engine) id: TokenId,
    pub(in crate::engine) uses: u32,
    pub(crate) used: u32,
    pub(in crate::engine) created_at: u64,
    pub(in crate::engine) expires_at: u64,
    pub(in crate::engine) revoked: bool,
    /// The invites that used it, as far as they are told apart: on this device or on another one of ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) by: Vec<InviteId>,
}

impl Issued {
    /// Counts a use.
    pub(in crate::engine) fn spend(&mut self, by: InviteId) {
        if self.by.contains(&by) {
            return;
        }
        self.used = self.used.saturating_add(1);
        if self.by.len() < MAX_NAMED {
            self.by.push(by);
        }
    }

    /// Uses of which is not known what used them.
    fn unnamed(&self) -> u32 {
        self.used.saturating_sub(u32::try_from(self.by.len()).unwrap_or(u32::MAX))
    }

    /// Takes over what another device of ours knows of the ticket.
    pub(in crate::engine) fn join(&mut self, other: &Self) {
        let unnamed = self.unnamed().max(other.unnamed());
        for by in &other.by {
            if self.by.len() < MAX_NAMED && !self.by.contains(by) {
                self.by.push(*by);
            }
        }
        self.by.sort_unstable();
        self.used = unnamed.saturating_add(u32::try_from(self.by.len()).unwrap_or(u32::MAX));
        self.revoked |= other.revoked;
    }

    /// What is left of it, if anybody can still be let in with it.
    pub(in crate::engine) fn left(&self, now: u64) -> Option<u32> {
        Some(self.uses.saturating_sub(self.used)).filter(|left| *left > 0 && !self.revoked && now < self.expires_at)
    }
}

/// One of our tickets.
pub(in crate::engine) fn load(tx: &Tx<'_>, id: &TokenId) -> Result<Option<Issued>, EngineError> {
    Ok(tx.get(&tables::ticket(id.to_string()))?)
}

/// All of them.
pub(in crate::engine) fn all(tx: &Tx<'_>) -> Result<Vec<Issued>, EngineError> {
    Ok(tx.scan(&tables::tickets(), None, usize::MAX, false)?.into_iter().map(|(_, issued)| issued).collect())
}

pub(in crate::engine) fn save(tx: &mut Tx<'_>, issued: &Issued) -> Result<(), EngineError> {
    Ok(tx.put(&tables::ticket(issued.id.to_string()), issued)?)
}

/// The tokens that let somebody in.
pub(in crate::engine) fn book(tx: &Tx<'_>) -> Result<TokenBook, EngineError> {
    Ok(tx.get(&tables::tokens())?.unwrap_or_default())
}

pub(in crate::engine) fn save_book(tx: &mut Tx<'_>, book: &TokenBook) -> Result<(), EngineError> {
    Ok(tx.put(&tables::tokens(), book)?)
}

/// The token of a ticket lets in as many as are left of it.
pub(in crate::engine) fn follow(
    tx: &mut Tx<'_>,
    issued: &Issued,
    token: Option<&covey_pairing::identity::Token>,
    now: u64,
) -> Result<(), EngineError> {
    let mut book = book(tx)?;
    let known = book.get(&issued.id).map(|record| record.token.clone());
    match (known.as_ref().or(token), issued.left(now)) {
        (Some(token), Some(uses_left)) => {
            book.put(TokenRecord { token: token.clone(), uses_left, expires_at: issued.expires_at }, now);
        }
        _ => drop(book.revoke(&issued.id)),
    }
    save_book(tx, &book)
}
