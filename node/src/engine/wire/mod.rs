//! What travels and what is sealed: encodings and their limits, nothing else. `node/SPEC.md` is their specification.
//!
//! | module | subject |
//! |---|---|
//! | [`account`] | what is asked, and answered, of an account of which somebody has only the words |
//! | [`payload`] | content entries: sealed payloads, bodies, what they are bound to |
//! | [`parcel`] | frames of the parcel stream, and what parcels carry |
//! | [`contest`] | objections to a recovery |
//! | [`control`] | what two devices say inside a session |
//! | [`note`] | what devices say about being a member |
//! | [`own_record`] | what the devices of an account tell each other |
//! | [`knock`] | what strangers who come with a ticket of a group leave |
//! | [`mail`] | what is left for a contact at a keeper |
//! | [`own_log`] | which key log devices of one account know |
//! | [`transfer`] | how a device that was linked is given the history |
//! | [`doctor`] | how members compare a group |

pub(crate) mod account;
pub(super) mod contest;
pub(super) mod control;
pub(super) mod doctor;
pub(super) mod knock;
pub(super) mod mail;
pub(super) mod note;
pub(super) mod own_log;
pub(super) mod own_record;
pub(super) mod parcel;
pub(super) mod payload;
pub(super) mod transfer;

#[cfg(test)]
mod golden;
