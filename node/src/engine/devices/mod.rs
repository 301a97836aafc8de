//! The devices of our own account: linking new machines, names, revoking.
//!
//! | module | subject |
//! |---|---|
//! | [`link`] | the host's side of a link: an existing device takes a new machine into the account |
//! | [`joining`] | the other side, as far as it is stored: this machine becomes a device |
//! | [`revoke`] | ending a device |
//! | [`room`] | how long the key log may become |
//! | [`notice`] | how a device that was revoked is told |
//! | [`kept`] | a device that a recovery kept: accepting it, and the account's new keys |

pub(crate) mod joining;
pub(crate) mod kept;
pub(super) mod link;
pub(super) mod notice;
pub(super) mod revoke;
mod room;
