//! The ordinary life of sessions. `pairing/SPEC.md`, section Sessions.

mod session_support;

use covey_pairing::session::{DeviceSessions, PrekeyBundle, PrekeyStore, SessionError, limits};
use session_support::{AAD, DAY, End, NOW, friends, strangers};

/// [SESS-1] [SESS-12]
#[test]
fn two_devices_talk_both_ways() {
    let (mut alice, mut bob) = friends(1);
    for turn in 0..20u8 {
        let there = alice.seal(&[turn; 32]);
        assert_eq!(bob.open(&there).as_deref(), Ok(&[turn; 32][..]));
        let back = bob.seal(&[turn; 33]);
        assert_eq!(alice.open(&back).as_deref(), Ok(&[turn; 33][..]));
    }
    assert_eq!(alice.sessions.active_id(), bob.sessions.active_id());
    assert_eq!((alice.sessions.archived_len(), bob.sessions.archived_len()), (0, 0));
}

/// [SESS-4]
#[test]
fn a_session_also_starts_from_the_published_bundle() {
    let (mut alice, mut bob) = strangers(2);
    let published = PrekeyBundle::from_bytes(&bob.prekeys.bundle().to_bytes()).expect("a bundle");
    assert!(!published.is_one_time());
    alice.initiate(&published);
    let hello = alice.seal(b"hello");
    assert_eq!(bob.open(&hello).as_deref(), Ok(&b"hello"[..]));
}

/// [SESS-7]
#[test]
fn the_handshake_is_repeated_until_it_is_answered() {
    let (mut alice, mut bob) = strangers(3);
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    let (first, second, third) = (alice.seal(b"1"), alice.seal(b"2"), alice.seal(b"3"));
    assert!(!alice.sessions.is_answered());
    assert!(third.len() > 1_088, "the handshake is in every one");

    // Any of them opens the session.
    assert_eq!(bob.open(&second).as_deref(), Ok(&b"2"[..]));
    assert_eq!(bob.open(&first).as_deref(), Ok(&b"1"[..]));
    let answer = bob.seal(b"yes");
    assert_eq!(alice.open(&answer).as_deref(), Ok(&b"yes"[..]));
    assert!(alice.sessions.is_answered());
    assert_eq!(bob.open(&third).as_deref(), Ok(&b"3"[..]));
    let wrap = alice.seal(&[7; 32]);
    assert!(wrap.len() <= 110, "a wrapped content key takes {} bytes", wrap.len());
}

/// [SESS-7]
#[test]
fn the_handshake_is_not_repeated_to_a_device_that_keeps_it() {
    let (mut alice, mut bob) = strangers(3);
    alice.initiate(&bob.one_time_bundle());
    let first = alice.seal(b"1");
    assert!(!alice.sessions.arrived(&bob.prekeys.bundle().to_bytes()), "that is no envelope");
    assert!(alice.sessions.arrived(&first));
    assert!(!alice.sessions.arrived(&first), "that is known");
    assert!(!alice.sessions.is_answered(), "which of two sessions counts is decided as before");
    alice.restart();
    let second = alice.seal(b"2");
    assert!(second.len() <= 110, "the handshake takes {} bytes", second.len());
    assert_eq!(bob.open(&first).as_deref(), Ok(&b"1"[..]));
    assert_eq!(bob.open(&second).as_deref(), Ok(&b"2"[..]));

    // Nothing that was said on another session, or without the handshake, says that this one arrived.
    alice.initiate(&bob.one_time_bundle());
    for earlier in [&first, &second] {
        assert!(!alice.sessions.arrived(earlier));
    }
    assert!(alice.seal(b"3").len() > 1_088);
}

/// [SESS-5]
#[test]
fn a_one_time_pair_is_deleted_when_it_was_used() {
    let (mut alice, mut bob) = strangers(4);
    let bundle = bob.one_time_bundle();
    assert!(bundle.is_one_time());
    assert_eq!(bob.prekeys.one_time_len(), 1);
    alice.initiate(&bundle);
    let hello = alice.seal(b"hello");
    bob.open(&hello).expect("opens");
    assert_eq!(bob.prekeys.one_time_len(), 0);
}

/// [SESS-5]
#[test]
fn a_limited_number_of_one_time_pairs_is_kept() {
    let (_, mut bob) = strangers(5);
    for _ in 0..limits::MAX_ONE_TIME + 5 {
        bob.one_time_bundle();
    }
    assert_eq!(bob.prekeys.one_time_len(), limits::MAX_ONE_TIME);
    assert!(bob.state().len() < limits::MAX_STORE_BYTES);
    bob.restart();
}

/// [SESS-5]
#[test]
fn nobody_can_flush_the_one_time_pairs_of_others() {
    let (mut alice, mut bob) = strangers(7);
    let bundle = bob.one_time_bundle_for(&[1; 32]);
    // Others hold what room there is, and mallory takes pairs without end.
    for other in 0..limits::MAX_ONE_TIME - 2 {
        let mut holder = [2; 32];
        holder[..8].copy_from_slice(&other.to_be_bytes());
        bob.one_time_bundle_for(&holder);
    }
    for _ in 0..1_000 {
        bob.one_time_bundle_for(&[66; 32]);
    }
    assert_eq!(bob.prekeys.one_time_len(), limits::MAX_ONE_TIME);
    alice.initiate(&bundle);
    let hello = alice.seal(b"hello");
    assert_eq!(bob.open(&hello).as_deref(), Ok(&b"hello"[..]));
}

