//! Which devices still have to be given our chain.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::limits::{MAX_EARLY, MAX_NEWCOMERS};
use crate::{ids::DeviceId, version::Version};

/// The devices of a group, in the order of their ids: the roster.
pub trait Audience {
    /// Devices above `after`, ascending.
    fn after(&self, after: Option<&DeviceId>) -> impl Iterator<Item = DeviceId>;

    /// Whether it is one of them.
    fn contains(&self, device: &DeviceId) -> bool;
}

impl Audience for BTreeSet<DeviceId> {
    fn after(&self, after: Option<&DeviceId>) -> impl Iterator<Item = DeviceId> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.range((after.map_or(Unbounded, Excluded), Unbounded)).copied()
    }

    fn contains(&self, device: &DeviceId) -> bool {
        Self::contains(self, device)
    }
}

/// Give `device` the chain from message `from` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handout {
    /// To whom.
    pub device: DeviceId,
    /// The first message it may read.
    pub from: u64,
}

/// Since when a device that joined during a generation may read, and whether it has been served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Newcomer(u64, bool);

/// Which devices still have to be given one generation of our chain: all of the roster, once, in the order of their ids,
/// newcomers and those who ask first. Stored after each batch; small, because it holds a position instead of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionWork {
    #[serde(rename = "v")]
    version: Version<1>,
    /// Ours, which is not served.
    #[serde(rename = "d")]
    own: DeviceId,
    #[serde(rename = "n")]
    generation: u64,
    /// Everyone up to here has been served.
    #[serde(rename = "p")]
    position: Option<DeviceId>,
    /// Everyone has.
    #[serde(rename = "z")]
    done: bool,
    /// Joined during this generation.
    #[serde(rename = "j")]
    newcomers: BTreeMap<DeviceId, Newcomer>,
    /// Above `position`, and served because they asked.
    #[serde(rename = "a")]
    early: BTreeSet<DeviceId>,
    /// More joined than are remembered: nobody is served before the next generation begins.
    #[serde(rename = "x")]
    crowded: bool,
}

impl DistributionWork {
    /// Nobody has been given `generation` of the chain of the device `own`.
    pub fn new(own: DeviceId, generation: u64) -> Self {
        Self {
            version: Version,
            own,
            generation,
            position: None,
            done: false,
            newcomers: BTreeMap::new(),
            early: BTreeSet::new(),
            crowded: false,
        }
    }

    /// The generation that is handed out.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether everyone has been served.
    pub fn is_done(&self) -> bool {
        self.crowded || (self.done && self.newcomers.values().all(|newcomer| newcomer.1))
    }

    /// `device` joined when the next message was number `index`. To be told in the same transaction in which the roster
    /// takes it, or it would be served like those who were there before. `false` if a new chain has to begin.
    pub fn joined(&mut self, device: DeviceId, index: u64) -> bool {
        if device == self.own {
            return true;
        }
        self.early.remove(&device);
        if self.newcomers.len() >= MAX_NEWCOMERS && !self.newcomers.contains_key(&device) {
            self.crowded = true;
        } else {
            self.newcomers.insert(device, Newcomer(index, false));
        }
        !self.crowded
    }

    /// `device` is gone: it is neither served nor answered, even if it should join again under this generation.
    pub fn removed(&mut self, device: &DeviceId) {
        self.early.remove(device);
        self.newcomers.remove(device);
    }

    /// The first message `device`, which must be on the roster, may read. `None` while a new chain has to begin.
    pub fn from(&self, device: &DeviceId) -> Option<u64> {
        (!self.crowded).then(|| self.newcomers.get(device).map_or(0, |newcomer| newcomer.0))
    }

    /// At most `n` devices to serve now: counted as served from then on, so their distributions have to be durable
    /// together with this. Call it again when there is room to send.
    pub fn next(&mut self, n: usize, roster: &impl Audience) -> Vec<Handout> {
        let mut batch = Vec::new();
        if self.crowded {
            return batch;
        }
        self.newcomers.retain(|device, _| roster.contains(device));
        for (device, newcomer) in self.newcomers.iter_mut().filter(|(_, n)| !n.1).take(n) {
            newcomer.1 = true;
            batch.push(Handout { device: *device, from: newcomer.0 });
        }
        if !self.done {
            self.advance(n, roster, &mut batch);
        }
        batch
    }

    fn advance(&mut self, n: usize, roster: &impl Audience, batch: &mut Vec<Handout>) {
        for device in roster.after(self.position.clone().as_ref()) {
            if batch.len() >= n {
                return;
            }
            self.position = Some(device);
            let served = self.early.remove(&device) || self.newcomers.contains_key(&device) || device == self.own;
            if !served {
                batch.push(Handout { device, from: 0 });
            }
        }
        self.done = true;
    }

    /// `device` asks. What it is given at once, if it is on the roster.
    pub fn asked(&mut self, device: DeviceId, roster: &impl Audience) -> Option<Handout> {
        if device == self.own || !roster.contains(&device) {
            return None;
        }
        let from = self.from(&device)?;
        if let Some(newcomer) = self.newcomers.get_mut(&device) {
            newcomer.1 = true;
        } else if !self.done && self.position.is_none_or(|position| device > position) && self.early.len() < MAX_EARLY {
            self.early.insert(device);
        }
        Some(Handout { device, from })
    }

    /// Who joined during this generation, and the first message each may read.
    pub(super) fn newcomers(&self) -> impl Iterator<Item = (DeviceId, u64)> {
        self.newcomers.iter().map(|(device, newcomer)| (*device, newcomer.0))
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }
}
