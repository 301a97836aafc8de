//! Scenarios of the consent machine: [PAIR-*] and [MACHINE-*] of `pairing/SPEC.md`.

mod crossing;
mod ending;
mod harness;
mod hostile;
mod matrix;
mod pairing;
mod property;
mod refusing;
mod time;
