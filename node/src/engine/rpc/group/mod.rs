//! `group.*`

mod doctor;
mod groups;
mod joining;
mod known;
mod members;
mod messages;
mod proof;
mod requests;
mod tickets;

pub use doctor::{begin_doctor, doctor, doctor_answers};
pub use groups::{create, list, policy, rename, show};
pub use joining::{accept, decline, invite, join, leave};
pub use members::{ban, members, remove, role, unban};
pub use messages::{delete, report, verify_report};
pub use requests::{approve, reject, requests};
pub use tickets::{revoke_ticket, ticket, tickets};

/// Requests on a page.
const PAGE: usize = 1_000;
