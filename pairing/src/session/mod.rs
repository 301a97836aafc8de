//! Sessions between two devices: PQXDH, the Double Ratchet and the set of sessions with one remote device.
//!
//! Knows keys and 32-byte ids, nothing of accounts' consent, of feeds or of how envelopes travel.
//! What the bytes mean is in `pairing/SPEC.md`, section Sessions.
#![allow(clippy::todo, unused_variables, clippy::needless_pass_by_value)] // while the skeleton is filled in

pub mod limits;
mod prekeys;
mod sessions;

pub use prekeys::{BundleError, LocalDevice, PrekeyBundle, PrekeyStore};
pub use sessions::{DeviceSessions, SessionError, SessionParties};
