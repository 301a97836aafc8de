//! What we tell other devices beside feeds: kept until it is acknowledged, handed on where somebody is away. What is heard is in [`super::inbound`].
//!
//! | module | subject |
//! |---|---|
//! | [`post`] | parcels: sealed, kept, sent, repeated |
//! | [`custody`] | parcels kept for others |
//! | [`ways`] | ways to members that are no neighbours |
//! | [`control`] | inside sessions |
//! | [`handing`] | our chains, handed out |
//! | [`notes`] | about being a member |
//! | [`knock`] | asking to be let in with a ticket |

pub(super) mod control;
pub(super) mod custody;
pub(super) mod handing;
pub(super) mod knock;
pub(super) mod notes;
pub(super) mod post;
pub(super) mod ways;
