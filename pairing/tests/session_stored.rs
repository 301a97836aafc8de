//! State stored by older versions still loads. `pairing/SPEC.md`, section Sessions, Stored state.

mod session_support;

use covey_pairing::session::{DeviceSessions, PrekeyStore, limits};
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
    assert_eq!(hex::encode(encode(&bob.sessions)), fixture["sessions"]);
    assert_eq!(hex::encode(encode(&bob.prekeys)), fixture["prekeys"]);
    assert_eq!((bob.sessions.archived_len(), bob.prekeys.one_time_len()), (1, 1));
    for (what, text) in [("skipped", "skipped"), ("next", "next"), ("archived", "archived"), ("first", "first")] {
        let envelope = hex::decode(fixture[what].as_str().expect("a string")).expect("hex");
        let opened = bob.sessions.decrypt(&bob.device, &mut bob.prekeys, &envelope, AAD, NOW);
        assert_eq!(opened.as_deref(), Ok(text.as_bytes()), "{what}");
    }
}
