//! Durable state of a node: one ordered key space with atomic batches.
//!
//! The engine reads and writes through a [`Tx`] (typed values, read-your-writes), which ends in one [`Batch`] of
//! sealed bytes; the runtime applies the batch and, before it releases any effect, calls [`Store::flush`] once for
//! all batches that waited together. Nothing here knows what the records mean, what time it is, or any peer.
//!
//! [`DurableStore`] is what a daemon uses: [`SledStore`] with high-water marks in a file of their own, because their
//! purpose is to notice that the key space went back in time, and with a second copy of the few records that nobody
//! else could give us back.

mod api;
mod cache;
mod chunks;
mod digest;
mod disk;
mod durable;
mod guard;
mod keepsafe;
mod key;
mod log;
mod marks;
mod memory;
mod opening;
mod pages;
mod replaced;
mod schema;
mod scrub;
mod table;
#[cfg(test)]
mod tests;
mod tx;

pub use api::{Batch, Op, Row, Span, Store, StoreError};
pub use cache::{Cache, Decoded};
pub(crate) use chunks::RawRow;
pub use disk::{DiskOptions, SledStore};
pub(crate) use durable::read_kept;
pub use durable::{Behind, DurableStore, MarksState, Places};
pub use key::Key;
pub(crate) use log::salvage;
pub use marks::{Floors, Found, Marks, MarksFile};
pub use memory::{Faults, MemoryStore};
pub use schema::MAX_VALUE;
pub use table::Table;
pub use tx::{Reader, Tx};
