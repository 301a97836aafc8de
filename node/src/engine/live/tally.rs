//! What happened since the start, in numbers for the operator. In memory only, and of nobody in particular.

use std::collections::{BTreeMap, VecDeque};

use covey_api::{Time, kind};
use serde_json::Value;

/// Delays remembered until somebody asks; the oldest go first.
const MAX_DELAYS: usize = 1_024;

/// Counts since the start.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Messages of ours and of others by what became of them: `sent`, `received`, `delivered`, `read`, `expired`, `failed`.
    pub messages: BTreeMap<String, u64>,
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
    /// An event is written into the journal.
    pub(in crate::engine) fn event(&mut self, kind: &str, data: &Value, now: u64) {
        let state = match kind {
            kind::MESSAGE_SENT => "sent",
            kind::MESSAGE_RECEIVED => "received",
            kind::MESSAGE_CHANGED => match data["state"].as_str() {
                Some(state @ ("delivered" | "read" | "expired" | "failed")) => state,
                _ => return,
            },
            _ => return,
        };
        if let Some(count) = self.messages.get_mut(state) {
            *count += 1;
        } else {
            self.messages.insert(state.to_owned(), 1);
        }
        if kind == kind::MESSAGE_RECEIVED
            && let Some(sent_at) = data["sent_at"].as_str().and_then(|text| text.parse::<Time>().ok())
        {
            if self.delays.len() >= MAX_DELAYS {
                self.delays.pop_front();
            }
            self.delays.push_back(now.saturating_sub(sent_at.unix_ms()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_counted_by_what_became_of_them_and_delays_do_not_pile_up() {
        let mut tally = Tally::default();
        tally.event(kind::MESSAGE_SENT, &json!({"state": "queued"}), 0);
        for state in ["delivered", "read", "queued"] {
            tally.event(kind::MESSAGE_CHANGED, &json!({"state": state}), 0);
        }
        tally.event(kind::CONTACT, &json!({"state": "paired"}), 0);
        let received = json!({"sent_at": Time::from_unix_ms(1_000)});
        for _ in 0..MAX_DELAYS + 1 {
            tally.event(kind::MESSAGE_RECEIVED, &received, 1_250);
        }
        let counts: Vec<(&str, u64)> = tally.messages.iter().map(|(state, count)| (state.as_str(), *count)).collect();
        assert_eq!(counts, [("delivered", 1), ("read", 1), ("received", MAX_DELAYS as u64 + 1), ("sent", 1)]);
        assert_eq!((tally.delays.len(), tally.delays[0]), (MAX_DELAYS, 250));
    }
}
