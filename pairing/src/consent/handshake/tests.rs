//! The steps of the handshake as functions. Vectors of the suite itself are in `tests/noise_vectors.rs`.

use super::*;

fn secret(n: u8) -> DhSecret {
    DhSecret::from_bytes([n; 32])
}

fn initiator<'a>(own: &'a DhSecret, ephemeral: &'a DhSecret, theirs: &'a DhPublic) -> Initiator<'a> {
    Initiator { prologue: b"prologue".to_vec(), own, ephemeral, theirs, seal: None }
}

fn responder<'a>(prologue: &[u8], own: &'a DhSecret, message1: &'a [u8]) -> Responder<'a> {
    Responder { prologue: prologue.to_vec(), own, psk: None, message1 }
}

/// [PAIR-3]
#[test]
fn a_handshake_resumes_by_replay_and_both_sides_derive_the_same() {
    let (own, e, theirs_own) = (secret(1), secret(2), secret(3));
    let theirs = theirs_own.public();
    let message1 = initiator(&own, &e, &theirs).start(b"offer").expect("starts");
    let us = responder(b"prologue", &theirs_own, &message1);
    let opened = us.open().expect("opens");
    assert_eq!((opened.theirs, opened.payload.as_slice()), (own.public(), b"offer".as_slice()));
    let (message2, keys2) = us.respond(&secret(4), b"answer").expect("answers");
    // A new process, from the stored parts.
    let resumed = initiator(&own, &e, &theirs).finish(b"offer", &InviteId::of(&message1), &message2);
    let (answer, keys1) = resumed.expect("finishes");
    assert_eq!(answer, b"answer");
    assert_eq!(
        (keys1.hash, &keys1.to_responder, &keys1.to_initiator),
        (keys2.hash, &keys2.to_responder, &keys2.to_initiator)
    );
    let confirm = seal_transport(&keys1.to_responder, b"confirm");
    assert_eq!(open_transport(&keys2.to_responder, &confirm), Ok(b"confirm".to_vec()));
    assert_eq!(open_transport(&keys2.to_initiator, &confirm), Err(HandshakeFailed));
}

/// [PAIR-3]
#[test]
fn a_replay_that_differs_is_refused() {
    let (own, e, theirs_own) = (secret(1), secret(2), secret(3));
    let theirs = theirs_own.public();
    let message1 = initiator(&own, &e, &theirs).start(b"offer").expect("starts");
    let (message2, _) = responder(b"prologue", &theirs_own, &message1).respond(&secret(4), b"").expect("answers");
    let id = InviteId::of(&message1);
    assert!(initiator(&secret(9), &e, &theirs).finish(b"offer", &id, &message2).is_err());
    assert!(initiator(&own, &secret(9), &theirs).finish(b"offer", &id, &message2).is_err());
    assert!(initiator(&own, &e, &theirs).finish(b"other", &id, &message2).is_err());
}

/// [PAIR-4]
#[test]
fn lengths_that_make_the_library_panic_are_errors() {
    let (own, e, theirs_own) = (secret(1), secret(2), secret(3));
    let theirs = theirs_own.public();
    let start = initiator(&own, &e, &theirs);
    assert_eq!(start.start(&vec![0; 65_535]), Err(HandshakeFailed));
    let message1 = start.start(b"offer").expect("starts");
    for len in [0, 31, 95, 65_536] {
        assert!(responder(b"prologue", &theirs_own, &vec![7; len]).open().is_err());
        assert!(start.finish(b"offer", &InviteId::of(&message1), &vec![7; len]).is_err());
        assert!(open_transport(&Secret::new([0; 32]), &vec![7; len]).is_err());
    }
    assert!(responder(b"prologue", &theirs_own, &message1).respond(&e, &vec![0; 65_535]).is_err());
}

/// [PAIR-5]
#[test]
fn another_prologue_does_not_open() {
    let (own, e, theirs_own) = (secret(1), secret(2), secret(3));
    let message1 = initiator(&own, &e, &theirs_own.public()).start(b"offer").expect("starts");
    assert!(responder(b"another", &theirs_own, &message1).open().is_err());
    let ids = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
    let given =
        [prologue(&ids[0], &ids[1], false), prologue(&ids[1], &ids[0], false), prologue(&ids[0], &ids[1], true)];
    assert!(given[0] != given[1] && given[0] != given[2]);
}
