//! The consent handshake: how two accounts become contacts, and how they stop being contacts.
//!
//! One [`Relationship`] per other account holds everything about it; [`Relationship::handle`] takes one input and
//! gives the next value and its effects. Knows nothing of sessions, messages, peers or storage.
//! `pairing/SPEC.md`, sections Consent handshake, Machine and Limits.

mod answer;
mod effects;
mod error;
mod frame;
#[cfg(test)]
mod golden;
mod handshake;
mod inbound;
mod input;
mod invite;
mod key_frame;
mod limits;
mod machine;
mod material;
mod offer;
mod operator;
mod pair_secret;
mod reconcile;
mod seal;
mod state;
mod step;
mod time;
mod work;

pub use effects::{Effect, Outcome, Slot};
pub use error::{ConsentError, InviteError};
pub use frame::{FRAME_MAX, FrameError, FrameKind, InviteFrame, PairFrame, Pass, acknowledge};
pub use input::{Command, Input, Me};
pub use invite::{OpenedInvite, Request, open_invite};
pub use key_frame::KeyFrame;
pub use limits::{Admission, Arrival, Refusal, Source, SourceCounts, StrangerLimits, StrangerLimitsConfig};
pub use machine::Relationship;
pub use offer::{ATTACHMENT_MAX, NAME_MAX_CHARS, NOTE_MAX_CHARS};
pub use pair_secret::PairSecret;
pub use reconcile::Reconciled;
pub use state::State;
pub use time::{CLOCK_SKEW_MS, INVITE_LIFETIME_MS, REMIND_AFTER_MS, RENEW_EVERY_MS, UNDELIVERED_LIFETIME_MS};
pub use work::WORK_BITS;

#[cfg(test)]
mod tests;
