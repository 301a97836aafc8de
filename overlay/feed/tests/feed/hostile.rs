//! What a paired peer can do to us on purpose: SYNC-1, SYNC-2, SYNC-5, SYNC-7, SYNC-8, SYNC-9.

use covey_feed::{
    FeedId, PeerSync, SyncEffect, SyncInput,
    limits::{BACKOFF_MIN, MAX_COUNTER, MAX_FRAME, MAX_UNAPPLIED_BYTES, MISUSE_BURST},
    run::{RunLimits, assemble},
    sync::{Rejection, Violation},
};

use crate::{
    common::{Writer, author, channel, feed, id},
    raw::{self, applied, connected, delivered, receive, reconnect, sent, wants},
};

const HOUR: u64 = 3_600_000;

pub(crate) fn violation(effects: &[SyncEffect]) -> Option<Violation> {
    effects.iter().find_map(|effect| if let SyncEffect::Violation(v) = effect { Some(*v) } else { None })
}

pub(crate) fn all_of(writer: &Writer) -> covey_feed::Run {
    assemble(writer.entries.clone(), RunLimits::default()).unwrap()
}

#[test]
fn frames_that_are_none_are_violations_and_end_the_conversation() {
    let own = Writer::new(1, 1).written(&[3]);
    let of_version_two = covey_codec::encode(&(2u8, 9u8, "something new")).unwrap();
    let too_many = raw::frame(raw::HAVE, (channel(1), vec![(author(1), 0u64, 1u64); 4097]));
    for (bytes, expected) in [
        (vec![0; MAX_FRAME + 1], Violation::Oversized),
        (Vec::new(), Violation::Malformed),
        (b"GET / HTTP/1.1".to_vec(), Violation::Malformed),
        (of_version_two, Violation::UnknownVersion),
        (raw::frame(raw::WANT, ()), Violation::Malformed),
        (covey_codec::encode(&(1u8, raw::HAVE)).unwrap(), Violation::Malformed),
        (too_many, Violation::Malformed),
    ] {
        let mut sync = connected(&[&own], 0);
        let effects = receive(&mut sync, bytes, 1);
        assert_eq!(effects, [SyncEffect::Violation(expected)]);
        assert_eq!(receive(&mut sync, raw::want(own.feed, 1), 2), []);
        assert_eq!(sync.next_timeout(), None);
        reconnect(&mut sync, &[&own], 3);
        assert_eq!(receive(&mut sync, raw::want(own.feed, 1), 4).len(), 1);
    }
}

#[test]
fn frames_of_later_types_and_later_elements_are_ignored() {
    let own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    assert_eq!(receive(&mut sync, raw::frame(99, ("anything", [1, 2, 3])), 1), []);
    let more = covey_codec::encode(&(1u8, raw::WANT, ((channel(1), author(1), 0u64), 1u64), "more")).unwrap();
    assert!(matches!(receive(&mut sync, more, 1)[..], [SyncEffect::Serve { from: 1, .. }]));
}

#[test]
fn anything_about_a_channel_that_is_not_shared_gets_the_refusal_of_a_stranger() {
    let own = Writer::new(1, 1).written(&[3]);
    // The channel exists here (its feed does), but not for this peer.
    let secret = Writer::new(2, 1).written(&[2]);
    let digest = covey_feed::Heads::new().digest(&channel(2));
    for frame in [
        raw::digests(&[(channel(2), digest)]),
        raw::head(secret.feed, 5, id(1)),
        raw::want(secret.feed, 1),
        raw::run(secret.feed, &all_of(&secret)),
        raw::have(secret.feed, 1),
        raw::have(secret.feed, 1_000),
        raw::nothing(secret.feed),
    ] {
        let mut member = connected(&[&own], 0);
        let mut stranger = PeerSync::new(author(1));
        stranger.handle(SyncInput::Connected { channels: Vec::new() }, 0);
        let refusal = [SyncEffect::Send(raw::refused())];
        assert_eq!(receive(&mut member, frame.clone(), 1), refusal);
        assert_eq!(receive(&mut stranger, frame.clone(), 1), refusal);

        // And nothing has changed: the machine answers like one that never got the frame.
        let mut fresh = connected(&[&own], 0);
        for probe in [raw::head(feed(1, 2), 3, id(1)), raw::have(own.feed, 2), raw::want(own.feed, 1)] {
            assert_eq!(receive(&mut member, probe.clone(), 2), receive(&mut fresh, probe, 2));
        }
        assert_eq!(member.next_timeout(), fresh.next_timeout());
    }
}

