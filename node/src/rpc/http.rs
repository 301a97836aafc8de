//! The routes: RPC, web files, probes, metrics.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use jsonrpsee::server::{
    BatchRequestConfig, Methods, PingConfig, ServerBuilder, ServerConfig, StopHandle, TowerServiceBuilder,
};
use tower::{Service, layer::util::Identity};

use super::{
    guard::{self, Guard},
    web,
};

/// Longest request body in bytes: a text, its recipients and attachments by reference fit many times over.
pub(crate) const MAX_BODY: u32 = 1 << 20;
/// Longest answer in bytes: a page of the longest messages.
const MAX_ANSWER: u32 = 64 << 20;
/// Most calls in one batch.
const MAX_BATCH: u32 = 64;
/// Most subscriptions of one client.
const MAX_SUBSCRIPTIONS: u32 = 32;
/// Answers and events that wait for a slow client; beyond it, calls wait and subscriptions fall behind.
const CLIENT_BUFFER: u32 = 8_192;

/// What the probes and the metrics ask the node.
#[derive(Clone)]
pub struct Probes {
    /// Why the node cannot serve, or nothing: store writable, overlay listening, receive path alive.
    pub ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// The metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Default for Probes {
    fn default() -> Self {
        Self { ready: Arc::new(|| Ok(())), metrics: Arc::new(String::new) }
    }
}

/// What all requests share.
#[derive(Clone)]
pub(crate) struct App {
    methods: Methods,
    rpc: TowerServiceBuilder<Identity, Identity>,
    stop: StopHandle,
    probes: Probes,
}

impl App {
    pub(crate) fn new(methods: Methods, max_connections: u32, stop: StopHandle, probes: Probes) -> Self {
        let config = ServerConfig::builder()
            .max_request_body_size(MAX_BODY)
            .max_response_body_size(MAX_ANSWER)
            .max_connections(max_connections)
            .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS)
            .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH))
            .set_message_buffer_capacity(CLIENT_BUFFER)
            .enable_ws_ping(PingConfig::new())
            .build();
        let rpc = ServerBuilder::with_config(config).to_service_builder();
        Self { methods, rpc, stop, probes }
    }

    /// The routes behind `guard`.
    pub(crate) fn router(self, guard: Guard) -> Router {
        Router::new()
            .route("/rpc", any(rpc))
            .route("/healthz", get("ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .fallback(get(web::file))
            .with_state(self)
            .layer(middleware::from_fn_with_state(guard, guard::check))
    }
}

/// One service per request: a WebSocket is one request, and subscriptions are told apart by the service's number.
async fn rpc(State(app): State<App>, request: Request) -> Response {
    match app.rpc.build(app.methods, app.stop).call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::debug!(%error, "rpc request failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn ready(State(app): State<App>) -> Response {
    match (app.probes.ready)() {
        Ok(()) => "ready\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.probes.metrics)()).into_response()
}
