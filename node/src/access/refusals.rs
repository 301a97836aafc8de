//! Refusals that are not written down yet: gathered for a few seconds, so that somebody who is refused all the time costs one
//! entry, and bounded, so that somebody who is refused in many ways costs no more than that.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use covey_api::{AuditCaller, Reason};

use crate::engine::audit::{Refused, Who};

/// Different refusals that are gathered at one time; further ones count as one.
const MAX_KINDS: usize = 64;

/// (who, method, the reason's stable string)
type Kind = (Who, String, String);

/// Refusals of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<Kind, Refused>>);

impl Refusals {
    /// One more.
    pub(super) fn add(&self, who: Who, method: &str, reason: Reason, now: u64) {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = (who, method.to_owned(), reason.as_str());
        let room = gathered.len() < MAX_KINDS || gathered.contains_key(&kind);
        let others = || (Who { caller: AuditCaller::Nobody, token: None }, "others".to_owned(), reason.as_str());
        let (who, method, text) = if room { kind } else { others() };
        let refused = Refused { who: who.clone(), method: method.clone(), reason, at: now, count: 0 };
        let entry = gathered.entry((who, method, text)).or_insert(refused);
        entry.count = entry.count.saturating_add(1);
        entry.at = now;
    }

    /// All of them, which are then no longer here.
    pub(super) fn take(&self) -> Vec<Refused> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> Who {
        Who { caller: AuditCaller::Nobody, token: None }
    }

    #[test]
    fn the_same_refusals_are_one_entry_and_many_kinds_stay_bounded() {
        let refusals = Refusals::default();
        for at in 0..1_000 {
            refusals.add(nobody(), "/rpc", Reason::Unauthorized, at);
        }
        let taken = refusals.take();
        assert_eq!((taken.len(), taken[0].count, taken[0].at), (1, 1_000, 999));
        for number in 0..1_000 {
            refusals.add(nobody(), &number.to_string(), Reason::Unauthorized, 1);
        }
        let taken = refusals.take();
        assert_eq!(taken.len(), MAX_KINDS + 1);
        assert_eq!(taken.iter().map(|refused| refused.count).sum::<u32>(), 1_000);
        assert!(refusals.take().is_empty());
    }
}