#[test]
fn a_refusal_is_never_answered() {
    let mut sync = connected(&[], 0);
    assert_eq!(receive(&mut sync, raw::refused(), 1), []);
}

#[test]
fn acknowledging_what_does_not_exist_is_a_violation() {
    let own = Writer::new(1, 1).written(&[3]);
    for (feed, seq) in [(own.feed, 4), (own.feed, MAX_COUNTER), (feed(1, 2), 1)] {
        let mut sync = connected(&[&own], 0);
        assert_eq!(violation(&receive(&mut sync, raw::have(feed, seq), 1)), Some(Violation::HaveBeyondHead));
    }
    let mut sync = connected(&[&own], 0);
    assert_eq!(violation(&receive(&mut sync, raw::have(own.feed, 0), 1)), Some(Violation::Malformed));
}

#[test]
fn acknowledgements_only_grow() {
    let own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    let has = |seq| vec![SyncEffect::PeerHas { feed: own.feed, seq }];
    assert_eq!(receive(&mut sync, raw::have(own.feed, 2), 1), has(2));
    assert_eq!(receive(&mut sync, raw::have(own.feed, 1), 1), []);
    assert_eq!(receive(&mut sync, raw::have(own.feed, 2), 1), []);
    assert_eq!(receive(&mut sync, raw::have(own.feed, 3), 1), has(3));
    reconnect(&mut sync, &[&own], 2);
    assert_eq!(receive(&mut sync, raw::have(own.feed, 3), 3), []);
}

#[test]
fn a_head_with_another_entry_is_no_acknowledgement() {
    let own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    for (seq, id) in [(2, id(1)), (2, own.entries[1].id()), (3, id(2))] {
        let effects = receive(&mut sync, raw::head(own.feed, seq, id), 1);
        assert!(!effects.iter().any(|effect| matches!(effect, SyncEffect::PeerHas { .. })), "{effects:?}");
    }
    let mut sync = connected(&[&own], 0);
    let effects = receive(&mut sync, raw::head(own.feed, 3, own.entries[2].id()), 1);
    assert_eq!(effects, [SyncEffect::PeerHas { feed: own.feed, seq: 3 }]);
}

#[test]
fn absurd_ranges_are_refused_or_answered_with_nothing() {
    let own = Writer::new(1, 1).written(&[3]);
    for from in [0, MAX_COUNTER + 1, u64::MAX] {
        let mut sync = connected(&[&own], 0);
        assert_eq!(violation(&receive(&mut sync, raw::want(own.feed, from), 1)), Some(Violation::Malformed));
    }
    for (feed, from) in [(own.feed, 4), (own.feed, MAX_COUNTER), (feed(1, 9), 1)] {
        let mut sync = connected(&[&own], 0);
        assert_eq!(receive(&mut sync, raw::want(feed, from), 1), [SyncEffect::Send(raw::nothing(feed))]);
    }
}

#[test]
fn one_range_of_a_feed_is_served_at_a_time() {
    let own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    assert_eq!(receive(&mut sync, raw::want(own.feed, 1), 1).len(), 1);
    assert_eq!(receive(&mut sync, raw::want(own.feed, 2), 1), []);
    let run = all_of(&own);
    let served = SyncInput::Served { feed: own.feed, from: 1, run: Some(run.clone()) };
    assert_eq!(sync.handle(served.clone(), 2), [SyncEffect::Send(raw::run(own.feed, &run))]);
    assert_eq!(sync.handle(served, 2), [], "an answer nobody waits for");
}

#[test]
fn digests_that_never_match_do_not_make_us_repeat_our_heads() {
    let own = Writer::new(1, 1).written(&[3]);
    let mut sync = connected(&[&own], 0);
    let lie = raw::digests(&[(channel(1), covey_feed::Heads::new().digest(&channel(9)))]);
    let sent = (0..1_000).map(|n| receive(&mut sync, lie.clone(), n * 10).len()).sum::<usize>();
    assert_eq!(sent, 2, "once in five seconds");
    let more = Writer::new(1, 2).written(&[1]);
    applied(&mut sync, more.feed, more.head().unwrap(), 9_991);
    assert_eq!(receive(&mut sync, lie, 9_992).len(), 1, "and when they have changed");
}

