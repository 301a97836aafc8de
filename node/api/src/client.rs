//! The client side: calls by request type over any jsonrpsee client. Knows no sockets.

use jsonrpsee::core::{
    client::{ClientT, Error, Subscription, SubscriptionClientT},
    traits::ToRpcParams,
};
use serde_json::{Value, value::RawValue};

use crate::{Event, EventsSubscribe, Request, events};

/// Calls by request type: `client.call(&PairAccept { contact, ..Default::default() }).await`.
pub trait Call {
    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// `Error::Call` carries the refusal (convert it with [`ApiError::from`](crate::ApiError)); the others are the
    /// transport's.
    fn call<R: Request>(&self, request: &R) -> impl Future<Output = Result<R::Answer, Error>> + Send;
}

impl<C: ClientT + Sync> Call for C {
    fn call<R: Request>(&self, request: &R) -> impl Future<Output = Result<R::Answer, Error>> + Send {
        self.request(R::METHOD, ByName(request))
    }
}

/// Subscribes to the journal.
///
/// # Errors
/// As [`Call::call`].
pub async fn subscribe<C: SubscriptionClientT + Sync>(
    client: &C,
    request: &EventsSubscribe,
) -> Result<Subscription<Event>, Error> {
    client.subscribe(events::SUBSCRIPTIONS[0].name, ByName(request), events::UNSUBSCRIBE).await
}

/// Serialises a request as an object, leaving out what is not set: so a newer client gets along with an older daemon for
/// as long as it does not use what is new.
struct ByName<'a, R>(&'a R);

impl<R: serde::Serialize> ToRpcParams for ByName<'_, R> {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        let mut value = serde_json::to_value(self.0)?;
        if let Value::Object(fields) = &mut value {
            fields.retain(|_, value| !value.is_null());
        }
        serde_json::value::to_raw_value(&value).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PairInvite;

    #[test]
    fn what_is_not_set_stays_off_the_wire() {
        let invite = PairInvite { to: "covey:x".into(), ..PairInvite::default() };
        let params = ByName(&invite).to_rpc_params().expect("serialises").expect("has parameters");
        assert_eq!(params.get(), r#"{"to":"covey:x"}"#);
    }
}
