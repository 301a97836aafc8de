//! Own chains that were replaced: members who were away when they were handed out still ask for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    distribution::Distribution, keys::KeyId, limits::MAX_PAST_CHAINS, sender::SenderChain, work::DistributionWork,
};
use crate::{ids::DeviceId, version::Version};

/// Chains of ours that were replaced, and who joined while each was in use. Written when a chain is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastChains {
    #[serde(rename = "v")]
    version: Version<1>,
    /// Oldest first.
    #[serde(rename = "c")]
    chains: Vec<Past>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    #[serde(rename = "c")]
    chain: SenderChain,
    /// Who joined, and the first message each may read.
    #[serde(rename = "j")]
    newcomers: BTreeMap<DeviceId, u64>,
    /// More joined than are remembered: this chain is not given to anyone any more.
    #[serde(rename = "x")]
    closed: bool,
}

impl PastChains {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a chain that was replaced, and from its `work` who may read what of it. The oldest is forgotten.
    pub fn retire(&mut self, chain: SenderChain, work: &DistributionWork) {
        let closed = work.is_crowded() || work.generation() != chain.generation();
        let newcomers = work.newcomers().collect();
        self.chains.push(Past { chain, newcomers, closed });
        let excess = self.chains.len().saturating_sub(MAX_PAST_CHAINS);
        self.chains.drain(..excess);
    }

    /// What `device`, which must be on the roster, is given when it asks for the chain `key_id`: nothing if it joined
    /// while a later chain was in use. `work` is that of the current chain.
    pub fn answer(&self, key_id: &KeyId, device: &DeviceId, work: &DistributionWork) -> Option<Distribution> {
        let at = self.chains.iter().position(|past| past.chain.key_id() == *key_id)?;
        let (asked, later) = self.chains[at..].split_first()?;
        let joined_later = later.iter().any(|past| past.closed || past.newcomers.contains_key(device))
            || work.newcomers().any(|(newcomer, _)| newcomer == *device);
        if asked.closed || joined_later {
            return None;
        }
        Some(asked.chain.distribution_from(asked.newcomers.get(device).copied().unwrap_or(0)))
    }

    /// Forgets the key of message `index` of the chain `key_id`, and those before it. Whether it was there.
    pub(super) fn forget(&mut self, key_id: &KeyId, index: u64) -> bool {
        let chain = self.chains.iter_mut().find(|past| past.chain.key_id() == *key_id);
        chain.is_some_and(|past| past.chain.forget(index))
    }

    /// Forgets the chains: they are in the hands of whoever has a copy of this device.
    pub fn clear(&mut self) {
        self.chains.clear();
    }
}
