//! One entry of a feed as the node keeps it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    EntryId, Head, Header, OrderKey, Signature,
    header::{HeaderError, entry_id},
    limits::MAX_ENTRY,
};

/// Version of the stored encoding.
const STORED_VERSION: u8 = 1;

/// Stored bytes around header, payload and signature.
const STORED_OVERHEAD: usize = 128;

/// An entry known to be valid: built by us, verified in a run, or read back from our own store.
///
/// The payload may be absent (dropped later, or withheld by the peer that served it); the chain stays verifiable.
/// Only the last entry of a batch or run carries a signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    header: Header,
    bytes: Vec<u8>,
    id: EntryId,
    payload: Option<Vec<u8>>,
    signature: Option<Signature>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed = if self.signature.is_some() { ", signed" } else { "" };
        let payload = self.payload.as_ref().map(Vec::len);
        write!(f, "Entry({} seq {}, payload {payload:?}{signed})", self.id.fmt_short(), self.seq())
    }
}

/// Why a stored value is not an entry: the store is damaged, or from a later version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredEntryError {
    /// The stored encoding is of a version this node does not know.
    #[error("unknown stored entry version {0}")]
    UnknownVersion(u8),
    /// Not an entry at all.
    #[error("stored entry: {0}")]
    Malformed(#[from] covey_codec::DecodeError),
    /// Its header is not valid.
    #[error("stored entry: {0}")]
    Header(#[from] HeaderError),
    /// Its payload is not the one the header names.
    #[error("stored payload does not match its header")]
    Payload,
}

/// `[v, header bytes, payload or null, signature or null]`
#[derive(Serialize, Deserialize)]
struct Stored(u8, ByteBuf, Option<ByteBuf>, Option<Signature>);

impl Entry {
    pub(crate) fn new(header: Header, bytes: Vec<u8>, payload: Option<Vec<u8>>, signature: Option<Signature>) -> Self {
        let id = entry_id(&bytes);
        Self::with_id(id, header, bytes, payload, signature)
    }

    /// [`Entry::new`] if `id` was computed already.
    pub(crate) fn with_id(
        id: EntryId,
        header: Header,
        bytes: Vec<u8>,
        payload: Option<Vec<u8>>,
        signature: Option<Signature>,
    ) -> Self {
        Self { header, bytes, id, payload, signature }
    }

    pub(crate) fn with_signature(self, signature: Signature) -> Self {
        Self { signature: Some(signature), ..self }
    }

    /// The decoded header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header as signed and sent.
    pub fn header_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// BLAKE3 of the header bytes.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// Position in the feed, 1 and above.
    pub fn seq(&self) -> u64 {
        self.header.position.seq
    }

    /// Logical time.
    pub fn lamport(&self) -> u64 {
        self.header.lamport
    }

    /// The payload, if we have it.
    pub fn payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    /// The signature, if this entry is the last of a batch or run.
    pub fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    /// The feed's head if this entry is its last.
    pub fn head(&self) -> Head {
        Head { seq: self.seq(), id: self.id, lamport: self.lamport() }
    }

    /// Where the entry is shown in its channel.
    pub fn order(&self) -> OrderKey {
        OrderKey::from(&self.header)
    }

    /// Header and payload bytes, as counted by the limits of batches and runs.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.payload.as_ref().map_or(0, Vec::len)
    }

    /// The same entry without its payload (deletion, expiry, retention).
    #[must_use]
    pub fn without_payload(self) -> Self {
        Self { payload: None, ..self }
    }

    /// The stored form: versioned CBOR.
    pub fn to_stored(&self) -> Vec<u8> {
        let payload = self.payload.clone().map(ByteBuf::from);
        let stored = Stored(STORED_VERSION, ByteBuf::from(self.bytes.clone()), payload, self.signature);
        covey_codec::encode(&stored).expect("plain data encodes")
    }

    /// Reads the stored form back. Signatures are not checked again: the store is our own.
    ///
    /// # Errors
    /// [`StoredEntryError`] when the store is damaged or of a later version.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, StoredEntryError> {
        let Stored(v, header, payload, signature) = covey_codec::decode(bytes, MAX_ENTRY + STORED_OVERHEAD)?;
        if v != STORED_VERSION {
            return Err(StoredEntryError::UnknownVersion(v));
        }
        let decoded = Header::decode(&header)?;
        let payload = payload.map(ByteBuf::into_vec);
        if payload.as_ref().is_some_and(|payload| !decoded.matches(payload)) {
            return Err(StoredEntryError::Payload);
        }
        Ok(Self::new(decoded, header.into_vec(), payload, signature))
    }
}
