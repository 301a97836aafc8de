//! SYNC-4: how much is asked of one peer at a time, and in which turn.

use std::{collections::BTreeSet, sync::Arc};

use covey_feed::{
    FeedId, Heads, PeerSync, SyncEffect, SyncInput,
    limits::{ASK_TIMEOUT, AUTHOR_FIRST, MAX_ASKED},
    run::{RunLimits, assemble},
    sync::SharedChannel,
};

use crate::{
    common::{Writer, author, channel, feed, id},
    raw::{self, applied, connected, delivered, receive, sent, wants},
};

#[test]
fn two_ranges_of_a_channel_and_eight_of_a_peer_are_asked_for_at_a_time() {
    let mut sync = PeerSync::new(author(1));
    let channels = (1..=10).map(|n| SharedChannel::new(channel(n), Heads::new(), u64::from(n))).collect();
    sync.handle(SyncInput::Connected { channels }, 0);
    let mut asked = Vec::new();
    for n in 1..=10 {
        let claims: Vec<_> = (2..7).map(|a| (feed(n, a), 3, id(1))).collect();
        asked.extend(wants(&receive(&mut sync, raw::heads(channel(n), &claims), 1)));
    }
    assert_eq!(asked.len(), MAX_ASKED);
    for n in 1..=4 {
        assert_eq!(asked.iter().filter(|(feed, _)| feed.channel == channel(n)).count(), 2);
    }
}

#[test]
fn a_place_in_the_window_goes_to_the_newest_channel() {
    let mut sync = PeerSync::new(author(1));
    let channels = (1..=10).map(|n| SharedChannel::new(channel(n), Heads::new(), u64::from(n % 7))).collect();
    sync.handle(SyncInput::Connected { channels }, 0);
    let writers: Vec<Writer> = (1..=10).map(|n| Writer::new(n, 2).written(&[3])).collect();
    let claim = |w: &Writer| raw::head(w.feed, 3, w.entries[2].id());
    let mut asked: Vec<_> = writers.iter().flat_map(|w| wants(&receive(&mut sync, claim(w), 1))).collect();
    assert_eq!(asked.len(), MAX_ASKED, "channels 1 to 8, in the order in which they were heard of");
    let run = raw::run(writers[0].feed, &assemble(writers[0].entries.clone(), RunLimits::default()).unwrap());
    asked = wants(&receive(&mut sync, run, 2));
    assert_eq!(asked, [(writers[9].feed, 1)], "then 10 (activity 3) before 9 (activity 2)");
}

#[test]
fn feeds_of_a_channel_take_turns() {
    let writers: Vec<Writer> = (2..6).map(|n| Writer::new(1, n).written(&[64; 10])).collect();
    let mut sync = connected(&[], 0);
    let claims: Vec<_> = writers.iter().map(|w| (w.feed, 640, w.entries[639].id())).collect();
    let mut asked = wants(&receive(&mut sync, raw::heads(channel(1), &claims), 1));
    let mut turns: Vec<FeedId> = asked.iter().map(|(feed, _)| *feed).collect();
    for _ in 0..6 {
        let (feed, from) = asked.remove(0);
        let writer = writers.iter().find(|w| w.feed == feed).unwrap();
        let rest = writer.entries[usize::try_from(from - 1).unwrap()..].iter().cloned();
        let run = assemble(rest, RunLimits::default()).unwrap();
        let head = writer.entries[usize::try_from(run.last() - 1).unwrap()].head();
        let effects = receive(&mut sync, raw::run(feed, &run), 2);
        assert_eq!(delivered(&effects), 1);
        asked.extend(wants(&effects));
        applied(&mut sync, feed, head, 2);
        turns.extend(asked.last().map(|(feed, _)| *feed));
    }
    let mut sorted = turns[..4].to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 4, "everyone once before anyone twice: {turns:?}");
    assert_eq!(turns[..4], turns[4..8]);
}

