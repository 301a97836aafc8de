//! What a member can do to a group on purpose: SPREAD-4 to SPREAD-6, SYNC-1, SYNC-2, SYNC-9 for its frames.

use std::{collections::BTreeSet, sync::Arc};

use covey_feed::{
    Digest, FeedId, Head, Heads, PeerSync, Spread, SyncEffect, SyncInput,
    limits::{ANNOUNCE_DELAY, GRAFT_DELAY, LEASE, MAX_ASKED, MAX_HEADS_PER_FRAME, MISUSE_BURST, PRUNE_GRACE},
    run::{RunLimits, assemble},
    sync::{Rejection, SharedGroup, Violation},
};

use crate::{
    common::{Writer, author, channel, feed, id},
    raw::{self, delivered, sent, wants},
};

/// The group of author 1 and its machines for authors 2, 3 …
pub(crate) struct Group {
    pub(crate) spread: Spread,
    pub(crate) peers: Vec<PeerSync>,
}

impl Group {
    pub(crate) fn new(feeds: &[&Writer], peers: u8) -> Self {
        let heads: Heads = feeds.iter().filter_map(|w| w.head().map(|head| (w.feed.key(), head))).collect();
        let spread = Spread::new(channel(1), heads);
        let mut group = Self { spread, peers: (0..peers).map(|_| PeerSync::new(author(1))).collect() };
        (0..peers).for_each(|n| group.reconnect(n, 0));
        group
    }

    pub(crate) fn reconnect(&mut self, n: u8, now: u64) {
        let sync = &mut self.peers[usize::from(n)];
        sync.handle(SyncInput::Connected { channels: Vec::new() }, now);
        let (id, peer, frozen) = (channel(1), author(n + 2), BTreeSet::new());
        let spread = self.spread.clone();
        sync.handle(SyncInput::GroupAdded(SharedGroup { id, spread, peer, neighbour: true, frozen, activity: 0 }), now);
    }

    pub(crate) fn receive(&mut self, n: usize, frame: Vec<u8>, now: u64) -> Vec<SyncEffect> {
        self.peers[n].handle(SyncInput::Frame(frame), now)
    }

    pub(crate) fn tick(&mut self, n: usize, now: u64) -> Vec<SyncEffect> {
        self.peers[n].handle(SyncInput::Tick, now)
    }

    /// The next entry of `writer` becomes durable; what each machine makes of it.
    pub(crate) fn applied(&mut self, writer: &Writer, now: u64) -> Vec<Vec<SyncEffect>> {
        let (feed, head) = (writer.feed, writer.head().unwrap());
        self.peers.iter_mut().map(|sync| sync.handle(SyncInput::Applied { feed, head }, now)).collect()
    }
}

pub(crate) fn all_of(writer: &Writer) -> covey_feed::Run {
    assemble(writer.entries.clone(), RunLimits::default()).unwrap()
}

/// The digest of heads that are not ours.
pub(crate) fn other_heads(n: usize) -> Digest {
    let head = Head { seq: 1, id: id(1), lamport: 1 };
    let author = u8::try_from(n).unwrap() + 20;
    Spread::new(channel(1), [(feed(1, author).key(), head)].into_iter().collect()).digest()
}

pub(crate) fn violation(effects: &[SyncEffect]) -> Option<Violation> {
    effects.iter().find_map(|effect| if let SyncEffect::Violation(v) = effect { Some(*v) } else { None })
}

pub(crate) fn kinds(effects: &[SyncEffect]) -> Vec<u8> {
    sent(effects).map(|frame| frame[2]).collect()
}

#[test]
fn an_entry_is_passed_on_to_peers_in_the_tree_and_announced_to_the_others_but_not_to_who_has_it() {
    let writer = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[], 4);
    group.receive(1, raw::prune(channel(1)), 1);
    group.receive(3, raw::announce(channel(1), &[(writer.feed, 1, writer.entries[0].id())]), 1);
    assert_eq!(delivered(&group.receive(0, raw::run(writer.feed, &all_of(&writer)), 2)), 1);
    let effects = group.applied(&writer, 2);
    assert_eq!(effects[0], []);
    assert_eq!(effects[1], [], "announced later");
    assert!(matches!(effects[2][..], [SyncEffect::Serve { from: 1, .. }]));
    assert_eq!(effects[3], [], "it has it");
    let run = all_of(&writer);
    let served = SyncInput::Served { feed: writer.feed, from: 1, run: Some(run.clone()) };
    assert_eq!(group.peers[2].handle(served, 3), [SyncEffect::Send(raw::run(writer.feed, &run))]);
    let announced = raw::announce(channel(1), &[(writer.feed, 1, writer.entries[0].id())]);
    assert_eq!(group.tick(1, 2 + ANNOUNCE_DELAY), [SyncEffect::Send(announced)]);
    assert_eq!(group.tick(0, 2 + ANNOUNCE_DELAY), []);
    assert_eq!(group.tick(3, 2 + ANNOUNCE_DELAY), []);
}

