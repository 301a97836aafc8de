//! Bytes that mean nothing.

use rand::{Rng, RngExt};

use crate::engine::Cx;

/// So many at least, and at most.
pub(in crate::engine) fn bytes(cx: &mut Cx<'_, '_>, least: usize, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; cx.rng.random_range(least..=most)];
    cx.rng.fill_bytes(&mut bytes);
    bytes
}
