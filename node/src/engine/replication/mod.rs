//! Feeds on their way: the machines of `covey_feed` are driven, runs are verified and taken, what does not open waits.
//!
//! | module | subject |
//! |---|---|
//! | [`sync`] | the machines |
//! | [`take`] | runs: verified, taken, served |
//! | [`late`] | entries opened later |
//! | [`parked`] | entries that wait for their keys |
//! | [`forks`] | feeds with two histories |
//! | [`repair`] | missing operations |
//! | [`rollback`] | this node is an old copy of itself |

pub(super) mod forks;
pub(super) mod late;
pub(super) mod parked;
pub(super) mod repair;
pub(super) mod rollback;
pub(super) mod sync;
pub(super) mod take;
