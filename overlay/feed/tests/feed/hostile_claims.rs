//! What a peer can claim about feeds on purpose: SYNC-1, SYNC-7, SYNC-8, SYNC-9.

use covey_feed::{
    FeedId, SyncEffect, SyncInput,
    limits::{BACKOFF_MIN, MAX_SERVING},
    run::{RunLimits, assemble},
    sync::Rejection,
};

use crate::{
    common::{Writer, channel, feed, id},
    raw::{self, applied, connected, delivered, receive, wants},
};

use super::hostile::all_of;

#[test]
fn claims_about_our_own_feeds_become_few_hints() {
    let own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    let hints = |effects: Vec<SyncEffect>| {
        effects.iter().filter(|effect| matches!(effect, SyncEffect::OwnFeedAhead { .. })).count()
    };
    let mut count = hints(receive(&mut sync, raw::head(own.feed, 4, id(1)), 1));
    assert_eq!(count, 1);
    for n in 5..100 {
        count += hints(receive(&mut sync, raw::head(own.feed, n, id(1)), 1));
    }
    assert_eq!(count, 1, "once for each feed");
    for n in 1..1_000 {
        let incarnation = FeedId { incarnation: n, ..own.feed };
        count += hints(receive(&mut sync, raw::head(incarnation, 1, id(1)), 1));
    }
    assert_eq!(count, 64);
}

#[test]
fn a_peer_that_is_behind_is_compared_with_once_and_then_seldom() {
    let own = Writer::new(1, 1).written(&[1; 40]);
    let mut sync = connected(&[&own], 0);
    let told = |effects: &[SyncEffect]| {
        effects.iter().filter(|effect| matches!(effect, SyncEffect::OwnFeedBehind { .. })).count()
    };
    let count =
        (0..1_000u64).map(|n| told(&receive(&mut sync, raw::head(own.feed, 1 + n % 39, id(1)), n * 10))).sum::<usize>();
    assert_eq!(count, 2, "once in five seconds");
}

/// SYNC-10: we wrote on while the entries were on their way that would have shown us to be an old copy.
#[test]
fn what_a_peer_has_instead_is_asked_for_though_our_own_writing_has_overtaken_its_claim() {
    let (mut ours, mut theirs) = (Writer::new(1, 1).written(&[2]), Writer::new(1, 1).written(&[2]));
    theirs.write(&["another", "history"]);
    let (feed, last) = (ours.feed, theirs.entries[3].id());
    let mut sync = connected(&[&ours], 0);
    assert_eq!(wants(&receive(&mut sync, raw::head(feed, 4, last), 1)), [(feed, 3)]);
    ours.write(&["one", "history", "of", "ours"]);
    let run = std::sync::Arc::new(assemble(ours.entries[2..].to_vec(), RunLimits::default()).unwrap());
    sync.handle(SyncInput::Appended { feed, head: ours.head().unwrap(), run }, 2);
    let late = assemble(theirs.entries[2..].to_vec(), RunLimits::default()).unwrap();
    assert_eq!(delivered(&receive(&mut sync, raw::run(feed, &late), 3)), 0);
    let said = receive(&mut sync, raw::head(feed, 4, last), 4);
    assert_eq!(said[..1], [SyncEffect::OwnFeedBehind { feed, seq: 4, id: last }]);
    assert_eq!(wants(&sync.handle(SyncInput::Contested { feed, seq: 4 }, 4)), [(feed, 4)]);
    let proof = assemble(theirs.entries[3..].to_vec(), RunLimits::default()).unwrap();
    assert_eq!(delivered(&receive(&mut sync, raw::run(feed, &proof), 5)), 1);
}

#[test]
fn a_peer_that_contests_our_own_entry_and_then_serves_it_is_backed_off() {
    let own = Writer::new(1, 1).written(&[1; 5]);
    let mut sync = connected(&[&own], 0);
    let said = receive(&mut sync, raw::head(own.feed, 3, id(9)), 1);
    assert_eq!(said[..1], [SyncEffect::OwnFeedBehind { feed: own.feed, seq: 3, id: id(9) }]);
    let contested = SyncInput::Contested { feed: own.feed, seq: 3 };
    assert_eq!(wants(&sync.handle(contested.clone(), 1)), [(own.feed, 3)]);
    let run = assemble(own.entries[2..4].to_vec(), RunLimits::default()).unwrap();
    assert_eq!(delivered(&receive(&mut sync, raw::run(own.feed, &run), 2)), 1);
    applied(&mut sync, own.feed, own.head().unwrap(), 2);
    assert_eq!(wants(&sync.handle(contested, 3)), []);
}

#[test]
fn a_peer_that_cries_fork_and_then_serves_our_own_entry_is_backed_off() {
    let writer = Writer::new(1, 2).written(&[3]);
    let mut sync = connected(&[&writer], 0);
    let cry = raw::head(writer.feed, 3, id(9));
    assert_eq!(wants(&receive(&mut sync, cry.clone(), 1)), [(writer.feed, 3)]);
    assert_eq!(delivered(&receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 2)), 1);
    applied(&mut sync, writer.feed, writer.head().unwrap(), 2);
    assert_eq!(wants(&receive(&mut sync, cry, 3)), []);
}

