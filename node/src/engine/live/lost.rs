//! When the cards of contacts are looked up: of those who are not connected soon and ever more rarely, of the others now and then.
//!
//! Also of those who are connected, because it may be a stolen device that is: its account was recovered with the words, the new machine knows
//! nobody, and the network is the only place where that can be seen.

use std::collections::BTreeMap;

use covey_pairing::ids::AccountId;

/// First wait before the card of a contact who is not connected is looked up, in milliseconds.
const FIRST: u64 = 30_000;
/// Longest such wait.
const LONGEST: u64 = 2 * 3_600_000;
/// Time between look-ups of a contact who is connected, and a quarter more at most. Disconnecting does not begin it anew: a thief would.
const CONNECTED: u64 = 6 * 3_600_000;

#[derive(Debug, Clone, Copy)]
struct Search {
    at: u64,
    wait: u64,
    /// When the card was last looked up, or the contact was first thought of.
    looked: u64,
}

/// The paired contacts. Bounded by the contacts.
#[derive(Debug, Default)]
pub(in crate::engine) struct Lost(BTreeMap<AccountId, Search>);

impl Lost {
    /// A contact connected or disconnected, or the node has just started.
    pub(in crate::engine) fn add(&mut self, account: AccountId, now: u64) {
        let search = self.0.entry(account).or_insert(Search { at: u64::MAX, wait: FIRST, looked: now });
        search.at = search.at.min(now.saturating_add(search.wait));
    }

    /// It is a contact no more.
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
            search.looked = now;
            search.wait = search.wait.saturating_mul(2).min(LONGEST);
            search.at = now.saturating_add(search.wait - random % (search.wait / 4));
        }
    }

    /// Its turn has come, and it is connected. Whether its card is to be looked up all the same.
    pub(in crate::engine) fn connected(&mut self, account: &AccountId, now: u64, random: u64) -> bool {
        let Some(search) = self.0.get_mut(account) else { return false };
        let due = search.looked.saturating_add(CONNECTED) <= now;
        if due {
            search.looked = now;
        }
        search.wait = FIRST;
        search.at = search.looked.saturating_add(CONNECTED).saturating_add(random % (CONNECTED / 4));
        due
    }

    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.0
            .values_mut()
            .for_each(|search| (search.at, search.looked) = (search.at.min(now), search.looked.min(now)));
    }
}
