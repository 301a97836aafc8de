//! How much of what one account writes is kept, and how soon (`[NODE-QUOTA]`), and how much work its operations on rosters may
//! make (`[NODE-WORK]`): leaky buckets for each account. Both count what was really stored and done, so an input may
//! take more than there was room for; the next one waits for it.

use std::collections::BTreeMap;

use covey_feed::Entry;
use covey_pairing::ids::AccountId;
use tracing::warn;

use super::group;
use super::policy::Quota;
use super::{Cx, EngineError};

/// What an entry takes besides its payload and what is read in it, in bytes, about: its header, the message, the event, their
/// indices.
const ENTRY_COST: u64 = 1_536;
/// Who wrote too much is read on after this time, in milliseconds, at the earliest: larger runs, fewer of them.
const MIN_WAIT: u64 = 5_000;

/// What accounts made us keep lately. In memory only: a restart forgives.
#[derive(Debug, Default)]
pub(super) struct Quotas(BTreeMap<AccountId, Spent>);

#[derive(Debug, Clone, Copy)]
struct Spent {
    bytes: u64,
    /// When that was so, in milliseconds.
    at: u64,
    /// The operator was told that it is too much.
    told: bool,
}

impl Spent {
    /// What is left of it now. A clock that was set back forgives nothing, and holds nobody longer for it.
    fn by(self, quota: Quota, now: u64) -> u64 {
        let forgiven = u128::from(now.saturating_sub(self.at)) * u128::from(quota.per_second) / 1_000;
        self.bytes.saturating_sub(u64::try_from(forgiven).unwrap_or(u64::MAX))
    }
}

impl Quotas {
    /// Counts `cost` of an account, or says after how many milliseconds there is room for it. What exceeds the burst by itself
    /// has room when nothing else is counted.
    pub(super) fn take(&mut self, account: AccountId, cost: u64, quota: Quota, now: u64) -> Result<(), u64> {
        match self.room(account, cost, quota, now) {
            Some(wait) => Err(wait),
            None => {
                self.charge(account, cost, quota, now);
                Ok(())
            }
        }
    }

    /// How long an account has to wait until there is room for `cost` bytes, if there is none.
    pub(super) fn room(&self, account: AccountId, cost: u64, quota: Quota, now: u64) -> Option<u64> {
        let spent = self.0.get(&account).map_or(0, |spent| spent.by(quota, now));
        let excess = spent.saturating_add(cost).saturating_sub(quota.burst).min(spent);
        let wait = (u128::from(excess) * 1_000).div_ceil(u128::from(quota.per_second.max(1)));
        (excess > 0).then(|| u64::try_from(wait).unwrap_or(u64::MAX).max(MIN_WAIT))
    }

    /// How long an account has to wait that was charged more than the burst, if so.
    pub(super) fn wait(&self, account: AccountId, quota: Quota, now: u64) -> Option<u64> {
        self.room(account, 0, quota, now)
    }

    /// Counts `cost` of an account though there may be no room for it.
    pub(super) fn charge(&mut self, account: AccountId, cost: u64, quota: Quota, now: u64) {
        let spent = self.0.get(&account).map_or(0, |spent| spent.by(quota, now));
        let told = spent > 0 && self.0.get(&account).is_some_and(|spent| spent.told);
        self.0.insert(account, Spent { bytes: spent.saturating_add(cost), at: now, told });
    }

    /// Whether the operator is to be told of an account that was refused: once until nothing of it counts any more.
    pub(super) fn is_news(&mut self, account: &AccountId) -> bool {
        self.0.get_mut(account).is_some_and(|spent| !std::mem::replace(&mut spent.told, true))
    }

    /// Forgets whose entries count no more.
    pub(super) fn prune(&mut self, quota: Quota, now: u64) {
        self.0.retain(|_, spent| spent.by(quota, now) > 0);
    }

    /// The clock was set back to `now`.
    pub(super) fn set_back(&mut self, now: u64) {
        self.0.values_mut().for_each(|spent| spent.at = spent.at.min(now));
    }
}

/// What entries take, in bytes, about: the payload once as it came and once as it is read.
fn cost(entries: &[Entry]) -> u64 {
    let payload = |entry: &Entry| entry.payload().map_or(0, |payload| payload.len() as u64);
    entries.iter().map(|entry| ENTRY_COST.saturating_add(2 * payload(entry))).fold(0, u64::saturating_add)
}

