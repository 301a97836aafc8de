//! How one becomes a member: group invites and tickets, join statements, the welcome.
//!
//! Verifies what the parts say; the roster decides what that is worth. `pairing/SPEC.md`, section Groups.

mod invite;
mod statement;
mod ticket;
mod token;
mod welcome;

pub use invite::GroupInvite;
pub use statement::{JoinStatement, STATEMENT_MAX, StatementError, StatementId, devices, vouch};
pub use ticket::{AdmissionPoint, GroupTicket, GroupTicketError};
pub use token::TicketToken;
pub use welcome::{WELCOME_CARDS, WELCOME_MAX, Welcome, session_psk};
