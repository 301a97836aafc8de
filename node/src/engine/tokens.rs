//! Tokens of the API as stored: never the token itself, only its hash. A token is 256 bits at random, so nothing is gained by
//! a slow hash.

use covey_api as api;
use covey_api::{Scope, Time, TokenKind, TokenState};
use covey_pairing::crypto::hash::derive_key;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::engine::{Cx, EngineError, audit, tables};
use crate::store::Tx;

/// How long a token that ended is remembered, so that its holder is told why; milliseconds.
const KEEP: u64 = audit::KEEP;

/// A token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// At random.
    pub id: ByteArray<8>,
    /// What it is for.
    pub name: String,
    /// A browser that is signed in, not a program.
    pub browser: bool,
    /// [`hash`] of the token.
    pub hash: ByteArray<32>,
    /// A bit for each scope, in the order of [`Scope::ALL`].
    pub scopes: u8,
    /// The ids of the channels that it is bound to.
    pub channels: Option<Vec<ByteArray<32>>>,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds; none if it does not end by itself.
    pub expires_at: Option<u64>,
    /// Unix milliseconds; none if it never was.
    pub used_at: Option<u64>,
    /// Unix milliseconds; none unless it was.
    pub revoked_at: Option<u64>,
}

/// What is stored of a token.
pub fn hash(token: &str) -> [u8; 32] {
    *derive_key("covey 2026-11 token of the local API", token.as_bytes()).expose()
}

/// The bits of scopes.
pub fn bits(scopes: &[Scope]) -> u8 {
    scopes.iter().fold(0, |bits, scope| bits | bit(*scope))
}

/// The bit of a scope.
pub fn bit(scope: Scope) -> u8 {
    Scope::ALL.iter().position(|known| *known == scope).map_or(0, |at| 1 << at)
}

/// The scopes of bits.
pub fn scopes(bits: u8) -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|scope| bits & bit(*scope) != 0).collect()
}

impl Token {
    /// Whether it can be used at `now`.
    pub fn state(&self, now: u64) -> TokenState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => TokenState::Revoked,
            (None, Some(at)) if at <= now => TokenState::Expired,
            (None, _) => TokenState::Active,
        }
    }

    /// When it ended, if it did.
    fn ended_at(&self) -> Option<u64> {
        self.revoked_at.or(self.expires_at)
    }

    /// The id as clients see it.
    pub fn text_id(&self) -> String {
        data_encoding::HEXLOWER.encode(&*self.id)
    }

    /// As clients see it.
    pub fn show(&self, now: u64) -> api::TokenInfo {
        let text = |id: &ByteArray<32>| data_encoding::HEXLOWER.encode(&**id);
        api::TokenInfo {
            id: self.text_id(),
            name: self.name.clone(),
            kind: if self.browser { TokenKind::Browser } else { TokenKind::Program },
            state: self.state(now),
            scopes: scopes(self.scopes),
            channels: self.channels.as_ref().map(|channels| channels.iter().map(text).collect()),
            created_at: Time::from_unix_ms(self.created_at),
            expires_at: self.expires_at.map(Time::from_unix_ms),
            last_used_at: self.used_at.map(Time::from_unix_ms),
        }
    }

    pub(super) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        Ok(tx.put(&tables::api_token(&self.id), self)?)
    }
}

/// All of them.
pub(crate) fn all(tx: &Tx<'_>) -> Result<Vec<Token>, EngineError> {
    Ok(tx.scan_intact(&tables::api_tokens(), usize::MAX)?.into_iter().map(|(_, token)| token).collect())
}

/// Puts a token in the place of the one with its id.
#[cfg(test)]
pub(crate) fn replace(cx: &mut Cx<'_, '_>, token: &Token) -> Result<(), api::ApiError> {
    Ok(token.save(cx.tx)?)
}

/// Tokens were used.
pub(crate) fn used(cx: &mut Cx<'_, '_>, uses: &[([u8; 8], u64)]) -> Result<(), EngineError> {
    for (id, at) in uses {
        if let Some(mut token) = cx.tx.get::<Token>(&tables::api_token(id))? {
            token.used_at = token.used_at.max(Some(*at));
            token.save(cx.tx)?;
        }
    }
    Ok(())
}

/// Forgets tokens that ended long ago.
pub(super) fn prune(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for token in all(cx.tx)? {
        if token.ended_at().is_some_and(|at| at.saturating_add(KEEP) <= cx.now) {
            cx.tx.delete(&tables::api_token(&token.id));
        }
    }
    Ok(())
}