/// [SESS-5]
#[test]
fn an_account_holds_a_few_one_time_pairs_and_none_once_it_is_forgotten() {
    let (mut alice, mut bob) = strangers(8);
    let oldest = bob.one_time_bundle_for(&[66; 32]);
    for _ in 0..limits::MAX_ONE_TIME_EACH {
        bob.one_time_bundle_for(&[66; 32]);
    }
    assert_eq!(bob.prekeys.one_time_len(), limits::MAX_ONE_TIME_EACH);
    alice.initiate(&oldest);
    let late = alice.seal(b"late");
    assert_eq!(bob.open(&late), Err(SessionError::UnknownPrekey));
    bob.one_time_bundle_for(&[1; 32]);
    bob.prekeys.forget_holder(&[66; 32]);
    bob.restart();
    assert_eq!(bob.prekeys.one_time_len(), 1);
}

/// [SESS-4]
#[test]
fn prekeys_rotate_every_two_days_and_are_kept_for_thirty() {
    let (mut alice, mut bob) = strangers(6);
    let old = bob.prekeys.bundle().clone();
    assert!(!bob.prekeys.rotate(&bob.device, NOW + 2 * DAY - 1, &mut bob.rng));
    assert!(bob.prekeys.rotate(&bob.device, NOW + 2 * DAY, &mut bob.rng));
    assert_ne!(*bob.prekeys.bundle(), old);

    alice.initiate(&old);
    let late = alice.seal(b"late");
    let mut bob_in_time = bob.clone();
    assert!(!bob_in_time.prekeys.rotate(&bob.device, NOW + 3 * DAY, &mut bob.rng));
    assert_eq!(bob_in_time.open(&late).as_deref(), Ok(&b"late"[..]));

    assert!(bob.prekeys.rotate(&bob.device, NOW + 32 * DAY, &mut bob.rng));
    assert_eq!(bob.open(&late), Err(SessionError::UnknownPrekey));
}

/// [SESS-4]
#[test]
fn a_bundle_whose_secrets_are_gone_is_refused() {
    let (mut alice, bob) = strangers(7);
    let bundle = bob.prekeys.bundle();
    assert!(alice.sessions.initiate(&alice.device, bundle, NOW + 32 * DAY, &mut alice.rng).is_ok());
    let stale = alice.sessions.initiate(&alice.device, bundle, NOW + 32 * DAY + 1, &mut alice.rng);
    assert_eq!(stale.map_err(|e| e.to_string()), Err("prekey bundle is out of date".to_owned()));
}

/// [SESS-20]
#[test]
fn without_a_session_nothing_is_sent() {
    let (mut alice, _) = strangers(8);
    assert!(!alice.sessions.can_send());
    assert_eq!(alice.sessions.encrypt(b"x", AAD, NOW, &mut alice.rng), Err(SessionError::NoSession));
}

/// [SESS-20]
#[test]
fn an_overlong_plaintext_is_refused_and_the_longest_passes() {
    let (mut alice, mut bob) = friends(9);
    let longest = vec![1; limits::MAX_PLAINTEXT];
    let before = alice.state();
    assert_eq!(
        alice.sessions.encrypt(&[1; limits::MAX_PLAINTEXT + 1], AAD, NOW, &mut alice.rng),
        Err(SessionError::TooLong)
    );
    assert_eq!(alice.state(), before);
    let envelope = alice.seal(&longest);
    assert_eq!(bob.open(&envelope), Ok(longest));
}

/// [SESS-19]
#[test]
fn an_answered_session_needs_no_prekey_store() {
    let (mut alice, mut bob) = strangers(10);
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    let first = alice.seal(b"1");
    assert_eq!(bob.sessions.decrypt_established(&first, AAD, NOW), Err(SessionError::NeedsPrekeys));
    bob.open(&first).expect("opens");
    let second = alice.seal(b"2");
    assert_eq!(bob.sessions.decrypt_established(&second, AAD, NOW).as_deref(), Ok(&b"2"[..]));
}

/// [SESS-18]
#[test]
fn a_stored_session_is_small_and_its_debug_form_shows_no_secret() {
    let (alice, bob) = friends(11);
    let stored = session_support::encode(&alice.sessions);
    assert!(stored.len() < 700, "{} bytes", stored.len());
    let shown = format!("{:?} {:?}", alice.sessions, bob.prekeys);
    let psk = format!("{:?}", [0x5a_u8; 32]);
    assert!(!shown.contains(&psk) && shown.contains("Secret(…)"), "{shown}");
}

/// [SESS-2]
#[test]
fn different_pair_secrets_do_not_meet() {
    let (mut alice, mut bob) = strangers(12);
    let theirs = End::device(2).dh.public();
    let other = covey_pairing::crypto::secret::Secret::new([0x5b; 32]);
    alice.sessions = DeviceSessions::new(*alice.sessions.parties(), theirs, other);
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    let hello = alice.seal(b"hello");
    let before = bob.state();
    assert_eq!(bob.open(&hello), Err(SessionError::Forged));
    assert_eq!(bob.state(), before);
}

/// [SESS-18]
#[test]
fn stored_state_of_another_version_is_refused() {
    let (alice, _) = friends(13);
    let mut stored = session_support::encode(&alice.sessions);
    let at = stored.windows(3).position(|w| w == [0x61, b'v', 2]).expect("the version comes first");
    for version in [0, 3] {
        stored[at + 2] = version;
        let decoded: Result<DeviceSessions, _> = covey_codec::decode(&stored, limits::MAX_SESSIONS_BYTES);
        assert!(decoded.is_err(), "version {version}");
    }
    let mut stored = session_support::encode(&alice.prekeys);
    assert_eq!(stored[1..4], [0x61, b'v', 1]);
    stored[3] = 0;
    assert!(covey_codec::decode::<PrekeyStore>(&stored, limits::MAX_STORE_BYTES).is_err());
}
