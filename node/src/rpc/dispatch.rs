//! From the text of a request, or of a batch of them, to the text of the answer. Knows no sockets.
//!
//! Every refusal carries a `reason`, those of the transport too, so that a client needs one way to read errors.

use std::sync::Arc;

use covey_api::{ApiError, MAX_BATCH, MAX_BODY, MAX_SUBSCRIPTION, MAX_SUBSCRIPTIONS, Reason};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{self, BoxFuture},
    stream::FuturesOrdered,
};
use jsonrpsee::{
    Extensions, MethodCallback, MethodResponse, MethodSink,
    core::id_providers::RandomIntegerIdProvider,
    core::server::{BoundedSubscriptions, ConnectionId, Methods, SubscriptionState},
    types::{ErrorObjectOwned, Id, InvalidRequest, Notification, Params, Request},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::runtime::turn;

/// Longest answer in bytes: a page of the longest messages.
const MAX_ANSWER: usize = 64 << 20;

/// The text of an answer; none for what is not answered: notifications, and subscriptions, which answer by themselves.
pub(crate) type Answer = Option<Box<RawValue>>;

/// One client.
#[derive(Clone)]
pub(crate) struct Connection {
    id: ConnectionId,
    /// What the transport knows of the client.
    extensions: Extensions,
    subscriptions: Option<(MethodSink, BoundedSubscriptions)>,
}

impl Connection {
    /// A client that takes answers only.
    pub(crate) fn new(id: usize, extensions: Extensions) -> Self {
        Self { id: ConnectionId(id), extensions, subscriptions: None }
    }

    /// A client that takes `events` too.
    pub(crate) fn with_events(id: usize, extensions: Extensions, events: MethodSink) -> Self {
        let subscriptions = Some((events, BoundedSubscriptions::new(MAX_SUBSCRIPTIONS)));
        Self { subscriptions, ..Self::new(id, extensions) }
    }
}

/// Finds and runs methods.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    methods: Arc<Methods>,
}

impl Dispatcher {
    pub(crate) fn new(methods: Methods) -> Self {
        Self { methods: Arc::new(methods) }
    }

    /// Begins what `text` asks for; nothing happens before the future is polled.
    pub(crate) fn call(&self, connection: &Connection, text: &[u8]) -> BoxFuture<'static, Answer> {
        if text.len() > MAX_BODY as usize {
            return answered(refusal(Id::Null, too_long()));
        }
        match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => self.single(connection, text, false),
            Some(b'[') => self.batch(connection, text),
            _ => answered(refusal(Id::Null, no_json())),
        }
    }

    fn single(&self, connection: &Connection, text: &[u8], in_batch: bool) -> BoxFuture<'static, Answer> {
        if let Ok(request) = serde_json::from_slice::<Request<'_>>(text) {
            let answer = self.run(connection, request, in_batch);
            // A subscription has answered through its sink.
            return async move { Some(answer.await).filter(|answer| !answer.is_subscription()) }
                .map(|answer| answer.map(MethodResponse::into_json))
                .boxed();
        }
        if serde_json::from_slice::<Notification<'_, Option<&RawValue>>>(text).is_ok() {
            return future::ready(None).boxed();
        }
        match serde_json::from_slice::<InvalidRequest<'_>>(text) {
            Ok(InvalidRequest { id }) => answered(refusal(id, no_request())),
            Err(_) => answered(refusal(Id::Null, no_json())),
        }
    }

    /// The requests of a batch are handed over in their order; the answers stand in it too.
    fn batch(&self, connection: &Connection, text: &[u8]) -> BoxFuture<'static, Answer> {
        let Ok(entries) = serde_json::from_slice::<Vec<&RawValue>>(text) else {
            return answered(refusal(Id::Null, no_json()));
        };
        if entries.is_empty() {
            return answered(refusal(Id::Null, no_request()));
        }
        if entries.len() > MAX_BATCH {
            return answered(refusal(Id::Null, batch_too_long(entries.len())));
        }
        let calls: Vec<_> = entries.iter().map(|entry| self.single(connection, entry.get().as_bytes(), true)).collect();
        async move {
            let answers = in_order(calls).await;
            let texts: Vec<&str> = answers.iter().flatten().map(|answer| answer.get()).collect();
            if texts.is_empty() {
                return None;
            }
            RawValue::from_string(format!("[{}]", texts.join(","))).ok()
        }
        .boxed()
    }

    fn run(&self, connection: &Connection, request: Request<'_>, in_batch: bool) -> BoxFuture<'static, MethodResponse> {
        let Request { id, method, params, .. } = request;
        let id = id.into_owned();
        let Some((_, callback)) = self.methods.method_with_name(&method) else {
            return future::ready(refusal(id, no_such_method(&method))).boxed();
        };
        let params = Params::new(params.as_ref().map(|params| params.get())).into_owned();
        let extensions = connection.extensions.clone();
        match (callback.clone(), connection.subscriptions.clone()) {
            (MethodCallback::Sync(run), _) => async move { run(id, params, MAX_ANSWER, extensions) }.boxed(),
            (MethodCallback::Async(run), _) => {
                let connection = connection.id;
                async move { run(id, params, connection, MAX_ANSWER, extensions).await }.boxed()
            }
            (MethodCallback::Subscription(run), Some((sink, places))) if !in_batch => {
                let conn_id = connection.id;
                async move {
                    let Some(subscription_permit) = places.acquire() else {
                        return refusal(id, too_many_subscriptions());
                    };
                    let id_provider = &RandomIntegerIdProvider;
                    run(id, params, sink, SubscriptionState { conn_id, id_provider, subscription_permit }, extensions)
                        .await
                }
                .boxed()
            }
            (MethodCallback::Unsubscription(run), Some(_)) => {
                let connection = connection.id;
                let Some(params) = subscription_of(&params) else {
                    return future::ready(refusal(id, no_subscription(&method))).boxed();
                };
                async move { run(id, params, connection, MAX_ANSWER, extensions) }.boxed()
            }
            (MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_), _) => {
                future::ready(refusal(id, needs_a_websocket(&method))).boxed()
            }
        }
    }
}

