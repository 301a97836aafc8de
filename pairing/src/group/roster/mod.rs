//! The roster: who is a member of a group and what each may do, folded alike by every member.
//!
//! Members write signed operations ([`Op`]) into their feeds; the roster of a group is a pure function of the set of
//! operations and of the forks proven, whatever the order in which they arrive. It knows nothing of feeds, signatures,
//! cards or time: who hands it an [`OpRecord`] has verified who wrote it and what the cards in it say.
//!
//! `pairing/SPEC.md`, section Groups: the roster.

mod account;
mod apply;
mod aside;
mod change;
mod denied;
mod graph;
mod hash;
mod ids;
mod limits;
mod machine;
mod op;
mod policy;
mod queries;
mod reach;
mod record;
mod resolve;
mod rights;
mod segment;
mod state;
mod touched;
mod waiting;
mod weigh;
mod writing;

pub use account::{Exit, Invited, Member, Standing, Ticket};
pub use change::Change;
pub use denied::{Denied, Right};
pub use ids::{EntryId, OpId, TicketId, group_id};
pub use limits::{
    CUT_MAX, DEPS_MAX, DEVICES_MAX, GROUP_NAME_MAX, INVITES_PER_ACCOUNT, MEMBERS_MAX, OPERATION_MAX, WAITING_PER_DEVICE,
};
pub use machine::{Inserted, Roster, Work};
pub use op::{Cut, Op, OpError, Operation, is_group_name};
pub use policy::{Grant, Policy, Role};
pub use queries::Ignored;
pub use record::{Ground, OpRecord, VerifiedDevices, VerifiedJoin, Vouched, log_rank, rotations_in};
pub use resolve::Reason;
pub use writing::Written;