#[test]
fn a_claimed_fork_is_not_settled_by_what_others_send() {
    let writer = Writer::new(1, 2).written(&[3]);
    let mut sync = connected(&[&writer], 0);
    assert_eq!(wants(&receive(&mut sync, raw::head(writer.feed, 3, id(9)), 1)), [(writer.feed, 3)]);
    applied(&mut sync, writer.feed, writer.head().unwrap(), 2);
    assert_eq!(delivered(&receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 3)), 1);
}

#[test]
fn a_feed_that_works_again_is_forgiven() {
    let writer = Writer::new(1, 2).written(&[1, 1]);
    let run = |n: usize| {
        let run = assemble(writer.entries[n..=n].to_vec(), RunLimits::default()).unwrap();
        raw::run(writer.feed, &run)
    };
    let mut sync = connected(&[], 0);
    let invalid = SyncInput::Rejected { feed: writer.feed, reason: Rejection::Invalid };
    receive(&mut sync, run(0), 0);
    sync.handle(invalid.clone(), 0);
    let now = BACKOFF_MIN;
    assert_eq!(delivered(&receive(&mut sync, run(0), now)), 1);
    applied(&mut sync, writer.feed, writer.entries[0].head(), now);
    receive(&mut sync, run(1), now);
    sync.handle(invalid, now);
    assert_eq!(wants(&sync.handle(SyncInput::Tick, now + BACKOFF_MIN)), [(writer.feed, 2)], "not twice as long");
}

#[test]
fn two_runs_rejected_together_count_once() {
    let writer = Writer::new(1, 2).written(&[64; 8]);
    let mut sync = connected(&[], 0);
    receive(&mut sync, raw::head(writer.feed, 512, writer.entries[511].id()), 1);
    let second = assemble(writer.entries[256..].to_vec(), RunLimits::default()).unwrap();
    assert_eq!(delivered(&receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 2)), 1);
    assert_eq!(delivered(&receive(&mut sync, raw::run(writer.feed, &second), 2)), 1);
    for _ in 0..2 {
        sync.handle(SyncInput::Rejected { feed: writer.feed, reason: Rejection::Invalid }, 2);
    }
    assert_eq!(wants(&sync.handle(SyncInput::Tick, 2 + BACKOFF_MIN)), [(writer.feed, 1)]);
}

#[test]
fn a_claim_that_turns_out_to_be_nothing_is_not_followed_again_at_once() {
    let mut sync = connected(&[], 0);
    let claim = raw::head(feed(1, 2), 3, id(1));
    assert_eq!(wants(&receive(&mut sync, claim.clone(), 1)).len(), 1);
    receive(&mut sync, raw::nothing(feed(1, 2)), 2);
    assert_eq!(wants(&receive(&mut sync, claim.clone(), 3)), []);
    assert_eq!(wants(&receive(&mut sync, claim, 3 + BACKOFF_MIN)).len(), 1);
}

#[test]
fn nothing_is_served_from_a_channel_that_was_left_in_the_meantime() {
    let own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    assert_eq!(receive(&mut sync, raw::want(own.feed, 1), 1).len(), 1);
    sync.handle(SyncInput::ChannelRemoved(channel(1)), 2);
    let served = SyncInput::Served { feed: own.feed, from: 1, run: Some(all_of(&own)) };
    assert_eq!(sync.handle(served, 3), []);
}

#[test]
fn no_more_ranges_are_served_at_a_time_than_a_polite_peer_asks_for_twice_over() {
    let feeds: Vec<Writer> = (1..=40).map(|n| Writer::new(1, n).written(&[1])).collect();
    let mut sync = connected(&feeds.iter().collect::<Vec<_>>(), 0);
    let served = feeds.iter().map(|w| receive(&mut sync, raw::want(w.feed, 1), 1).len()).sum::<usize>();
    assert_eq!(served, MAX_SERVING);
}

#[test]
fn a_frozen_feed_is_neither_asked_for_nor_taken_but_what_we_have_is_served() {
    let mut writer = Writer::new(1, 2).written(&[3]);
    let ours = writer.clone();
    writer.write(&["more"]);
    for input in [SyncInput::Frozen(writer.feed), SyncInput::Rejected { feed: writer.feed, reason: Rejection::Fork }] {
        let mut sync = connected(&[&ours], 0);
        sync.handle(input, 0);
        assert_eq!(receive(&mut sync, raw::head(writer.feed, 4, id(1)), 1), []);
        assert_eq!(receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 1), []);
        assert!(matches!(receive(&mut sync, raw::want(writer.feed, 1), 1)[..], [SyncEffect::Serve { .. }]));
    }
}
