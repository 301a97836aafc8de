//! What is said in channels: written, received, shown once, read, deleted.
//!
//! | module | subject |
//! |---|---|
//! | [`own_feed`] | the next entry of our own |
//! | [`place`] | a message stored, with what follows from it |
//! | [`edits`] | what an edit does to its message |
//! | [`settle`] | which of several that say the same is shown |
//! | [`receipts`] | what recipients have, and have read |
//! | [`arrivals`] | what becomes of a message |
//! | [`write`] | what we say |

pub(super) mod arrivals;
pub(super) mod edits;
pub(super) mod own_feed;
pub(super) mod place;
pub(super) mod reading;
pub(super) mod receipts;
pub(super) mod settle;
pub(super) mod write;
