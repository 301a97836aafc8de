//! Kinds of events: one table from which the constants, the names and the shapes in the documents are made.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::{
    Account, Channel, Contact, Device, GroupEvent, JoinRequest, Keeper, Message, Network, Peer, SecondHistory, Transfer,
};

/// Declares the kinds: the enum, the constants of [`kind`], and what is told of each.
macro_rules! kinds {
    ($( $(#[doc = $doc:literal])+ $kind:ident, $constant:ident = $name:literal, $data:ty, $lasts:ident; )*) => {
        /// What happened. Clients ignore the kinds they do not know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum EventKind {
            $( $(#[doc = $doc])+ #[serde(rename = $name)] $kind, )*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name, as in the `kind` of an event.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                self.described().name
            }

            /// What is told of it. There is no other place where kinds are told apart.
            pub(crate) const fn described(self) -> Described {
                match self {
                    $( Self::$kind => Described {
                        name: $name,
                        docs: concat!($($doc, "\n"),+),
                        transient: kinds!(@transient $lasts),
                        data: schema_of::<$data>,
                    }, )*
                }
            }
        }

        /// The names of the kinds.
        pub mod kind {
            $( $(#[doc = $doc])+ pub const $constant: &str = super::EventKind::$kind.as_str(); )*
        }
    };
    (@transient lasting) => { false };
    (@transient transient) => { true };
}

/// What is told of a kind.
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) docs: &'static str,
    /// It is not in the journal: whoever does not listen misses it.
    pub(crate) transient: bool,
    pub(crate) data: fn(&mut SchemaGenerator) -> Schema,
}

fn schema_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

/// The data of `journal_truncated`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalTruncated {
    /// The cursor from which it was to go on.
    pub from: String,
    /// The newest cursor that is no longer kept: it goes on after this one.
    pub oldest: String,
}

kinds! {
    /// A contact changed its state, or anything else that `pair.show` tells.
    Contact, CONTACT = "contact", Contact, lasting;
    /// Something about a contact that a thief of their keys would do, too: look at `alerts` and compare safety numbers. The
    /// contact is no longer `verified`.
    ContactAlert, CONTACT_ALERT = "contact.alert", Contact, lasting;
    /// A contact brought their account back with its words, on a new machine. See `recovered_at`.
    ContactRecovered, CONTACT_RECOVERED = "contact.recovered", Contact, lasting;
    /// A message arrived.
    MessageReceived, MESSAGE_RECEIVED = "message.received", Message, lasting;
    /// A message of our own was accepted for sending.
    MessageSent, MESSAGE_SENT = "message.sent", Message, lasting;
    /// A message changed: delivery state, read, deleted.
    MessageChanged, MESSAGE_CHANGED = "message.changed", Message, lasting;
    /// No keeper has a message of ours any more: the time ran out for which they keep, or they lost it. It is `queued` again, and left anew as soon as a
    /// keeper takes it.
    MessageKeptExpired, MESSAGE_KEPT_EXPIRED = "message.kept_expired", Message, lasting;
    /// A channel changed.
    Channel, CHANNEL = "channel", Channel, lasting;
    /// Our own account changed.
    Account, ACCOUNT = "account", Account, lasting;
    /// A contact has a history of our account that this node did not write: somebody has its keys, or its words.
    AccountSecondHistory, ACCOUNT_SECOND_HISTORY = "account.second_history", SecondHistory, lasting;
    /// A machine became a device of our account.
    DeviceLinked, DEVICE_LINKED = "device.linked", Device, lasting;
    /// A device of ours was renamed.
    DeviceChanged, DEVICE_CHANGED = "device.changed", Device, lasting;
    /// A device of ours was revoked.
    DeviceRevoked, DEVICE_REVOKED = "device.revoked", Device, lasting;
    /// How far the history of the account has come to a device that was linked: each second while it comes, and at its end.
    TransferProgress, TRANSFER_PROGRESS = "transfer.progress", Transfer, lasting;
    /// A contact asks that this node keeps their mail, or takes that back (`state` is `removed`).
    KeeperRequested, KEEPER_REQUESTED = "keeper.requested", Keeper, lasting;
    /// A keeper of ours answered, fell silent, ran full or was taken away, or so did what this node keeps for somebody. See `state` and `refused`.
    KeeperChanged, KEEPER_CHANGED = "keeper.changed", Keeper, lasting;
    /// A group invited us.
    GroupInvited, GROUP_INVITED = "group.invited", GroupEvent, lasting;
    /// Somebody became a member, or we did.
    GroupJoined, GROUP_JOINED = "group.joined", GroupEvent, lasting;
    /// Somebody left, or we did.
    GroupLeft, GROUP_LEFT = "group.left", GroupEvent, lasting;
    /// Somebody was removed or banned, or we were.
    GroupRemoved, GROUP_REMOVED = "group.removed", GroupEvent, lasting;
    /// Anything else that `group.show` tells changed, or the role or state of a member.
    GroupChanged, GROUP_CHANGED = "group.changed", GroupEvent, lasting;
    /// Somebody asks to be let in, or that was answered.
    GroupRequest, GROUP_REQUEST = "group.request", JoinRequest, lasting;
    /// A device of a contact, or of a member of a group, connected or disconnected; see `connected`. Transient.
    Peer, PEER = "peer", Peer, transient;
    /// This node is connected to nobody, for some seconds already, or to somebody again.
    Network, NETWORK = "network", Network, lasting;
    /// Events before this one are no longer kept: some were missed.
    JournalTruncated, JOURNAL_TRUNCATED = "journal_truncated", JournalTruncated, lasting;
}
