//! Blinded card records (SPEC.md, "Records"): pure, no clock, no network.
//!
//! Whoever knows an account key can find and read the account's record; whoever stores it can check it but
//! learns neither whose it is nor what it says, and cannot link the records of two days.

mod blind;
mod period;
mod seal;
#[cfg(test)]
mod tests;

pub use blind::{BlindError, blind_public, blind_secret, clamp};
pub use period::{EDGE, PERIOD, current, current_and_neighbour};
pub(crate) use seal::lookup_keys;
pub use seal::{
    LIFETIME, MAX_PAYLOAD, MAX_VALUE, Opened, RecordError, Sealed, Validated, open, record_key, seal, seal_current,
    second_key, validate,
};
