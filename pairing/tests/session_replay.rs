//! A first message makes one session, once, on one device. `pairing/SPEC.md`, section Sessions.

mod session_support;

use covey_pairing::session::{DeviceSessions, SessionError, SessionParties, limits};
use session_support::{AAD, DAY, End, NOW, strangers};

/// A first message of Alice's, opened by Bob.
fn opened_first_message(one_time: bool) -> (End, End, Vec<u8>) {
    let (mut alice, mut bob) = strangers(1);
    let bundle = if one_time { bob.one_time_bundle() } else { bob.prekeys.bundle().clone() };
    alice.initiate(&bundle);
    let first = alice.seal(b"hello");
    bob.open(&first).expect("opens");
    (alice, bob, first)
}

/// Makes Bob lose the session by letting it age in the archive.
fn let_it_expire(alice: &mut End, bob: &mut End) {
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    let newer = alice.seal(b"a new session");
    bob.now += limits::ARCHIVE_KEPT_MS + 1;
    bob.open(&newer).expect("opens");
    assert_eq!(bob.sessions.archived_len(), 0, "the old one is forgotten");
}

fn refused(bob: &mut End, first: &[u8]) -> SessionError {
    let before = bob.state();
    let error = bob.open(first).expect_err("a replay");
    assert_eq!(bob.state(), before);
    error
}

/// [SESS-22]
#[test]
fn a_replayed_first_message_makes_no_second_session() {
    for one_time in [true, false] {
        let (_, mut bob, first) = opened_first_message(one_time);
        assert_eq!(refused(&mut bob, &first), SessionError::KeyGone);
        bob.restart();
        assert_eq!(refused(&mut bob, &first), SessionError::KeyGone);
    }
}

/// [SESS-22]
#[test]
fn a_replay_is_refused_also_when_the_session_is_long_gone() {
    for (one_time, expected) in [(true, SessionError::UnknownPrekey), (false, SessionError::Replayed)] {
        let (mut alice, mut bob, first) = opened_first_message(one_time);
        let_it_expire(&mut alice, &mut bob);
        assert_eq!(refused(&mut bob, &first), expected);
        bob.restart();
        assert_eq!(refused(&mut bob, &first), expected);
    }
}

/// [SESS-22]: what cannot be replayed any more need not be remembered.
#[test]
fn a_replay_is_refused_when_the_prekey_and_the_memory_of_it_are_gone() {
    let (mut alice, mut bob, first) = opened_first_message(false);
    let_it_expire(&mut alice, &mut bob);
    for days in [2, 4, 40] {
        bob.prekeys.rotate(&bob.device, NOW + days * DAY, &mut bob.rng);
    }
    let bundle = bob.prekeys.bundle().clone();
    alice.initiate(&bundle);
    let newest = alice.seal(b"with the new prekey");
    bob.open(&newest).expect("opens");
    assert_eq!(refused(&mut bob, &first), SessionError::UnknownPrekey);
}

/// [SESS-2]
#[test]
fn a_first_message_opens_on_no_other_device() {
    let (mut alice, mut bob) = strangers(2);
    alice.initiate(bob.prekeys.bundle());
    let first = alice.seal(b"hello");

    let mut other = End::new(3, 1, 2);
    assert_eq!(refused(&mut other, &first), SessionError::UnknownPrekey);
    // Nor when that device holds the very same prekeys.
    other.prekeys = bob.prekeys.clone();
    assert_eq!(refused(&mut other, &first), SessionError::Forged);
    // Nor in the sessions with another device, or another account, that shares the pair secret.
    let parties = *bob.sessions.parties();
    for parties in
        [SessionParties { their_device: [9; 32], ..parties }, SessionParties { their_account: [9; 32], ..parties }]
    {
        let mut elsewhere = DeviceSessions::new(
            parties,
            alice.device.dh.public(),
            covey_pairing::crypto::secret::Secret::new([0x5a; 32]),
        );
        let opened = elsewhere.decrypt(&bob.device, &mut bob.prekeys, &first, AAD, NOW);
        assert_eq!(opened, Err(SessionError::Forged));
    }
    bob.open(&first).expect("it was for Bob");
}

/// [SESS-22]
#[test]
fn as_many_first_messages_are_taken_as_are_remembered() {
    let (mut alice, mut bob) = strangers(3);
    for _ in 0..limits::MAX_REMEMBERED_HANDSHAKES {
        alice.initiate(bob.prekeys.bundle());
        let first = alice.seal(b"again");
        bob.open(&first).expect("opens");
    }
    assert_eq!(bob.sessions.archived_len(), limits::MAX_ARCHIVED);
    alice.initiate(bob.prekeys.bundle());
    let first = alice.seal(b"once too often");
    assert_eq!(refused(&mut bob, &first), SessionError::TooManyHandshakes);
    bob.restart();
    assert_eq!(refused(&mut bob, &first), SessionError::TooManyHandshakes);

    // A one-time pair needs no memory, and the memory ends with the prekey.
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    let first = alice.seal(b"one-time");
    bob.open(&first).expect("opens");
    for days in [2, 32] {
        bob.prekeys.rotate(&bob.device, NOW + days * DAY, &mut bob.rng);
    }
    alice.initiate(bob.prekeys.bundle());
    let first = alice.seal(b"later");
    bob.open(&first).expect("opens");
}
