//! `/session`: where a browser is signed in and out. Everything else it asks for is at `/rpc`.

use axum::{
    body::{self, Body},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use covey_api::{ApiError, Reason, Time};
use serde::{Deserialize, Serialize};

use super::{guard, http::App};
use crate::access::Caller;

/// Longest request in bytes: a code and some room.
const MAX_REQUEST: usize = 1_024;
/// Before the names of cookies. The port follows: cookies are shared by all ports of a host, and each node has its own.
const COOKIE: &str = "covey-";

/// What a browser asks with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// From the address that it was opened with; not needed with the operator's token.
    code: Option<String>,
}

/// What the page keeps.
#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
    expires_at: Time,
}

/// POST signs in, DELETE signs out.
pub(super) async fn session(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let caller = parts.extensions.get::<Caller>().cloned();
    let Some(port) = port(&parts.headers).filter(|_| parts.headers.contains_key(header::ORIGIN)) else {
        return guard::refuse(ApiError::new(Reason::ForeignOrigin, "Only the page of this server signs in here."));
    };
    let answered = match parts.method {
        Method::POST => {
            let body = body::to_bytes(body, MAX_REQUEST).await.unwrap_or_default();
            let Ok(SignIn { code }) = serde_json::from_slice(&body) else {
                return guard::refuse(ApiError::new(
                    Reason::Unauthorized,
                    "This needs a code, as `covey web` gives it.",
                ));
            };
            let name = browser_name(&parts.headers);
            app.access.sign_in(caller.as_ref(), code.as_deref(), name).await.map(|signed| {
                let key = Key { key: &signed.key, expires_at: Time::from_unix_ms(signed.expires_at) };
                with_cookie(serde_json::to_string(&key).unwrap_or_default(), port, &signed.cookie, signed.lasts)
            })
        }
        Method::DELETE => match caller {
            Some(caller) => app.access.sign_out(&caller).await.map(|()| with_cookie(String::new(), port, "", 0)),
            None => Ok(with_cookie(String::new(), port, "", 0)),
        },
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    answered.unwrap_or_else(guard::refuse)
}

/// The guard has seen that the name is one of this server's.
fn port(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()?.rsplit(':').next()
}

/// Strict: not sent with a request that a page of another site caused. Not `Secure`: the way to loopback has no TLS.
fn with_cookie(body: String, port: &str, value: &str, life: u64) -> Response {
    let cookie = format!("{COOKIE}{port}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}");
    let mut response = ([(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match HeaderValue::from_str(&cookie) {
        Ok(cookie) => drop(response.headers_mut().insert(header::SET_COOKIE, cookie)),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
    response
}

/// The cookie of the node at `port`.
pub(super) fn cookie(headers: &HeaderMap) -> Option<String> {
    let name = format!("{COOKIE}{}", port(headers)?);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// What to call it in the list of tokens: of a few known names, never what it says itself.
fn browser_name(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let first =
        |names: &[(&str, &'static str)]| names.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    let browser = first(&[("Firefox/", "Firefox"), ("Edg/", "Edge"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ => "A browser".to_owned(),
    }
}
