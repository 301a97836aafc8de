//! Consent: the relationships of `covey_pairing`, fed with commands and frames; their effects, carried out.
//!
//! | module | subject |
//! |---|---|
//! | [`pacts`] | what a pact carries |
//! | [`keys`] | the keys that an invite needs |
//! | [`pursuit`] | what must still reach somebody |
//! | [`lost`] | contacts who cannot be reached |
//! | [`step`] | one step of a relationship |
//! | [`commands`] | of the operator |
//! | [`requests`] | the open mode |
//! | [`found`] | cards that were looked up, keys that were asked for |
//! | [`frames`] | frames of anybody |
//! | [`ended`] | what has ended is forgotten |

pub(super) mod adopted;
pub(super) mod commands;
pub(super) mod ended;
pub(super) mod found;
pub(super) mod frames;
pub(super) mod keys;
pub(super) mod lost;
pub(super) mod pacts;
pub(super) mod pursuit;
pub(super) mod requests;
pub(super) mod step;
