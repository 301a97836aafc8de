//! What becomes of what we learn about other accounts.
//!
//! | module | subject |
//! |---|---|
//! | [`alerts`] | what the operator has to look at |
//! | [`cards`] | cards of others, taken |
//! | [`freshest`] | which card knows a device better |
//! | [`gone`] | devices that an account has no more |
//! | [`kept`] | what is kept of cards |
//! | [`logs`] | what follows from key logs of others |
//! | [`numbers`] | safety numbers |
//! | [`witness`] | what contacts and owners tell each other of key logs |
//! | [`own`] | our own other devices |
//! | [`own_devices`] | what they are called, may do, and when they were seen |
//! | [`renewal`] | our own card, told when it changes |

pub(super) mod alerts;
pub(super) mod cards;
mod freshest;
mod gone;
mod kept;
pub(super) mod logs;
pub(super) mod numbers;
pub(super) mod own;
pub(super) mod own_devices;
pub(super) mod renewal;
pub(super) mod witness;
