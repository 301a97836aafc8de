//! One function per RPC method: what the local interface asks of the engine.

pub mod account;
pub mod audit;
pub mod channel;
pub mod device;
pub mod events;
pub mod group;
pub mod keeper;
pub mod message;
pub mod metrics;
pub mod node;
pub mod pair;
mod range;
mod selecting;
pub mod token;
