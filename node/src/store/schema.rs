//! The form of a value before it is sealed: one schema version byte, then CBOR (typed) or bytes (raw).

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::StoreError;

/// Longest value in bytes. The largest of ours are the sessions with one device: 40 archived ones of up to five
/// chains with 256 skipped keys each stay below 4 MiB.
pub const MAX_VALUE: usize = 8 << 20;

/// Plain bytes of a typed value.
pub(crate) fn encode<V: Serialize>(table: u8, value: &V) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let body = Zeroizing::new(covey_codec::encode(value)?);
    Ok(encode_raw(table, &body))
}

/// Plain bytes of a raw value.
pub(crate) fn encode_raw(table: u8, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(1 + body.len()));
    plain.push(version(table));
    plain.extend_from_slice(body);
    plain
}

/// The typed value in `plain`, brought up to the current schema if it is older.
pub(crate) fn decode<V: DeserializeOwned>(table: u8, plain: &[u8]) -> Result<V, StoreError> {
    let body = body(table, plain)?;
    covey_codec::decode(body, MAX_VALUE).map_err(|source| StoreError::Decode { table, source })
}

/// The bytes of a raw value in `plain`.
///
/// Migrations belong here: an older version of a table is rewritten to the current one by a frozen function per
/// step. There is none yet, since every table is at its first version.
pub(crate) fn body(table: u8, plain: &[u8]) -> Result<&[u8], StoreError> {
    let (&found, body) = plain.split_first().ok_or(StoreError::BadRecord { table })?;
    let known = version(table);
    if found == known { Ok(body) } else { Err(StoreError::Version { table, found, known }) }
}

/// The schema version that this build writes to a table. A change of a stored type gives its table an arm here.
pub(crate) fn version(_table: u8) -> u8 {
    1
}
