//! Post-quantum steps in the ordinary life of a session. `pairing/SPEC.md`, section Sessions, *Healing*.

mod session_support;

use covey_pairing::session::{SessionError, limits};
use session_support::{DAY, End, NOW, encode, friends, steps, strangers};

/// One message; what its header says of steps.
fn say(from: &mut End, to: &mut End) -> steps::Said {
    let envelope = from.seal(b"text");
    assert_eq!(to.open(&envelope).as_deref(), Ok(&b"text"[..]));
    steps::of(&envelope)
}

fn ping_pong(alice: &mut End, bob: &mut End, round_trips: usize) {
    for _ in 0..round_trips {
        say(alice, bob);
        say(bob, alice);
    }
}

fn epochs(alice: &End, bob: &End) -> [u64; 2] {
    [alice.sessions.epoch(), bob.sessions.epoch()]
}

/// [SESS-24] [SESS-25]: offer, answer, step.
#[test]
fn a_step_is_made_after_fifty_messages() {
    let (mut alice, mut bob) = friends(1);
    // Two were exchanged.
    ping_pong(&mut alice, &mut bob, 24);
    let offer = say(&mut alice, &mut bob);
    assert!(offer.k.is_some() && offer.a.is_none() && offer.e == 0, "after fifty messages");
    let answer = say(&mut bob, &mut alice);
    assert!(answer.k.is_none() && answer.a.is_some() && answer.e == 0);
    let step = say(&mut alice, &mut bob);
    assert_eq!((step.e, &step.s), (1, &answer.a.map(|answer| answer.0)));
    assert!(step.k.is_none() && step.a.is_none());
    assert_eq!(epochs(&alice, &bob), [1, 1]);
    let next = say(&mut bob, &mut alice);
    assert_eq!((next.e, next.s), (1, None));
    ping_pong(&mut alice, &mut bob, 23);
    assert!(say(&mut alice, &mut bob).k.is_none(), "47 messages since");
}

/// [SESS-24]
#[test]
fn a_step_is_made_after_seven_days() {
    let (mut alice, mut bob) = friends(2);
    for end in [&mut alice, &mut bob] {
        end.now = NOW + 7 * DAY - 1;
    }
    assert!(say(&mut alice, &mut bob).k.is_none());
    bob.now = NOW + 7 * DAY;
    assert!(say(&mut bob, &mut alice).k.is_some());
    assert!(say(&mut alice, &mut bob).a.is_some());
    assert!(say(&mut bob, &mut alice).s.is_some());
    assert_eq!(epochs(&alice, &bob), [1, 1]);
}

/// [SESS-24]: one-time pairs are as good as a step.
#[test]
fn a_session_from_a_last_resort_key_or_after_another_one_steps_at_once() {
    let (mut alice, mut bob) = strangers(3);
    alice.initiate(bob.prekeys.bundle());
    assert!(say(&mut alice, &mut bob).k.is_some(), "with the first message");
    let answer = say(&mut bob, &mut alice);
    assert!(answer.a.is_some() && answer.k.is_none(), "one step is enough for both");
    assert!(say(&mut alice, &mut bob).s.is_some());

    let bundle = alice.one_time_bundle();
    bob.initiate(&bundle);
    assert!(say(&mut bob, &mut alice).k.is_some(), "it takes the place of another one");

    let (mut alice, mut bob) = strangers(4);
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    assert!(say(&mut alice, &mut bob).k.is_none());
    assert!(say(&mut bob, &mut alice).k.is_none());
}

/// [SESS-24]: what a thief may have is not enough; and who asked is told once the step is made.
#[test]
fn a_step_that_is_asked_for_is_made_at_once_with_a_fresh_key() {
    let (mut alice, mut bob) = friends(5);
    alice.sessions.renew();
    let first = say(&mut alice, &mut bob).k;
    assert!(first.is_some());
    // Again, while the key of before is not answered yet.
    alice.sessions.renew();
    assert!(say(&mut bob, &mut alice).a.is_some());
    let step = say(&mut alice, &mut bob);
    assert!(step.s.is_some() && step.k.is_some() && step.k != first);
    assert!(alice.sessions.take_healed());
    assert!(!alice.sessions.take_healed() && !bob.sessions.take_healed());
    say(&mut bob, &mut alice);
    say(&mut alice, &mut bob);
    assert_eq!(epochs(&alice, &bob), [2, 2]);
    assert!(alice.sessions.take_healed());
}

