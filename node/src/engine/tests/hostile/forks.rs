//! A member who signs two histories and shows each to one half: all come to the same, whoever saw which and in whatever order.

use covey_feed::run::Batch;
use covey_feed::{Entry, FeedId};
use covey_pairing::group::roster::Op;
use serde_bytes::ByteBuf;

use super::den::{ALICE, BOB, CAROL, Den, MALLORY};
use crate::engine::Protocol;

/// Where her histories part.
const FORK: u64 = 5;

/// What nobody met both of yet: alice has one history of mallory's up to her sixth entry, bob and carol have the other.
struct Halves {
    den: Den,
    feed: FeedId,
    one: Vec<Batch>,
    other: Vec<Batch>,
}

impl Halves {
    fn new(seed: u64) -> Self {
        Self::with(seed, &[ALICE, BOB, CAROL])
    }

    /// With these members; others are away.
    fn with(seed: u64, members: &[usize]) -> Self {
        let mut den = Den::new(seed);
        (0..MALLORY).filter(|member| !members.contains(member)).for_each(|member| den.world.stop(member));
        let (feed, group) = (den.feed_of(MALLORY), den.group.clone());
        while den.head(BOB, feed).map_or(0, |head| head.seq) < FORK - 1 {
            den.world.say_in(MALLORY, &group, "for all").unwrap();
        }
        den.world.pass(5_000, 500);
        let (head, lamport) = den.next();
        for other in [BOB, CAROL] {
            den.world.disconnect(ALICE, other);
            den.world.disconnect(MALLORY, other);
        }
        den.world.say_in(MALLORY, &group, "for alice").unwrap();
        assert!(den.world.texts_in(ALICE, &group).contains(&"for alice".to_owned()));
        den.world.puppet = Some(MALLORY);
        let mut one = Vec::new();
        for (seq, name) in [(6, "pond"), (7, "puddle")] {
            let (head, lamport) = den.head(ALICE, feed).map(|head| (Some(head), head.lamport)).unwrap();
            let (head, lamport) = last(&one).map_or((head, lamport), |entry| (Some(entry.head()), entry.lamport()));
            one.push(den.operation(head, lamport, Op::Rename { name: name.into() }));
            assert_eq!(last(&one).map(Entry::seq), Some(seq));
        }
        let mut other = Vec::new();
        for name in ["sea", "ocean", "abyss"] {
            let (head, lamport) =
                last(&other).map_or((head, lamport), |entry: &Entry| (Some(entry.head()), entry.lamport()));
            other.push(den.operation(head, lamport, Op::Rename { name: name.into() }));
        }
        den.world.connect(MALLORY, BOB);
        den.show(ALICE, &one[0]);
        den.show(BOB, &other[0]);
        den.show(BOB, &other[1]);
        den.world.pass(10_000, 500);
        den.world.disconnect(MALLORY, BOB);
        for member in members {
            assert_eq!(den.head(*member, feed).map(|head| head.seq), Some(6), "{member}");
            assert!(!den.is_frozen(*member, feed));
        }
        Self { den, feed, one, other }
    }

    /// Everybody came to the same: the feed ends before the fork.
    fn assert_settled(&mut self, members: &[usize]) {
        let group = self.den.group.clone();
        for member in members {
            assert!(self.den.is_frozen(*member, self.feed), "{member} knows of the fork");
            assert_eq!(self.den.world.group(*member, &group).name, "lake", "{member}");
            let told = format!("two histories from its entry {FORK} on");
            let checks = self.den.checks(*member);
            assert!(checks.iter().any(|check| check.contains(&told)), "{member}: {checks:?}");
            let texts = self.den.world.texts_in(*member, &group);
            assert!(!texts.contains(&"for alice".to_owned()), "{member}: {texts:?}");
            let found = self.den.world.verify(*member);
            assert!(found.ok, "{member}: {:?}", found.problems);
        }

        self.den.assert_alike(members);
    }
}

fn last(batches: &[Batch]) -> Option<&Entry> {
    batches.last()?.entries.last()
}

