//! What members try who may not, and what happens when several do at once: the same outcome on every member, in every
//! order of arrival, held against the naive model. `pairing/SPEC.md`, section Groups: the roster.
#![allow(clippy::unwrap_used, clippy::panic)]

mod disputes;
mod joins;
mod rights;
#[path = "../roster_support/mod.rs"]
mod roster_support;

use covey_pairing::group::roster::{Denied, OpId, Reason, Right, Role, Roster};

pub(crate) fn denied(roster: &Roster, id: OpId) -> Denied {
    match roster.reason(&id) {
        Some(Reason::Denied(denied)) => denied.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn missing(right: Right, least: Role) -> Denied {
    Denied::Missing { right, least }
}
