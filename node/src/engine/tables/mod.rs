//! Where the engine keeps what: one function per kind of record.

mod clients;
mod groups;
mod keepers;
mod parcels;
mod people;
mod talk;

pub(crate) use clients::identity;
pub(super) use clients::*;
pub(super) use groups::*;
pub(super) use keepers::*;
pub(super) use parcels::*;
pub(super) use people::*;
pub(super) use talk::*;