/// How long entries of an account are not taken, if so: it wrote or caused too much.
pub(super) fn wait(cx: &mut Cx<'_, '_>, account: AccountId, entries: &[Entry]) -> Option<u64> {
    let (quota, work, now) = (cx.policy.quota, cx.policy.work, cx.now);
    if let Some(wait) = cx.live.works.wait(account, work, now) {
        if cx.live.works.is_news(&account) {
            warn!(author = %account.fmt_short(), "somebody's operations in a group cost too much; what they write is read more slowly");
        }
        return Some(wait);
    }
    let wait = cx.live.quotas.room(account, cost(entries), quota, now)?;
    if cx.live.quotas.is_news(&account) {
        warn!(author = %account.fmt_short(), "somebody writes more than storage.author_burst_mib and storage.author_kib_per_second allow; what they write is read more slowly");
    }
    Some(wait)
}

/// What is stored between its beginning and its end is counted as an account's.
#[must_use]
pub(super) struct Charge(Option<(AccountId, i64)>);

impl Charge {
    /// Counts from here on. What nobody's account is charged for is what we wrote ourselves.
    pub(super) fn begin(cx: &Cx<'_, '_>, account: Option<AccountId>) -> Result<Self, EngineError> {
        let Some(account) = account.filter(|account| *account != cx.me.account_id()) else { return Ok(Self(None)) };
        Ok(Self(Some((account, cx.tx.growth()?))))
    }

    /// Charges the account.
    pub(super) fn end(self, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
        let Some((account, before)) = self.0 else { return Ok(()) };
        let grown = u64::try_from(cx.tx.growth()?.saturating_sub(before)).unwrap_or(0);
        let (quota, now) = (cx.policy.quota, cx.now);
        cx.live.quotas.charge(account, grown, quota, now);
        Ok(())
    }
}

/// Charges those who caused it for what a roster evaluated.
pub(super) fn charge_work(cx: &mut Cx<'_, '_>, no: u64) {
    for (account, evaluated) in group::work_done(cx, no) {
        if account != cx.me.account_id() {
            cx.live.works.charge(account, evaluated, cx.policy.work, cx.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUOTA: Quota = Quota { burst: 10_000, per_second: 100 };
    const ADA: AccountId = AccountId::from_bytes([1; 32]);

    proptest! {
        #[test]
        fn nobody_gets_more_than_burst_and_rate_and_whoever_waits_as_told_gets_it(
            wants in prop::collection::vec((0u64..30_000, 0u64..400_000), 1..100),
        ) {
            let (mut quotas, mut now, mut taken) = (Quotas::default(), 1_000_000, 0);
            for (cost, pause) in wants {
                now += pause;
                if let Err(wait) = quotas.take(ADA, cost, QUOTA, now) {
                    prop_assert!(wait >= MIN_WAIT);
                    now += wait;
                    prop_assert_eq!(quotas.take(ADA, cost, QUOTA, now), Ok(()));
                }
                taken += cost;
                let fair = QUOTA.burst + (now - 1_000_000) * QUOTA.per_second / 1_000;
                prop_assert!(taken <= fair + cost, "{taken} of {fair}");
            }
        }
    }

    #[test]
    fn the_operator_is_told_once_until_nothing_counts_any_more() {
        let mut quotas = Quotas::default();
        assert_eq!(quotas.take(ADA, QUOTA.burst, QUOTA, 0), Ok(()));
        assert!(quotas.take(ADA, 1, QUOTA, 0).is_err() && quotas.is_news(&ADA) && !quotas.is_news(&ADA));
        assert_eq!(quotas.take(ADA, 1_000, QUOTA, 50_000), Ok(()));
        assert!(!quotas.is_news(&ADA));
        assert_eq!(quotas.take(ADA, 1_000, QUOTA, 500_000), Ok(()));
        assert!(quotas.is_news(&ADA));
    }

    #[test]
    fn one_account_does_not_spend_what_another_may() {
        let mut quotas = Quotas::default();
        assert_eq!(quotas.take(ADA, QUOTA.burst, QUOTA, 0), Ok(()));
        assert_eq!(quotas.take(ADA, 1_000, QUOTA, 0), Err(10_000));
        assert_eq!(quotas.take(AccountId::from_bytes([2; 32]), QUOTA.burst, QUOTA, 0), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_longer() {
        let mut quotas = Quotas::default();
        assert_eq!(quotas.take(ADA, QUOTA.burst, QUOTA, 1 << 50), Ok(()));
        quotas.set_back(1_000);
        assert_eq!(quotas.take(ADA, 1_000, QUOTA, 1_000), Err(10_000));
        assert_eq!(quotas.take(ADA, 1_000, QUOTA, 11_000), Ok(()));
    }

    #[test]
    fn what_counts_no_more_takes_no_memory() {
        let mut quotas = Quotas::default();
        assert_eq!(quotas.take(ADA, 1_000, QUOTA, 0), Ok(()));
        quotas.prune(QUOTA, 9_999);
        assert_eq!(quotas.0.len(), 1);
        quotas.prune(QUOTA, 10_000);
        assert!(quotas.0.is_empty());
    }
}
