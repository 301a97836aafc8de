//! Whatever happened to two devices, they come to talk on one session. `pairing/SPEC.md`, section Sessions.

#[path = "../session_support/mod.rs"]
mod session_support;
mod world;

use covey_pairing::session::limits;
use proptest::{collection::vec, prelude::*};
use session_support::{End, friends, strangers};
use world::{ROUND_TRIPS, World, event};

proptest! {
    /// [SESS-14] [SESS-15] [SESS-16]
    #[test]
    fn any_history_settles_on_one_session_within_ten_round_trips(
        seed: u64,
        events in vec(event(), 0..80),
        crossing in vec(any::<bool>(), ROUND_TRIPS),
    ) {
        let (alice, bob) = strangers(seed);
        let mut world = World::new([alice, bob]);
        events.iter().for_each(|event| world.apply(event));
        world.settle(|i| crossing[i])?;
    }

    /// [SESS-14]: the worst case for a rule that lets the last one win.
    #[test]
    fn any_history_settles_in_lockstep(seed: u64, events in vec(event(), 0..80)) {
        let (alice, bob) = friends(seed);
        let mut world = World::new([alice, bob]);
        events.iter().for_each(|event| world.apply(event));
        world.settle(|_| true)?;
    }
}

/// [SESS-14]
#[test]
fn devices_that_initiate_at_the_same_moment_settle_without_losing_a_message() {
    for seed in 0..20 {
        let (alice, bob) = strangers(seed);
        let mut world = World::new([alice, bob]);
        let opened: Vec<bool> = (0..4).map(|_| world.round_trip(true)).collect();
        assert_eq!(opened, [true; 4], "seed {seed}");
        let [alice, bob] = &world.ends;
        assert_eq!(alice.sessions.active_id(), bob.sessions.active_id(), "seed {seed}");
        assert_eq!((alice.sessions.archived_len(), bob.sessions.archived_len()), (1, 1));
    }
}

/// [SESS-14] [SESS-17]: each side had retired the session the other one promoted, and both stayed apart for ever.
#[test]
fn devices_that_retired_each_others_session_settle() {
    let (alice, bob) = strangers(0);
    let mut world = World::new([alice, bob]);
    for from in [0, 0, 1] {
        world.send(from);
    }
    world.ends.iter_mut().for_each(|end| end.sessions.retire());
    world.settle(|_| false).expect("settles");
}

/// [SESS-15]
#[test]
fn an_archived_session_they_still_use_becomes_active_again() {
    let (mut alice, bob) = friends(1);
    let mut lost = bob.clone();
    let bundle = alice.one_time_bundle();
    lost.initiate(&bundle);
    let moved_on = lost.seal(b"a new session");
    alice.open(&moved_on).expect("opens");
    let newer = alice.sessions.active_id();

    // That device is restored to before it.
    let mut bob = bob;
    let old = bob.seal(b"the old one");
    assert_eq!(alice.open(&old).as_deref(), Ok(&b"the old one"[..]));
    assert_ne!(alice.sessions.active_id(), newer);
    let answer = alice.seal(b"understood");
    assert_eq!(bob.open(&answer).as_deref(), Ok(&b"understood"[..]));
}

/// [SESS-14]: rule 1.
#[test]
fn what_was_sent_before_they_saw_our_fresh_session_does_not_undo_it() {
    let (mut alice, mut bob) = friends(5);
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    let fresh = alice.sessions.active_id();
    let on_the_old_one = bob.seal(b"not seen yet");
    assert_eq!(alice.open(&on_the_old_one).as_deref(), Ok(&b"not seen yet"[..]));
    assert_eq!(alice.sessions.active_id(), fresh);
    let first = alice.seal(b"fresh");
    assert_eq!(bob.open(&first).as_deref(), Ok(&b"fresh"[..]));
    assert_eq!(bob.sessions.active_id(), fresh);
}

/// Alice follows Bob to a new session and speaks on it; then Bob is restored to before it and knows nothing of it.
fn bob_forgets_the_new_session(seed: u64) -> (End, End) {
    let (mut alice, bob) = friends(seed);
    let mut gone = bob.clone();
    let bundle = alice.one_time_bundle();
    gone.initiate(&bundle);
    let moved_on = gone.seal(b"a new session");
    alice.open(&moved_on).expect("opens");
    alice.seal(b"lost with it");
    (alice, bob)
}

/// [SESS-14]: rule 2, whichever id is smaller.
#[test]
fn a_session_they_start_is_followed_at_once() {
    for seed in 0..8 {
        let (mut alice, mut bob) = bob_forgets_the_new_session(seed);
        bob.initiate(alice.prekeys.bundle());
        let fresh = bob.seal(b"fresh");
        alice.open(&fresh).expect("opens");
        assert_eq!(alice.sessions.active_id(), bob.sessions.active_id(), "seed {seed}");
    }
}

