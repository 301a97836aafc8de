//! The only place with a clock, randomness and threads: drives engine, store and overlay.

mod clock;
mod commits;
mod handle;
mod network;
mod randomness;
mod recent;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod turn;
mod worker;

pub use clock::{advance, now};
pub use commits::Commits;
pub use handle::EngineHandle;
pub use network::{Change, Connection, Connections, Echoes, Errands, OverlayNetwork, drive_network};
pub(crate) use recent::{Following, Journal};
pub use worker::{Network, Worker, spawn};
