//! One member's process.

use std::ops::{Deref, DerefMut};

use covey_pairing::crypto::secret::Secret;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::node;
use crate::engine::Policy;
use crate::vault::Vault;

pub(super) struct Node {
    process: node::Node,
    /// Counts the processes: what was meant for an earlier one does not reach this one.
    pub(super) life: u64,
    /// When it wants to be woken.
    pub(super) wake: u64,
    /// Journal cursor up to which its client has read.
    pub(super) told: u64,
}

impl Node {
    /// A member with nothing but an identity. Vaults are alike, so that stores with the same content share it.
    pub(super) fn new(seed: u64, policy: Policy) -> Self {
        let vault = Vault::new(&Secret::new([7; 32]));
        let mut process = node::Node::with_vault(StdRng::seed_from_u64(seed), vault, policy);
        process.up = false;
        Self { process, life: 0, wake: u64::MAX, told: 0 }
    }

    /// The process is killed: memory is gone, the disk stays.
    pub(super) fn die(&mut self) {
        self.up = false;
        self.life += 1;
        self.wake = u64::MAX;
        self.forget();
    }
}

impl Deref for Node {
    type Target = node::Node;

    fn deref(&self) -> &node::Node {
        &self.process
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut node::Node {
        &mut self.process
    }
}
