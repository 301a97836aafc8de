//! Transfers of history to devices that were linked, as far as they are in memory: losing it costs one more request.

use std::collections::BTreeMap;

use covey_feed::ChannelId;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::DeviceId;

use crate::engine::PeerKey;
use crate::engine::records::transfer::Transfer;
use crate::engine::wire::transfer::Range;

/// How far it is is told this often, in milliseconds.
const TOLD_EVERY: u64 = 1_000;

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::engine) struct Progress {
    pub(in crate::engine) ended: bool,
    /// Entries that are decided about, and that there are.
    pub(in crate::engine) done: u64,
    pub(in crate::engine) total: u64,
    pub(in crate::engine) bytes: u64,
}

impl From<&Transfer> for Progress {
    fn from(record: &Transfer) -> Self {
        let Transfer { ended, done, total, bytes, .. } = *record;
        Self { ended, done, total, bytes }
    }
}

/// A transfer as it was last told of.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Told {
    pub(in crate::engine) progress: Progress,
    /// When that was, Unix milliseconds.
    pub(in crate::engine) at: u64,
    /// Since when its speed is measured, and how much was done then.
    pub(in crate::engine) pace: (u64, u64),
}

impl Told {
    pub(in crate::engine) fn first(progress: Progress, at: u64) -> Self {
        Self { progress, at, pace: (at, progress.done) }
    }

    pub(in crate::engine) fn next(self, progress: Progress, at: u64) -> Self {
        // What went backwards, such as a count against more conversations, is measured anew.
        let pace = if progress.done < self.pace.1 { (at, progress.done) } else { self.pace };
        Self { progress, at, pace }
    }

    /// Seconds that are left at the speed so far.
    pub(in crate::engine) fn eta(&self) -> Option<u64> {
        let (since, before) = self.pace;
        let (took, did) = (self.at.saturating_sub(since), self.progress.done.saturating_sub(before));
        let left = self.progress.total.saturating_sub(self.progress.done);
        (did > 0 && took > 0).then(|| left.saturating_mul(took).div_ceil(did.saturating_mul(1_000)))
    }
}

/// What was asked for and not answered.
pub(in crate::engine) struct Asked {
    pub(in crate::engine) peer: PeerKey,
    pub(in crate::engine) device: DeviceId,
    /// For this one answer.
    pub(in crate::engine) key: Secret<32>,
    /// Empty: an overview.
    pub(in crate::engine) ranges: Vec<Range>,
    pub(in crate::engine) at: u64,
    /// The number of the parcel with the question, if there is one.
    pub(in crate::engine) parcel: Option<u64>,
}

/// What there is, as another device of ours says: of each conversation its rank, the one that was active last first, and its entries.
pub(in crate::engine) struct Overview {
    pub(in crate::engine) of: DeviceId,
    pub(in crate::engine) channels: BTreeMap<ChannelId, (usize, u64)>,
}

/// Transfers in memory.
#[derive(Default)]
pub(in crate::engine) struct Transfers {
    /// This device was linked to its account.
    pub(in crate::engine) linked: bool,
    /// And is still given what stood in conversations before.
    pub(in crate::engine) active: bool,
    pub(in crate::engine) asked: Option<Asked>,
    pub(in crate::engine) overview: Option<Overview>,
    /// Answers in a row that did not come, or were none.
    pub(in crate::engine) failed: u8,
    /// A device that is not asked before this time, because it did not answer.
    pub(in crate::engine) avoided: Option<(DeviceId, u64)>,
    /// When it is next looked at.
    pub(in crate::engine) next: Option<u64>,
    /// When something last came of it.
    pub(in crate::engine) moved_at: u64,
    /// How far the transfer to this device is.
    pub(in crate::engine) own: Option<Told>,
    /// How far other devices of ours say that they are. Bounded by the key log.
    pub(in crate::engine) others: BTreeMap<DeviceId, Told>,
}

impl Transfers {
    /// It is looked at within a second.
    pub(in crate::engine) fn look_soon(&mut self, now: u64) {
        self.next.get_or_insert(now.saturating_add(TOLD_EVERY));
    }

    /// The clock was set back.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.next = self.next.map(|at| at.min(now));
        self.moved_at = self.moved_at.min(now);
        self.avoided.iter_mut().for_each(|(_, at)| *at = (*at).min(now));
        self.asked.iter_mut().for_each(|asked| asked.at = asked.at.min(now));
        self.own.iter_mut().chain(self.others.values_mut()).for_each(|told| {
            *told = Told::first(told.progress, told.at.min(now));
        });
    }
}
