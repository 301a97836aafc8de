//! The client commands as a whole, against a daemon made of a few vectors.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod commands;
mod failures;
mod groups;
mod help;
mod mock;
mod tail;
