//! Who may ask for what, decided before anything reads a request's body.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use covey_api::{ApiError, Reason, Scope};

use super::{cookie::Cookie, dispatch, session};
use crate::access::{Access, Caller};

/// The WebSocket subprotocol that the server speaks.
const SUBPROTOCOL: &str = "covey";
/// Prefix of the subprotocol in which a browser carries the token.
const BEARER_SUBPROTOCOL: &str = "bearer.";
/// Prefix of the subprotocol in which our own page carries its key.
const SESSION_SUBPROTOCOL: &str = "session.";
/// The header in which it does otherwise. A page of another site cannot set it without being asked, and is refused then.
const SESSION_HEADER: HeaderName = HeaderName::from_static("x-covey-session");
/// What browsers say of where a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The rules of one listener.
#[derive(Clone)]
pub(crate) enum Guard {
    /// The kernel has said who it is.
    Socket { uid: u32 },
    /// A port that every local process and, through a browser, every web page can reach.
    Port(Port),
}

/// The rules of a port.
#[derive(Clone)]
pub(crate) struct Port {
    hosts: Arc<[String]>,
    cookie: Cookie,
    access: Arc<Access>,
}

impl Guard {
    /// The rules for a port.
    pub(crate) fn port(address: SocketAddr, cookie: Cookie, access: Arc<Access>) -> Self {
        let port = address.port();
        let names = ["127.0.0.1", "[::1]", "localhost"].map(|name| format!("{name}:{port}"));
        let hosts = names.into_iter().chain([address.to_string()]).collect();
        Self::Port(Port { hosts, cookie, access })
    }
}

/// The middleware: refuses, or notes the [`Caller`] and passes on without the token.
pub(crate) async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let port = match guard {
        Guard::Socket { uid } => {
            request.extensions_mut().insert(Caller::Socket { uid });
            return next.run(request).await;
        }
        Guard::Port(port) => port,
    };
    let (shown, answer) = take_shown(request.headers_mut());
    match port.admit(&request, &shown) {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
        }
        Ok(None) => {}
        Err(error) => {
            port.access.nobody_refused(known_path(request.uri().path()), error.reason);
            return refuse(error);
        }
    }
    let mut response = next.run(request).await;
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(answer)) = (response.status(), answer) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, answer);
    }
    response
}

impl Port {
    /// Who calls; nobody in particular where that does not matter.
    fn admit(&self, request: &Request, shown: &Shown) -> Result<Option<Caller>, ApiError> {
        if !is_own_host(request, &self.hosts) {
            return Err(ApiError::new(Reason::ForeignOrigin, "This is not the name of this server."));
        }
        if !is_own_origin(request.headers(), &self.hosts) {
            return Err(ApiError::new(Reason::ForeignOrigin, "Pages of other sites may not call this server."));
        }
        let needs = Needs::of(request.uri().path());
        if matches!(needs, Needs::Nothing) {
            return Ok(None);
        }
        let caller = match shown {
            Shown::Token(token) if self.cookie.matches(token.as_bytes()) => Ok(Caller::Cookie),
            Shown::Token(token) => self.access.holder(token),
            Shown::Browser { cookie, key } if is_own_page(request.headers()) => self.access.browser(cookie, key),
            Shown::Browser { .. } => {
                Err(ApiError::new(Reason::ForeignOrigin, "This is only for the page of this server."))
            }
        };
        match (needs, caller) {
            (Needs::Nothing | Needs::Session, caller) => Ok(caller.ok()),
            (Needs::Token, caller) => caller.map(Some),
            (Needs::Metrics, caller) => match caller? {
                caller if caller.may(Scope::Metrics) => Ok(Some(caller)),
                _ => Err(ApiError::new(Reason::NotAllowed, "This needs a token with the scope `metrics`.")),
            },
        }
    }
}

