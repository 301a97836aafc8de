//! Feeds and sync as their users see them: building, verifying, proving forks, converging, hostile peers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod common;
mod compare;
mod converge;
mod crowd;
mod digests;
mod forks;
mod headers;
mod hostile;
mod hostile_claims;
mod hostile_frames;
mod mischief;
mod mischief_frames;
mod order;
mod raw;
mod runs;
mod signatures;
mod sim;
mod spread;
mod windows;
