//! One token, while the node runs.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use covey_api::{ApiError, AuditCaller, Reason, Scope, TOKEN_WRITES_PER_SECOND};
use covey_feed::ChannelId;
use tokio_util::sync::CancellationToken;

use super::bucket::Bucket;
use crate::engine::Asker;
use crate::engine::audit::Who;
use crate::engine::tokens::{self, Token};

/// What a token allows, and whether it still does.
#[derive(Debug)]
pub struct Grant {
    id: [u8; 8],
    name: String,
    browser: bool,
    scopes: u8,
    channels: Option<Arc<[ChannelId]>>,
    expires_at: Option<u64>,
    revoked: CancellationToken,
    writes: Mutex<Bucket>,
    /// Unix milliseconds; 0: never.
    used_at: AtomicU64,
    /// The last use that is stored.
    stored_use: AtomicU64,
}

impl Grant {
    pub(super) fn new(token: &Token) -> Self {
        let channels = token.channels.as_ref().map(|ids| ids.iter().map(|id| ChannelId::from_bytes(**id)).collect());
        let revoked = CancellationToken::new();
        if token.revoked_at.is_some() {
            revoked.cancel();
        }
        let used_at = token.used_at.unwrap_or(0);
        Self {
            id: *token.id,
            name: token.name.clone(),
            browser: token.browser,
            scopes: token.scopes,
            channels,
            expires_at: token.expires_at,
            revoked,
            writes: Mutex::new(Bucket::new(TOKEN_WRITES_PER_SECOND, Instant::now())),
            used_at: AtomicU64::new(used_at),
            stored_use: AtomicU64::new(used_at),
        }
    }

    pub(super) fn id(&self) -> [u8; 8] {
        self.id
    }

    /// A browser that is signed in, not a program.
    pub fn is_browser(&self) -> bool {
        self.browser
    }

    /// Does it cover this scope?
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes & tokens::bit(scope) != 0
    }

    /// The scopes as bits.
    pub fn bits(&self) -> u8 {
        self.scopes
    }

    /// Is it bound to channels?
    pub fn is_bound(&self) -> bool {
        self.channels.is_some()
    }

    /// When it ends by itself, Unix milliseconds.
    pub fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// Cancelled when it is revoked.
    pub fn revoked(&self) -> &CancellationToken {
        &self.revoked
    }

    pub(super) fn asker(&self) -> Asker {
        Asker::with_token(self.id, self.channels.clone())
    }

    pub(super) fn who(&self) -> Who {
        let caller = if self.browser { AuditCaller::Browser } else { AuditCaller::Token };
        Who { caller, token: Some((self.id, self.name.clone())) }
    }

    /// Refuses if it is over.
    ///
    /// # Errors
    /// [`Reason::TokenRevoked`], [`Reason::TokenExpired`].
    pub fn check(&self, now: u64) -> Result<(), ApiError> {
        if self.revoked.is_cancelled() {
            return Err(ApiError::new(Reason::TokenRevoked, "This token was revoked. Ask for another one."));
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(ApiError::new(Reason::TokenExpired, "This token has expired. Ask for another one."));
        }
        Ok(())
    }

    /// Counts a changing call.
    ///
    /// # Errors
    /// [`Reason::LimitReached`], with how long to wait.
    pub(super) fn count_write(&self, now: Instant) -> Result<(), ApiError> {
        let taken = self.writes.lock().unwrap_or_else(PoisonError::into_inner).take(now);
        taken.map_err(|wait| {
            ApiError::new(
                Reason::LimitReached,
                format!("A token may change something {TOKEN_WRITES_PER_SECOND} times a second. Wait a moment."),
            )
            .with_data(serde_json::json!({ "limit": TOKEN_WRITES_PER_SECOND, "retry_after_ms": millis(wait) }))
        })
    }

    /// It was used just now.
    pub(super) fn use_at(&self, now: u64) {
        self.used_at.fetch_max(now, Ordering::Relaxed);
    }

    /// When it was last used, if that is to be stored: at least `step` milliseconds after what is.
    pub(super) fn unstored_use(&self, step: u64) -> Option<u64> {
        let used = self.used_at.load(Ordering::Relaxed);
        let stored = self.stored_use.load(Ordering::Relaxed);
        (used > stored && used.saturating_sub(stored) >= step).then_some(used)
    }

    pub(super) fn note_stored_use(&self, at: u64) {
        self.stored_use.fetch_max(at, Ordering::Relaxed);
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}
