//! Identities, the consent handshake and sessions of covey.
//!
//! Pure: no runtime, network, file, clock or global randomness. Time and randomness are parameters, state goes
//! in and comes out as values that serialise. What the bytes mean is written in `pairing/SPEC.md`.

pub mod consent;
pub mod crypto;
pub mod envelope;
pub mod group;
pub mod identity;
pub mod ids;
pub mod keeper;
pub mod link;
pub mod parcel;
pub mod session;

mod text;
mod version;

pub use text::is_name;
