//! Groups: how rosters change, and what that means for channels, keys and members.
//!
//! | module | subject |
//! |---|---|
//! | [`fill`] | groups in memory: begun, filled from what is stored |
//! | [`content`] | whether what was written counts, looked at again |
//! | [`disputes`] | members whose account is contested |
//! | [`readers`] | since when members may read what we write |
//! | [`peers`] | members who come and go |
//! | [`changes`] | what changes on a roster, carried out |
//! | [`ops`] | operations: written, taken |
//! | [`admission`] | others who want to come in |
//! | [`invites`] | invites of contacts |
//! | [`welcome`] | the way in |
//! | [`returning`] | accounts that were recovered, and their groups |
//! | [`membership`] | whether we are members still |
//! | [`listing`] | our own devices on rosters |
//! | [`doctor`] | comparing with other members |
//! | [`load`] | at the start |

pub(super) mod admission;
pub(super) mod changes;
pub(super) mod content;
pub(super) mod disputes;
pub(super) mod doctor;
pub(super) mod fill;
pub(super) mod invites;
pub(super) mod listing;
pub(super) mod load;
pub(super) mod membership;
pub(super) mod ops;
pub(super) mod peers;
pub(super) mod readers;
pub(super) mod returning;
pub(super) mod welcome;
