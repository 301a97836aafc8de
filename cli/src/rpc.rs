//! `covey rpc …`: the contract itself.

use clap::{Args, Subcommand};
use covey_api::{Reason, RpcVersion, asyncapi, openrpc};
use jsonrpsee::core::{client::ClientT, traits::ToRpcParams};
use serde_json::{Map, Value, value::RawValue};

use crate::{Failure, Globals, Session, Terminal, text::clean_line};

/// The JSON-RPC that every command and frontend uses
#[derive(Subcommand, Debug)]
pub enum RpcCommand {
    /// Print the OpenRPC document of this version (needs no daemon)
    #[command(after_help = "Example:\n  covey rpc spec | jq -r '.methods[].name'")]
    Spec,
    /// Print the AsyncAPI document of the events (needs no daemon)
    #[command(after_help = "Example:\n  covey rpc asyncapi | jq -r '.components.messages | keys[]'")]
    Asyncapi,
    /// Ask the daemon which version it is
    #[command(after_help = "Example:\n  covey rpc version --json")]
    Version,
    /// Call any method and print its answer as JSON
    #[command(
        after_help = "Examples:\n  covey rpc call node.status\n  covey rpc call pair.list '{\"state\": \"pending\"}'"
    )]
    Call(CallArgs),
}

/// Arguments of `rpc call`.
#[derive(Args, Debug)]
pub struct CallArgs {
    /// The method, like pair.list
    method: String,
    /// Its parameters, a JSON object
    #[arg(value_name = "JSON", default_value = "{}")]
    params: String,
}

impl RpcCommand {
    pub(crate) async fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        match self {
            Self::Spec => Ok(terminal.json(&openrpc())?),
            Self::Asyncapi => Ok(terminal.json(&asyncapi())?),
            Self::Version => {
                let version = Session::connect(globals).await?.call(&RpcVersion {}).await?;
                Ok(terminal.show(&version, |t, version| {
                    t.line(&format!("covey {}, RPC version {}", clean_line(&version.version), version.api))
                })?)
            }
            Self::Call(CallArgs { method, params }) => {
                let params: Map<String, Value> = serde_json::from_str(&params).map_err(|error| {
                    Failure::new(Reason::InvalidParams, format!("The parameters are not a JSON object: {error}."))
                })?;
                let session = Session::connect(globals).await?;
                let answer: Value = session.raw().request(&method, Object(params)).await?;
                Ok(terminal.json(&answer)?)
            }
        }
    }
}

struct Object(Map<String, Value>);

impl ToRpcParams for Object {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        serde_json::value::to_raw_value(&self.0).map(Some)
    }
}
