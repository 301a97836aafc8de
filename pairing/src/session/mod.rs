//! Sessions between two devices: PQXDH, the Double Ratchet and the set of sessions with one remote device.
//!
//! Knows keys and 32-byte ids, nothing of accounts' consent, of feeds or of how envelopes travel.
//! What the bytes mean is in `pairing/SPEC.md`, section Sessions.

mod bundle;
mod chain;
mod error;
mod header;
mod kem_step;
mod keys;
pub mod limits;
mod parties;
mod pqxdh;
mod prekeys;
mod ratchet;
#[expect(clippy::module_inception, reason = "one file per noun, and the noun of this module is the session")]
mod session;
mod sessions;
mod shared;

pub use bundle::PrekeyBundle;
pub use error::{BundleError, SessionError};
pub use parties::{LocalDevice, SessionParties};
pub use prekeys::PrekeyStore;
pub use sessions::DeviceSessions;