#[test]
fn a_claim_that_is_never_served_is_given_up_for_longer_and_longer() {
    let mut sync = connected(&[], 0);
    let mut asked = wants(&receive(&mut sync, raw::head(feed(1, 2), MAX_COUNTER, id(1)), 0)).len();
    while let Some(at) = sync.next_timeout().filter(|at| *at < 24 * HOUR) {
        asked += wants(&sync.handle(SyncInput::Tick, at)).len();
    }
    assert!((20..120).contains(&asked), "asked {asked} times in a day");
}

#[test]
fn ranges_asked_for_stay_few_whatever_is_claimed() {
    let mut sync = connected(&[], 0);
    let mut asked = Vec::new();
    for n in 0..20u64 {
        let claims: Vec<_> =
            (0..4096).map(|i| (FeedId { incarnation: n * 4096 + i, ..feed(1, 2) }, 9, id(1))).collect();
        asked.extend(wants(&receive(&mut sync, raw::heads(channel(1), &claims), n)));
    }
    assert_eq!(asked.len(), 2);
}

#[test]
fn a_poisoned_feed_is_not_fetched_in_a_loop_not_even_over_reconnections() {
    let poison = Writer::new(1, 2).written(&[2]);
    let mut sync = connected(&[], 0);
    let (mut deliveries, mut asked, mut now) = (0, 0, 0);
    // The peer offers the same run for a day, whenever asked and again on every reconnection.
    while now < 24 * HOUR {
        reconnect(&mut sync, &[], now);
        let mut effects = receive(&mut sync, raw::head(poison.feed, 2, poison.entries[1].id()), now);
        asked += wants(&effects).len();
        if !wants(&effects).is_empty() {
            effects = receive(&mut sync, raw::run(poison.feed, &all_of(&poison)), now);
        }
        for _ in 0..delivered(&effects) {
            deliveries += 1;
            sync.handle(SyncInput::Rejected { feed: poison.feed, reason: Rejection::Invalid }, now);
        }
        now += 5_000;
    }
    assert!((20..40).contains(&deliveries), "delivered {deliveries} times in a day");
    assert_eq!(asked, deliveries);
}

#[test]
fn a_rejected_run_does_not_hold_up_other_feeds() {
    let (poison, good) = (Writer::new(1, 2).written(&[2]), Writer::new(1, 3).written(&[2]));
    let mut sync = connected(&[], 0);
    let claims = [&poison, &good].map(|w| (w.feed, 2, w.entries[1].id()));
    receive(&mut sync, raw::heads(channel(1), &claims), 1);
    assert_eq!(delivered(&receive(&mut sync, raw::run(poison.feed, &all_of(&poison)), 2)), 1);
    sync.handle(SyncInput::Rejected { feed: poison.feed, reason: Rejection::Invalid }, 2);
    assert_eq!(delivered(&receive(&mut sync, raw::run(poison.feed, &all_of(&poison)), 3)), 0);
    assert_eq!(delivered(&receive(&mut sync, raw::run(good.feed, &all_of(&good)), 4)), 1);
    assert_eq!(sent(&applied(&mut sync, good.feed, good.head().unwrap(), 4)).count(), 1);
}

#[test]
fn a_run_the_node_has_no_room_for_is_asked_for_again_soon() {
    let writer = Writer::new(1, 2).written(&[2]);
    let mut sync = connected(&[], 0);
    receive(&mut sync, raw::head(writer.feed, 2, writer.entries[1].id()), 1);
    assert_eq!(delivered(&receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 2)), 1);
    sync.handle(SyncInput::Rejected { feed: writer.feed, reason: Rejection::Busy }, 2);
    let again = sync.next_timeout().unwrap();
    assert!(again <= 2_010, "{again}");
    assert_eq!(wants(&sync.handle(SyncInput::Tick, again)), [(writer.feed, 1)]);
}

