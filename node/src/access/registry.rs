//! All tokens, as they are now; what the engine has stored of them follows.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, Instant},
};

use covey_api::{
    ApiError, AuditCaller, EventsAck, Method, Reason, Request, TokenCreate, TokenCreated, TokenInfo, TokenRevoke,
};
use zeroize::Zeroizing;

use super::{Caller, Grant, codes::Codes, refusals::Refusals};
use crate::engine::audit::{self, Who};
use crate::engine::rpc::token::{self, Grantor};
use crate::engine::tokens::{self, Token};
use crate::engine::{Cx, idempotency};
use crate::runtime::{EngineHandle, now};
use crate::slot::Slot;

/// Refusals and last uses are written down this often. What is lost in a crash is no more than that.
const WRITE_DOWN: Duration = Duration::from_secs(5);
/// A token's last use is stored when it is this much later than the one stored, in milliseconds.
const USE_STEP: u64 = 60_000;

/// Who may use the local API.
pub struct Access {
    pub(super) engine: Slot<EngineHandle>,
    /// By the hash of the token; those too that have ended, to tell their holders so.
    grants: RwLock<HashMap<[u8; 32], Arc<Grant>>>,
    refusals: Refusals,
    pub(super) codes: Codes,
    /// Where the web page is; none without a port.
    pub(super) page: OnceLock<String>,
}

impl Access {
    /// What the engine has stored; from then on this is the only one who changes it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(engine: impl Into<Slot<EngineHandle>>) -> Result<Arc<Self>, ApiError> {
        let engine = engine.into();
        let stored = engine.call(|cx| token::list(cx, true)).await?;
        let grants = stored.iter().map(|token| (*token.hash, Arc::new(Grant::new(token)))).collect();
        Ok(Arc::new(Self {
            engine,
            grants: RwLock::new(grants),
            refusals: Refusals::default(),
            codes: Codes::default(),
            page: OnceLock::new(),
        }))
    }

    /// Who shows this token.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`] if nobody knows it, [`Reason::TokenExpired`], [`Reason::TokenRevoked`].
    pub fn holder(&self, token: &str) -> Result<Caller, ApiError> {
        let hash = tokens::hash(token);
        let grant = self.grants().get(&hash).cloned().ok_or_else(unknown)?;
        let at = now();
        grant.check(at)?;
        grant.use_at(at);
        Ok(Caller::Token(grant))
    }

    /// May this caller call this method now?
    ///
    /// # Errors
    /// Why not; it is in the audit log then.
    pub fn admit(&self, caller: &Caller, method: &Method) -> Result<(), ApiError> {
        let Some(grant) = caller.grant() else { return Ok(()) };
        let admitted = admit(grant, method, now());
        if let Err(error) = &admitted {
            self.refused(caller.who(), method.name, error.reason);
        }
        admitted
    }

    /// A call was refused.
    pub fn refused(&self, who: Option<Who>, method: &str, reason: Reason) {
        if let Some(who) = who {
            self.refusals.add(who, method, reason, now());
        }
    }

    /// Somebody was refused who did not come in at all.
    pub fn nobody_refused(&self, path: &str, reason: Reason) {
        self.refused(Some(Who { caller: AuditCaller::Nobody, token: None }), path, reason);
    }

    /// `token.create`. It is carried out to the end even if the caller goes away.
    ///
    /// # Errors
    /// See [`token::create`].
    pub async fn create(self: &Arc<Self>, caller: &Caller, params: TokenCreate) -> Result<TokenCreated, ApiError> {
        let grantor = match caller.grant() {
            Some(grant) => {
                Grantor { scopes: grant.bits(), expires_at: grant.expires_at().filter(|_| !grant.is_browser()) }
            }
            None => Grantor { scopes: u8::MAX, expires_at: None },
        };
        let (this, caller) = (Arc::clone(self), caller.clone());
        finished(async move {
            let made = this.change(&caller, "token.create", move |cx| create(cx, params, &grantor)).await?;
            let (answer, fresh) = made;
            let Some((stored, token)) = fresh else { return Ok(answer) };
            this.enter(&stored);
            Ok(TokenCreated { token: Some(token.to_string()), ..answer })
        })
        .await
    }

    /// `token.revoke`: at once, on open connections too. It is carried out to the end even if the caller goes away.
    ///
    /// # Errors
    /// See [`token::revoke`].
    pub async fn revoke(self: &Arc<Self>, caller: &Caller, params: TokenRevoke) -> Result<TokenInfo, ApiError> {
        let (this, caller) = (Arc::clone(self), caller.clone());
        finished(async move {
            let revoked = this.change(&caller, "token.revoke", move |cx| {
                let mut hash = None;
                let info = idempotency::once(cx, params, |cx, params| {
                    let token = token::revoke(cx, &params.token)?;
                    hash = Some(*token.hash);
                    Ok(token.show(cx.now))
                })?;
                Ok((info, hash))
            });
            let (info, hash) = revoked.await?;
            if let Some(hash) = hash {
                this.end(&hash);
            }
            Ok(info)
        })
        .await
    }

    /// `token.list`
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self, all: bool) -> Result<Vec<TokenInfo>, ApiError> {
        self.write_down(0).await;
        self.engine.call(move |cx| Ok(token::list(cx, all)?.iter().map(|token| token.show(cx.now)).collect())).await
    }

    /// Runs a change on behalf of `caller`, and writes into the audit log that it was made or refused.
    ///
    /// # Errors
    /// Those of the change.
    pub async fn change<T: Send + 'static>(
        &self,
        caller: &Caller,
        method: &'static str,
        change: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (asker, who) = (caller.asker(), caller.who());
        let by = who.clone();
        let changed = self.engine.call(move |cx| {
            cx.asker = asker;
            let answer = change(cx)?;
            if let Some(by) = &by {
                audit::changed(cx, by, method)?;
            }
            Ok(answer)
        });
        let changed = changed.await;
        if let Err(error) = &changed {
            self.refused(who, method, error.reason);
        }
        changed
    }

    /// Writes down what was gathered, until the daemon stops. What is gathered while the node is locked waits.
    pub async fn keep_books(self: Arc<Self>) {
        while !self.engine.has_ended() {
            tokio::time::sleep(WRITE_DOWN).await;
            self.write_down(USE_STEP).await;
        }
    }

    /// Writes down refusals, and uses that are `step` milliseconds later than what is stored.
    pub async fn write_down(&self, step: u64) {
        let Ok(engine) = self.engine.get() else { return };
        let refused = self.refusals.take();
        let used = self.unstored_uses(step);
        if refused.is_empty() && used.is_empty() {
            return;
        }
        let uses: Vec<_> = used.iter().map(|(grant, at)| (grant.id(), *at)).collect();
        let written = engine.call(move |cx| {
            refused.iter().try_for_each(|refused| audit::refused(cx, refused))?;
            Ok(tokens::used(cx, &uses)?)
        });
        match written.await {
            Ok(()) => used.iter().for_each(|(grant, at)| grant.note_stored_use(*at)),
            Err(error) => tracing::warn!(%error, "refusals could not be written into the audit log"),
        }
    }

    fn unstored_uses(&self, step: u64) -> Vec<(Arc<Grant>, u64)> {
        let grants = self.grants();
        grants.values().filter_map(|grant| Some((Arc::clone(grant), grant.unstored_use(step)?))).collect()
    }

    fn grants(&self) -> RwLockReadGuard<'_, HashMap<[u8; 32], Arc<Grant>>> {
        self.grants.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn end(&self, hash: &[u8; 32]) {
        if let Some(grant) = self.grants().get(hash) {
            grant.revoked().cancel();
        }
    }

    pub(super) fn enter(&self, token: &Token) {
        let grant = Arc::new(Grant::new(token));
        self.grants.write().unwrap_or_else(PoisonError::into_inner).insert(*token.hash, grant);
    }
}

