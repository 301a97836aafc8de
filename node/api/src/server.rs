//! The server side: from an implementation of the nouns to a jsonrpsee module. Knows no sockets.

use std::sync::Arc;

use futures::StreamExt as _;
use jsonrpsee::{
    Extensions, PendingSubscriptionSink, RpcModule, SubscriptionMessage, SubscriptionSink,
    core::{RegisterMethodError, SubscriptionError},
    types::{ErrorObjectOwned, Params},
};
use serde::de::DeserializeOwned;

use crate::{
    AccountApi, ApiError, AuditApi, ChannelApi, ConfigApi, DeviceApi, EVENT_NOTIFICATION, EventSource, EventText,
    EventsApi, EventsSubscribe, GroupApi, KeeperApi, MessageApi, Method, NodeApi, PairApi, Reason, Request, TokenApi,
    WebApi,
};

/// Everything a node answers. Implement the nouns, then this (its methods have defaults).
pub trait Api:
    NodeApi
    + ConfigApi
    + AccountApi
    + DeviceApi
    + KeeperApi
    + PairApi
    + GroupApi
    + ChannelApi
    + MessageApi
    + EventsApi
    + EventSource
    + TokenApi
    + WebApi
    + AuditApi
{
    /// Asked before every call with what the transport knows of the caller: gives the node as this caller may use it, or
    /// refuses.
    ///
    /// # Errors
    /// [`Reason::NotAllowed`](crate::Reason::NotAllowed) if the caller's token does not cover the method,
    /// [`Reason::ShuttingDown`](crate::Reason::ShuttingDown) when the node is about to stop.
    fn admit(self: Arc<Self>, caller: &Extensions, method: &Method) -> Result<Arc<Self>, ApiError>
    where
        Self: Sized,
    {
        let _ = (caller, method);
        Ok(self)
    }

    /// Told after every call of a method, with the reason of a refusal.
    fn answered(&self, method: &'static str, outcome: Result<(), Reason>) {
        let _ = (method, outcome);
    }
}

/// Builds the jsonrpsee module of the whole contract, `rpc.*` and the event subscription included.
///
/// # Errors
/// Two methods of one name, which is a bug of this crate and covered by its tests.
pub fn module<A: Api>(api: Arc<A>) -> Result<RpcModule<A>, RegisterMethodError> {
    let mut module = Module { inner: RpcModule::from_arc(api) };
    crate::node::mount(&mut module)?;
    crate::config::mount(&mut module)?;
    crate::account::mount(&mut module)?;
    crate::device::mount(&mut module)?;
    crate::keeper::mount(&mut module)?;
    crate::pair::mount(&mut module)?;
    crate::group::mount(&mut module)?;
    crate::channel::mount(&mut module)?;
    crate::message::mount(&mut module)?;
    crate::events::mount(&mut module)?;
    crate::token::mount(&mut module)?;
    crate::web::mount(&mut module)?;
    crate::audit::mount(&mut module)?;
    crate::rpc::mount(&mut module)?;
    module.subscription()?;
    Ok(module.inner)
}

/// A module in the making.
pub(crate) struct Module<A> {
    inner: RpcModule<A>,
}

impl<A: Api> Module<A> {
    /// Adds the method of `R`: parse the parameters, ask for permission, call.
    pub(crate) fn add<R, F, Fut>(&mut self, handler: F) -> Result<(), RegisterMethodError>
    where
        R: Request,
        F: Fn(Arc<A>, R) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R::Answer, ApiError>> + Send,
    {
        self.inner.register_async_method(R::METHOD, move |params, api, caller| {
            let handler = handler.clone();
            async move {
                let counted = Arc::clone(&api);
                let admitted = api.admit(&caller, &Method::of::<R>(""));
                let answer = match admitted.and_then(|api| Ok((api, parse::<R>(&params, R::METHOD)?))) {
                    Ok((api, request)) => handler(api, request).await,
                    Err(error) => Err(error),
                };
                counted.answered(R::METHOD, answer.as_ref().map(drop).map_err(|error| error.reason));
                answer.map_err(ErrorObjectOwned::from)
            }
        })?;
        Ok(())
    }

    fn subscription(&mut self) -> Result<(), RegisterMethodError> {
        let Method { name, .. } = crate::events::SUBSCRIPTIONS[0];
        self.inner.register_subscription(
            name,
            EVENT_NOTIFICATION,
            crate::events::UNSUBSCRIBE,
            |params, pending, api, caller| async move { serve_events(params, pending, api, &caller).await },
        )?;
        Ok(())
    }
}

/// Opens a subscription and feeds it until either side ends it. A slow client slows its own journal reader only; one that
/// is still there when the journal ends is told so, because the library would leave it waiting.
async fn serve_events<A: Api>(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    api: Arc<A>,
    caller: &Extensions,
) -> Result<(), SubscriptionError> {
    let method = &crate::events::SUBSCRIPTIONS[0];
    let counted = Arc::clone(&api);
    let admitted = api.admit(caller, method);
    let opened = match admitted.and_then(|api| Ok((api, parse::<EventsSubscribe>(&params, method.name)?))) {
        Ok((api, request)) => api.subscribe(request).await,
        Err(error) => Err(error),
    };
    counted.answered(method.name, opened.as_ref().map(drop).map_err(|error| error.reason));
    let mut events = match opened {
        Ok(events) => events,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    loop {
        let next = tokio::select! {
            () = sink.closed() => return Ok(()),
            next = events.next() => next,
        };
        match next {
            Some(Ok(event)) if forward(&sink, &event).await => {}
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(SubscriptionError::from(format!("{}: {error}", error.reason.as_str()))),
            None => return Err(SubscriptionError::from("the daemon ended the subscription")),
        }
    }
}

/// Sends one event; false when the subscriber is gone.
async fn forward(sink: &SubscriptionSink, event: &EventText) -> bool {
    match SubscriptionMessage::new(sink.method_name(), sink.subscription_id(), event) {
        Ok(message) => sink.send(message).await.is_ok(),
        Err(_) => false,
    }
}

/// Parameters by name only. None at all means none are given; an array is refused unless it is empty.
fn parse<R: DeserializeOwned>(params: &Params<'_>, method: &str) -> Result<R, ApiError> {
    let text = match params.as_str().map(str::trim) {
        None | Some("" | "null" | "[]") => "{}",
        Some(text) if text.starts_with('{') => text,
        Some(_) => {
            return Err(ApiError::invalid_params(format!(
                "{method} takes its parameters by name: an object like {{\"name\": value}}, not a list."
            )));
        }
    };
    serde_json::from_str(text).map_err(|error| {
        let what = error.to_string().replace("field", "parameter");
        let what = what.split(" at line ").next().unwrap_or_default().to_owned();
        ApiError::invalid_params(format!("{method}: {what}. See `covey rpc spec`."))
    })
}
