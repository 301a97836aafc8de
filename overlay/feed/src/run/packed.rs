//! The wire form of a run.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    Entry, Signature,
    limits::{MAX_FRAME, MAX_RUN_ENTRIES},
    wire::Bounded,
};

/// The run version this crate writes and reads.
const VERSION: u8 = 1;

/// Why bytes are not a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunDecodeError {
    /// The run is of a version this node does not know.
    #[error("unknown run version {0}")]
    UnknownVersion(u8),
    /// Not a run at all.
    #[error("malformed run: {0}")]
    Malformed(#[from] covey_codec::DecodeError),
}

/// A run of ours, fit to be sent: built from a batch or assembled from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Run(Packed);

/// A run from a peer. Nothing in it is known to be true; only [`verify`](super::verify) opens it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RunIn(Packed);

/// `[v, first seq, header bytes list, payload-or-null list, signature of the last header]`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Packed(
    u8,
    pub(crate) u64,
    pub(crate) Bounded<ByteBuf, MAX_RUN_ENTRIES>,
    pub(crate) Bounded<Option<ByteBuf>, MAX_RUN_ENTRIES>,
    pub(crate) Signature,
);

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}, {} bytes", self.1, self.last(), self.size())
    }
}

impl Packed {
    pub(crate) fn version_is_known(&self) -> bool {
        self.0 == VERSION
    }

    fn last(&self) -> u64 {
        self.1.saturating_add(self.2.0.len() as u64).saturating_sub(1)
    }

    fn size(&self) -> usize {
        let payloads = self.3.0.iter().flatten().map(|payload| payload.len());
        self.2.0.iter().map(|header| header.len()).chain(payloads).sum()
    }
}

impl Run {
    /// Packs consecutive entries; `None` unless the last one is signed.
    pub(crate) fn of(entries: &[Entry]) -> Option<Self> {
        let signature = *entries.last()?.signature()?;
        let headers = entries.iter().map(|entry| ByteBuf::from(entry.header_bytes())).collect();
        let payloads = entries.iter().map(|entry| entry.payload().map(ByteBuf::from)).collect();
        Some(Self(Packed(VERSION, entries.first()?.seq(), Bounded(headers), Bounded(payloads), signature)))
    }

    /// Position of the first entry.
    pub fn first(&self) -> u64 {
        self.0.1
    }

    /// Position of the last entry, which is the signed one.
    pub fn last(&self) -> u64 {
        self.0.last()
    }

    /// Header and payload bytes.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// The wire form: versioned CBOR below [`MAX_FRAME`].
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(&self.0).expect("plain data encodes")
    }
}

impl RunIn {
    /// Decodes the wire form.
    ///
    /// # Errors
    /// [`RunDecodeError`]; nothing is allocated beyond the limits of a run.
    pub fn decode(bytes: &[u8]) -> Result<Self, RunDecodeError> {
        let packed: Packed = covey_codec::decode(bytes, MAX_FRAME)?;
        if !packed.version_is_known() {
            return Err(RunDecodeError::UnknownVersion(packed.0));
        }
        Ok(Self(packed))
    }

    /// The position it says it begins at.
    pub fn first(&self) -> u64 {
        self.0.1
    }

    /// The position it says it ends at.
    pub fn last(&self) -> u64 {
        self.0.last()
    }

    /// Header and payload bytes.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.0.2.0.len()
    }

    pub(crate) fn has_as_many_payloads(&self) -> bool {
        self.len() == self.0.3.0.len()
    }

    pub(crate) fn headers(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.2.0.iter().map(|header| header.as_slice())
    }

    pub(crate) fn signature(&self) -> &Signature {
        &self.0.4
    }

    pub(crate) fn into_payloads(self) -> (impl Iterator<Item = Option<Vec<u8>>>, Signature) {
        let Packed(_, _, _, payloads, signature) = self.0;
        (payloads.0.into_iter().map(|payload| payload.map(ByteBuf::into_vec)), signature)
    }

    pub(crate) fn version_is_known(&self) -> bool {
        self.0.version_is_known()
    }
}

impl From<Run> for RunIn {
    /// What the receiver of this run would decode.
    fn from(run: Run) -> Self {
        Self(run.0)
    }
}
