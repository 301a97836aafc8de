//! The local JSON-RPC contract of a covey node: the one place that says which methods exist, what they take, what they
//! answer and how they refuse.
//!
//! * A **request** is a plain struct ([`PairInvite`], [`MessageSend`], …). It names its method and its answer through
//!   [`Request`], and its fields are the parameters, passed by name. Unknown parameters are an error.
//! * A **noun** is a trait ([`PairApi`], [`MessageApi`], …) with one async function per verb. A node implements the nouns
//!   and [`Api`]; [`module`] turns that into a [`jsonrpsee::RpcModule`].
//! * A **client** is anything that speaks jsonrpsee's `ClientT`: [`Call::call`] sends a request and yields its answer.
//! * [`openrpc`] derives the OpenRPC document from the same table.
//!
//! Conventions: ids are strings, times are RFC 3339 in UTC ([`Time`]), durations are whole seconds, numbers that may pass
//! 2^53 are strings, and `client_id` on every call that changes something makes it idempotent.
//!
//! This crate knows nothing of engines, sockets or terminals.

mod account;
mod audit;
mod channel;
mod client;
mod config;
mod contract;
mod device;
mod document;
mod error;
mod events;
mod exit;
mod group;
mod keeper;
mod kinds;
mod message;
pub mod names;
mod node;
mod pair;
mod passphrase;
mod reason;
mod rpc;
mod server;
mod time;
mod token;
mod web;

pub use account::{
    Account, AccountAccept, AccountApi, AccountCondition, AccountContest, AccountRename, AccountRevokeTicket,
    AccountSafetyNumber, AccountShow, AccountStatus, AccountTicket, AccountTickets, SafetyNumber, SecondHistory,
    SecondHistoryKind, Ticket, TicketInfo, TicketState,
};
pub use audit::{AuditApi, AuditCaller, AuditEntry, AuditList, MAX_AUDIT_PAGE};
pub use channel::{
    Channel, ChannelApi, ChannelArchive, ChannelKind, ChannelList, ChannelMarkRead, ChannelMute, ChannelShow,
};
pub use client::{Call, subscribe};
pub use config::{ConfigApi, ConfigReload, ConfigReloaded, ConfigSet, ConfigShow, Setting, SettingSource};
pub use contract::{Method, Request, methods};
pub use device::{
    Device, DeviceApi, DeviceConfirm, DeviceLink, DeviceList, DeviceRename, DeviceRevoke, DeviceRole, DeviceShow,
    DeviceState, History, Linking, Transfer, TransferPhase,
};
pub use document::{asyncapi, openrpc};
pub use error::{ApiError, sentence};
pub use events::{
    EVENT_NOTIFICATION, Event, EventPage, EventSource, EventStream, EventText, EventsAck, EventsApi, EventsFetch,
    EventsSubscribe,
};
pub use exit::Exit;
pub use group::{
    Group, GroupAccept, GroupApi, GroupApprove, GroupBan, GroupCreate, GroupCreated, GroupDecline, GroupDelete,
    GroupDoctor, GroupEvent, GroupHealth, GroupInvite, GroupJoin, GroupLeave, GroupList, GroupMembers, GroupPolicy,
    GroupRefusal, GroupReject, GroupRemove, GroupRename, GroupReport, GroupRequests, GroupRevokeTicket, GroupRole,
    GroupShow, GroupState, GroupTicket, GroupTickets, GroupUnban, GroupVerifyReport, JoinRequest, JoinRequestState,
    JoinTicket, JoinTicketInfo, MAX_MEMBERS_PAGE, Member, MemberHealth, MemberState, MessageProof, Policy,
    ProofVerdict, Right, Role,
};
pub use keeper::{
    Keeper, KeeperAccept, KeeperAdd, KeeperApi, KeeperAsk, KeeperList, KeeperRemove, KeeperReport, KeeperRole,
    KeeperServe, KeeperState, KeeperStatus, KeeperTicket,
};
pub use kinds::{EventKind, JournalTruncated, kind};
pub use message::{
    Delivery, DeliverySummary, DeviceDelivery, KeptBy, MAX_MISSING, Message, MessageApi, MessageEdit, MessageList,
    MessageSend, MessageShow, MessageState, Sent,
};
pub use node::{
    Check, CheckState, Counts, Done, Network, NodeApi, NodeDoctor, NodeLock, NodePeers, NodeShutdown, NodeStatus,
    NodeUnlock, Peer, Reachability, Report, Status,
};
pub use pair::{
    Contact, ContactAlert, ContactAlertKind, ContactState, Direction, PairAccept, PairAcceptRenewals, PairApi,
    PairBlock, PairCancel, PairDecline, PairForget, PairInvite, PairList, PairRemove, PairRename, PairSend, PairShow,
    PairUnblock, PairVerify, Party,
};
pub use passphrase::PassphraseText;
pub use reason::Reason;
pub use rpc::{RpcAsyncapi, RpcDiscover, RpcSpec, RpcVersion, Version};
pub use server::{Api, module};
pub use time::Time;
pub use token::{
    MAX_TOKEN_CHANNELS, MAX_TOKEN_LIFE, MAX_TOKENS, Scope, TOKEN_WRITES_PER_SECOND, TokenApi, TokenCreate,
    TokenCreated, TokenInfo, TokenKind, TokenList, TokenRevoke, TokenState,
};
pub use web::{WebAddress, WebApi, WebOpen};

/// Version of the contract: raised when a method or field goes away or changes its meaning, not when one is added.
pub const API_VERSION: u32 = 1;

/// Longest request (bytes), batches included. Texts are 16 KiB at most, so this leaves room for many of them.
pub const MAX_BODY: u32 = 1024 * 1024;

/// Longest text of a message in bytes.
pub const MAX_TEXT: usize = 16 * 1024;

/// Longest WebSocket message in bytes that is read at all. What is longer than a request may be and shorter than this is
/// answered with an error, what is longer ends the connection.
pub const MAX_FRAME: usize = 4 << 20;

/// Requests of one connection that are under way at once: as many as the engine makes durable with one flush.
pub const MAX_RUNNING: usize = 256;

/// Bytes of answers that wait for a client to read them: those to 100,000 short requests.
pub const MAX_UNREAD: usize = 32 << 20;

/// Most requests in one batch.
pub const MAX_BATCH: usize = 64;

/// Largest number of a subscription: what JSON numbers can hold everywhere.
pub const MAX_SUBSCRIPTION: u64 = (1 << 53) - 1;

/// Most subscriptions of one connection.
pub const MAX_SUBSCRIPTIONS: u32 = 32;
