//! What other devices tell us beside feeds. What is told is in [`super::outbound`].
//!
//! | module | subject |
//! |---|---|
//! | [`parcels`] | frames of the parcel stream |
//! | [`accounts`] | somebody who has only the words of an account asks what we know of it |
//! | [`contests`] | objections to recoveries |
//! | [`control`] | inside sessions |
//! | [`notes`] | about being a member |
//! | [`knock`] | strangers who come with a ticket, and what we are answered |

pub(super) mod accounts;
pub(super) mod contests;
pub(super) mod control;
pub(super) mod knock;
pub(super) mod notes;
pub(super) mod parcels;
