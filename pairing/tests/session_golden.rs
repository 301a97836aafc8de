//! Transcripts computed a second time, by `scripts/vectors.py`, from the specification alone.
//! `pairing/SPEC.md`, sections Sessions, Envelope and Parcels.

mod session_support;

use std::collections::BTreeMap;

use covey_pairing::{
    crypto::{dh::DhSecret, kem::KemSecret, secret::Secret, sign::SigningSecret},
    envelope, parcel,
    session::{DeviceSessions, LocalDevice, PrekeyStore, SessionParties},
};
use serde_json::Value;
use session_support::ScriptRng;

fn golden() -> Value {
    serde_json::from_str(include_str!("vectors/golden.json")).expect("JSON")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn array(value: &Value) -> [u8; 32] {
    bytes(value).try_into().expect("32 bytes")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

/// One device of a transcript.
struct End {
    device: LocalDevice,
    prekeys: PrekeyStore,
    sessions: DeviceSessions,
    turns: ScriptRng,
}

fn end(golden: &Value, us: &str, them: &str) -> End {
    let (ours, theirs) = (&golden["devices"][us], &golden["devices"][them]);
    let device = LocalDevice {
        dh: DhSecret::from_bytes(array(&ours["dh"])),
        signing: SigningSecret::from_seed(array(&ours["signing"])),
    };
    assert_eq!(device.signing.public().as_bytes(), &array(&ours["id"]));
    let parties = SessionParties {
        our_account: array(&ours["account"]),
        our_device: array(&ours["id"]),
        their_account: array(&theirs["account"]),
        their_device: array(&theirs["id"]),
    };
    let their_dh = DhSecret::from_bytes(array(&theirs["dh"])).public();
    let now = golden["now"].as_u64().expect("a time");
    End {
        prekeys: PrekeyStore::new(&device, now, &mut ScriptRng::new(&bytes(&golden["random"]["bob_prekeys"]))),
        sessions: DeviceSessions::new(parties, their_dh, Secret::new(array(&golden["psk"]))),
        turns: ScriptRng::new(&bytes(&golden["random"][format!("{us}_turns")])),
        device,
    }
}

fn replay(golden: &Value) {
    let mut now = golden["now"].as_u64().expect("a time");
    let aad = bytes(&golden["aad"]);
    let mut ends = BTreeMap::from([("alice", end(golden, "alice", "bob")), ("bob", end(golden, "bob", "alice"))]);

    let bob = ends.get_mut("bob").expect("Bob");
    let published = bob.prekeys.bundle().clone();
    assert_eq!(published.to_bytes(), bytes(&golden["published_bundle"]));
    let mut random = ScriptRng::new(&bytes(&golden["random"]["bob_one_time"]));
    let offered = bob.prekeys.one_time_bundle(&bob.device, &[1; 32], &mut random);
    assert_eq!(offered.to_bytes(), bytes(&golden["one_time_bundle"]));

    let bundle = if golden["one_time"] == true { offered } else { published };
    let alice = ends.get_mut("alice").expect("Alice");
    let mut random = ScriptRng::new(&bytes(&golden["random"]["alice_initiates"]));
    alice.sessions.initiate(&alice.device, &bundle, now, &mut random).expect("a good bundle");
    assert!(random.0.is_empty(), "as much randomness as specified");

    let mut sent: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for event in list(&golden["events"]) {
        if let Some(later) = event["now"].as_u64() {
            now = later;
            continue;
        }
        let who = event["who"].as_str().expect("a name");
        let end = ends.get_mut(who).expect("Alice or Bob");
        if let Some(number) = event["hears"].as_u64() {
            let from = if who == "alice" { "bob" } else { "alice" };
            let envelope = &sent[from][usize::try_from(number).expect("a small number")];
            let text = end.sessions.decrypt(&end.device, &mut end.prekeys, envelope, &aad, now);
            assert_eq!(text, Ok(bytes(&event["text"])), "{event}");
        } else {
            let envelope = end.sessions.encrypt(&bytes(&event["says"]), &aad, now, &mut end.turns).expect("a session");
            assert_eq!(hex::encode(&envelope), event["envelope"], "{who}");
            sent.entry(who).or_default().push(envelope);
        }
    }
    for (who, end) in &ends {
        assert_eq!(end.sessions.active_id(), Some(array(&golden["transcript"])));
        assert_eq!(golden["epochs"][who], end.sessions.epoch());
        assert!(end.turns.0.is_empty(), "as much randomness as specified");
    }
}

/// [SESS-1] [SESS-2] [SESS-8] [SESS-23] [SESS-25]
#[test]
fn sessions_are_byte_for_byte_those_of_the_independent_computation() {
    let golden = golden();
    let names = list(&golden["sessions"]).iter().map(|session| &session["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["one-time pair", "last-resort key", "three steps"]);
    let epochs = |at: usize| golden["sessions"][at]["epochs"]["alice"].as_u64();
    assert_eq!([epochs(0), epochs(1), epochs(2)], [Some(0), Some(1), Some(3)]);
    list(&golden["sessions"]).iter().for_each(replay);
}

/// [ENV-1] [ENV-2]
#[test]
fn bodies_are_byte_for_byte_those_of_the_independent_computation() {
    for body in list(&golden()["bodies"]) {
        let (aad, text) = (bytes(&body["aad"]), bytes(&body["body"]));
        let mut random = ScriptRng::new(&bytes(&body["key"]));
        let (key, sealed) = envelope::seal_body(&text, &aad, &mut random).expect("short enough");
        assert_eq!(key, Secret::new(array(&body["key"])));
        assert_eq!(hex::encode(&sealed), body["sealed"]);
        assert_eq!(envelope::open_body(&key, &aad, &sealed), Ok(text));
    }
}

/// [PAR-1] [PAR-6]
#[test]
fn parcels_are_byte_for_byte_those_of_the_independent_computation() {
    let golden = &golden()["parcel"];
    let [sender, receiver] = ["sender", "receiver"].map(|who| DhSecret::from_bytes(array(&golden[who])));
    let (prologue, payload) = (bytes(&golden["prologue"]), bytes(&golden["payload"]));
    let mut random = ScriptRng::new(&bytes(&golden["ephemeral"]));
    let sealed =
        parcel::seal(&sender, &receiver.public(), None, &prologue, &payload, &mut random).expect("short enough");
    assert_eq!(hex::encode(&sealed), golden["parcel"]);
    assert_eq!(parcel::open(&receiver, None, &prologue, &sealed), Ok((sender.public(), payload.clone())));

    let kem = KemSecret::from_seed(bytes(&golden["kem_seed"]).try_into().expect("64 bytes"));
    let id = u32::try_from(golden["kem_id"].as_u64().expect("a number")).expect("32 bits");
    let mut random = ScriptRng::new(&[bytes(&golden["kem_random"]), bytes(&golden["ephemeral"])].concat());
    let to = Some(parcel::ToKem { id, key: &kem.public() });
    let sealed = parcel::seal(&sender, &receiver.public(), to, &prologue, &payload, &mut random).expect("short enough");
    assert_eq!(hex::encode(&sealed), golden["hybrid"]);
    assert_eq!(parcel::kem_id(&sealed), Some(id));
    assert_eq!(parcel::open(&receiver, Some(&kem), &prologue, &sealed), Ok((sender.public(), payload)));
}