#[test]
fn while_a_run_is_with_the_node_the_next_one_is_on_its_way() {
    let writer = Writer::new(1, 2).written(&[64; 20]);
    let mut sync = connected(&[], 0);
    receive(&mut sync, raw::head(writer.feed, 1280, writer.entries[1279].id()), 1);
    let run =
        |from: usize| raw::run(writer.feed, &assemble(writer.entries[from..].to_vec(), RunLimits::default()).unwrap());
    let effects = receive(&mut sync, run(0), 2);
    assert_eq!((delivered(&effects), wants(&effects)), (1, vec![(writer.feed, 257)]));
    let effects = receive(&mut sync, run(256), 3);
    assert_eq!((delivered(&effects), wants(&effects)), (1, vec![]), "two are enough");
    let effects = applied(&mut sync, writer.feed, writer.entries[255].head(), 4);
    assert_eq!(wants(&effects), [(writer.feed, 513)]);
    assert_eq!(sent(&effects).next(), Some(raw::have(writer.feed, 256).as_slice()));
}

#[test]
fn a_range_that_does_not_come_is_asked_for_again_after_its_time() {
    let mut sync = connected(&[], 0);
    assert_eq!(wants(&receive(&mut sync, raw::head(feed(1, 2), 3, id(1)), 5)).len(), 1);
    assert_eq!(sync.next_timeout(), Some(5 + ASK_TIMEOUT));
    assert_eq!(sync.handle(SyncInput::Tick, 4 + ASK_TIMEOUT), []);
    assert_eq!(wants(&sync.handle(SyncInput::Tick, 5 + ASK_TIMEOUT)), [(feed(1, 2), 1)]);
}

#[test]
fn a_slow_stream_that_still_delivers_is_not_asked_twice() {
    let (one, two) = (Writer::new(1, 2).written(&[64; 8]), feed(1, 3));
    let mut sync = connected(&[], 0);
    let claims = [(one.feed, 512, one.entries[511].id()), (two, 3, id(1))];
    assert_eq!(wants(&receive(&mut sync, raw::heads(channel(1), &claims), 0)).len(), 2);
    let run = assemble(one.entries.clone(), RunLimits::default()).unwrap();
    receive(&mut sync, raw::run(one.feed, &run), ASK_TIMEOUT - 1);
    assert_eq!(wants(&sync.handle(SyncInput::Tick, ASK_TIMEOUT + 1)), []);
}

#[test]
fn a_range_is_not_waited_for_without_end_while_others_come() {
    let (one, two) = (Writer::new(1, 2).written(&[64; 40]), feed(1, 3));
    let mut sync = connected(&[], 0);
    let claims = [(one.feed, 2560, one.entries[2559].id()), (two, 3, id(1))];
    assert_eq!(wants(&receive(&mut sync, raw::heads(channel(1), &claims), 0)).len(), 2);
    let mut again = None;
    for n in 0..10u64 {
        let now = (n + 1) * (ASK_TIMEOUT - 1);
        let from = usize::try_from(n).unwrap() * 256;
        let run = assemble(one.entries[from..].to_vec(), RunLimits::default()).unwrap();
        receive(&mut sync, raw::run(one.feed, &run), now);
        applied(&mut sync, one.feed, one.entries[from + 255].head(), now);
        let asked = wants(&sync.handle(SyncInput::Tick, now));
        if again.is_none() && asked.contains(&(two, 1)) {
            again = Some(now);
        }
    }
    assert!(again.is_some_and(|at| at < 5 * ASK_TIMEOUT), "{again:?}");
}

#[test]
fn a_silent_peer_does_not_hold_up_what_it_was_asked_for_by_claims_alone() {
    // Two feeds that never come must not starve a third: they are given up, in turns.
    let good = Writer::new(1, 4).written(&[2]);
    let mut sync = connected(&[], 0);
    let claims = [(feed(1, 2), 9, id(1)), (feed(1, 3), 9, id(1)), (good.feed, 2, good.entries[1].id())];
    let mut asked = wants(&receive(&mut sync, raw::heads(channel(1), &claims), 0));
    while !asked.iter().any(|(feed, _)| *feed == good.feed) {
        let at = sync.next_timeout().unwrap();
        assert!(at < 2 * 60_000, "starved");
        asked = wants(&sync.handle(SyncInput::Tick, at));
    }
}