#[test]
fn many_entries_are_announced_in_one_frame() {
    let mut group = Group::new(&[], 2);
    group.receive(1, raw::prune(channel(1)), 1);
    for n in 10..40 {
        let writer = Writer::new(1, n).written(&[1]);
        group.receive(0, raw::run(writer.feed, &all_of(&writer)), 2);
        group.applied(&writer, 2);
    }
    let effects = group.tick(1, 2 + ANNOUNCE_DELAY);
    assert_eq!(kinds(&effects), [raw::ANNOUNCE]);
}

#[test]
fn a_second_copy_takes_its_link_out_of_the_tree_and_a_graft_takes_it_back_in() {
    let mut writer = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[], 2);
    group.receive(0, raw::run(writer.feed, &all_of(&writer)), 1);
    assert!(matches!(group.applied(&writer, 1)[1][..], [SyncEffect::Serve { from: 1, .. }]));
    let run = Some(all_of(&writer));
    group.peers[1].handle(SyncInput::Served { feed: writer.feed, from: 1, run }, 1);
    let again = group.receive(1, raw::run(writer.feed, &all_of(&writer)), 2);
    assert_eq!(again, [SyncEffect::Send(raw::prune(channel(1)))]);
    let next = |writer: &mut Writer, group: &mut Group, now: u64| {
        let batch = writer.write(&["next"]);
        group.receive(0, raw::run(writer.feed, &batch.run()), now);
        group.applied(writer, now).remove(1)
    };
    assert_eq!(next(&mut writer, &mut group, 3), [], "not pushed");
    group.receive(1, raw::graft(channel(1)), 5_000);
    let pushed = next(&mut writer, &mut group, 5_001);
    assert!(matches!(pushed[..], [SyncEffect::Serve { from: 3, .. }]), "{pushed:?}");
}

#[test]
fn an_announced_entry_that_does_not_come_is_asked_of_one_peer_after_another() {
    let writer = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[], 3);
    (0..3).for_each(|n| drop(group.receive(n, raw::prune(channel(1)), 0)));
    let announced = raw::announce(channel(1), &[(writer.feed, 1, writer.entries[0].id())]);
    for n in 0..3 {
        assert_eq!(group.receive(n, announced.clone(), 1_000), [], "it may come by itself");
    }
    let first = group.tick(0, 1_000 + GRAFT_DELAY);
    assert_eq!(kinds(&first), [raw::GRAFT, raw::WANT]);
    for n in 1..3 {
        assert_eq!(kinds(&group.tick(n, 1_000 + GRAFT_DELAY)), [0u8; 0], "one at a time");
    }
    // The first one is silent.
    let mut asked = Vec::new();
    for now in (1_600..1_600 + 2 * LEASE).step_by(100) {
        for n in 1..3 {
            asked.extend(wants(&group.tick(n, now)).into_iter().map(|_| n));
        }
    }
    assert_eq!(asked, [1, 2][..asked.len()], "the next, then the one after it");
    assert!(!asked.is_empty());
    assert_eq!(delivered(&group.receive(1, raw::run(writer.feed, &all_of(&writer)), 9_000)), 1);
}

#[test]
fn an_announced_entry_that_came_by_itself_is_not_asked_for() {
    let writer = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[], 2);
    group.receive(1, raw::announce(channel(1), &[(writer.feed, 1, writer.entries[0].id())]), 1);
    group.receive(0, raw::run(writer.feed, &all_of(&writer)), 2);
    group.applied(&writer, 2);
    assert_eq!(group.tick(1, 1 + GRAFT_DELAY), []);
}

#[test]
fn announcing_what_does_not_exist_costs_the_peer_more_than_us() {
    let mut group = Group::new(&[], 1);
    let (mut asked, mut now) = (0, 0);
    for round in 0..30u64 {
        let claims: Vec<_> = (0..MAX_HEADS_PER_FRAME as u64)
            .map(|n| (FeedId { incarnation: round * 10_000 + n, ..feed(1, 9) }, 5, id(1)))
            .collect();
        group.receive(0, raw::announce(channel(1), &claims), now);
        for _ in 0..10 {
            now += 2_000;
            asked += wants(&group.tick(0, now)).len();
        }
    }
    assert!(asked <= 600 * MAX_ASKED / 20 + MAX_ASKED, "asked {asked} times in ten minutes");
}

