//! What a step of the machine asks its caller to do, after the new value is durable.

use serde::{Deserialize, Serialize};

use super::{Relationship, State, pair_secret::PairSecret};

/// A place in the durable outbox of a relationship: one frame at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Slot {
    /// Our invite.
    Invite,
    /// Our answer to their invite.
    Answer,
    /// Our confirm of their answer.
    Confirm,
    /// The withdrawal of our invite.
    Cancel,
    /// The notice that we removed them.
    Removed,
}

/// One effect. Everything but [`Effect::Reply`], [`Effect::CardLearned`] and [`Effect::Attachment`] is the
/// difference of two values of [`Relationship`] and can be computed again from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Keep sending this frame (now, and on every reconnect, with backoff) until the slot changes.
    Send {
        /// Where in the outbox; replaces what was there.
        slot: Slot,
        /// The bytes of a [`super::PairFrame`].
        frame: Vec<u8>,
    },
    /// Stop sending what is in this slot.
    Unsend(Slot),
    /// Send this frame once, to the peer the input came from. Losing it does no harm.
    Reply(Vec<u8>),
    /// The relationship moved.
    Changed {
        /// State before.
        from: State,
        /// State after.
        to: State,
    },
    /// Erase every session and key made under the previous pair secret.
    Unpaired,
    /// Both consented; sessions may be made under this secret.
    Paired {
        /// The record of consent.
        secret: PairSecret,
    },
    /// Both sides are known to hold the pair secret.
    Confirmed,
    /// Their contact card: verified, of this account, signed bytes.
    CardLearned(Vec<u8>),
    /// What they attached for us (a one-time prekey bundle); opaque here, authenticated as theirs.
    Attachment(Vec<u8>),
}

/// The result of one step: store `next`, then carry out `effects` in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The value to store.
    pub next: Relationship,
    /// What to do once it is durable.
    pub effects: Vec<Effect>,
}
