//! Reading sled's files without sled, and without changing them.
//!
//! sled repairs damage to its log by forgetting: it cuts the log off at the first part that it cannot read near the end,
//! fills the rest with zeros, and leaves out the rest of a segment elsewhere. So before it may open files that were
//! closed in order, [`reach`] looks whether their log still goes as far as it did, or is only older; and what a repair takes from a
//! damaged log it takes with [`salvage`], which finds every page that can still be read.
//!
//! Everything here is of the format of sled 0.34.7 with its default segment size, and tied to it.

mod format;
mod pages;
mod tail;
#[cfg(test)]
mod tests;

pub(crate) use pages::salvage;
pub(crate) use tail::{Beyond, Reach, reach};
