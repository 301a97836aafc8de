//! How much of what one account writes is kept, and how soon (`[NODE-QUOTA]`), and how much work its operations on rosters may
//! make (`[NODE-WORK]`). Both count what was really stored and done, so an input may take more than there was room for; the
//! next one waits for it.

use covey_feed::Entry;
use covey_pairing::ids::AccountId;
use tracing::warn;

use crate::engine::members::rosters;
use crate::engine::{Cx, EngineError};

/// What an entry takes besides its payload and what is read in it, in bytes, about: its header, the message, the event, their
/// indices.
const ENTRY_COST: u64 = 768;

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
    /// Counts from here on. Nobody's account is charged for what this device wrote; our own is for what its other devices write.
    pub(super) fn begin(cx: &Cx<'_, '_>, account: Option<AccountId>) -> Result<Self, EngineError> {
        let Some(account) = account else { return Ok(Self(None)) };
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
    for (account, evaluated) in rosters::work_done(cx, no) {
        if !cx.me.is_ours(&account) {
            cx.live.works.charge(account, evaluated, cx.policy.work, cx.now);
        }
    }
}
