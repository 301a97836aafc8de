//! `rpc.*`: the contract about itself. Answered by this crate, nothing to implement.

use jsonrpsee::core::RegisterMethodError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{API_VERSION, Api, Method, Request, Scope, openrpc, server::Module};

/// Parameters of `rpc.spec`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RpcSpec {}

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

impl Request for RpcSpec {
    type Answer = Value;
    const METHOD: &'static str = "rpc.spec";
    const CHANGES: bool = false;
    const SCOPE: Option<Scope> = None;
    const IN_CHANNEL: bool = true;
}

impl Request for RpcVersion {
    type Answer = Version;
    const METHOD: &'static str = "rpc.version";
    const CHANGES: bool = false;
    const SCOPE: Option<Scope> = None;
    const IN_CHANNEL: bool = true;
}

pub(crate) const METHODS: &[Method] =
    &[Method::of::<RpcSpec>("The OpenRPC document of this contract."), Method::of::<RpcVersion>("What is answering.")];

pub(crate) fn mount<A: Api>(module: &mut Module<A>) -> Result<(), RegisterMethodError> {
    module.add(|_, _: RpcSpec| async { Ok(openrpc()) })?;
    module.add(|_, _: RpcVersion| async { Ok(Version::current()) })
}