#[test]
fn a_fork_that_is_met_late_ends_the_feed_where_the_histories_parted_in_every_order() {
    for (order, first) in (0..4).flat_map(|order| [(order, BOB), (order, CAROL)]) {
        let mut halves = Halves::new(630 + order);
        // Who meets the other history first: alice, the others, both, or nobody before they meet each other.
        if order == 0 || order == 2 {
            let late = halves.other[2].clone();
            halves.den.show(ALICE, &late);
        }
        if order == 1 || order == 2 {
            halves.den.world.connect(MALLORY, first);
            halves.den.world.settle();
            let late = halves.one[1].clone();
            halves.den.show(first, &late);
        }
        halves.den.world.settle();
        let known = [ALICE, BOB, CAROL].map(|member| halves.den.is_frozen(member, halves.feed));
        assert_eq!(known, [order == 0 || order == 2, order == 1 || order == 2, order == 1 || order == 2]);
        if order % 2 == 0 {
            halves.den.world.restart(first);
            halves.den.world.connect(BOB, CAROL);
            halves.den.world.settle();
        }
        halves.den.world.connect(ALICE, first);
        halves.den.world.settle();
        halves.den.world.pass(60_000, 1_000);
        halves.assert_settled(&[ALICE, BOB, CAROL]);
        halves.den.world.connect(ALICE, BOB);
        halves.den.world.connect(ALICE, CAROL);
        halves.den.nobody_notices(&[ALICE, BOB, CAROL]);
        halves.assert_settled(&[ALICE, BOB, CAROL]);
    }
}

#[test]
fn who_was_away_since_before_the_fork_takes_what_stands_before_it() {
    let mut halves = Halves::with(641, &[ALICE, BOB]);
    let feed = halves.feed;
    halves.den.world.connect(ALICE, BOB);
    halves.den.world.pass(10_000, 500);
    halves.den.world.restart(CAROL);
    assert!(halves.den.is_frozen(ALICE, feed));
    halves.den.world.connect(ALICE, CAROL);
    halves.den.world.pass(60_000, 1_000);
    assert_eq!(halves.den.head(CAROL, feed).map(|head| head.seq), Some(FORK - 1));
    halves.assert_settled(&[ALICE, BOB, CAROL]);
}

#[test]
fn who_comes_after_a_fork_has_what_stands_before_it_and_nothing_else() {
    let mut halves = Halves::new(640);
    halves.den.world.connect(ALICE, BOB);
    halves.den.world.connect(ALICE, CAROL);
    halves.den.world.pass(30_000, 1_000);
    // Bob and carol have the other history: the newcomer meets nobody but alice.
    halves.den.world.stop(BOB);
    halves.den.world.stop(CAROL);
    let group = halves.den.group.clone();
    halves.den.world.pair(ALICE, 4);
    halves.den.world.invite_to(ALICE, &group, 4).unwrap();
    halves.den.world.accept_group(4, &group).unwrap();
    halves.den.world.pass(60_000, 1_000);
    halves.assert_settled(&[ALICE, 4]);
    for away in [BOB, CAROL] {
        halves.den.world.restart(away);
        halves.den.world.connect(ALICE, away);
        halves.den.world.connect(4, away);
    }
    // They lack what alice's invite follows, of the other history, and ask for it.
    halves.den.world.pass(150_000, 1_000);
    halves.assert_settled(&[ALICE, BOB, CAROL, 4]);
    halves.den.nobody_notices(&[ALICE, BOB, CAROL, 4]);
}

/// [REPAIR-1] [PARCEL-7]
#[test]
fn two_histories_shown_to_two_halves_count_for_nobody_whoever_saw_which() {
    let mut den = Den::new(602);
    let feed = den.feed_of(MALLORY);
    den.world.puppet = Some(MALLORY);
    let (head, lamport) = den.next();
    let one = den.operation(head, lamport, Op::Rename { name: "pond".into() });
    let other = den.operation(head, lamport, Op::Rename { name: "sea".into() });
    // The two halves do not talk to each other; carol talks to both.
    den.world.disconnect(ALICE, BOB);
    den.show(ALICE, &one);
    den.show(BOB, &other);
    den.world.settle();
    den.world.pass(60_000, 1_000);
    for member in [ALICE, BOB, CAROL] {
        assert!(den.is_frozen(member, feed), "member {member} knows of the fork");
        assert_eq!(den.world.group(member, &den.group.clone()).name, "lake", "member {member}");
        assert!(den.checks(member).iter().any(|check| check.contains("two histories")), "member {member}");
    }
    den.world.connect(ALICE, BOB);
    den.nobody_notices(&[ALICE, BOB, CAROL]);
    assert!(den.is_frozen(ALICE, feed), "also after a restart");
    den.assert_alike(&[ALICE, BOB, CAROL]);
}

/// [REPAIR-1]
#[test]
fn a_claimed_fork_without_two_histories_freezes_nothing() {
    let mut den = Den::new(603);
    let feed = den.feed_of(BOB);
    den.world.puppet = Some(MALLORY);
    for proof in [Vec::new(), vec![0; 100], vec![0x85; 50_000]] {
        let frame = std::collections::BTreeMap::from([("f", (den.channel, ByteBuf::from(proof)))]);
        den.world.say(ALICE, Protocol::Parcel, covey_codec::encode(&(1u8, frame)).unwrap());
    }
    assert!(!den.is_frozen(ALICE, feed));
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}
