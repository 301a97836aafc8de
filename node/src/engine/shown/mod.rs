//! Records as clients see them.
//!
//! | module | subject |
//! |---|---|
//! | [`ids`] | ids where somebody decides by them |
//! | [`contact`] | contacts |
//! | [`group`] | groups, members, requests, refusals |
//! | [`delivery`] | how far messages have come |
//! | [`message`] | messages |
//! | [`channel`] | conversations |
//! | [`device`], [`transfer`] | our own devices, the history that they are given |
//! | [`events`] | the journal |

pub(super) mod channel;
pub(super) mod contact;
pub(super) mod delivery;
pub(super) mod device;
pub(super) mod events;
pub(super) mod group;
pub(super) mod ids;
pub(super) mod keeper;
pub(super) mod message;
pub(super) mod transfer;
