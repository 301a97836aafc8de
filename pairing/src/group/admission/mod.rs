//! How one becomes a member: group invites and tickets, join statements, the welcome.
//!
//! Knows nothing of the roster, which decides what a statement is worth. `pairing/SPEC.md`, section Groups.

mod invite;
mod statement;
mod ticket;
mod token;
mod welcome;

pub use invite::GroupInvite;
pub use statement::{Ground, JoinStatement, STATEMENT_MAX, StatementError, StatementId, VerifiedJoin};
pub use ticket::{AdmissionPoint, GroupTicket, GroupTicketError};
pub use token::{ParseTicketIdError, TicketId, TicketProof, TicketToken, TicketVerifier};
pub use welcome::{WELCOME_CARDS, WELCOME_MAX, Welcome, session_psk};