#[test]
fn a_silent_liar_holds_up_an_entry_only_for_a_moment() {
    let writer = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[], 2);
    (0..2).for_each(|n| drop(group.receive(n, raw::prune(channel(1)), 0)));
    group.receive(0, raw::announce(channel(1), &[(writer.feed, 1_000, id(3))]), 1_000);
    assert_eq!(wants(&group.tick(0, 1_000 + GRAFT_DELAY)).len(), 1);
    group.receive(1, raw::announce(channel(1), &[(writer.feed, 1, writer.entries[0].id())]), 1_600);
    let asked = (1_600..1_500 + LEASE + 2 * GRAFT_DELAY + 100).step_by(100);
    let asked: usize = asked.map(|now| wants(&group.tick(1, now)).len()).sum();
    assert_eq!(asked, 1);
}

/// SYNC-14
#[test]
fn a_peer_that_sends_only_what_cannot_be_taken_yet_gives_way_to_the_next_that_is_compared_with() {
    let stranger = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[], 2);
    for n in 0..2 {
        group.receive(n, raw::summary(channel(1), 10, &other_heads(n)), 0);
    }
    let mut compared = Vec::new();
    for now in (0..30_000).step_by(500) {
        for n in 0..2 {
            let effects = group.tick(n, now);
            compared.extend(kinds(&effects).contains(&raw::COMPARE).then_some(n));
        }
        // It never answers, and goes on with what has to wait for something else.
        let effects = group.receive(0, raw::run(stranger.feed, &all_of(&stranger)), now);
        if delivered(&effects) > 0 {
            let (feed, reason) = (stranger.feed, Rejection::Busy);
            group.peers[0].handle(SyncInput::Rejected { feed, reason }, now);
        }
    }
    assert_eq!(compared[..2], [0, 1]);
}

/// SYNC-14
#[test]
fn the_only_peer_is_compared_with_again_if_its_answer_was_lost() {
    let mut group = Group::new(&[], 1);
    group.receive(0, raw::summary(channel(1), 10, &other_heads(1)), 0);
    let compared = |group: &mut Group, from: u64, to: u64| -> usize {
        (from..to).step_by(500).filter(|now| kinds(&group.tick(0, *now)).contains(&raw::COMPARE)).count()
    };
    assert_eq!(compared(&mut group, 0, 10_000), 1);
    group.receive(0, raw::summary(channel(1), 10, &other_heads(1)), 10_000);
    assert_eq!(compared(&mut group, 10_000, 60_000), 1);
}

#[test]
fn grafts_and_prunes_in_floods_are_violations_and_now_and_then_are_not() {
    let frames = [
        [raw::graft(channel(1)), raw::graft(channel(1))],
        [raw::prune(channel(1)), raw::prune(channel(1))],
        [raw::graft(channel(1)), raw::prune(channel(1))],
    ];
    for frames in frames {
        let mut group = Group::new(&[], 1);
        let mut flood = (0..5_000usize).map(|n| violation(&group.receive(0, frames[n % 2].clone(), n as u64 / 100)));
        let ended = flood.position(|violation| violation == Some(Violation::Misuse));
        assert!(ended.is_some_and(|at| at <= MISUSE_BURST as usize + 2), "{ended:?}");
        let mut group = Group::new(&[], 1);
        assert!((0..5_000usize).all(|n| violation(&group.receive(0, frames[n % 2].clone(), n as u64 * 300)).is_none()));
    }
}

#[test]
fn a_peer_that_goes_on_pushing_what_we_have_after_a_prune_is_shut_out() {
    let writer = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[&writer], 1);
    let run = raw::run(writer.feed, &all_of(&writer));
    assert_eq!(kinds(&group.receive(0, run.clone(), 1)), [raw::PRUNE]);
    for _ in 0..2_000 {
        assert_eq!(group.receive(0, run.clone(), PRUNE_GRACE), [], "these may have been on their way");
    }
    let ended = (0..2_000).position(|_| violation(&group.receive(0, run.clone(), PRUNE_GRACE + 2)).is_some());
    assert_eq!(ended, Some(usize::try_from(MISUSE_BURST).unwrap()));
}

