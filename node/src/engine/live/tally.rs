//! What happened since the start, in numbers for the operator. In memory only, and of nobody in particular.

use std::collections::{BTreeMap, VecDeque};

/// Delays remembered until somebody asks; the oldest go first.
const MAX_DELAYS: usize = 1_024;

/// Counts since the start.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Messages of ours and of others by what became of them: `sent`, `received`, `delivered`, `read`, `expired`, `failed`.
    pub messages: BTreeMap<&'static str, u64>,
    /// For messages that arrived since this was last asked: how long they were under way by the clocks of both, in
    /// milliseconds.
    pub delays: VecDeque<u64>,
    /// Invites that the limits on strangers did not let in.
    pub invites_refused: u64,
    /// Invites that did not open.
    pub invites_broken: u64,
    /// Envelopes that no session of ours opened.
    pub undecryptable: u64,
    /// Sessions begun anew because the other side could not open what came by the old one.
    pub sessions_repaired: u64,
    /// Entries that had to wait for their key.
    pub parked: u64,
    /// Parcels posted.
    pub parcels_sent: u64,
    /// Parcels that arrived and opened.
    pub parcels_received: u64,
    /// Parcels that arrived and did not open.
    pub parcels_broken: u64,
}

impl Tally {
    /// This became of a message.
    pub(in crate::engine) fn message(&mut self, state: &'static str) {
        *self.messages.entry(state).or_default() += 1;
    }

    /// A message arrived that was sent at this time, by the clock of its author.
    pub(in crate::engine) fn received(&mut self, sent_at: u64, now: u64) {
        self.message("received");
        if self.delays.len() >= MAX_DELAYS {
            self.delays.pop_front();
        }
        self.delays.push_back(now.saturating_sub(sent_at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_what_became_of_them_and_delays_do_not_pile_up() {
        let mut tally = Tally::default();
        for state in ["sent", "delivered", "read"] {
            tally.message(state);
        }
        for _ in 0..MAX_DELAYS + 1 {
            tally.received(1_000, 1_250);
        }
        let counts: Vec<(&str, u64)> = tally.messages.iter().map(|(state, count)| (*state, *count)).collect();
        assert_eq!(counts, [("delivered", 1), ("read", 1), ("received", MAX_DELAYS as u64 + 1), ("sent", 1)]);
        assert_eq!((tally.delays.len(), tally.delays[0]), (MAX_DELAYS, 250));
    }
}
