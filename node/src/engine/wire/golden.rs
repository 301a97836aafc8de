//! Payloads and frames, computed a second time by `scripts/vectors.py` from `node/SPEC.md` alone.

use covey_pairing::crypto::secret::Secret;
use covey_pairing::envelope;
use covey_pairing::identity::{KeyLog, SignedOp};
use covey_pairing::ids::DeviceId;
use serde_bytes::{ByteArray, ByteBuf};
use serde_json::Value;

use super::own_log::LogFrame;
use super::own_record::{self, Key, Record};
use super::parcel::{self, Frame};
use super::payload::{Body, Sealed, associated_data};
use super::{contest, own_record::value_of};

fn golden() -> Value {
    serde_json::from_str(include_str!("golden.json")).expect("JSON")
}

fn bytes(value: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(value.as_str().expect("a string").as_bytes()).expect("hex")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("of this length")
}

/// [BODY-15] [ENV-4]
#[test]
fn a_payload_that_commits_to_its_key_is_byte_for_byte_that_of_the_independent_computation() {
    let golden = &golden()["payload"];
    let number = |name: &str| golden[name].as_u64().expect("a number");
    let [key, channel, author, backlink] = ["key", "channel", "author", "backlink"].map(|name| array(&golden[name]));
    let key = Secret::new(key);
    let place = associated_data(&channel, &author, number("incarnation"), number("seq"), Some(&backlink));
    assert_eq!(place, bytes(&golden["place"]));
    let wraps = golden["wraps"].as_array().expect("a list").iter();
    let wraps = wraps.map(|wrap| (DeviceId::from_bytes(array(&wrap[0])), bytes(&wrap[1]))).collect();
    let wanted = bytes(&golden["payload"]);
    let opened = Sealed::decode(&wanted).expect("a payload");
    assert_eq!(opened.commitment, Some(envelope::commitment(&key)));
    let body = envelope::open_body(&key, &place, &opened.ciphertext).expect("under its key, at its place");
    let text = golden["text"].as_str().expect("a text").to_owned();
    let body = Body::decode(&body).expect("a body");
    assert_eq!(body, Body::text(text, None, None, number("now")));
    assert_eq!(opened.wraps, wraps);
    let again = Sealed { commitment: Some(envelope::commitment(&key)), ciphertext: opened.ciphertext, wraps };
    assert_eq!(again.encode().expect("plain data"), wanted);
    let elsewhere = associated_data(&channel, &author, number("incarnation"), number("seq") + 1, Some(&backlink));
    assert!(envelope::open_body(&key, &elsewhere, &Sealed::decode(&wanted).expect("a payload").ciphertext).is_err());
}

/// [WITNESS-1] [WITNESS-2] [OWNLOG-1]
#[test]
fn frames_about_key_logs_are_byte_for_byte_those_of_the_independent_computation() {
    let golden = golden();
    let ops: Vec<SignedOp> = covey_codec::decode(&bytes(&golden["log"]), 64 * 1024).expect("a log");
    let log = KeyLog::verify(ops.clone()).expect("valid");
    assert_eq!(Some(log.next_place()), golden["log_length"].as_u64());
    let head = log.head();
    assert_eq!(head, array(&golden["head"]));
    let made = [
        ("witness_head", parcel::encode(Frame::Head(log.next_place(), ByteArray::new(head)))),
        ("witness_wanted", parcel::encode(Frame::LogWanted)),
        ("witness_log", parcel::encode(Frame::Log(ByteBuf::from(bytes(&golden["log"]))))),
    ];
    for (name, frame) in made {
        assert_eq!(frame.expect("plain data"), bytes(&golden[name]), "{name}");
    }
    assert_eq!(LogFrame::Head(head).encode().expect("plain data"), bytes(&golden["log_head"]));
    assert_eq!(LogFrame::decode(&bytes(&golden["log_head"])), Some(LogFrame::Head(head)));
    let objection = contest::decode(&bytes(&golden["contest"])).expect("a frame");
    assert_eq!(contest::encode(&objection), bytes(&golden["contest"]));
    assert!(covey_pairing::identity::Contest::open(&objection).is_ok());
}

/// [OWN-4]
#[test]
fn what_devices_of_an_account_tell_each_other_is_byte_for_byte_that_of_the_independent_computation() {
    let records = vec![Record(Key::name(), value_of(&(1u8, "Household")).expect("plain data"))];
    assert_eq!(own_record::encode(records).expect("plain data"), bytes(&golden()["own_record"]));
}
