//! Decoding of a log that was verified before it was stored, in a record that the vault authenticates: for
//! `#[serde(deserialize_with)]`. A record is read for every message, and signatures take far longer than all the rest.

use serde::{Deserialize, Deserializer, de::Error};

use super::{KeyLog, SignedOp, Trust};

/// Shape, chain and commitments are checked again, signatures are not.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<KeyLog>, D::Error> {
    let ops = Option::<Vec<SignedOp>>::deserialize(from)?;
    ops.map(|ops| KeyLog::read(ops, Trust::Stored)).transpose().map_err(D::Error::custom)
}

/// The same for a record that always has a log.
pub(crate) fn always<'de, D: Deserializer<'de>>(from: D) -> Result<KeyLog, D::Error> {
    deserialize(from)?.ok_or_else(|| D::Error::custom("no key log"))
}