/// [SESS-14]: rule 3, whichever id is smaller.
#[test]
fn a_preferred_session_they_do_not_have_is_given_up() {
    let mut preferred = 0;
    for seed in 0..8 {
        let (mut alice, mut bob) = bob_forgets_the_new_session(seed);
        for strike in 1..=limits::MAX_STRIKES {
            let said = bob.seal(b"on the old one");
            alice.open(&said).expect("opens");
            let followed = alice.sessions.active_id() == bob.sessions.active_id();
            assert!(followed || strike < limits::MAX_STRIKES, "seed {seed}");
            preferred += u8::from(!followed);
        }
        let answer = alice.seal(b"understood");
        assert_eq!(bob.open(&answer).as_deref(), Ok(&b"understood"[..]), "seed {seed}");
    }
    assert!(preferred > 0, "among eight seeds one prefers the new session");
}

/// [SESS-15]
#[test]
fn the_least_recently_used_of_too_many_sessions_goes() {
    let (mut alice, mut bob) = friends(6);
    let [used, unused] = [0, 1].map(|_| {
        let bundle = bob.one_time_bundle();
        alice.initiate(&bundle);
        let envelopes = [alice.seal(b"first"), alice.seal(b"late"), alice.seal(b"later"), alice.seal(b"newest")];
        bob.open(&envelopes[0]).expect("opens");
        bob.open(&envelopes[3]).expect("opens");
        envelopes
    });
    for i in 0..limits::MAX_ARCHIVED {
        bob.now += 1_000;
        if i == limits::MAX_ARCHIVED / 2 {
            bob.open(&used[1]).expect("still there");
        }
        let bundle = bob.one_time_bundle();
        alice.initiate(&bundle);
        let first = alice.seal(b"first");
        bob.open(&first).expect("opens");
    }
    assert_eq!(bob.sessions.archived_len(), limits::MAX_ARCHIVED);
    assert_eq!(bob.open(&used[2]).as_deref(), Ok(&b"later"[..]));
    assert!(bob.open(&unused[1]).is_err(), "evicted");
}

/// [SESS-15]
#[test]
fn a_late_message_of_an_archived_session_opens_and_changes_nothing_else() {
    let (mut alice, mut bob) = friends(2);
    let (late, newest) = (bob.seal(b"late"), bob.seal(b"newest"));
    alice.open(&newest).expect("opens");
    let bundle = alice.one_time_bundle();
    bob.initiate(&bundle);
    let fresh = bob.seal(b"fresh");
    alice.open(&fresh).expect("opens");
    let active = alice.sessions.active_id();
    assert_eq!(alice.open(&late).as_deref(), Ok(&b"late"[..]));
    assert_eq!(alice.sessions.active_id(), active);
}

/// [SESS-16]
#[test]
fn a_desync_is_healed_by_a_fresh_handshake() {
    let (mut alice, bob) = friends(3);
    let mut restored = bob.clone();
    let mut bob = bob;
    for _ in 0..3 {
        let said = bob.seal(b"before the disk died");
        alice.open(&said).expect("opens");
        let back = alice.seal(b"answer");
        bob.open(&back).expect("opens");
    }
    restored.sessions.retire();
    assert!(!restored.sessions.can_send());
    let unreadable = alice.seal(b"wrapped key");
    let error = restored.open(&unreadable).expect_err("the state is gone");
    assert!(error.heals_by_initiating());
    restored.initiate(alice.prekeys.bundle());
    let ask = restored.seal(b"please wrap again");
    assert_eq!(alice.open(&ask).as_deref(), Ok(&b"please wrap again"[..]));
    let again = alice.seal(b"wrapped key");
    assert_eq!(restored.open(&again).as_deref(), Ok(&b"wrapped key"[..]));
    assert_eq!(alice.sessions.active_id(), restored.sessions.active_id());
}

/// [SESS-17]
#[test]
fn a_retired_session_sends_again_only_under_a_fresh_ratchet_key() {
    let (mut alice, mut bob) = friends(4);
    let reply = alice.seal(b"reply");
    alice.sessions.retire();
    let same_turn = bob.seal(b"still readable");
    assert_eq!(alice.open(&same_turn).as_deref(), Ok(&b"still readable"[..]));
    assert!(!alice.sessions.can_send());

    bob.open(&reply).expect("opens");
    let next_turn = bob.seal(b"I saw your reply");
    assert_eq!(alice.open(&next_turn).as_deref(), Ok(&b"I saw your reply"[..]));
    assert!(alice.sessions.can_send());
    let fresh = alice.seal(b"fresh");
    assert_eq!(bob.open(&fresh).as_deref(), Ok(&b"fresh"[..]));
}
