//! Who may ask for what, decided before anything reads a request's body.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::cookie::Cookie;

/// The WebSocket subprotocol that the server speaks.
const SUBPROTOCOL: &str = "covey";
/// Prefix of the subprotocol in which a browser carries the token.
const BEARER_SUBPROTOCOL: &str = "bearer.";

/// Who calls; every method finds it in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A process of this user (or root), on the Unix socket.
    Socket {
        /// Its user id.
        uid: u32,
    },
    /// The holder of the operator's token, on the port.
    Cookie,
}

/// The rules of one listener.
#[derive(Debug, Clone)]
pub(crate) enum Guard {
    /// The kernel has said who it is.
    Socket { uid: u32 },
    /// A port that every local process and, through a browser, every web page can reach.
    Port { hosts: Arc<[String]>, cookie: Cookie },
}

impl Guard {
    /// The rules for a port.
    pub(crate) fn port(address: SocketAddr, cookie: Cookie) -> Self {
        let port = address.port();
        let names = ["127.0.0.1", "[::1]", "localhost"].map(|name| format!("{name}:{port}"));
        let hosts = names.into_iter().chain([address.to_string()]).collect();
        Self::Port { hosts, cookie }
    }
}

/// The middleware: refuses, or notes the [`Caller`] and passes on without the token.
pub(crate) async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let (hosts, cookie) = match guard {
        Guard::Socket { uid } => {
            request.extensions_mut().insert(Caller::Socket { uid });
            return next.run(request).await;
        }
        Guard::Port { hosts, cookie } => (hosts, cookie),
    };
    if !is_own_host(&request, &hosts) {
        return refuse(StatusCode::FORBIDDEN, "this is not the name of this server");
    }
    if !is_own_origin(request.headers(), &hosts) {
        return refuse(StatusCode::FORBIDDEN, "pages of other sites may not call this server");
    }
    let (token, answer) = take_token(request.headers_mut());
    if token.is_some_and(|token| cookie.matches(token.as_bytes())) {
        request.extensions_mut().insert(Caller::Cookie);
    } else if needs_token(request.uri().path()) {
        let mut refusal = refuse(StatusCode::UNAUTHORIZED, "the token in rpc.cookie is required");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refusal;
    }
    let mut response = next.run(request).await;
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(answer)) = (response.status(), answer) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, answer);
    }
    response
}

/// The page itself and the two health probes say nothing that any local process may not know.
fn needs_token(path: &str) -> bool {
    matches!(path, "/rpc" | "/metrics")
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

/// Takes the token out of the headers, and says which subprotocol to answer with: a browser that offered some closes
/// the connection unless one of them is accepted.
fn take_token(headers: &mut HeaderMap) -> (Option<String>, Option<HeaderValue>) {
    let authorization = headers.remove(header::AUTHORIZATION);
    let bearer = authorization.as_ref().and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let offered = headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    let offered = offered.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut offers = offered.split(',').map(str::trim);
    let subprotocol = offers.clone().find_map(|offer| offer.strip_prefix(BEARER_SUBPROTOCOL));
    let answer = offers.any(|offer| offer == SUBPROTOCOL).then(|| HeaderValue::from_static(SUBPROTOCOL));
    (bearer.or(subprotocol).map(str::to_owned), answer)
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{why}\n")).into_response()
}
