//! What it cost, and how long it took.

use std::collections::{BTreeMap, BTreeSet};

use covey_api::kind;

use super::node::Node;
use crate::engine::shown::events;
use crate::engine::{Protocol, Selection, journal};

/// The arrival of a message at a member.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    after: u64,
    /// How many members it went through, if it was opened when it came.
    hops: Option<u32>,
}

#[derive(Default)]
pub(super) struct Figures {
    /// Frames and bytes sent.
    sent: BTreeMap<Protocol, (u64, u64)>,
    /// Whether messages are followed.
    pub(super) follows: bool,
    written: BTreeMap<String, u64>,
    arrivals: BTreeMap<(String, usize), Arrival>,
    /// Messages that a client was told of twice.
    pub(super) twice: BTreeSet<(usize, String)>,
}

impl Figures {
    pub(super) fn sent(&mut self, protocol: Protocol, bytes: usize) {
        let (frames, all) = self.sent.entry(protocol).or_default();
        *frames += 1;
        *all += bytes as u64;
    }

    /// Begins to count anew.
    pub(super) fn begin(&mut self) {
        self.sent.clear();
        self.written.clear();
        self.arrivals.clear();
    }

    pub(super) fn wrote(&mut self, text: &str, now: u64) {
        self.written.insert(text.to_owned(), now);
    }

    /// A client reads its journal.
    pub(super) fn hear(&mut self, node: &mut Node, number: usize, now: u64, by: Option<usize>) {
        let told = node.told;
        let events = node.look(now, |cx| {
            if self.follows {
                events::after(cx, told, 100_000, &Selection::default()).map(|(events, _)| Ok(events))
            } else {
                journal::newest(cx).map(Err)
            }
        });
        let events = match events.unwrap() {
            Ok(events) => events,
            Err(newest) => {
                node.told = newest;
                return;
            }
        };
        for event in events {
            node.told = event.cursor.as_deref().unwrap_or_default().parse().unwrap();
            if event.kind != kind::MESSAGE_RECEIVED {
                continue;
            }
            let text = event.data["text"].as_str().unwrap_or_default().to_owned();
            let Some(written) = self.written.get(&text) else { continue };
            let of_sender = by.and_then(|by| self.arrivals.get(&(text.clone(), by))).and_then(|arrival| arrival.hops);
            let hops = by.map(|_| of_sender.unwrap_or(0) + 1);
            let arrival = Arrival { after: now - written, hops };
            if self.arrivals.insert((text.clone(), number), arrival).is_some() {
                self.twice.insert((number, text));
            }
        }
    }

    /// What was counted since it began, for `members` members.
    pub(super) fn tell(&self, what: &str, members: usize) {
        let messages = self.written.len().max(1);
        let each = |count: u64| count as f64 / members as f64 / messages as f64;
        let mut times: Vec<u64> = self.arrivals.values().map(|arrival| arrival.after).collect();
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len().max(1) - 1) * percent / 100).copied().unwrap_or(0);
        let mut hops: Vec<u32> = self.arrivals.values().filter_map(|arrival| arrival.hops).collect();
        hops.sort_unstable();
        let hop = |percent: usize| hops.get((hops.len().max(1) - 1) * percent / 100).copied().unwrap_or(0);
        println!(
            "  {what}: {members} members, {messages} messages, {} arrivals; delivery median {} ms, 99% {} ms, last {} ms; \
             hops median {}, most {}",
            times.len(),
            at(50),
            at(99),
            at(100),
            hop(50),
            hop(100),
        );
        for (protocol, (frames, bytes)) in &self.sent {
            println!(
                "    {protocol:?}: per member and message {:.1} frames, {:.0} bytes ({frames} frames, {bytes} bytes in all)",
                each(*frames),
                each(*bytes),
            );
        }
    }
}