/// What a path asks of a caller.
enum Needs {
    /// The page itself and the two health probes say nothing that any local process may not know.
    Nothing,
    /// A token; what it covers, the methods know.
    Token,
    /// A token with the scope `metrics`.
    Metrics,
    /// A code perhaps, or nothing: it is looked at later.
    Session,
}

impl Needs {
    fn of(path: &str) -> Self {
        match path {
            "/rpc" => Self::Token,
            "/metrics" => Self::Metrics,
            "/session" => Self::Session,
            _ => Self::Nothing,
        }
    }
}

/// A path for the audit log, which a caller must not be able to fill with words of their own.
fn known_path(path: &str) -> &'static str {
    match path {
        "/rpc" => "/rpc",
        "/metrics" => "/metrics",
        "/session" => "/session",
        _ => "/",
    }
}

/// DNS rebinding: a page of evil.example whose name was made to resolve to 127.0.0.1 still says its name here.
fn is_own_host(request: &Request, hosts: &[String]) -> bool {
    let authority = request.uri().authority().is_none_or(|a| hosts.iter().any(|h| a.as_str() == h));
    let mut named = request.headers().get_all(header::HOST).iter();
    let host = named.next().is_some_and(|host| hosts.iter().any(|h| host.as_bytes() == h.as_bytes()));
    authority && host && named.next().is_none()
}

/// Cross-site requests: browsers say from which page a request comes, and pages cannot forge it.
fn is_own_origin(headers: &HeaderMap, hosts: &[String]) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        host.is_some_and(|host| hosts.iter().any(|h| h == host))
    })
}

/// A cookie goes along with whatever a browser asks of this host, so it says nothing of who asks: where it is all that is shown,
/// the browser has to say that our own page does. (That an Origin which is named is ours was seen before.)
fn is_own_page(headers: &HeaderMap) -> bool {
    let sites = headers.get_all(FETCH_SITE);
    headers.contains_key(header::ORIGIN) && sites.iter().all(|site| site.as_bytes() == b"same-origin")
}

/// What a caller shows of themselves.
enum Shown {
    /// A token; the empty one if there is nothing.
    Token(String),
    /// The two secrets of a browser that is signed in.
    Browser { cookie: String, key: String },
}

/// Takes the secrets out of the headers, and says which subprotocol to answer with: a browser that offered some closes
/// the connection unless one of them is accepted.
fn take_shown(headers: &mut HeaderMap) -> (Shown, Option<HeaderValue>) {
    let cookie = session::cookie(headers);
    headers.remove(header::COOKIE);
    let key = headers.remove(SESSION_HEADER);
    let key = key.as_ref().and_then(|key| key.to_str().ok());
    let authorization = headers.remove(header::AUTHORIZATION);
    let bearer = authorization.as_ref().and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let offered = headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    let offered = offered.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut offers = offered.split(',').map(str::trim);
    let subprotocol = |prefix| offers.clone().find_map(|offer: &str| offer.strip_prefix(prefix));
    let (token, key) = (bearer.or(subprotocol(BEARER_SUBPROTOCOL)), key.or(subprotocol(SESSION_SUBPROTOCOL)));
    let shown = match (token, cookie, key) {
        (None, Some(cookie), Some(key)) => Shown::Browser { cookie, key: key.to_owned() },
        (token, ..) => Shown::Token(token.unwrap_or_default().to_owned()),
    };
    let answer = offers.any(|offer| offer == SUBPROTOCOL).then(|| HeaderValue::from_static(SUBPROTOCOL));
    (shown, answer)
}

/// Refuses, with the same object as a method does.
pub(super) fn refuse(error: ApiError) -> Response {
    let status = match error.reason {
        Reason::Unauthorized | Reason::TokenExpired | Reason::TokenRevoked => StatusCode::UNAUTHORIZED,
        _ => StatusCode::FORBIDDEN,
    };
    let body = dispatch::refused(error);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body.get().to_owned()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
