//! `keeper.*`: mail that waits while its recipient is away: where ours does, and whose this node keeps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Time, contract::noun};

/// Parameters of `keeper.serve`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeeperServe {
    /// The only contact who may use the ticket; whoever has it unless told.
    #[serde(rename = "for")]
    pub contact: Option<String>,
    /// How much may lie here for whoever uses it, in MiB: 1 to 1,024; 64 unless told.
    pub limit_mib: Option<u32>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `keeper.add`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeeperAdd {
    /// What `covey keeper serve` printed on the keeper: `covey-keeper:…`.
    pub ticket: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `keeper.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeeperList {}

/// Parameters of `keeper.remove`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeeperRemove {
    /// `keeper` as `keeper.list` shows it, or the name or beginning of it (8 characters or more).
    pub keeper: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// A keeper ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeeperTicket {
    /// `covey-keeper:…`, good once. Whoever has it has mail kept here.
    pub ticket: String,
    /// Until when it can be used.
    pub expires_at: Time,
}

/// Who keeps whose mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeeperRole {
    /// It keeps ours.
    Mine,
    /// This node keeps theirs.
    Held,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeeperState {
    /// It was not reached since it was added.
    Asked,
    /// Mail is kept.
    Keeps,
    /// It does not keep our mail: the ticket was used by somebody else or ran out, or its operator ended it.
    Refused,
}

/// A keeper of ours, or an account whose mail this node keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keeper {
    /// A keeper of ours: its device, `cvd1…`. An account whose mail is kept: `cv1…`.
    pub keeper: String,
    /// What it is called: our name for it, or the one that it gives itself.
    pub name: Option<String>,
    /// Who keeps whose mail.
    pub role: KeeperRole,
    /// When the two were last in touch; none if never.
    pub reached: Option<Time>,
    /// Bytes that lie there.
    pub used: u64,
    /// Bytes that may.
    pub limit: u64,
    /// Parcels that lie there.
    pub parcels: u64,
    /// Were parcels refused for want of room since all were last fetched?
    pub refused: bool,
    /// How it stands.
    pub state: KeeperState,
}

noun! {
    /// Mail that waits while its recipient is away.
    KeeperApi = "keeper" {
        /// A ticket with which an account can have its mail kept by this node.
        write serve(KeeperServe) -> KeeperTicket, needs Admin,
            refuses NoSuchContact, AmbiguousContact;
        /// Have mail for us kept by the node that made the ticket.
        ///
        /// Contacts are told inside their sessions, once the keeper has answered. It is tried until it does: see `state` in `keeper.list`.
        write add(KeeperAdd) -> Keeper, needs Admin,
            refuses InvalidTicket, OwnDevice, LimitReached;
        /// Where our mail waits, and whose this node keeps.
        read list(KeeperList) -> Vec<Keeper>, needs Read;
        /// Have no more mail kept there, or keep no more mail of theirs; what lies there is deleted. Senders still have it.
        write remove(KeeperRemove) -> Keeper, needs Admin,
            refuses NoSuchKeeper;
    }
}
