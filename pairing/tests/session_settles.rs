//! Whatever happened to two devices, they come to talk on one session. `pairing/SPEC.md`, section Sessions.

mod session_support;

use covey_pairing::session::limits;
use proptest::{collection::vec, prelude::*, sample::Index};
use session_support::{DAY, End, friends, strangers};

const ROUND_TRIPS: usize = 10;

/// Both devices, what is on its way, and what each could be restored from.
struct World {
    ends: [End; 2],
    /// `on_the_way[to]`.
    on_the_way: [Vec<Vec<u8>>; 2],
    snapshots: [End; 2],
    one_time: bool,
}

#[derive(Debug, Clone)]
enum Event {
    Send {
        from: usize,
    },
    Deliver {
        to: usize,
    },
    Drop {
        to: usize,
        which: Index,
    },
    Shuffle {
        to: usize,
        by: Vec<Index>,
    },
    Duplicate {
        to: usize,
        which: Index,
    },
    Snapshot {
        who: usize,
    },
    /// From an old snapshot, knowing it (`retire`) or not.
    Restore {
        who: usize,
        aware: bool,
    },
    /// A fresh handshake over whatever there is.
    Archive {
        who: usize,
    },
    Retire {
        who: usize,
    },
    Restart {
        who: usize,
    },
    /// A post-quantum step is due.
    Renew {
        who: usize,
    },
    /// Days go by; on the seventh a step is due, after a month keys are erased.
    Wait {
        days: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..2usize;
    prop_oneof![
        6 => who.clone().prop_map(|from| Event::Send { from }),
        6 => who.clone().prop_map(|to| Event::Deliver { to }),
        1 => (who.clone(), any::<Index>()).prop_map(|(to, which)| Event::Drop { to, which }),
        1 => (who.clone(), vec(any::<Index>(), 8)).prop_map(|(to, by)| Event::Shuffle { to, by }),
        1 => (who.clone(), any::<Index>()).prop_map(|(to, which)| Event::Duplicate { to, which }),
        1 => who.clone().prop_map(|who| Event::Snapshot { who }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, aware)| Event::Restore { who, aware }),
        1 => who.clone().prop_map(|who| Event::Archive { who }),
        1 => who.clone().prop_map(|who| Event::Retire { who }),
        1 => who.clone().prop_map(|who| Event::Restart { who }),
        2 => who.prop_map(|who| Event::Renew { who }),
        1 => (1..40u64).prop_map(|days| Event::Wait { days }),
    ]
}

impl World {
    fn new(ends: [End; 2]) -> Self {
        Self { snapshots: ends.clone(), ends, on_the_way: [vec![], vec![]], one_time: false }
    }

    /// Published and one-time bundles in turn.
    fn initiate(&mut self, who: usize) {
        self.one_time = !self.one_time;
        let other = &mut self.ends[1 - who];
        let bundle = if self.one_time { other.one_time_bundle() } else { other.prekeys.bundle().clone() };
        self.ends[who].initiate(&bundle);
    }

    fn send(&mut self, from: usize) {
        if !self.ends[from].sessions.can_send() {
            self.initiate(from);
        }
        let envelope = self.ends[from].seal(b"text");
        self.on_the_way[1 - from].push(envelope);
    }

    /// True when it was opened. As a node does, who cannot open something new starts a session.
    fn deliver(&mut self, to: usize) -> bool {
        if self.on_the_way[to].is_empty() {
            return true;
        }
        let envelope = self.on_the_way[to].remove(0);
        let before = self.ends[to].state();
        match self.ends[to].open(&envelope) {
            Ok(text) => {
                assert_eq!(text, b"text");
                true
            }
            Err(error) => {
                assert_eq!(self.ends[to].state(), before, "{error} changed the state");
                assert!(error.heals_by_initiating(), "{error}");
                self.initiate(to);
                false
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Send { from } => self.send(*from),
            Event::Deliver { to } => drop(self.deliver(*to)),
            Event::Drop { to, which } => {
                let way = &mut self.on_the_way[*to];
                (!way.is_empty()).then(|| way.remove(which.index(way.len())));
            }
            Event::Shuffle { to, by } => {
                let way = &mut self.on_the_way[*to];
                let len = way.len();
                (0..len).zip(by).for_each(|(i, j)| way.swap(i, j.index(len)));
            }
            Event::Duplicate { to, which } => {
                let way = &mut self.on_the_way[*to];
                (!way.is_empty()).then(|| way.push(way[which.index(way.len())].clone()));
            }
            Event::Snapshot { who } => self.snapshots[*who] = self.ends[*who].clone(),
            Event::Restore { who, aware } => {
                // The random source is never restored.
                let End { rng, now, .. } = self.ends[*who].clone();
                self.ends[*who] = End { rng, now, ..self.snapshots[*who].clone() };
                self.wait(0);
                if *aware {
                    self.ends[*who].sessions.retire();
                }
            }
            Event::Archive { who } => self.initiate(*who),
            Event::Retire { who } => self.ends[*who].sessions.retire(),
            Event::Restart { who } => self.ends[*who].restart(),
            Event::Renew { who } => self.ends[*who].sessions.renew(),
            Event::Wait { days } => self.wait(*days * DAY),
        }
    }

    /// Prekeys are rotated as a node does.
    fn wait(&mut self, ms: u64) {
        let now = self.ends[0].now.max(self.ends[1].now) + ms;
        for end in &mut self.ends {
            end.now = now;
            end.prekeys.rotate(&end.device, now, &mut end.rng);
        }
    }

    /// One message each way; at the same moment or one after the other. True when both were opened.
    fn round_trip(&mut self, crossing: bool) -> bool {
        self.send(0);
        let there = if crossing { None } else { Some(self.deliver(1)) };
        self.send(1);
        let there = there.unwrap_or_else(|| self.deliver(1));
        there & self.deliver(0)
    }

    fn settle(&mut self, crossing: impl Fn(usize) -> bool) -> Result<(), TestCaseError> {
        for to in [0, 1] {
            while !self.on_the_way[to].is_empty() {
                self.deliver(to);
            }
        }
        let opened: Vec<bool> = (0..ROUND_TRIPS).map(|i| self.round_trip(crossing(i))).collect();
        prop_assert_eq!(opened.last(), Some(&true), "still not opened: {:?}", opened);
        let [a, b] = &self.ends;
        prop_assert_eq!(a.sessions.active_id(), b.sessions.active_id());
        prop_assert!(a.sessions.is_answered() && b.sessions.is_answered());
        let before = a.sessions.active_id();
        prop_assert!(self.round_trip(crossing(0)));
        prop_assert_eq!(self.ends[0].sessions.active_id(), before, "settled, and then moved on");
        prop_assert_eq!(self.ends[1].sessions.active_id(), before, "settled, and then moved on");
        self.step(&crossing)
    }

    /// A step that is asked for then is made, and both agree on it.
    fn step(&mut self, crossing: &impl Fn(usize) -> bool) -> Result<(), TestCaseError> {
        let epochs = |world: &Self| world.ends.each_ref().map(|end| end.sessions.epoch());
        self.ends[0].sessions.renew();
        let before = epochs(self)[0];
        for i in 0..ROUND_TRIPS {
            prop_assert!(self.round_trip(crossing(i)));
        }
        prop_assert!(epochs(self)[0] > before, "no step was made");
        prop_assert!(self.ends[0].sessions.take_healed());
        // One of the two has seen the newest step, the other sees it with the next message.
        while !self.round_trip(false) {}
        prop_assert_eq!(epochs(self)[0], epochs(self)[1]);
        Ok(())
    }
}

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