#[test]
fn a_disconnected_machine_waits_for_nothing() {
    let mut sync = connected(&[], 0);
    receive(&mut sync, raw::head(feed(1, 2), 3, id(1)), 5);
    sync.handle(SyncInput::Disconnected, 6);
    assert_eq!(sync.next_timeout(), None);
    assert_eq!(sync.handle(SyncInput::Tick, 100_000), []);
}

#[test]
fn a_peer_that_was_just_served_up_to_our_head_gets_the_next_entries_pushed() {
    let mut own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    receive(&mut sync, raw::want(own.feed, 1), 1);
    let run = assemble(own.entries.clone(), RunLimits::default()).unwrap();
    sync.handle(SyncInput::Served { feed: own.feed, from: 1, run: Some(run) }, 2);
    let next = own.write(&["next"]);
    let run = next.run();
    let appended = SyncInput::Appended { feed: own.feed, head: next.head, run: Arc::new(run.clone()) };
    assert_eq!(sync.handle(appended, 3), [SyncEffect::Send(raw::run(own.feed, &run))]);
}

#[test]
fn a_peer_with_the_same_digest_has_all_of_our_feeds() {
    let (own, other) = (Writer::new(1, 1).written(&[3]), Writer::new(1, 2).written(&[2]));
    let mut sync = connected(&[&own, &other], 0);
    let heads: Heads = [&own, &other].map(|w| (w.feed.key(), w.head().unwrap())).into_iter().collect();
    let same = raw::digests(&[(channel(1), heads.digest(&channel(1)))]);
    assert_eq!(receive(&mut sync, same.clone(), 1), [SyncEffect::PeerHas { feed: own.feed, seq: 3 }]);
    assert_eq!(receive(&mut sync, same, 2), []);
}

/// SYNC-3: a digest of ours that was lost must not leave the peer in ignorance until the next repair.
#[test]
fn a_peer_whose_heads_show_less_than_ours_is_told_ours_at_once() {
    let writer = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&writer], 0);
    let told = sent(&receive(&mut sync, raw::heads(channel(1), &[]), 1)).count();
    assert_eq!(told, 1, "our heads");
    let again = sent(&receive(&mut sync, raw::heads(channel(1), &[]), 2)).count();
    assert_eq!(again, 0, "and not again and again");
}

/// SYNC-3: who has nothing says so, or a peer whose stream was not open yet when our digest came learns of it too late.
#[test]
fn who_has_nothing_answers_another_digest_with_no_heads() {
    let writer = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[], 0);
    let theirs: Heads = [(writer.feed.key(), writer.head().unwrap())].into_iter().collect();
    let digest = raw::digests(&[(channel(1), theirs.digest(&channel(1)))]);
    let effects = receive(&mut sync, digest, 1);
    let told: Vec<_> = sent(&effects).collect();
    assert_eq!(told, [raw::heads(channel(1), &[])]);
}

/// SYNC-17
#[test]
fn what_a_connected_device_writes_is_asked_of_another_one_only_when_it_does_not_come_from_itself() {
    let writer = Writer::new(1, 2).written(&[1; 4]);
    let claim = || raw::head(writer.feed, 4, writer.entries[3].id());
    let all = Arc::new(BTreeSet::from([author(2), author(3)]));
    let mut sync = connected(&[], 0);
    sync.set_connected(author(3), Arc::clone(&all));
    assert_eq!(wants(&receive(&mut sync, claim(), 10)), []);
    assert_eq!(sync.next_timeout(), Some(10 + AUTHOR_FIRST));
    applied(&mut sync, writer.feed, writer.entries[0].head(), 500);
    assert_eq!(wants(&sync.handle(SyncInput::Tick, 10 + AUTHOR_FIRST)), [], "it comes");
    assert_eq!(wants(&sync.handle(SyncInput::Tick, 500 + AUTHOR_FIRST)), [(writer.feed, 2)]);

    for (peer, connected_now) in [(author(2), all), (author(3), Arc::new(BTreeSet::from([author(3)])))] {
        let mut sync = connected(&[], 0);
        sync.set_connected(peer, connected_now);
        assert_eq!(wants(&receive(&mut sync, claim(), 10)), [(writer.feed, 1)]);
    }
}
