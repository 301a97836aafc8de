//! Invites that lie at keepers: for whom something is to be left, and how much strangers left or sent lately. Losing it costs a repeated question.

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::consent::{Source, SourceCounts};
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::INVITES_PER_HOUR;

use crate::engine::PeerKey;

/// Somebody has been away for this long before something is left with a keeper, in milliseconds.
const AWAY: u64 = 10_000;
/// First pause before a keeper that did not answer is tried again, in milliseconds.
const AGAIN: u64 = 15_000;
/// Longest such pause.
const LONGEST: u64 = 10 * 60_000;
/// What keepers have is looked at again after this, in milliseconds.
const LOOK_AGAIN: u64 = 6 * 3_600_000;
/// Parcels of strangers that are opened in [`PERIOD`]: as many as lie in a slot. Each costs a decapsulation.
const MAX_OPENED: u32 = 64;
/// In milliseconds.
const PERIOD: u64 = 10 * 60_000;
/// What comes through relays comes from anywhere: it is let in so many times more often than what comes from one network.
const RELAYED: u32 = 4;

#[derive(Debug, Clone, Copy)]
struct Due {
    at: u64,
    wait: u64,
}

/// See the module. Bounded by contacts, and by the networks that are remembered.
#[derive(Debug, Default)]
pub(in crate::engine) struct Invites {
    /// Accounts for which a pairing frame waits.
    due: BTreeMap<AccountId, Due>,
    /// For which of them something is to be said at a keeper.
    pub(in crate::engine) at: BTreeMap<PeerKey, BTreeSet<AccountId>>,
    /// What strangers left here for those whose mail we keep.
    networks: SourceCounts,
    /// Since when it is counted, and how many parcels of strangers were opened.
    opened: (u64, u32),
}

impl Invites {
    /// Pairing frames wait for these accounts, and for no others.
    pub(in crate::engine) fn follow(&mut self, waiting: &BTreeSet<AccountId>, now: u64) -> Vec<AccountId> {
        let gone: Vec<AccountId> = self.due.keys().filter(|account| !waiting.contains(account)).copied().collect();
        for account in waiting {
            self.due.entry(*account).or_insert(Due { at: now.saturating_add(AWAY), wait: AGAIN });
        }
        gone
    }

    /// Something else is to be said to an account than before.
    pub(in crate::engine) fn changed(&mut self, account: AccountId, now: u64) {
        if let Some(due) = self.due.get_mut(&account) {
            *due = Due { at: due.at.min(now.saturating_add(AWAY)), wait: AGAIN };
        }
    }

    /// Something else is to be said to each of them, perhaps.
    pub(in crate::engine) fn all_changed(&mut self, now: u64) {
        self.due.values_mut().for_each(|due| due.at = due.at.min(now.saturating_add(AWAY)));
    }

    /// Those whose time it is.
    pub(in crate::engine) fn due(&self, now: u64) -> Vec<AccountId> {
        self.due.iter().filter(|(_, due)| due.at <= now).map(|(account, _)| *account).collect()
    }

    /// A keeper was asked something, or there is none yet: when that is tried again.
    pub(in crate::engine) fn tried(&mut self, account: &AccountId, now: u64) {
        if let Some(due) = self.due.get_mut(account) {
            *due = Due { at: now.saturating_add(due.wait), wait: due.wait.saturating_mul(2).min(LONGEST) };
        }
    }

    /// Everything lies where it can, until `ends` at least.
    pub(in crate::engine) fn idle(&mut self, account: &AccountId, now: u64, ends: u64) {
        if let Some(due) = self.due.get_mut(account) {
            let at = now.saturating_add(LOOK_AGAIN).min(ends.max(now.saturating_add(AGAIN)));
            *due = Due { at, wait: AGAIN };
        }
    }

    /// Nothing is to be left for an account.
    pub(in crate::engine) fn rest(&mut self, account: &AccountId) {
        self.due.remove(account);
        self.at.retain(|_, accounts| {
            accounts.remove(account);
            !accounts.is_empty()
        });
    }

    /// For whom something is to be said at a keeper.
    pub(in crate::engine) fn waiting_at(&self, peer: PeerKey) -> Vec<AccountId> {
        self.at.get(&peer).into_iter().flatten().copied().collect()
    }

    /// [KEEP-31] Whether a stranger of this network may leave one more parcel here.
    pub(in crate::engine) fn admits(&mut self, source: Source, now: u64) -> bool {
        let most = if source == Source::Relayed { INVITES_PER_HOUR * RELAYED } else { INVITES_PER_HOUR };
        self.networks.admit(source, most, now)
    }

    /// Whether one more parcel of a stranger may be opened.
    pub(in crate::engine) fn may_open(&mut self, now: u64) -> bool {
        let (since, count) = &mut self.opened;
        if now.abs_diff(*since) >= PERIOD {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= MAX_OPENED
    }

    /// When the next thing is due.
    pub(in crate::engine) fn next(&self) -> Option<u64> {
        self.due.values().map(|due| due.at).min()
    }

    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.due.values_mut().for_each(|due| due.at = due.at.min(now));
        self.networks = SourceCounts::default();
    }
}
