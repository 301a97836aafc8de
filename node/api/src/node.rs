//! `node.*`: the daemon itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PassphraseText, Time, contract::noun};

/// Parameters of `node.status`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeStatus {}

/// Parameters of `node.peers`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodePeers {}

/// Parameters of `node.doctor`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeDoctor {}

/// Parameters of `node.shutdown`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeShutdown {
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `node.lock`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeLock {
    /// Idempotency key. A node that is locked already stays so.
    pub client_id: Option<String>,
}

/// Parameters of `node.unlock`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeUnlock {
    /// The passphrase that protects the data.
    pub passphrase: PassphraseText,
    /// Idempotency key. A node that is not locked stays so.
    pub client_id: Option<String>,
}

/// It is done, and there is nothing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// Always true.
    pub ok: bool,
}

impl Done {
    /// The one value.
    pub const OK: Self = Self { ok: true };
}

/// Can others reach this node from the internet?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reachability {
    /// Not known yet.
    #[default]
    Unknown,
    /// Directly, but only from this machine or its local network as far as is known.
    Local,
    /// Directly, from the internet.
    Public,
    /// Only through relays or hole punching.
    Private,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Paired contacts.
    pub paired: u32,
    /// Invites that wait for our answer.
    pub pending: u32,
    /// Our invites that wait for theirs.
    pub invited: u32,
    /// Messages not read.
    pub unread: u32,
    /// Invites and answers that wait to be delivered.
    pub outbox: u32,
    /// Entries of direct conversations (messages, and receipts for what was read) that wait to be delivered.
    #[serde(default)]
    pub queued: u32,
}

/// What this node is and how it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Version of the daemon.
    pub version: String,
    /// Our account, `cv1…`.
    pub account: String,
    /// This device, `cvd1…`.
    pub device: String,
    /// Our network name.
    pub peer_id: String,
    /// Our display name; empty if none was given.
    pub name: String,
    /// Does it wait for its passphrase? Then it has no name, addresses, peers or counts to tell.
    #[serde(default)]
    pub locked: bool,
    /// Can it do all of its work?
    pub ready: bool,
    /// Why not; none if it is ready.
    #[serde(default)]
    pub trouble: Option<String>,
    /// Has the owner written down the words that bring the account back?
    #[serde(default)]
    pub backed_up: bool,
    /// Addresses at which others can reach us, multiaddr.
    pub addresses: Vec<String>,
    /// Can others reach us from the internet?
    pub reachability: Reachability,
    /// How others reach us, in a sentence: the verdict of the doctor's check `reachability`.
    #[serde(default)]
    pub network: String,
    /// Since when and why no peer is connected; none if one is, and in the first seconds.
    #[serde(default)]
    pub offline: Option<String>,
    /// Connected peers, strangers included.
    pub peers: u32,
    /// May others find us by our account id alone?
    pub discoverable: bool,
    /// How many of what.
    pub counts: Counts,
    /// Where its data is.
    pub data_dir: String,
    /// When it started.
    pub started_at: Time,
}

/// The data of `network`: whether this node is connected to anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// Is anybody connected?
    pub online: bool,
    /// Since when that is so.
    pub since: Time,
    /// Since when and why nobody is, in a sentence, as `node.status` has it; none if somebody is.
    pub offline: Option<String>,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Its network name.
    pub peer_id: String,
    /// The contact it belongs to, `cv1…`; none for strangers.
    pub contact: Option<String>,
    /// Our name for that contact.
    pub alias: Option<String>,
    /// Where it is, multiaddr.
    pub address: String,
    /// Through a relay?
    pub relayed: bool,
    /// Since when; in `peer` events of a peer that went, when it had come.
    pub connected_since: Option<Time>,
    /// False in the `peer` event of a peer that went.
    pub connected: bool,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Works, but could be better.
    Warn,
    /// Does not work.
    Fail,
}

/// One thing the doctor looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// A stable short name: `storage`, `clock`, `reachability`, …
    pub name: String,
    /// How it went.
    pub state: CheckState,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// What the doctor found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Nothing failed.
    pub ok: bool,
    /// What it looked at.
    pub checks: Vec<Check>,
}

noun! {
    /// The daemon itself.
    NodeApi = "node" {
        /// What this node is and how it is doing.
        read status(NodeStatus) -> Status, needs Read while locked;
        /// The peers it is connected to.
        read peers(NodePeers) -> Vec<Peer>, needs Read;
        /// Look at everything and say what could be better.
        read doctor(NodeDoctor) -> Report, needs Read while locked;
        /// Stop the daemon. The answer comes first.
        write shutdown(NodeShutdown) -> Done, needs Admin while locked;
        /// Lock the node: its keys are erased from memory and its connections closed before this answers.
        /// Only a node that a passphrase protects can be locked. Subscriptions end with the error `locked`.
        write lock(NodeLock) -> Done, needs Admin while locked,
            refuses WrongState;
        /// Unlock the node with its passphrase. For its owner, by the Unix socket or with the token in `rpc.cookie`; not for other tokens and browsers.
        /// After a wrong passphrase the next one is refused for a while, longer each time; details: `{"retry_after_ms"}`.
        write unlock(NodeUnlock) -> Done, needs Admin while locked,
            refuses WrongPassphrase;
    }
}
