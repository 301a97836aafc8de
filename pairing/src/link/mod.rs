//! Linking: how a second machine becomes a device of an account.
//!
//! The new machine (the *joiner*) shows a [`LinkTicket`]; an existing device (the *host*) reads it and connects. What they
//! say is one Noise handshake and six sealed messages:
//!
//! ```text
//! host                                                  joiner
//! Hello  {Noise 1 {commitment}}             ─────────▶            ticket is used now
//!           ◀─────────  Answer {Noise 2 {random bytes, name}}
//! Reveal {what was committed to}            ─────────▶            both show the same 6 digits
//! ... the operator types the joiner's digits at the host ...
//! Ask    {account}                          ─────────▶
//!           ◀─────────  Join {agreement to belong to the account}
//! ... the host adds the device to the key log ...
//! HandOver {keys, key log, cards}           ─────────▶            verified, stored
//!           ◀─────────  Done
//! ```
//! [`Host`] and [`Joiner`] are the two sides: values that serialise, so that a restart resumes the same link. The host sends its
//! newest frame again until the answer comes; the joiner answers a repeated frame alike. Both know nothing of networks,
//! files and the account's other business. `pairing/SPEC.md`, section Link; `docs/decisions/012-linking-a-device.md`.

mod digits;
mod end;
mod frame;
mod hand_over;
mod handshake;
mod host;
mod joiner;
mod sealed;
mod ticket;

pub use digits::Digits;
pub use end::End;
pub use frame::{LINK_FRAME_MAX, LinkFrame, LinkId};
pub use hand_over::{HandOver, HandOverError, NamedDevice};
pub use host::{Host, HostError, HostEvent, Stage};
pub use joiner::{Joiner, JoinerEvent, NewDevice};
pub use ticket::{LinkTicket, LinkTicketError, NetworkTag};

/// How long a link may take from the ticket to the end, by each side's own clock, in milliseconds.
pub const LINK_LIFETIME_MS: u64 = 10 * 60 * 1000;
/// Times that the digits may be typed.
pub const DIGIT_ATTEMPTS: u8 = 3;

#[cfg(test)]
mod tests;
