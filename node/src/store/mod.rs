//! Durable state of a node: one ordered key space with atomic batches.
//!
//! The engine reads and writes through a [`Tx`] (typed values, read-your-writes), which ends in one [`Batch`] of
//! sealed bytes; the runtime applies the batch and, before it releases any effect, calls [`Store::flush`] once for
//! all batches that waited together. Nothing here knows what the records mean, what time it is, or any peer.
//!
//! Room is left for high-water marks in a separate synced file (`crate::paths::Paths::marks_file`): they are not
//! part of the key space, because their purpose is to notice that the key space went back in time.

mod api;
mod chunks;
mod disk;
mod guard;
mod key;
mod memory;
mod schema;
mod table;
#[cfg(test)]
mod tests;
mod tx;

pub use api::{Batch, Op, Row, Span, Store, StoreError};
pub use disk::{DiskOptions, SledStore};
pub use key::Key;
pub use memory::{Faults, MemoryStore};
pub use schema::MAX_VALUE;
pub use table::Table;
pub use tx::{Reader, Tx};
