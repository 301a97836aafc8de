//! `audit.*`: who changed something by the API, and who was refused. Kept for 90 days.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Reason, Time, contract::noun};

/// Most entries on a page of `audit.list`.
pub const MAX_AUDIT_PAGE: u32 = 1_000;

/// Parameters of `audit.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditList {
    /// Only calls that were refused.
    #[serde(default)]
    pub refused: bool,
    /// Only calls with this token: its id.
    pub token: Option<String>,
    /// Only entries before the one with this id.
    pub before: Option<String>,
    /// How many entries, 1 to 1,000; the default is 100.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
}

/// How a caller came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditCaller {
    /// By the Unix socket: this user's own programs, such as the command line.
    Socket,
    /// With the token in `rpc.cookie`.
    Cookie,
    /// With a token of `token.create`.
    Token,
    /// A browser that was signed in.
    Browser,
    /// Not at all: without a valid token, or from a page of another site.
    Nobody,
}

/// A call that changed something or was refused. What was said in it is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Its id, for `before`.
    pub id: String,
    /// When; of several refusals, the last one.
    pub at: Time,
    /// How the caller came in.
    pub caller: AuditCaller,
    /// The id of the token; none unless it was one.
    pub token: Option<String>,
    /// The name of the token.
    pub token_name: Option<String>,
    /// What was called: a method, or a path of the server.
    pub method: String,
    /// Why it was refused; none if it was carried out.
    pub reason: Option<Reason>,
    /// How many times: equal refusals within a few seconds are one entry.
    pub count: u32,
}

noun! {
    /// The audit log.
    AuditApi = "audit" {
        /// Calls that changed something or were refused, newest first. Acknowledgements of events are not among them.
        read list(AuditList) -> Vec<AuditEntry>, needs Admin;
    }
}
