//! The table of the contract: what a request is, and the macro by which each noun declares its verbs once for the server
//! trait, the client and the OpenRPC document alike.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};

/// A request: a struct whose fields are the parameters of one method, passed by name.
pub trait Request: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What the method answers.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Clone + Send + 'static;

    /// `noun.verb`.
    const METHOD: &'static str;

    /// Does it change anything? Then it carries a `client_id`.
    const CHANGES: bool;

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
    /// Is it a subscription? Then the answer is the shape of one notification.
    pub subscription: bool,
    pub(crate) params: fn(&mut SchemaGenerator) -> Schema,
    pub(crate) answer: fn(&mut SchemaGenerator) -> Schema,
}

impl Method {
    pub(crate) const fn of<R: Request>(docs: &'static str) -> Self {
        Self {
            name: R::METHOD,
            docs,
            changes: R::CHANGES,
            subscription: false,
            params: R::json_schema,
            answer: SchemaGenerator::subschema_for::<R::Answer>,
        }
    }
}

/// Every method, in the order of the nouns.
#[must_use]
pub fn methods() -> Vec<Method> {
    [
        crate::node::METHODS,
        crate::config::METHODS,
        crate::account::METHODS,
        crate::pair::METHODS,
        crate::channel::METHODS,
        crate::message::METHODS,
        crate::group::METHODS,
        crate::events::METHODS,
        crate::events::SUBSCRIPTIONS,
        crate::rpc::METHODS,
    ]
    .concat()
}

/// Declares a noun: its server trait, the [`Request`] of each verb, the `METHODS` of the module and how to `mount` it.
///
/// `read` verbs change nothing; `write` verbs do, and the compiler insists on their `client_id`.
macro_rules! noun {
    (
        $(#[$meta:meta])*
        $api:ident = $noun:literal {
            $( $(#[doc = $doc:literal])+ $mode:ident $verb:ident($params:ty) -> $answer:ty; )*
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
    (@client_id read $this:ident) => { { let _ = $this; None } };
    (@client_id write $this:ident) => { $this.client_id.as_deref() };
}
pub(crate) use noun;
