//! Runs: consecutive entries of one feed under one signature.
//!
//! An author *builds* a batch, commits it, and sends it as a [`Run`]. A receiver decodes a [`RunIn`], which nothing
//! but [`verify`] turns into a [`VerifiedRun`]: one signature check for all of it, then hashes. Any member
//! *assembles* runs from its store to serve ranges, ending each at an entry it has a signature for.

mod assemble;
mod build;
mod packed;
mod verify;

pub use assemble::{RunLimits, assemble};
pub use build::{Batch, BuildError, Builder, build, next, sign};
pub use packed::{Run, RunDecodeError, RunIn};
pub use verify::{Fault, Known, RunError, VerifiedRun, verify};
