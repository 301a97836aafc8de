//! Operations whose dependencies are not all known, bounded per device.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{ids::OpId, limits::WAITING_PER_DEVICE, record::OpRecord};
use crate::ids::DeviceId;

/// What waits, and for what.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    records: HashMap<OpId, Arc<OpRecord>>,
    per_device: HashMap<DeviceId, usize>,
    /// Missing operation to those that wait for it.
    missing: BTreeMap<OpId, BTreeSet<OpId>>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn contains(&self, id: &OpId) -> bool {
        self.records.contains_key(id)
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = &OpId> {
        self.missing.keys().filter(|id| !self.contains(id))
    }

    pub(super) fn has_room(&self, device: &DeviceId) -> bool {
        self.per_device.get(device).is_none_or(|count| *count < WAITING_PER_DEVICE)
    }

    pub(super) fn add(&mut self, record: Arc<OpRecord>, missing: &[OpId]) {
        for id in missing {
            self.missing.entry(*id).or_default().insert(record.id);
        }
        *self.per_device.entry(record.device).or_default() += 1;
        self.records.insert(record.id, record);
    }

    /// `id` is here: those that waited for it, perhaps for others too, to be added again.
    pub(super) fn arrived(&mut self, id: &OpId) -> Vec<Arc<OpRecord>> {
        let waiting = self.missing.remove(id).unwrap_or_default();
        waiting.iter().filter_map(|id| self.take(id)).collect()
    }

    fn take(&mut self, id: &OpId) -> Option<Arc<OpRecord>> {
        let record = self.records.remove(id)?;
        if let Some(count) = self.per_device.get_mut(&record.device) {
            *count -= 1;
            if *count == 0 {
                self.per_device.remove(&record.device);
            }
        }
        for dep in &record.operation.deps {
            if let Some(waiting) = self.missing.get_mut(dep) {
                waiting.remove(id);
                if waiting.is_empty() {
                    self.missing.remove(dep);
                }
            }
        }
        Some(record)
    }
}