/// The parameters of the library, which takes the number of a subscription by position only.
fn subscription_of(params: &Params<'_>) -> Option<Params<'static>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ByName {
        subscription: u64,
    }
    let text = params.as_str()?.trim();
    let number = match serde_json::from_str::<ByName>(text) {
        Ok(ByName { subscription }) => subscription,
        Err(_) => serde_json::from_str::<[u64; 1]>(text).ok()?[0],
    };
    (number <= MAX_SUBSCRIPTION).then(|| Params::new(Some(&format!("[{number}]"))).into_owned())
}

/// Runs calls side by side, each begun when the one before it was handed over.
async fn in_order(calls: Vec<BoxFuture<'static, Answer>>) -> Vec<Answer> {
    let (mut running, mut answers) = (FuturesOrdered::new(), Vec::with_capacity(calls.len()));
    for call in calls {
        let (call, mut handed_over) = turn::take(call);
        running.push_back(call);
        loop {
            tokio::select! {
                biased;
                _ = &mut handed_over => break,
                Some(answer) = running.next() => answers.push(answer),
            }
        }
    }
    turn::pass();
    while let Some(answer) = running.next().await {
        answers.push(answer);
    }
    answers
}

fn answered(answer: MethodResponse) -> BoxFuture<'static, Answer> {
    future::ready(Some(answer.into_json())).boxed()
}

fn refusal(id: Id<'_>, error: ApiError) -> MethodResponse {
    MethodResponse::error(id, ErrorObjectOwned::from(error))
}

fn no_json() -> ApiError {
    ApiError::no_json("The request is not JSON.")
}

fn no_request() -> ApiError {
    ApiError::new(Reason::InvalidRequest, "This is not a JSON-RPC 2.0 request: it needs `jsonrpc`, `id` and `method`.")
}

/// The refusal of a request over [`MAX_BODY`].
fn too_long() -> ApiError {
    ApiError::new(Reason::TooLong, format!("A request may have {MAX_BODY} bytes."))
        .with_data(serde_json::json!({ "limit": MAX_BODY }))
}

fn batch_too_long(requests: usize) -> ApiError {
    ApiError::new(Reason::LimitReached, format!("A batch may hold {MAX_BATCH} requests; this one holds {requests}."))
        .with_data(serde_json::json!({ "limit": MAX_BATCH, "requests": requests }))
}

fn no_such_method(method: &str) -> ApiError {
    let shown: String = method.chars().filter(|c| !c.is_control()).take(64).collect();
    ApiError::new(Reason::MethodNotFound, format!("There is no method \"{shown}\"; `rpc.discover` lists them."))
}

fn no_subscription(method: &str) -> ApiError {
    ApiError::invalid_params(format!("{method} takes the number of a subscription: {{\"subscription\": 7}}."))
}

fn too_many_subscriptions() -> ApiError {
    ApiError::new(Reason::LimitReached, format!("A connection may hold {MAX_SUBSCRIPTIONS} subscriptions."))
        .with_data(serde_json::json!({ "limit": MAX_SUBSCRIPTIONS }))
}

fn needs_a_websocket(method: &str) -> ApiError {
    ApiError::new(
        Reason::InvalidRequest,
        format!("{method} needs a WebSocket, and a request of its own there; `events.fetch` works everywhere."),
    )
}

/// The text of an answer that refuses a request before it is read.
pub(crate) fn refused(error: ApiError) -> Box<RawValue> {
    refusal(Id::Null, error).into_json()
}

/// What an HTTP body that was cut off at [`MAX_BODY`] is answered with.
pub(crate) fn refused_as_too_long() -> Box<RawValue> {
    refused(too_long())
}
