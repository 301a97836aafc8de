//! Why an input was refused. In every case nothing changed.

use super::{Command, State};
use crate::identity::{CardError, Fork};

/// Why [`super::Relationship::handle`] refused an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsentError {
    /// Caller: the command makes no sense in this state.
    #[error("cannot {command}: {}", explain(*.command, *.state))]
    NotAllowed {
        /// What was asked for.
        command: Command,
        /// The state it was asked in.
        state: State,
    },
    /// Caller: an account cannot invite itself.
    #[error("this is your own account")]
    OwnAccount,
    /// Caller: the note is longer than [`super::NOTE_MAX_CHARS`] or has control characters.
    #[error("the note is too long or has control characters (at most {} characters)", super::NOTE_MAX_CHARS)]
    Note,
    /// Caller: the name is longer than [`super::NAME_MAX_CHARS`], empty or has control characters.
    #[error("the name is empty, too long or has control characters (at most {} characters)", super::NAME_MAX_CHARS)]
    Name,
    /// Caller: the attachment is over its limit.
    #[error("own attachment is too long")]
    TooLong,
    /// Caller: our own card would be refused by everybody, or does not have our device.
    #[error("own contact card is not usable: {0}")]
    OwnCard(CardError),
    /// Caller: the Diffie-Hellman key of the ticket is not usable.
    #[error("the key in the ticket is not usable")]
    BadKey,
    /// Caller: the device that made the invite is none of the account's any more: somebody else may have it.
    #[error("the device that invited you is none of theirs any more")]
    InviterGone,
    /// Remote: a handshake message does not belong to the handshake it names, or was tampered with.
    #[error("the handshake message does not authenticate")]
    Handshake,
    /// Remote: an authenticated payload is not what the protocol asks for.
    #[error("malformed {0}")]
    Payload(&'static str),
    /// Remote: their card is not valid, or not of this account.
    #[error("bad contact card: {0}")]
    Card(#[from] CardError),
    /// Remote: the key log in their card contradicts the one we know. Keep the proof.
    #[error("the account published two histories of its devices")]
    Forked(Box<Fork>),
    /// Remote: a new pact is asked for under an older list of devices than the one we know.
    #[error("the invite comes with an older list of devices than the one known")]
    OlderLog,
    /// Remote: a signature or seal on a withdrawal, removal or acknowledgement does not verify.
    #[error("the notice does not authenticate")]
    Notice,
}

/// Why an invite was not opened. Whatever it is, the sender gets the same acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// The handshake message does not open with our key, for the accounts it names.
    #[error("the invite does not open")]
    Handshake,
    /// From ourselves.
    #[error("the invite is from this account")]
    OwnAccount,
    /// The offer inside is malformed.
    #[error("malformed offer: {0}")]
    Offer(&'static str),
    /// The inviter's card is not valid or not of the named account.
    #[error("bad contact card: {0}")]
    Card(#[from] CardError),
    /// The offer is not signed by an active device of the inviter.
    #[error("the offer is not signed by a device of the inviter")]
    Signature,
    /// The offer ran out.
    #[error("the invite has expired")]
    Expired,
    /// The offer is dated further in the future than clocks differ.
    #[error("the invite is dated in the future")]
    FromTheFuture,
}

fn explain(command: Command, state: State) -> &'static str {
    match (command, state) {
        (_, State::Paired) if command != Command::Remove => "you are paired",
        (Command::Forget, State::Blocked) => "the account is blocked, with its pairing kept",
        (_, State::Blocked) => "the account is blocked",
        (_, State::Declined) => "you declined this account",
        (Command::Forget, State::Invited) => "your invite is out",
        (Command::Forget, State::Pending) => "their invite is waiting",
        (Command::Accept | Command::Decline, _) => "no invite of theirs is waiting",
        (Command::Cancel, _) => "no invite of yours is out",
        (Command::Remove, _) => "you are not paired",
        (Command::Unblock, _) => "the account is not blocked",
        _ => "the state does not allow it",
    }
}