/// [SESS-24]
#[test]
fn a_session_that_was_retired_steps_as_soon_as_it_sends_again() {
    let (mut alice, mut bob) = friends(6);
    let reply = alice.seal(b"reply");
    alice.sessions.retire();
    bob.open(&reply).expect("opens");
    say(&mut bob, &mut alice);
    assert!(say(&mut alice, &mut bob).k.is_some());
}

/// [SESS-25]: an offer, an answer or a step that is lost with its envelope is made up for.
#[test]
fn whatever_first_envelope_is_lost_the_step_is_made_and_everything_else_opens() {
    // Which of the next first envelopes are lost.
    for lost in 0..16u32 {
        let (mut alice, mut bob) = friends(7);
        alice.sessions.renew();
        for turn in 0..12 {
            let (from, to) = if turn % 2 == 0 { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
            let (first, second) = (from.seal(b"first"), from.seal(b"second"));
            if turn >= 4 || lost & (1 << turn) == 0 {
                assert_eq!(to.open(&first).as_deref(), Ok(&b"first"[..]), "lost {lost:#b}, turn {turn}");
            }
            assert_eq!(to.open(&second).as_deref(), Ok(&b"second"[..]), "lost {lost:#b}, turn {turn}");
        }
        assert_eq!(epochs(&alice, &bob), [1, 1], "lost {lost:#b}");
    }
}

/// [SESS-25]: the same when it comes late, after the answer was begun or even later.
#[test]
fn whatever_first_envelope_comes_late_the_step_is_made_and_everything_opens() {
    for late in 0..64u32 {
        for by in 1..4 {
            let (mut alice, mut bob) = friends(8);
            alice.sessions.renew();
            bob.sessions.renew();
            let mut waiting: Vec<(u32, usize, Vec<u8>)> = Vec::new();
            for turn in 0..16u32 {
                let (from, to) = if turn % 2 == 0 { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
                let (first, second) = (from.seal(b"first"), from.seal(b"second"));
                if late & (1 << turn) == 0 {
                    to.open(&first).expect("opens");
                } else {
                    waiting.push((turn + by, usize::from(turn % 2 == 0), first));
                }
                to.open(&second).expect("opens");
                for (_, to, first) in waiting.extract_if(.., |(until, ..)| *until == turn) {
                    let to = if to == 0 { &mut alice } else { &mut bob };
                    assert_eq!(to.open(&first).as_deref(), Ok(&b"first"[..]), "late {late:#b} by {by}");
                }
            }
            let [a, b] = epochs(&alice, &bob);
            assert!(a == b && a > 0, "late {late:#b} by {by}: {a} {b}");
        }
    }
}

/// [SESS-25]: both offer at the same moment; the first step ends what was under way.
#[test]
fn offers_that_cross_lead_to_steps_of_both() {
    let (mut alice, mut bob) = friends(9);
    alice.sessions.renew();
    bob.sessions.renew();
    let (offer, more) = (alice.seal(b"offer"), alice.seal(b"more"));
    bob.open(&more).expect("opens");
    assert!(say(&mut bob, &mut alice).k.is_some(), "without having seen the other one");
    bob.open(&offer).expect("opens");
    ping_pong(&mut alice, &mut bob, 10);
    assert_eq!(epochs(&alice, &bob), [2, 2], "both were asked to, so each made one with a key of its own");
    assert!(alice.sessions.take_healed() && bob.sessions.take_healed());
}

/// [SESS-26]: at most two decapsulation keys, erased when used and after 30 days.
#[test]
fn decapsulation_keys_are_few_and_erased_in_time() {
    let (mut alice, mut bob) = friends(10);
    let keys = |end: &End| steps::decapsulation_keys(&end.sessions);
    for _ in 0..5 {
        // Bob sees none of the offers.
        alice.sessions.renew();
        let (_, second) = (alice.seal(b"offer"), alice.seal(b"more"));
        bob.open(&second).expect("opens");
        say(&mut bob, &mut alice);
        assert!(keys(&alice) <= limits::MAX_KEM_OFFERS);
    }
    assert_eq!(keys(&alice), 2);
    let mut in_time = (alice.clone(), bob.clone());
    ping_pong(&mut in_time.0, &mut in_time.1, 3);
    assert_eq!(keys(&in_time.0), 0, "used");

    let (offer, _) = (alice.seal(b"offer"), alice.seal(b"more"));
    bob.open(&offer).expect("opens");
    let answer = bob.seal(b"answer");
    alice.now += limits::OFFER_KEPT_MS;
    assert!(alice.sessions.expire(alice.now));
    assert!(!alice.sessions.expire(alice.now));
    assert_eq!(keys(&alice), 0, "too old");
    assert_eq!(alice.open(&answer).as_deref(), Ok(&b"answer"[..]), "an answer that comes too late is no error");
    bob.now = alice.now;
    ping_pong(&mut alice, &mut bob, 4);
    let [a, b] = epochs(&alice, &bob);
    assert!(a == b && a > 0, "with another key: {a} {b}");
}

/// [SESS-24]: what steps cost.
#[test]
fn a_thousand_messages_carry_less_than_fifty_bytes_each_for_steps() {
    for burst in [1, 2, 5, 50, 1_000] {
        let (mut alice, mut bob) = friends(11);
        let (mut sent, mut bytes) = (0, 0);
        while sent < 1_000 {
            for i in 0..burst {
                let envelope = alice.seal(b"");
                bytes += steps::bytes(&envelope);
                if i == 0 || i + 1 == burst {
                    bob.open(&envelope).expect("opens");
                }
            }
            sent += burst;
            std::mem::swap(&mut alice, &mut bob);
        }
        assert!(bytes / sent <= 50, "{} bytes a message in bursts of {burst}", bytes / sent);
        assert!(burst > 1 || alice.sessions.epoch() >= 18, "{} steps", alice.sessions.epoch());
    }
}

/// [SESS-26]: whatever the number of steps, state stays small and sessions go on.
#[test]
fn ten_thousand_steps_leave_nothing_behind() {
    let (mut alice, mut bob) = friends(13);
    let mut steps = |count| {
        for _ in 0..count {
            alice.sessions.renew();
            ping_pong(&mut alice, &mut bob, 1);
        }
        encode(&alice.sessions).len()
    };
    let (before, after) = (steps(10), steps(9_991));
    assert!(after < before + 100, "{before} bytes, then {after}");
    assert!(alice.sessions.epoch() >= 10_000);
    ping_pong(&mut alice, &mut bob, 2);
    assert_eq!(alice.sessions.epoch(), bob.sessions.epoch());
}

/// [SESS-25]: state restored between offer and answer, on either side, known or not.
#[test]
fn a_state_restored_between_offer_and_answer_settles() {
    for (who, aware, after) in (0..2)
        .flat_map(|who| [true, false].map(|aware| (who, aware)))
        .flat_map(|(who, aware)| (0..4).map(move |after| (who, aware, after)))
    {
        let (alice, bob) = friends(14);
        let mut ends = [alice, bob];
        ends[0].sessions.renew();
        let mut snapshot = None;
        for turn in 0..5 {
            if turn == after {
                snapshot = Some(ends[who].clone());
            }
            let envelope = ends[turn % 2].seal(b"text");
            ends[1 - turn % 2].open(&envelope).expect("opens");
        }
        let rng = ends[who].rng.clone();
        ends[who] = End { rng, ..snapshot.expect("taken") };
        if aware {
            ends[who].sessions.retire();
        }
        let mut opened = Vec::new();
        for turn in 0..20 {
            let (from, to) = (turn % 2, 1 - turn % 2);
            if !ends[from].sessions.can_send() {
                let bundle = ends[to].prekeys.bundle().clone();
                ends[from].initiate(&bundle);
            }
            let envelope = ends[from].seal(b"text");
            let before = ends[to].state();
            let outcome = ends[to].open(&envelope);
            if let Err(error) = &outcome {
                assert_eq!(ends[to].state(), before, "{error}");
                assert!(error.heals_by_initiating(), "{error}");
                let bundle = ends[from].prekeys.bundle().clone();
                ends[to].initiate(&bundle);
            }
            opened.push(outcome.is_ok());
        }
        assert!(opened[10..].iter().all(|opened| *opened), "{who} {aware} {after}: {opened:?}");
        let [a, b] = epochs(&ends[0], &ends[1]);
        assert!(a == b && a > 0, "{who} {aware} {after}: {a} {b}");
    }
}

/// [SESS-6]: what was sent before the upgrade is read after it, and nothing of suite 1 begins.
#[test]
fn an_answer_is_good_for_one_step() {
    let (mut alice, mut bob) = friends(15);
    alice.sessions.renew();
    say(&mut alice, &mut bob);
    let answer = bob.seal(b"answer");
    alice.open(&answer).expect("opens");
    let before = alice.state();
    assert_eq!(alice.open(&answer), Err(SessionError::KeyGone), "replayed");
    assert_eq!(alice.state(), before);
    say(&mut alice, &mut bob);
    let before = alice.state();
    assert_eq!(alice.open(&answer), Err(SessionError::KeyGone), "replayed after the step");
    assert_eq!(alice.state(), before);
}
