//! What accounts made us keep and do lately: leaky buckets for each account.

use std::collections::BTreeMap;

use covey_pairing::ids::AccountId;

use crate::engine::Quota;

/// Who wrote too much is read on after this time, in milliseconds, at the earliest: larger runs, fewer of them.
const MIN_WAIT: u64 = 5_000;

/// What accounts made us keep lately. In memory only: a restart forgives.
#[derive(Debug, Default)]
pub(in crate::engine) struct Quotas(BTreeMap<AccountId, Spent>);

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
    pub(in crate::engine) fn take(&mut self, account: AccountId, cost: u64, quota: Quota, now: u64) -> Result<(), u64> {
        match self.room(account, cost, quota, now) {
            Some(wait) => Err(wait),
            None => {
                self.charge(account, cost, quota, now);
                Ok(())
            }
        }
    }

    /// How long an account has to wait until there is room for `cost` bytes, if there is none.
    pub(in crate::engine) fn room(&self, account: AccountId, cost: u64, quota: Quota, now: u64) -> Option<u64> {
        let spent = self.0.get(&account).map_or(0, |spent| spent.by(quota, now));
        let excess = spent.saturating_add(cost).saturating_sub(quota.burst).min(spent);
        let wait = (u128::from(excess) * 1_000).div_ceil(u128::from(quota.per_second.max(1)));
        (excess > 0).then(|| u64::try_from(wait).unwrap_or(u64::MAX).max(MIN_WAIT))
    }

    /// How long an account has to wait that was charged more than the burst, if so.
    pub(in crate::engine) fn wait(&self, account: AccountId, quota: Quota, now: u64) -> Option<u64> {
        self.room(account, 0, quota, now)
    }

    /// Counts `cost` of an account though there may be no room for it.
    pub(in crate::engine) fn charge(&mut self, account: AccountId, cost: u64, quota: Quota, now: u64) {
        let spent = self.0.get(&account).map_or(0, |spent| spent.by(quota, now));
        let told = spent > 0 && self.0.get(&account).is_some_and(|spent| spent.told);
        self.0.insert(account, Spent { bytes: spent.saturating_add(cost), at: now, told });
    }

    /// Whether the operator is to be told of an account that was refused: once until nothing of it counts any more.
    pub(in crate::engine) fn is_news(&mut self, account: &AccountId) -> bool {
        self.0.get_mut(account).is_some_and(|spent| !std::mem::replace(&mut spent.told, true))
    }

    /// Forgets whose entries count no more.
    pub(in crate::engine) fn prune(&mut self, quota: Quota, now: u64) {
        self.0.retain(|_, spent| spent.by(quota, now) > 0);
    }

    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.0.values_mut().for_each(|spent| spent.at = spent.at.min(now));
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
