//! Contacts who are not connected, and when their cards are looked up next.

use std::collections::BTreeMap;

use covey_pairing::ids::AccountId;

/// First wait before the card of a contact who is not connected is looked up, in milliseconds.
const FIRST: u64 = 30_000;
/// Longest such wait.
const LONGEST: u64 = 2 * 3_600_000;

#[derive(Debug, Clone, Copy)]
struct Search {
    at: u64,
    wait: u64,
}

/// The contacts who are not connected. Bounded by the contacts.
#[derive(Debug, Default)]
pub(in crate::engine) struct Lost(BTreeMap<AccountId, Search>);

impl Lost {
    /// A contact disconnected, or the node has just started.
    pub(in crate::engine) fn add(&mut self, account: AccountId, now: u64) {
        self.0.entry(account).or_insert(Search { at: now.saturating_add(FIRST), wait: FIRST });
    }

    /// It is a contact no more, or connected.
    pub(in crate::engine) fn remove(&mut self, account: &AccountId) {
        self.0.remove(account);
    }

    /// When the next search is due.
    pub(in crate::engine) fn next(&self) -> Option<u64> {
        self.0.values().map(|search| search.at).min()
    }

    /// At most `count` of those whose search is due.
    pub(in crate::engine) fn due(&self, now: u64, count: usize) -> Vec<AccountId> {
        self.0.iter().filter(|(_, search)| search.at <= now).map(|(account, _)| *account).take(count).collect()
    }

    /// It was searched for: the next time is later, by up to a quarter earlier than the full wait, so that the contacts of one node
    /// do not all search at once.
    pub(in crate::engine) fn searched(&mut self, account: &AccountId, now: u64, random: u64) {
        if let Some(search) = self.0.get_mut(account) {
            search.wait = search.wait.saturating_mul(2).min(LONGEST);
            search.at = now.saturating_add(search.wait - random % (search.wait / 4));
        }
    }

    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.0.values_mut().for_each(|search| search.at = search.at.min(now));
    }
}
