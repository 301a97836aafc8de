//! The operations as bytes: what travels, before anybody asks whether it counts.
//!
//! `pairing/SPEC.md`, GROUP-2 and GROUP-3.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{
    ids::{EntryId, OpId, TicketId},
    limits::{CARD_MAX, CUT_MAX, DEPS_MAX, GROUP_NAME_MAX, OPERATION_MAX, STATEMENT_MAX},
    policy::{Grant, Policy, Role},
};
use crate::{
    ids::{AccountId, DeviceId},
    text::is_plain,
    version::Version,
};

/// Why bytes are not an operation, or an operation is not one that can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// Longer than [`OPERATION_MAX`], malformed, of an unknown version or kind.
    #[error("not a roster operation: {0}")]
    Malformed(#[from] covey_codec::DecodeError),
    /// Outside a limit of the format.
    #[error("a roster operation with {0}")]
    Limit(&'static str),
    /// Could not be encoded.
    #[error("could not encode a roster operation: {0}")]
    Encode(#[from] covey_codec::EncodeError),
}

/// The end of one feed of a removed account: entries after `seq` are neither taken nor shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "CutWire", into = "CutWire")]
pub struct Cut {
    /// The author of the feed.
    pub device: DeviceId,
    /// Which feed of the device.
    pub incarnation: u64,
    /// The last entry that counts; 0 if none does.
    pub seq: u64,
}

#[derive(Serialize, Deserialize)]
struct CutWire(DeviceId, u64, u64);

impl From<CutWire> for Cut {
    fn from(CutWire(device, incarnation, seq): CutWire) -> Self {
        Self { device, incarnation, seq }
    }
}

impl From<Cut> for CutWire {
    fn from(cut: Cut) -> Self {
        Self(cut.device, cut.incarnation, cut.seq)
    }
}

/// What is done to the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// The first operation of a group; its author is the owner.
    #[serde(rename = "create")]
    Create {
        /// Random; the group's id commits to it.
        #[serde(rename = "n", with = "serde_bytes")]
        nonce: [u8; 32],
        /// The group's name.
        #[serde(rename = "name")]
        name: String,
        /// Who may do what.
        #[serde(rename = "p")]
        policy: Policy,
        /// The founder's signed contact card.
        #[serde(rename = "c")]
        card: ByteBuf,
    },
    /// Somebody may join.
    #[serde(rename = "invite")]
    Invite {
        /// Who.
        #[serde(rename = "a")]
        account: AccountId,
        /// As what.
        #[serde(rename = "g")]
        grant: Grant,
    },
    /// They may not any more. A join that did not know of it still counts.
    #[serde(rename = "uninvite")]
    Uninvite {
        /// Who.
        #[serde(rename = "a")]
        account: AccountId,
    },
    /// Somebody else joins; the author carries it.
    #[serde(rename = "join")]
    Join {
        /// The joiner's signed statement.
        #[serde(rename = "s")]
        statement: ByteBuf,
        /// The joiner's signed contact card.
        #[serde(rename = "c")]
        card: ByteBuf,
    },
    /// The author leaves, as it was written at first: without a list. Feeds other than that of the operation end at 0.
    #[serde(rename = "leave")]
    Leave,
    /// The author leaves.
    #[serde(rename = "depart")]
    Depart {
        /// Where the feeds of the author's account end; of feeds not listed nothing counts. That of the operation ends with it.
        #[serde(rename = "c")]
        cut: Vec<Cut>,
    },
    /// A member is removed. May join again by a new invite or ticket.
    #[serde(rename = "remove")]
    Remove {
        /// Who.
        #[serde(rename = "a")]
        account: AccountId,
        /// Where their feeds end; of feeds not listed nothing counts.
        #[serde(rename = "c")]
        cut: Vec<Cut>,
    },
    /// Somebody is removed if a member, and can not join until the ban is lifted.
    #[serde(rename = "ban")]
    Ban {
        /// Who.
        #[serde(rename = "a")]
        account: AccountId,
        /// Where their feeds end; of feeds not listed nothing counts.
        #[serde(rename = "c")]
        cut: Vec<Cut>,
    },
    /// A ban is lifted.
    #[serde(rename = "unban")]
    Unban {
        /// Whose.
        #[serde(rename = "a")]
        account: AccountId,
    },
    /// A member gets another role, not that of the owner.
    #[serde(rename = "role")]
    Role {
        /// Who.
        #[serde(rename = "a")]
        account: AccountId,
        /// What they become.
        #[serde(rename = "g")]
        grant: Grant,
        /// Their feeds and ends as the author has them: what they wrote up to there they wrote before.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        cut: Option<Vec<Cut>>,
    },
    /// The owner makes another member the owner, and becomes an admin.
    #[serde(rename = "transfer")]
    Transfer {
        /// The new owner.
        #[serde(rename = "a")]
        to: AccountId,
    },
    /// The group gets another name.
    #[serde(rename = "rename")]
    Rename {
        /// The name.
        #[serde(rename = "name")]
        name: String,
    },
    /// The policy is replaced.
    #[serde(rename = "policy")]
    Policy {
        /// The new one.
        #[serde(rename = "p")]
        policy: Policy,
        /// All feeds and their ends as the author has them: what was written up to there was written before.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        cut: Option<Vec<Cut>>,
    },
    /// A ticket with which others can join.
    #[serde(rename = "ticket")]
    Ticket {
        /// Random.
        #[serde(rename = "id")]
        id: TicketId,
        /// What they become.
        #[serde(rename = "g")]
        grant: Grant,
        /// How many may use it; none if any number.
        #[serde(rename = "u")]
        uses: Option<u32>,
        /// Unix milliseconds from which it is not valid; none if it lasts. Held against the later of the joiner's and the carrier's time.
        #[serde(rename = "exp")]
        expires_at: Option<u64>,
        /// Does an admin have to carry each join with it?
        #[serde(rename = "ask")]
        approve: bool,
    },
    /// A ticket is taken back. A join that did not know of it still counts.
    #[serde(rename = "unticket")]
    RevokeTicket {
        /// Which.
        #[serde(rename = "id")]
        id: TicketId,
    },
    /// The author's devices changed.
    #[serde(rename = "devices")]
    Devices {
        /// The author's new signed contact card.
        #[serde(rename = "c")]
        card: ByteBuf,
    },
    /// An entry is deleted for everyone, by its author or an admin. Who applies it makes sure that `device` wrote `entry`.
    #[serde(rename = "delete")]
    Delete {
        /// The entry.
        #[serde(rename = "e")]
        entry: EntryId,
        /// Who wrote it.
        #[serde(rename = "d")]
        device: DeviceId,
    },
}

impl Op {
    /// The account it is done to, other than its author; for a join that is in the verified statement.
    pub fn subject(&self) -> Option<&AccountId> {
        match self {
            Self::Invite { account, .. }
            | Self::Uninvite { account }
            | Self::Remove { account, .. }
            | Self::Ban { account, .. }
            | Self::Unban { account }
            | Self::Role { account, .. }
            | Self::Transfer { to: account } => Some(account),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), OpError> {
        let sane_name = |name: &str| if is_group_name(name) { Ok(()) } else { Err(OpError::Limit("a bad name")) };
        let sane_policy = |policy: &Policy| policy.is_sane().then_some(()).ok_or(OpError::Limit("a bad policy"));
        let within = |bytes: &ByteBuf, max| {
            if !bytes.is_empty() && bytes.len() <= max { Ok(()) } else { Err(OpError::Limit("a part of a wrong size")) }
        };
        match self {
            Self::Create { name, policy, card, .. } => {
                sane_name(name)?;
                sane_policy(policy)?;
                within(card, CARD_MAX)
            }
            Self::Rename { name } => sane_name(name),
            Self::Policy { cut: Some(cut), .. } | Self::Role { cut: Some(cut), .. } if cut.len() > CUT_MAX => {
                Err(OpError::Limit("too long a cut"))
            }
            Self::Policy { policy, .. } => sane_policy(policy),
            Self::Join { statement, card } => {
                within(statement, STATEMENT_MAX)?;
                within(card, CARD_MAX)
            }
            Self::Devices { card } => within(card, CARD_MAX),
            Self::Depart { cut } | Self::Remove { cut, .. } | Self::Ban { cut, .. } if cut.len() > CUT_MAX => {
                Err(OpError::Limit("too long a cut"))
            }
            Self::Invite { grant, .. } | Self::Role { grant, .. } | Self::Ticket { grant, .. }
                if grant.role == Role::Owner =>
            {
                Err(OpError::Limit("the role of the owner"))
            }
            Self::Ticket { uses: Some(0), .. } => Err(OpError::Limit("a ticket for nobody")),
            _ => Ok(()),
        }
    }
}

/// An operation with what its author says of itself: payload of a control entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The account the author acts for. Counts only if the author is a device of it in the roster the author saw.
    pub account: AccountId,
    /// Unix milliseconds by the author's clock; display only.
    pub at: u64,
    /// The newest operations the author knew ([`super::Roster::deps`]), at most [`DEPS_MAX`].
    pub deps: Vec<OpId>,
    /// What is done.
    pub op: Op,
}

#[derive(Serialize, Deserialize)]
struct OperationWire(Version<1>, AccountId, u64, Vec<OpId>, Op);

impl Operation {
    /// As bytes, if within the limits.
    pub fn encode(&self) -> Result<Vec<u8>, OpError> {
        self.check()?;
        let wire = OperationWire(Version, self.account, self.at, self.deps.clone(), self.op.clone());
        let bytes = covey_codec::encode(&wire)?;
        if bytes.len() > OPERATION_MAX { Err(OpError::Limit("too many bytes")) } else { Ok(bytes) }
    }

    /// From the payload of a control entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, OpError> {
        let OperationWire(_, account, at, deps, op) = covey_codec::decode(bytes, OPERATION_MAX)?;
        let operation = Self { account, at, deps, op };
        operation.check()?;
        Ok(operation)
    }

    fn check(&self) -> Result<(), OpError> {
        if self.deps.len() > DEPS_MAX {
            return Err(OpError::Limit("too many dependencies"));
        }
        self.op.check()
    }
}

/// A group's name: 1 to 128 bytes, not only white space, nothing that moves a cursor or reorders text.
pub fn is_group_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= GROUP_NAME_MAX && text.chars().all(is_plain)
}
