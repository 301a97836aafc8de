//! The table of the contract: what a request is, and the macro by which each noun declares its verbs once for the server
//! trait, the client and the OpenRPC document alike.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Reason, Scope};

/// A request: a struct whose fields are the parameters of one method, passed by name.
pub trait Request: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What the method answers.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Clone + Send + 'static;

    /// `noun.verb`.
    const METHOD: &'static str;

    /// Does it change anything? Then it carries a `client_id`.
    const CHANGES: bool;

    /// The scope that a token must have to call it; none if every token may.
    const SCOPE: Option<Scope>;

    /// May a token call it that is bound to channels? Then whoever answers it keeps to these channels.
    const IN_CHANNEL: bool;

    /// Is it answered while the node is locked?
    const WHILE_LOCKED: bool = false;

    /// Why it is refused, beside what holds for all methods.
    const REFUSES: &'static [Reason];

    /// The caller's idempotency key: the same id with the same request returns the same answer.
    fn client_id(&self) -> Option<&str> {
        None
    }
}

/// One line of the table, without its types.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// `noun.verb`.
    pub name: &'static str,
    /// Its documentation: the first line is the summary.
    pub docs: &'static str,
    /// Does it change anything?
    pub changes: bool,
    /// The scope that a token must have to call it; none if every token may.
    pub scope: Option<Scope>,
    /// May a token call it that is bound to channels?
    pub in_channel: bool,
    /// Is it answered while the node is locked?
    pub while_locked: bool,
    /// Why it is refused, beside what holds for all methods.
    pub refuses: &'static [Reason],
    /// Is it a subscription? Then the answer is the shape of one notification.
    pub subscription: bool,
    pub(crate) params: fn(&mut SchemaGenerator) -> Schema,
    pub(crate) answer: fn(&mut SchemaGenerator) -> Schema,
    /// Whether these are parameters and an answer of it.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) example: fn(Value, Value) -> serde_json::Result<()>,
}

impl Method {
    /// The line of a request.
    #[must_use]
    pub const fn of<R: Request>(docs: &'static str) -> Self {
        Self {
            name: R::METHOD,
            docs,
            changes: R::CHANGES,
            scope: R::SCOPE,
            in_channel: R::IN_CHANNEL,
            while_locked: R::WHILE_LOCKED,
            refuses: R::REFUSES,
            subscription: false,
            params: R::json_schema,
            answer: SchemaGenerator::subschema_for::<R::Answer>,
            example: is_example::<R>,
        }
    }
}

fn is_example<R: Request>(params: Value, answer: Value) -> serde_json::Result<()> {
    serde_json::from_value::<R>(params)?;
    serde_json::from_value::<R::Answer>(answer).map(drop)
}

/// Every method, in the order of the nouns.
#[must_use]
pub fn methods() -> Vec<Method> {
    [
        crate::node::METHODS,
        crate::config::METHODS,
        crate::account::METHODS,
        crate::device::METHODS,
        crate::keeper::METHODS,
        crate::pair::METHODS,
        crate::channel::METHODS,
        crate::message::METHODS,
        crate::group::METHODS,
        crate::events::METHODS,
        crate::events::SUBSCRIPTIONS,
        crate::token::METHODS,
        crate::web::METHODS,
        crate::audit::METHODS,
        crate::rpc::METHODS,
    ]
    .concat()
}

/// Declares a noun: its server trait, the [`Request`] of each verb, the `METHODS` of the module and how to `mount` it.
///
/// `read` verbs change nothing; `write` verbs do, and the compiler insists on their `client_id`. `needs` names the scope that
/// a token must have; a verb without one does not compile. `in channel` lets tokens call it that are bound to channels, `while locked`
/// has it answered by a locked node, `refuses` says for which reasons it is refused beside those that hold for every method.
macro_rules! noun {
    (
        $(#[$meta:meta])*
        $api:ident = $noun:literal {
            $( $(#[doc = $doc:literal])+ $mode:ident $verb:ident($params:ty) -> $answer:ty, needs $scope:ident $(in $channel:ident)? $(while $locked:ident)?
                $(, refuses $($reason:ident),+)?; )*
        }
    ) => {
        $(#[$meta])*
        pub trait $api: Send + Sync + 'static {
            $(
                $(#[doc = $doc])+
                fn $verb(&self, params: $params) -> impl Future<Output = Result<$answer, $crate::ApiError>> + Send;
            )*
        }

        $(
            impl $crate::Request for $params {
                type Answer = $answer;
                const METHOD: &'static str = concat!($noun, ".", stringify!($verb));
                const CHANGES: bool = $crate::contract::noun!(@changes $mode);
                const SCOPE: Option<$crate::Scope> = Some($crate::Scope::$scope);
                const IN_CHANNEL: bool = $crate::contract::noun!(@in_channel $($channel)?);
                const WHILE_LOCKED: bool = $crate::contract::noun!(@while_locked $($locked)?);
                const REFUSES: &'static [$crate::Reason] = &[$($($crate::Reason::$reason),+)?];

                fn client_id(&self) -> Option<&str> {
                    $crate::contract::noun!(@client_id $mode self)
                }
            }
        )*

        pub(crate) const METHODS: &[$crate::Method] =
            &[$($crate::Method::of::<$params>(concat!($($doc, "\n"),+)),)*];

        pub(crate) fn mount<A: $crate::Api + $api>(
            module: &mut $crate::server::Module<A>,
        ) -> Result<(), jsonrpsee::core::RegisterMethodError> {
            $( module.add(|api, params: $params| async move { <A as $api>::$verb(&api, params).await })?; )*
            Ok(())
        }
    };
    (@changes read) => { false };
    (@changes write) => { true };
    (@in_channel) => { false };
    (@in_channel channel) => { true };
    (@while_locked) => { false };
    (@while_locked locked) => { true };
    (@client_id read $this:ident) => { { let _ = $this; None } };
    (@client_id write $this:ident) => { $this.client_id.as_deref() };
}
pub(crate) use noun;
