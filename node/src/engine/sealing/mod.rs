//! The ciphers of a channel: sealing for those who may read, and opening.
//!
//! | module | subject |
//! |---|---|
//! | [`sessions`] | sessions with devices; parcels |
//! | [`chains`] | sender keys of groups |
//! | [`chunks`] | chunks of history for another device of ours |
//! | [`opening`] | the entries of one author, opened |

pub(super) mod chains;
pub(super) mod chunks;
pub(super) mod opening;
pub(super) mod sessions;
