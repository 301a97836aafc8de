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

/// Parameters of `keeper.ask`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeeperAsk {
    /// The contact whose node is to keep our mail.
    pub contact: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `keeper.accept`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeeperAccept {
    /// The contact who asked.
    pub contact: String,
    /// How much may lie here for them, in MiB: 1 to 1,024; 64 unless told.
    pub limit_mib: Option<u32>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `keeper.status`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeeperStatus {}

/// Our keepers, and what this node keeps, counted anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeeperReport {
    /// Keepers of ours.
    pub mine: u32,
    /// Of these, how many did not answer for an hour or more.
    pub unreached: u32,
    /// Accounts whose mail this node keeps.
    pub accounts: u32,
    /// Contacts who ask that it keeps theirs.
    pub requests: u32,
    /// Parcels that lie here, as it was counted when they came and went.
    pub parcels: u64,
    /// Their bytes, likewise.
    pub used: u64,
    /// Parcels that lie here, counted now.
    pub found_parcels: u64,
    /// Their bytes, counted now.
    pub found_used: u64,
    /// Is both the same, in all and for each account, and for members of groups?
    pub agrees: bool,
    /// Parcels that this node keeps for members of its groups who are away, counted now. They take room of the mail.
    #[serde(default)]
    pub group_parcels: u64,
    /// Their bytes.
    #[serde(default)]
    pub group_used: u64,
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
    /// A contact asks that this node keeps their mail: `keeper.accept`, or `keeper.remove` to decline.
    Requested,
    /// It was not reached since it was added, or the contact has not answered, or not used what we agreed to.
    Asked,
    /// Mail is kept.
    Keeps,
    /// It keeps our mail, and did not answer for an hour or more: it is looked for where it was last, and by the card of its account.
    Unreached,
    /// It does not keep our mail: the ticket was used by somebody else or ran out, or its operator ended it, or declined.
    Refused,
    /// It was taken away. In events only.
    Removed,
}

/// A keeper of ours, or an account whose mail this node keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keeper {
    /// A keeper of ours: its device, `cvd1…`. An account whose mail is kept, or a contact whom we asked: `cv1…`.
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
    /// By how many seconds the clock of a keeper of ours is ahead of ours (behind: negative), if that is more than an hour. What it says of times is
    /// not believed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_off: Option<i64>,
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
        /// Ask a contact to have our mail kept by their node.
        ///
        /// They are told, and answer with `keeper.accept` or not. If they do, it becomes a keeper of ours by itself.
        write ask(KeeperAsk) -> Keeper, needs Admin,
            refuses NoSuchContact, AmbiguousContact, NotPaired, LimitReached;
        /// Keep the mail of a contact who asked for it.
        write accept(KeeperAccept) -> Keeper, needs Admin,
            refuses NoSuchContact, AmbiguousContact, NoSuchKeeper, LimitReached;
        /// Our keepers, and what this node keeps, counted anew from what lies here.
        read status(KeeperStatus) -> KeeperReport, needs Read;
        /// Where our mail waits, and whose this node keeps; who asked whom.
        read list(KeeperList) -> Vec<Keeper>, needs Read;
        /// Have no more mail kept there, or keep no more mail of theirs; what lies there is deleted.
        ///
        /// Senders still have it. Declines what a contact asked for, and takes back what we asked.
        write remove(KeeperRemove) -> Keeper, needs Admin,
            refuses NoSuchKeeper;
    }
}
