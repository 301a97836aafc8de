//! What goes into the machine.

use super::{OpenedInvite, PairFrame};
use crate::{
    crypto::{dh::DhPublic, kem::KemPublic},
    identity::{AccountSecret, DeviceSecret, Token},
};

/// What the machine needs to know of our own side.
#[derive(Debug, Clone, Copy)]
pub struct Me<'a> {
    /// Our account.
    pub account: &'a AccountSecret,
    /// Our device: signs offers and withdrawals. Must be active in the key log of `card`.
    pub device: &'a DeviceSecret,
    /// Our signed card, as it is published.
    pub card: &'a [u8],
    /// The name we show to others.
    pub name: &'a str,
    /// Decline without telling the inviter.
    pub decline_silently: bool,
    /// Opaque bytes for the other side (a one-time prekey bundle), carried in our answer or confirm.
    pub answer_attachment: &'a [u8],
    /// Leading zero bits of the proof of work on our invites: [`super::WORK_BITS`], less only in tests.
    pub work_bits: u8,
}

/// An operator's decision, without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Invite them.
    Invite,
    /// Accept their pending invite.
    Accept,
    /// Decline their pending invite.
    Decline,
    /// Withdraw our invite.
    Cancel,
    /// Forget what came of earlier invites, so that they may ask again.
    Forget,
    /// End the pairing on both sides.
    Remove,
    /// Hear nothing from them any more.
    Block,
    /// Lift a block.
    Unblock,
    /// Pair anew with an account that was recovered.
    Renew,
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Invite => "invite",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
            Self::Forget => "forget",
            Self::Remove => "remove",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Renew => "renew the pairing with",
        })
    }
}

/// One input of the machine.
#[derive(Debug, Clone)]
pub enum Input {
    /// Operator: invite them. While their invite is pending this accepts it.
    Invite {
        /// Their account key, from the ticket.
        their_dh: DhPublic,
        /// Their account's KEM key, of the hash in the ticket or on their card: the invite is sealed to it. None: they
        /// name none. An invite that is out and sealed is not replaced by one that is not.
        their_kem: Option<KemPublic>,
        /// A few words for their operator.
        note: String,
        /// The token of the ticket, instead of work.
        token: Option<Token>,
    },
    /// Operator: accept.
    Accept,
    /// Operator: decline.
    Decline,
    /// Operator: withdraw our invite.
    Cancel,
    /// Operator: forget a decline or another ended invite.
    Forget,
    /// Operator: end the pairing.
    Remove,
    /// Operator: block.
    Block,
    /// Operator: unblock.
    Unblock,
    /// Their account was recovered on a new machine, which knows no pact: this one ends and they are asked for another, by an invite
    /// that says so.
    Renew {
        /// Their account key since the recovery.
        their_dh: DhPublic,
        /// Their account's KEM key since then, if they name one.
        their_kem: Option<KemPublic>,
    },
    /// An invite of theirs, opened by [`super::open_invite`].
    Invited(Box<OpenedInvite>),
    /// Any other frame that names an invite of [`super::Relationship::invite_ids`].
    Received(PairFrame),
    /// Time passed.
    Tick,
}

impl Input {
    /// What it is, for logs.
    pub fn kind(&self) -> String {
        match self {
            Self::Invite { .. } => "invite".into(),
            Self::Accept => "accept".into(),
            Self::Decline => "decline".into(),
            Self::Cancel => "cancel".into(),
            Self::Forget => "forget".into(),
            Self::Remove => "remove".into(),
            Self::Block => "block".into(),
            Self::Unblock => "unblock".into(),
            Self::Renew { .. } => "renew".into(),
            Self::Invited(_) => "their invite".into(),
            Self::Received(frame) => format!("their {:?}", frame.kind()),
            Self::Tick => "time".into(),
        }
    }
}
