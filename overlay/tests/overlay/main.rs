//! Whole overlays on loopback: discovery, the gate, frames, limits, reconnection. One binary, as each links libp2p.
#![allow(clippy::panic, clippy::unwrap_used)]

mod company;
mod dead;
mod discovery;
mod frames;
mod gate;
mod harness;
mod limits;
mod mallory;
mod mock;
mod reconnect;
mod relay;
mod scope;
mod spec;
mod start;
mod sybils;
