//! Browsers: how they are signed in, what they show from then on, how they are signed out.
//!
//! A signed-in browser shows two secrets: a cookie, which scripts cannot read, and a key, which the page keeps in the storage
//! of its origin. Cookies are sent to every port of a host, so a server of somebody else on this machine would get the
//! cookie; the storage belongs to this port alone. Neither is any good without the other.

use std::sync::Arc;

use covey_api::{ApiError, Reason, Time, WebAddress};
use covey_pairing::crypto::secret::Secret;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::codes::CODE_LIFE;
use super::registry::finished;
use super::{Access, Caller};
use crate::engine::audit::Who;
use crate::engine::rpc::token;
use crate::engine::tokens;
use crate::runtime::now;

/// How long a browser stays signed in, in milliseconds: 90 days.
const SIGNED_IN: u64 = 90 * 24 * 3_600_000;

/// What a browser gets when it is signed in.
pub struct SignedIn {
    /// For the cookie.
    pub cookie: Zeroizing<String>,
    /// For the page.
    pub key: Zeroizing<String>,
    /// Until when it is, Unix milliseconds.
    pub expires_at: u64,
    /// For how many seconds that is.
    pub lasts: u64,
}

impl Access {
    /// Where the page is, once the server has a port.
    pub fn set_page(&self, url: String) {
        // The server starts once.
        let _ = self.page.set(url);
    }

    /// `web.open`: an address with a code that signs one browser in.
    ///
    /// # Errors
    /// [`Reason::NotAllowed`] for tokens of programs, [`Reason::WrongState`] without a port.
    pub async fn open_page(&self, caller: &Caller) -> Result<WebAddress, ApiError> {
        if !caller.is_operator() {
            let text = "A token cannot sign browsers in. Use `covey web` on the machine of the node.";
            return Err(ApiError::new(Reason::NotAllowed, text));
        }
        let Some(page) = self.page.get() else {
            let text = "The node has no port for browsers. Set rpc.listen in the configuration, and start it again.";
            return Err(ApiError::new(Reason::WrongState, text));
        };
        let code = self.secret().await?;
        let expires_at = now().saturating_add(CODE_LIFE);
        self.codes.add(tokens::hash(&code), expires_at);
        Ok(WebAddress { url: format!("{page}/#code={}", *code), expires_at: Time::from_unix_ms(expires_at) })
    }

    /// Signs a browser in that shows a code from [`Access::open_page`], or was let in as the operator.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`].
    pub async fn sign_in(
        self: &Arc<Self>,
        caller: Option<&Caller>,
        code: Option<&str>,
        name: String,
    ) -> Result<SignedIn, ApiError> {
        let by_code = code.is_some_and(|code| self.codes.take(&tokens::hash(code), now()));
        if !by_code && !matches!(caller, Some(Caller::Cookie)) {
            self.nobody_refused("/session", Reason::Unauthorized);
            return Err(ApiError::new(
                Reason::Unauthorized,
                "This code was used already or has expired. `covey web` gives another address.",
            ));
        }
        let (cookie, key) = (self.secret().await?, self.secret().await?);
        let (hash, expires_at) = (tokens::hash(&shown(&cookie, &key)), now().saturating_add(SIGNED_IN));
        let this = Arc::clone(self);
        finished(async move {
            let who = Caller::Cookie;
            let signed = this.change(&who, "web.sign_in", move |cx| token::sign_in(cx, name, hash, expires_at));
            let (stored, signed_out) = signed.await?;
            signed_out.iter().for_each(|token| this.end(&token.hash));
            this.enter(&stored);
            Ok(SignedIn { cookie, key, expires_at, lasts: SIGNED_IN / 1_000 })
        })
        .await
    }

    /// Signs the browser out that calls.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sign_out(self: &Arc<Self>, caller: &Caller) -> Result<(), ApiError> {
        let Some(Who { token: Some((id, _)), .. }) = caller.who() else { return Ok(()) };
        let params = covey_api::TokenRevoke { token: HEXLOWER.encode(&id), client_id: None };
        self.revoke(caller, params).await.map(drop)
    }

    /// The browser that shows these.
    ///
    /// # Errors
    /// As [`Access::holder`].
    pub fn browser(&self, cookie: &str, key: &str) -> Result<Caller, ApiError> {
        self.holder(&shown(cookie, key))
    }

    async fn secret(&self) -> Result<Zeroizing<String>, ApiError> {
        self.engine.call(|cx| Ok(Zeroizing::new(HEXLOWER.encode(Secret::<32>::random(cx.rng).expose())))).await
    }
}

/// Both secrets of a browser as one token.
fn shown(cookie: &str, key: &str) -> String {
    format!("browser {cookie} {key}")
}
