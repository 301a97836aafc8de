//! The Double Ratchet against a plain model. `pairing/SPEC.md`, section Sessions.

mod session_support;

use covey_pairing::session::{SessionError, limits};
use proptest::{collection::vec, prelude::*, sample::Index};
use session_support::{End, friends};

/// What the model knows of one side.
struct Side {
    end: End,
    /// Number of our current turn.
    turn: usize,
    /// Newest turn of theirs that arrived.
    newest: usize,
    /// A turn of theirs arrived after ours began.
    must_turn: bool,
}

struct Message {
    envelope: Vec<u8>,
    text: Vec<u8>,
    turn: usize,
    opened: bool,
}

#[derive(Debug, Clone)]
enum Event {
    Send {
        from: usize,
    },
    /// Any message sent so far, in any order, any number of times.
    Deliver {
        to: usize,
        which: Index,
    },
    Tamper {
        to: usize,
        which: Index,
        at: Index,
        by: u8,
    },
    Restart {
        who: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..2usize;
    prop_oneof![
        4 => who.clone().prop_map(|from| Event::Send { from }),
        6 => (who.clone(), any::<Index>()).prop_map(|(to, which)| Event::Deliver { to, which }),
        1 => (who.clone(), any::<Index>(), any::<Index>(), 1..=255u8)
            .prop_map(|(to, which, at, by)| Event::Tamper { to, which, at, by }),
        1 => who.prop_map(|who| Event::Restart { who }),
    ]
}

fn deliver(side: &mut Side, message: &mut Message) -> Result<(), TestCaseError> {
    let before = side.end.state();
    let opened = side.end.open(&message.envelope);
    if message.opened || side.newest >= message.turn + limits::MAX_RECEIVING_CHAINS {
        prop_assert!(opened.is_err(), "opened twice, or kept longer than the limit");
        prop_assert_eq!(side.end.state(), before);
        return Ok(());
    }
    prop_assert_eq!(opened.as_ref(), Ok(&message.text));
    message.opened = true;
    if message.turn > side.newest {
        side.newest = message.turn;
        side.must_turn = true;
    }
    Ok(())
}

proptest! {
    /// [SESS-8] [SESS-10] [SESS-13]: loss (never delivered), reordering, duplication, replay, restart.
    #[test]
    fn every_message_opens_exactly_once_in_whatever_order(seed: u64, events in vec(event(), 0..150)) {
        let (alice, bob) = friends(seed);
        // `friends` exchanged turn 1 of both; the next of Alice is a new turn.
        let mut sides = [(alice, true), (bob, false)]
            .map(|(end, must_turn)| Side { end, turn: 1, newest: 1, must_turn });
        let mut sent: [Vec<Message>; 2] = [vec![], vec![]];
        for (i, event) in events.into_iter().enumerate() {
            match event {
                Event::Send { from } => {
                    let side = &mut sides[from];
                    side.turn += usize::from(side.must_turn);
                    side.must_turn = false;
                    let text = i.to_be_bytes().to_vec();
                    let envelope = side.end.seal(&text);
                    sent[1 - from].push(Message { envelope, text, turn: side.turn, opened: false });
                }
                Event::Deliver { to, which } if !sent[to].is_empty() => {
                    let at = which.index(sent[to].len());
                    deliver(&mut sides[to], &mut sent[to][at])?;
                }
                Event::Tamper { to, which, at, by } if !sent[to].is_empty() => {
                    let mut envelope = sent[to][which.index(sent[to].len())].envelope.clone();
                    let at = at.index(envelope.len());
                    envelope[at] ^= by;
                    let before = sides[to].end.state();
                    prop_assert!(sides[to].end.open(&envelope).is_err());
                    prop_assert_eq!(sides[to].end.state(), before);
                }
                Event::Deliver { .. } | Event::Tamper { .. } => {}
                Event::Restart { who } => sides[who].end.restart(),
            }
        }
    }
}

/// [SESS-9]
#[test]
fn a_message_may_skip_a_thousand_and_not_one_more() {
    let (mut alice, mut bob) = friends(1);
    let mut sent: Vec<_> = (0..1_003).map(|_| alice.seal(b"x")).collect();
    let before = bob.state();
    assert_eq!(bob.open(&sent[1_001]), Err(SessionError::TooFarAhead));
    assert_eq!(bob.state(), before);
    bob.open(&sent[1_000]).expect("a jump of 1,000");
    bob.open(&sent[1_002]).expect("from there on");
    // Of those skipped the newest 256 are kept: 1001, and 745 to 999.
    assert_eq!(bob.open(&sent[744]), Err(SessionError::KeyGone));
    for at in (745..1_000).chain([1_001]).rev() {
        bob.open(&sent[at]).expect("kept");
    }
    assert_eq!(bob.open(&sent.swap_remove(1_002)), Err(SessionError::KeyGone));
}

/// [SESS-9]: the limit also holds for what is skipped at the end of a turn.
#[test]
fn a_turn_may_leave_a_thousand_behind_and_not_one_more() {
    for (count, opens) in [(1_001, true), (1_002, false)] {
        let (mut alice, mut bob) = friends(2);
        let sent: Vec<_> = (0..count).map(|_| alice.seal(b"x")).collect();
        bob.open(&sent[0]).expect("opens");
        let back = bob.seal(b"y");
        alice.open(&back).expect("opens");
        let turn = alice.seal(b"z");
        assert_eq!(bob.open(&turn).is_ok(), opens, "{count}");
        if opens {
            bob.open(&sent[1_000]).expect("the newest 256 are kept");
            assert_eq!(bob.open(&sent[744]), Err(SessionError::KeyGone));
        }
    }
}

/// [SESS-9]
#[test]
fn five_receiving_chains_are_kept_and_the_oldest_goes() {
    let (mut alice, mut bob) = friends(3);
    let mut late = vec![];
    for _ in 0..6 {
        late.push(alice.seal(b"late"));
        let turn = alice.seal(b"turn");
        bob.open(&turn).expect("opens");
        let back = bob.seal(b"back");
        alice.open(&back).expect("opens");
    }
    assert_eq!(bob.open(&late[0]), Err(SessionError::Forged));
    for envelope in &late[1..] {
        assert_eq!(bob.open(envelope).as_deref(), Ok(&b"late"[..]));
    }
}

/// [SESS-18]
#[test]
fn the_largest_state_fits_its_bound() {
    let (mut alice, mut bob) = friends(4);
    let empty = session_support::encode(&bob.sessions).len();
    for _ in 0..limits::MAX_RECEIVING_CHAINS {
        let burst: Vec<_> = (0..=limits::MAX_SKIPPED_PER_CHAIN).map(|_| alice.seal(b"x")).collect();
        bob.open(&burst[limits::MAX_SKIPPED_PER_CHAIN]).expect("opens");
        let back = bob.seal(b"y");
        alice.open(&back).expect("opens");
    }
    let full = session_support::encode(&bob.sessions).len();
    assert!(full > empty + limits::MAX_RECEIVING_CHAINS * limits::MAX_SKIPPED_PER_CHAIN * 32);
    assert!((limits::MAX_ARCHIVED + 1) * full < limits::MAX_SESSIONS_BYTES, "{full} bytes a session");
    bob.restart();
}
