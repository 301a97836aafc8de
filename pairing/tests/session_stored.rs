//! State stored by older versions still loads. `pairing/SPEC.md`, section Sessions, Stored state.

mod session_support;

use covey_pairing::session::{DeviceSessions, PrekeyStore, SessionError, limits};
use serde::de::DeserializeOwned;
use session_support::{AAD, End, NOW, encode};

/// Bob's state after a conversation, with a skipped key, an archived session and a one-time pair waiting; and what
/// Alice said next, on three sessions.
const V1: &str = include_str!("vectors/session_state_v1.json");

fn stored<T: DeserializeOwned>(fixture: &serde_json::Value, what: &str, max: usize) -> T {
    let bytes = hex::decode(fixture[what].as_str().expect("a string")).expect("hex");
    covey_codec::decode(&bytes, max).expect("state of version 1")
}

/// [SESS-18]
#[test]
fn state_of_version_1_loads_and_goes_on() {
    let fixture: serde_json::Value = serde_json::from_str(V1).expect("JSON");
    let mut bob = End::new(2, 1, 0);
    bob.sessions = stored::<DeviceSessions>(&fixture, "sessions", limits::MAX_SESSIONS_BYTES);
    bob.prekeys = stored::<PrekeyStore>(&fixture, "prekeys", limits::MAX_STORE_BYTES);
    assert!(bob.sessions.is_outdated(), "its sessions are of suite 1");
    let version = format!("a9617602{}", &fixture["sessions"].as_str().expect("a string")[8..]);
    assert_eq!(hex::encode(encode(&bob.sessions)), version, "only the version changed");
    assert_eq!(hex::encode(encode(&bob.prekeys)), fixture["prekeys"]);
    assert_eq!((bob.sessions.archived_len(), bob.prekeys.one_time_len()), (1, 1));
    for (what, text) in [("skipped", "skipped"), ("next", "next"), ("archived", "archived")] {
        let envelope = hex::decode(fixture[what].as_str().expect("a string")).expect("hex");
        let opened = bob.sessions.decrypt(&bob.device, &mut bob.prekeys, &envelope, AAD, NOW);
        assert_eq!(opened.as_deref(), Ok(text.as_bytes()), "{what}");
    }
    // A session of suite 1 that was begun then does not begin any more: a new handshake takes its place.
    let first = hex::decode(fixture["first"].as_str().expect("a string")).expect("hex");
    let error = bob.open(&first).expect_err("suite 1");
    assert_eq!(error, SessionError::OldSuite);
    assert!(error.heals_by_initiating());
    let answer = bob.seal(b"on the old one");
    let mut alice = End::new(1, 2, 0);
    let bundle = alice.prekeys.bundle().clone();
    assert_eq!(alice.open(&answer), Err(SessionError::UnknownSession), "it is a session of suite 1 to the end");
    bob.initiate(&bundle);
    assert!(!bob.sessions.is_outdated());
    let fresh = bob.seal(b"on the new one");
    assert_eq!(alice.open(&fresh).as_deref(), Ok(&b"on the new one"[..]));
}