/// SYNC-16
#[test]
fn a_paused_feed_is_not_asked_for_before_the_pause_is_over_and_what_is_pushed_meanwhile_is_no_misuse() {
    let (until, writer) = (50_000, Writer::new(1, 2).written(&[1; 9]));
    let run = |n: usize| assemble(writer.entries[n - 1..n].to_vec(), RunLimits::default()).unwrap();
    let mut sync = connected(&[], 0);
    assert_eq!(delivered(&receive(&mut sync, raw::run(writer.feed, &run(1)), 1)), 1);
    sync.handle(SyncInput::Rejected { feed: writer.feed, reason: Rejection::Busy }, 1);
    sync.handle(SyncInput::Paused { feed: writer.feed, until }, 1);
    for n in 0..2 * MISUSE_BURST as usize {
        assert_eq!(receive(&mut sync, raw::run(writer.feed, &run(1 + n % 9)), 2), []);
    }
    assert_eq!(wants(&sync.handle(SyncInput::Tick, until - 1)), []);
    // Also over a reconnection, or one would be asked for the same in a loop.
    reconnect(&mut sync, &[], 10_000);
    let heads = raw::head(writer.feed, 9, writer.entries[8].id());
    assert_eq!(wants(&receive(&mut sync, heads, 10_001)), []);
    assert!(sync.next_timeout().unwrap() <= until);
    assert_eq!(wants(&sync.handle(SyncInput::Tick, until)), [(writer.feed, 1)]);
}

/// SYNC-16: a pause is no way out of a back-off that the peer earned.
#[test]
fn a_pause_neither_shortens_nor_forgives_a_back_off() {
    let writer = Writer::new(1, 2).written(&[2]);
    let mut sync = connected(&[], 0);
    assert_eq!(delivered(&receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 1)), 1);
    sync.handle(SyncInput::Rejected { feed: writer.feed, reason: Rejection::Invalid }, 1);
    sync.handle(SyncInput::Paused { feed: writer.feed, until: 5_000 }, 2);
    assert_eq!(wants(&sync.handle(SyncInput::Tick, BACKOFF_MIN)), []);
    let pushed = (0..MISUSE_BURST).map(|_| receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 3));
    assert!(pushed.into_iter().any(|effects| violation(&effects).is_some()));
}

#[test]
fn many_invalid_runs_are_a_violation() {
    let mut sync = connected(&[], 0);
    let mut rejected = 0;
    for n in 2..60 {
        let writer = Writer::new(1, n).written(&[1]);
        let effects = receive(&mut sync, raw::run(writer.feed, &all_of(&writer)), 1);
        if delivered(&effects) == 0 {
            break;
        }
        rejected += 1;
        let effects = sync.handle(SyncInput::Rejected { feed: writer.feed, reason: Rejection::Invalid }, 1);
        if let Some(violation) = violation(&effects) {
            assert_eq!(violation, Violation::Misuse);
            break;
        }
    }
    assert_eq!(rejected, 17);
}

#[test]
fn a_flood_of_useless_frames_is_a_violation_and_a_trickle_is_not() {
    let own = Writer::new(1, 1).written(&[3]);
    let useless = [raw::refused(), raw::want(own.feed, 9), raw::nothing(feed(1, 7)), raw::run(own.feed, &all_of(&own))];
    for frame in useless {
        let mut sync = connected(&[&own], 0);
        let ended = (0..2_000u64).position(|n| violation(&receive(&mut sync, frame.clone(), n / 100)).is_some());
        assert_eq!(ended, Some(usize::try_from(MISUSE_BURST).unwrap()));
        let mut sync = connected(&[&own], 0);
        assert!((0..5_000u64).all(|n| violation(&receive(&mut sync, frame.clone(), n * 250)).is_none()));
    }
}

#[test]
fn runs_that_the_node_does_not_get_to_are_bounded_in_bytes() {
    let mut sync = connected(&[], 0);
    let (mut bytes, mut n) = (0, 2);
    loop {
        let mut writer = Writer::new(1, n);
        let large = "x".repeat(60_000);
        (0..12).for_each(|_| {
            writer.write(&[&large]);
        });
        let run = all_of(&writer);
        if delivered(&receive(&mut sync, raw::run(writer.feed, &run), 1)) == 0 {
            break;
        }
        bytes += run.size();
        n += 1;
    }
    assert!(bytes <= MAX_UNAPPLIED_BYTES && bytes > MAX_UNAPPLIED_BYTES / 2);
}
