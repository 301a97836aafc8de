//! Scenarios of the consent machine: [PAIR-*] and [MACHINE-*] of `pairing/SPEC.md`.
#![allow(clippy::panic, reason = "a test that finds another shape has failed")]
#![allow(clippy::match_same_arms, reason = "tables of what is expected")]

mod crossing;
mod devices;
mod ending;
mod harness;
mod hostile;
mod hostile_frames;
mod matrix;
mod pairing;
mod property;
mod refusing;
mod renewing;
mod sealed;
mod time;