#[test]
fn what_is_pushed_to_a_peer_is_bounded_however_much_is_written() {
    let mut own = Writer::new(1, 1);
    let mut group = Group::new(&[], 1);
    let large = "x".repeat(60_000);
    let mut bytes = 0;
    for _ in 0..100 {
        let batch = own.write(&[&large]);
        let appended = SyncInput::Appended { feed: own.feed, head: batch.head, run: Arc::new(batch.run()) };
        bytes += sent(&group.peers[0].handle(appended, 1)).map(<[u8]>::len).sum::<usize>();
    }
    assert!((1_000_000..1_200_000).contains(&bytes), "{bytes}");
    assert_eq!(kinds(&group.tick(0, 1 + ANNOUNCE_DELAY)), [raw::ANNOUNCE]);
}

#[test]
fn acknowledgements_go_to_the_author_alone() {
    let writer = Writer::new(1, 3).written(&[2]);
    let mut group = Group::new(&[], 3);
    group.receive(0, raw::run(writer.feed, &all_of(&writer)), 1);
    group.applied(&writer, 1);
    assert_eq!(group.tick(1, 1 + ANNOUNCE_DELAY), [SyncEffect::Send(raw::have(writer.feed, 2))], "author 3");
    assert_eq!(kinds(&group.tick(0, 1 + ANNOUNCE_DELAY)), [0u8; 0]);
}

#[test]
fn a_machine_that_goes_away_leaves_what_it_was_asking_to_the_others() {
    let writer = Writer::new(1, 9).written(&[1]);
    let mut group = Group::new(&[], 2);
    let announced = raw::announce(channel(1), &[(writer.feed, 1, writer.entries[0].id())]);
    (0..2).for_each(|n| drop(group.receive(n, announced.clone(), 1)));
    assert_eq!(wants(&group.tick(0, 1 + GRAFT_DELAY)).len(), 1);
    assert_eq!(wants(&group.tick(1, 1 + GRAFT_DELAY)).len(), 0);
    assert_eq!(group.spread.connected_neighbours(), 2);
    group.peers.remove(0);
    assert_eq!(group.spread.connected_neighbours(), 1);
    assert_eq!(wants(&group.tick(0, 1 + 2 * GRAFT_DELAY)).len(), 1);
}

#[test]
fn the_newest_group_is_fetched_first() {
    let mut sync = PeerSync::new(author(1));
    sync.handle(SyncInput::Connected { channels: Vec::new() }, 0);
    for (n, activity) in [(1, 20), (2, 30), (3, 10)] {
        let (id, peer, frozen) = (channel(n), author(2), BTreeSet::new());
        let spread = Spread::new(id, Heads::new());
        sync.handle(SyncInput::GroupAdded(SharedGroup { id, spread, peer, neighbour: true, frozen, activity }), 0);
    }
    let mut asked = Vec::new();
    for n in [3, 1, 2] {
        let claims: Vec<_> = (0..6).map(|i| (FeedId { incarnation: i, ..feed(n, 9) }, 5, id(1))).collect();
        asked.extend(wants(&sync.handle(SyncInput::Frame(raw::heads(channel(n), &claims)), 1)));
    }
    assert_eq!(asked.len(), MAX_ASKED, "the first that were heard of");
    let nothing = raw::nothing(asked[0].0);
    let next = wants(&sync.handle(SyncInput::Frame(nothing), 2));
    assert_eq!(next.iter().map(|(feed, _)| feed.channel).collect::<Vec<_>>(), [channel(2)]);
}

#[test]
fn frames_of_a_group_that_is_not_shared_are_refused_like_any_other() {
    let digest = Heads::new().digest(&channel(2));
    for frame in [
        raw::summary(channel(2), 1, &digest),
        raw::frame(raw::COMPARE, (channel(2), [serde_bytes::Bytes::new(&[0; 16])])),
        raw::announce(channel(2), &[(feed(2, 2), 1, id(1))]),
        raw::graft(channel(2)),
        raw::prune(channel(2)),
    ] {
        let mut group = Group::new(&[], 1);
        assert_eq!(group.receive(0, frame, 1), [SyncEffect::Send(raw::refused())]);
    }
}

#[test]
fn frames_of_groups_about_a_channel_that_is_none_do_no_harm() {
    let own = Writer::new(1, 1).written(&[2]);
    for frame in [
        raw::frame(raw::COMPARE, (channel(1), [serde_bytes::Bytes::new(&[0; 16])])),
        raw::graft(channel(1)),
        raw::prune(channel(1)),
    ] {
        let mut sync = raw::connected(&[&own], 0);
        assert_eq!(raw::receive(&mut sync, frame, 1), []);
    }
}
