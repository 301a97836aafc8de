//! The graph of operations: who knew what.

use super::ids::OpId;
use crate::ids::DeviceId;

/// Place of an operation in the total order: depth in the graph first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct OrderKey {
    pub(super) depth: u64,
    pub(super) device: DeviceId,
    pub(super) incarnation: u64,
    pub(super) seq: u64,
    pub(super) id: OpId,
}
