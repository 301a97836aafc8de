//! SYNC-12 to SYNC-14: groups with thousands of feeds are compared in buckets.

use std::collections::BTreeSet;

use covey_feed::{
    Author, FeedId, FeedKey, Head, Heads, PeerSync, Spread, SyncEffect, SyncInput,
    limits::{
        ASK_TIMEOUT, COMPARE_BURST, COMPARE_LATE, COMPARE_SOON, MAX_ANSWER, MAX_ASKED, MAX_BUCKETS, MAX_FRAME,
        REPAIR_INTERVAL,
    },
    sync::SharedGroup,
};
use proptest::prelude::*;

use crate::{
    common::{author, channel, id},
    raw::{self, sent, wants},
};

fn member(n: u64) -> Author {
    Author::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

fn feed(n: u64) -> FeedId {
    FeedId { channel: channel(1), author: member(n), incarnation: 0 }
}

fn head(seq: u64) -> Head {
    Head { seq, id: id(u8::try_from(seq % 251).unwrap()), lamport: seq }
}

fn heads(feeds: u64) -> Heads {
    (0..feeds).map(|n| (feed(n).key(), head(1 + n % 5))).collect()
}

/// A machine of author `own` in the group, and what it says first.
fn joined(own: u8, peer: u8, spread: &Spread, now: u64) -> (PeerSync, Vec<SyncEffect>) {
    let mut sync = PeerSync::new(author(own));
    sync.handle(SyncInput::Connected { channels: Vec::new() }, now);
    let (id, peer, frozen) = (channel(1), author(peer), BTreeSet::new());
    let shared = SharedGroup { id, spread: spread.clone(), peer, neighbour: true, frozen, activity: 0 };
    let effects = sync.handle(SyncInput::GroupAdded(shared), now);
    (sync, effects)
}

/// Two members, and everything that was said between them.
struct Pair {
    syncs: [PeerSync; 2],
    waiting: Vec<(usize, Vec<u8>)>,
    bytes: usize,
    frames: usize,
    wanted: [Vec<(FeedId, u64)>; 2],
    now: u64,
}

impl Pair {
    fn new(spreads: [&Spread; 2]) -> Self {
        let ((first, one), (second, two)) = (joined(1, 2, spreads[0], 0), joined(2, 1, spreads[1], 0));
        let (syncs, wanted) = ([first, second], [Vec::new(), Vec::new()]);
        let mut pair = Self { syncs, waiting: Vec::new(), bytes: 0, frames: 0, wanted, now: 0 };
        pair.note(0, &one);
        pair.note(1, &two);
        pair
    }

    fn note(&mut self, n: usize, effects: &[SyncEffect]) {
        self.wanted[n].extend(wants(effects));
        for frame in sent(effects).filter(|frame| frame[2] != raw::WANT) {
            assert!(frame.len() <= MAX_FRAME);
            self.waiting.push((1 - n, frame.to_vec()));
        }
    }

    /// Frames arrive at once; what is asked for is noted and not served.
    fn talk_until(&mut self, end: u64) {
        loop {
            while !self.waiting.is_empty() {
                let (to, frame) = self.waiting.remove(0);
                self.bytes += frame.len();
                self.frames += 1;
                let effects = self.syncs[to].handle(SyncInput::Frame(frame), self.now);
                self.note(to, &effects);
            }
            let due = |n: usize| self.syncs[n].next_timeout().map(|at| (at, n));
            let Some((at, n)) = [due(0), due(1)].into_iter().flatten().min().filter(|(at, _)| *at <= end) else {
                return;
            };
            self.now = self.now.max(at);
            let effects = self.syncs[n].handle(SyncInput::Tick, self.now);
            self.note(n, &effects);
        }
    }
}

#[test]
fn two_members_with_ten_thousand_feeds_that_differ_in_one_find_it_in_a_few_kilobytes() {
    let mut theirs = heads(10_000);
    theirs.advance(feed(4_711).key(), head(9));
    let mut pair = Pair::new([&Spread::new(channel(1), heads(10_000)), &Spread::new(channel(1), theirs)]);
    pair.talk_until(COMPARE_SOON);
    assert_eq!(pair.wanted, [vec![(feed(4_711), 1 + 4_711 % 5 + 1)], Vec::new()]);
    eprintln!("10000 feeds, one differs: {} bytes in {} frames", pair.bytes, pair.frames);
    assert!(pair.bytes < 16 * 1024, "{}", pair.bytes);
    // The one that is ahead looks, too, later.
    pair.talk_until(COMPARE_LATE + 1_000);
    assert!(pair.bytes < 32 * 1024, "{}", pair.bytes);
}

#[test]
fn members_that_have_the_same_exchange_one_digest_a_minute() {
    let spreads = [Spread::new(channel(1), heads(10_000)), Spread::new(channel(1), heads(10_000))];
    let mut pair = Pair::new([&spreads[0], &spreads[1]]);
    pair.talk_until(10 * REPAIR_INTERVAL);
    assert_eq!(pair.frames, 22);
    assert!(pair.bytes < 22 * 100, "{}", pair.bytes);
}

#[test]
fn a_newcomer_hears_of_ten_thousand_feeds_in_bounded_pieces_and_asks_for_few_at_a_time() {
    let ours = Spread::new(channel(1), Heads::new());
    let mut pair = Pair::new([&ours, &Spread::new(channel(1), heads(10_000))]);
    pair.talk_until(COMPARE_SOON);
    assert_eq!(pair.wanted[0].len(), MAX_ASKED);
    assert!(pair.bytes < (MAX_ANSWER + 100) * 100, "{}", pair.bytes);
    // As what is asked for arrives, more is heard of, until all is here.
    let mut steps = 0;
    while ours.heads().len() < 10_000 {
        let Some((feed, _)) = pair.wanted[0].pop() else {
            let next = pair.now + 500;
            pair.talk_until(next);
            pair.now = next;
            steps += 1;
            assert!(steps < 200, "{} feeds", ours.heads().len());
            continue;
        };
        let n = (0..10_000).find(|n| self::feed(*n) == feed).unwrap();
        let run = raw_run_of(feed, 1 + n % 5);
        let effects = pair.syncs[0].handle(SyncInput::Frame(run), pair.now);
        pair.note(0, &effects);
        let effects = pair.syncs[0].handle(SyncInput::Applied { feed, head: head(1 + n % 5) }, pair.now);
        pair.note(0, &effects);
    }
    let seconds = pair.now / 1_000;
    eprintln!("10000 feeds are heard of in {seconds} s and {} bytes", pair.bytes);
    assert_eq!(ours.digest(), Spread::new(channel(1), heads(10_000)).digest());
    assert!(seconds < 60 && pair.bytes < 1_500_000);
}

/// A run of empty headers that nobody verifies.
fn raw_run_of(feed: FeedId, entries: u64) -> Vec<u8> {
    let headers = vec![serde_bytes::Bytes::new(b"h"); usize::try_from(entries).unwrap()];
    let payloads: Vec<Option<&serde_bytes::Bytes>> = vec![None; headers.len()];
    let signature = covey_feed::Signature::from_bytes([0; 64]);
    raw::frame(raw::RUN, ((feed.channel, feed.author, feed.incarnation), (1u8, 1u64, headers, payloads, signature)))
}

#[test]
fn a_feed_that_is_cut_counts_in_nobodys_digest() {
    let (ours, theirs) = (Spread::new(channel(1), heads(100)), Spread::new(channel(1), heads(100)));
    ours.advance(feed(3).key(), head(50));
    assert_ne!(ours.digest(), theirs.digest());
    ours.cut(feed(3).key(), heads(100).get(&feed(3).key()).copied());
    assert_eq!(ours.digest(), theirs.digest());
    ours.cut(feed(3).key(), None);
    theirs.cut(feed(3).key(), None);
    assert_eq!(ours.digest(), theirs.digest());
    assert_eq!(ours.heads().len(), 99);
}

#[test]
fn who_comes_to_share_the_group_later_is_told_at_once_where_we_are_and_asks_at_once() {
    let (mut member, _not_heard) = joined(1, 2, &Spread::new(channel(1), heads(100)), 0);
    let (mut newcomer, first) = joined(2, 1, &Spread::new(channel(1), Heads::new()), 10);
    let say = |to: &mut PeerSync, said: &[SyncEffect]| -> Vec<SyncEffect> {
        let mut effects: Vec<_> =
            sent(said).flat_map(|frame| to.handle(SyncInput::Frame(frame.to_vec()), 10)).collect();
        effects.extend(to.handle(SyncInput::Tick, 10));
        effects
    };
    let answer = say(&mut member, &first);
    assert_eq!(sent(&answer).count(), 1);
    assert_eq!(asked_to_compare(&say(&mut newcomer, &answer)), 1);
    // Whoever says it again and again is answered in our time.
    assert_eq!(sent(&say(&mut member, &first)).count(), 0);
}

/// SYNC-14: no more answers than a patient peer asks for; each bounded.
#[test]
fn comparisons_are_answered_as_often_as_a_patient_peer_asks() {
    let spread = Spread::new(channel(1), heads(10_000));
    let (mut sync, _) = joined(1, 2, &spread, 0);
    let ask = raw::frame(raw::COMPARE, (channel(1), [serde_bytes::Bytes::new(&[0u8; 16])]));
    let mut bytes = 0;
    let mut answers = 0;
    for n in 0..200u64 {
        for frame in sent(&sync.handle(SyncInput::Frame(ask.clone()), 1 + n)) {
            bytes += frame.len();
            answers += 1;
        }
    }
    assert_eq!(answers, COMPARE_BURST);
    assert!(bytes < usize::try_from(COMPARE_BURST).unwrap() * (MAX_ANSWER + 100) * 90, "{bytes}");
}

#[test]
fn digests_that_never_match_are_compared_with_less_and_less() {
    let spread = Spread::new(channel(1), heads(10_000));
    let (mut sync, _) = joined(1, 2, &spread, 0);
    let mut compared = 0;
    for n in 0..600u64 {
        let lie = raw::summary(channel(1), 1_000_000 + n, &Spread::new(channel(9), heads(n)).digest());
        compared += asked_to_compare(&sync.handle(SyncInput::Frame(lie), n * 1_000));
        compared += asked_to_compare(&sync.handle(SyncInput::Tick, n * 1_000 + 600));
        if compared > 0 && n % 2 == 0 {
            let nothing: Vec<(Author, u64, u64, covey_feed::EntryId)> = Vec::new();
            sync.handle(SyncInput::Frame(raw::frame(raw::HEADS, (channel(1), nothing))), n * 1_000 + 700);
        }
    }
    assert!((1..60).contains(&compared), "{compared} times in ten minutes");
}

fn asked_to_compare(effects: &[SyncEffect]) -> usize {
    sent(effects).filter(|frame| frame[2] == raw::COMPARE).count()
}

proptest! {
    /// SYNC-12: whatever two members have, what they ask of each other is what they lack.
    #[test]
    fn what_differs_is_found_whatever_it_is(
        common in 0u64..600,
        ours in prop::collection::btree_map(0u64..800, 6u64..20, 0..20),
        theirs in prop::collection::btree_map(0u64..800, 6u64..20, 0..20),
    ) {
        let with = |more: &std::collections::BTreeMap<u64, u64>| {
            let mut all = heads(common);
            for (n, seq) in more {
                all.advance(feed(*n).key(), head(*seq));
            }
            all
        };
        let (ours, theirs) = (with(&ours), with(&theirs));
        let spreads = [Spread::new(channel(1), ours.clone()), Spread::new(channel(1), theirs.clone())];
        prop_assert_eq!(ours == theirs, spreads[0].digest() == spreads[1].digest());
        let mut pair = Pair::new([&spreads[0], &spreads[1]]);
        // Both have looked. Nothing is served: what is asked for later is asked for because nothing came.
        pair.talk_until(ASK_TIMEOUT - 1);
        for (n, (mine, other)) in [(&ours, &theirs), (&theirs, &ours)].into_iter().enumerate() {
            let lacks: BTreeSet<FeedKey> = covey_feed::heads::missing(mine, other).iter().map(|range| range.feed).collect();
            let asked: BTreeSet<FeedKey> = pair.wanted[n].iter().map(|(feed, _)| feed.key()).collect();
            prop_assert!(asked.is_subset(&lacks));
            prop_assert_eq!(asked.len(), lacks.len().min(MAX_ASKED));
        }
    }
}

/// SYNC-4, SYNC-8: the window moves on when the peer does not serve what it said it has.
#[test]
fn a_member_that_serves_nothing_is_asked_for_other_feeds_when_the_first_do_not_come() {
    let mut pair = Pair::new([&Spread::new(channel(1), Heads::new()), &Spread::new(channel(1), heads(9))]);
    pair.talk_until(ASK_TIMEOUT - 1);
    let first: BTreeSet<FeedId> = pair.wanted[0].iter().map(|(feed, _)| *feed).collect();
    assert_eq!(first.len(), MAX_ASKED);
    pair.talk_until(2 * ASK_TIMEOUT);
    let all: BTreeSet<FeedId> = pair.wanted[0].iter().map(|(feed, _)| *feed).collect();
    assert_eq!(all, (0..9).map(feed).collect());
}

#[test]
fn comparisons_of_a_strange_width_are_violations() {
    for width in [0, 3, 100, MAX_BUCKETS + 1, 2 * MAX_BUCKETS] {
        let (mut sync, _) = joined(1, 2, &Spread::new(channel(1), heads(10)), 0);
        let buckets = vec![serde_bytes::Bytes::new(&[0u8; 16]); width];
        let effects = sync.handle(SyncInput::Frame(raw::frame(raw::COMPARE, (channel(1), buckets))), 1);
        assert!(matches!(effects[..], [SyncEffect::Violation(_)]), "{width}: {effects:?}");
    }
}
