//! A fingerprint of a set that follows each change at constant cost: LtHash with 1,024 lanes of 16 bits over BLAKE3
//! (Bellare and Micciancio's AdHash over a lattice). Finding two sets with one fingerprint is as hard as a short-vector
//! problem; the order in which elements came and went does not matter.

use std::fmt;

const LANES: usize = 1024;

/// The sum of the hashes of the records of a set.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SetHash(Box<[u16; LANES]>);

impl Default for SetHash {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl fmt::Debug for SetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetHash({})", data_encoding::HEXLOWER.encode(&self.value()[..4]))
    }
}

impl SetHash {
    pub(super) fn add(&mut self, record: &[u8]) {
        self.each(record, u16::wrapping_add);
    }

    pub(super) fn take(&mut self, record: &[u8]) {
        self.each(record, u16::wrapping_sub);
    }

    /// 32 bytes that stand for the set.
    pub(super) fn value(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("covey roster fingerprint v1");
        for lane in self.0.iter() {
            hasher.update(&lane.to_le_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    fn each(&mut self, record: &[u8], combine: impl Fn(u16, u16) -> u16) {
        let mut expanded = [0; 2 * LANES];
        let mut hasher = blake3::Hasher::new_derive_key("covey roster record v1");
        hasher.update(record).finalize_xof().fill(&mut expanded);
        for (lane, bytes) in self.0.iter_mut().zip(expanded.as_chunks::<2>().0) {
            *lane = combine(*lane, u16::from_le_bytes(*bytes));
        }
    }
}
