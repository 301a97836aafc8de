//! The routes: RPC, web files, probes, metrics.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{self, Body},
    extract::{FromRequestParts as _, Request, State, ws::WebSocketUpgrade},
    http::{HeaderMap, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use covey_api::{MAX_BODY, MAX_FRAME};
use futures::{
    FutureExt as _,
    future::{self, BoxFuture},
};
use jsonrpsee::core::server::Methods;
use serde_json::value::RawValue;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    dispatch::{self, Connection, Dispatcher},
    guard::{self, Guard},
    session, web,
    websocket::{self, Ends},
};
use crate::access::Access;

/// What the probes and the metrics ask the node.
#[derive(Clone)]
pub struct Probes {
    /// Why the node is not ready, if it is not; if it is, lines about what does not work beside that.
    pub ready: Arc<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>,
    /// The metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            ready: Arc::new(|| future::ready(Ok(String::new())).boxed()),
            metrics: Arc::new(|| future::ready(String::new()).boxed()),
        }
    }
}

/// What all requests share.
#[derive(Clone)]
pub(crate) struct App {
    dispatcher: Dispatcher,
    probes: Probes,
    pub(super) access: Arc<Access>,
    /// Cancelled when the server stops.
    stop: CancellationToken,
    /// Every WebSocket, so that the server can wait for them.
    tasks: TaskTracker,
    /// Numbers the connections.
    connections: Arc<AtomicUsize>,
}

impl App {
    pub(crate) fn new(
        methods: Methods,
        probes: Probes,
        access: Arc<Access>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self { dispatcher: Dispatcher::new(methods), probes, access, stop, tasks, connections: Arc::default() }
    }

    /// The routes behind `guard`.
    pub(crate) fn router(self, guard: Guard) -> Router {
        Router::new()
            .route("/rpc", any(rpc))
            .route("/session", any(session::session))
            .route("/healthz", get("ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .fallback(get(web::file))
            .with_state(self)
            .layer(middleware::from_fn_with_state(guard, guard::check))
    }
}

async fn rpc(State(app): State<App>, request: Request) -> Response {
    let id = app.connections.fetch_add(1, Ordering::Relaxed);
    match *request.method() {
        Method::GET if request.headers().contains_key(header::UPGRADE) => upgrade(app, id, request).await,
        Method::POST => post(app, id, request).await,
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

async fn upgrade(app: App, id: usize, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    let ends = Ends::new(app.stop, parts.extensions.get());
    let (dispatcher, tasks) = (app.dispatcher, app.tasks);
    upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| tasks.track_future(websocket::serve(socket, id, parts.extensions, dispatcher, ends)))
}

/// One request, or one batch, and its answer.
async fn post(app: App, id: usize, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let Ok(text) = body::to_bytes(body, MAX_BODY as usize).await else {
        return json(StatusCode::PAYLOAD_TOO_LARGE, &dispatch::refused_as_too_long());
    };
    let connection = Connection::new(id, parts.extensions);
    match app.dispatcher.call(&connection, &text).await {
        Some(answer) => json(StatusCode::OK, &answer),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// A form of another site can send only the three types that forms have.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn json(status: StatusCode, text: &RawValue) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(text.get().to_owned())).into_response()
}

async fn ready(State(app): State<App>) -> Response {
    match (app.probes.ready)().await {
        Ok(beside) => format!("ready\n{beside}").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.probes.metrics)().await).into_response()
}