type Fresh = Option<(Token, Zeroizing<String>)>;

/// The token itself is not part of the answer that is remembered for the `client_id`.
fn create(cx: &mut Cx<'_, '_>, params: TokenCreate, grantor: &Grantor) -> Result<(TokenCreated, Fresh), ApiError> {
    let mut fresh = None;
    let answer = idempotency::once(cx, params, |cx, params| {
        let (stored, token) = token::create(cx, &params, grantor)?;
        let info = stored.show(cx.now);
        fresh = Some((stored, token));
        Ok(TokenCreated { token: None, info })
    })?;
    Ok((answer, fresh))
}

fn admit(grant: &Grant, method: &Method, at: u64) -> Result<(), ApiError> {
    grant.check(at)?;
    grant.use_at(at);
    if let Some(needs) = method.scope.filter(|scope| !grant.has(*scope)) {
        return Err(ApiError::new(
            Reason::NotAllowed,
            format!("{} needs a token with the scope `{needs}`, which this one does not have.", method.name),
        )
        .with_data(serde_json::json!({ "needs": needs, "scopes": tokens::scopes(grant.bits()) })));
    }
    if grant.is_bound() && !method.in_channel {
        return Err(ApiError::new(
            Reason::NotAllowed,
            format!("{} is not for tokens that are bound to channels.", method.name),
        )
        .with_data(serde_json::json!({ "needs": method.scope, "scopes": tokens::scopes(grant.bits()) })));
    }
    // A consumer may acknowledge every event by itself.
    if method.changes && method.name != EventsAck::METHOD {
        grant.count_write(Instant::now())?;
    }
    Ok(())
}

/// Runs to the end whether or not whoever waits for it goes away.
pub(crate) async fn finished<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(ApiError::internal("The call ended too soon.")))
}

fn unknown() -> ApiError {
    ApiError::new(
        Reason::Unauthorized,
        "A token is required: the one in rpc.cookie, or one that `covey token create` makes.",
    )
}
