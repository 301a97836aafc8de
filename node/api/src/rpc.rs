//! `rpc.*`: the contract about itself. Answered by this crate, nothing to implement.

use jsonrpsee::core::RegisterMethodError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{API_VERSION, Api, Method, Reason, Request, Scope, asyncapi, openrpc, server::Module};

/// Parameters of `rpc.spec`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcSpec {}

/// Parameters of `rpc.discover`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcDiscover {}

/// Parameters of `rpc.asyncapi`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcAsyncapi {}

/// Parameters of `rpc.version`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcVersion {}

/// What is answering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The daemon's version.
    pub version: String,
    /// The contract's version: raised only when something is removed or changes its meaning.
    pub api: u32,
}

impl Version {
    /// The version of this build.
    #[must_use]
    pub fn current() -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), api: API_VERSION }
    }
}

/// Declares the requests, which every token may make.
macro_rules! open_to_all {
    ($( $(#[doc = $doc:literal])+ $params:ident -> $answer:ty = $method:literal; )*) => {
        $(
            impl Request for $params {
                type Answer = $answer;
                const METHOD: &'static str = $method;
                const CHANGES: bool = false;
                const SCOPE: Option<Scope> = None;
                const IN_CHANNEL: bool = true;
                const WHILE_LOCKED: bool = true;
                const REFUSES: &'static [Reason] = &[];
            }
        )*

        pub(crate) const METHODS: &[Method] = &[$(Method::of::<$params>(concat!($($doc, "\n"),+))),*];
    };
}

open_to_all! {
    /// The OpenRPC document of this contract, under the name that OpenRPC gives it.
    RpcDiscover -> Value = "rpc.discover";
    /// The OpenRPC document of this contract.
    RpcSpec -> Value = "rpc.spec";
    /// The AsyncAPI document of the events.
    RpcAsyncapi -> Value = "rpc.asyncapi";
    /// What is answering.
    RpcVersion -> Version = "rpc.version";
}

pub(crate) fn mount<A: Api>(module: &mut Module<A>) -> Result<(), RegisterMethodError> {
    module.add(|_, _: RpcDiscover| async { Ok(openrpc()) })?;
    module.add(|_, _: RpcSpec| async { Ok(openrpc()) })?;
    module.add(|_, _: RpcAsyncapi| async { Ok(asyncapi()) })?;
    module.add(|_, _: RpcVersion| async { Ok(Version::current()) })
}
