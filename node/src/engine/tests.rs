//! Engines on a virtual network: real handlers, in-memory stores, no clock but the test's.
#![allow(clippy::unwrap_used, clippy::panic)]

mod consent;
mod conversation;
mod world;
