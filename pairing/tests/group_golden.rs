//! Bytes of groups, computed a second time by `scripts/vectors.py` from the specification alone.
//! `pairing/SPEC.md`, section Groups.

mod session_support;

use covey_pairing::{
    crypto::{dh::DhPublic, secret::Secret, sign::SigningSecret},
    group::{
        admission::{AdmissionPoint, GroupTicket, JoinStatement, TicketToken, session_psk},
        cipher::{Distribution, Learned, ReceiverChains, SenderChain, Speaker},
        roster::{Ground, OpId, TicketId},
    },
    ids::{AccountId, DeviceId, GroupId},
};
use serde_json::Value;
use session_support::ScriptRng;

fn golden() -> Value {
    serde_json::from_str(include_str!("vectors/group.json")).expect("JSON")
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("of this length")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

fn group(value: &Value) -> GroupId {
    GroupId::from_bytes(array(value))
}

/// [SENDER-1] [SENDER-2] [SENDER-8]
#[test]
fn chains_and_payloads_are_byte_for_byte_those_of_the_independent_computation() {
    let golden = &golden()["sender_keys"];
    let speaker = Speaker { group: group(&golden["group"]), device: DeviceId::from_bytes(array(&golden["device"])) };
    let mut reader = ReceiverChains::new(speaker);
    let mut last = 0;
    for (n, wanted) in list(&golden["chains"]).iter().enumerate() {
        let mut rng = ScriptRng::new(&bytes(&wanted["random"]));
        let mut chain = SenderChain::new(speaker, last, number(&wanted["epoch"]), number(&wanted["now"]), &mut rng);
        last = chain.generation();
        assert_eq!(last, number(&wanted["generation"]));
        let distributions = list(&wanted["distributions"]);
        let start = Distribution::from_bytes(&bytes(&distributions[0])).expect("a distribution");
        assert_eq!(reader.learn(&start), Ok(Learned::New));
        let messages = list(&golden["messages"]).iter().filter(|message| message["chain"] == n);
        for (index, message) in messages.enumerate() {
            assert_eq!(hex::encode(chain.distribution().to_bytes()), distributions[index]);
            let (place, text) = (bytes(&message["place"]), bytes(&message["text"]));
            let sealed = chain.seal(&text, &place).expect("room");
            assert_eq!(sealed.content_key, Secret::new(array(&message["content_key"])));
            assert_eq!(hex::encode(&sealed.payload), message["payload"]);
            assert_eq!(reader.open(&sealed.payload, &place).expect("opens").body, text);
        }
        for (index, wanted) in distributions.iter().enumerate() {
            assert_eq!(hex::encode(chain.distribution_from(index as u64).to_bytes()), *wanted);
        }
    }
}

/// [ADMIT-3] [ADMIT-5] A device signs with a key that comes from its seed, so these are only read here.
#[test]
fn join_statements_of_the_independent_computation_are_taken() {
    let golden = &golden()["join"];
    let token: TicketToken = {
        let seed = covey_codec::encode(&serde_bytes::ByteArray::new(array::<32>(&golden["token"]))).expect("encodes");
        covey_codec::decode(&seed, 64).expect("a seed")
    };
    assert_eq!(token.id(), TicketId::from_bytes(array(&golden["ticket"])));
    let grounds = [
        ("invite", Ground::Invite(OpId::from_bytes(array(&golden["invite"])))),
        ("ticket", Ground::Ticket(token.id())),
        ("request", Ground::Request),
    ];
    for (name, ground) in grounds {
        let wanted = &golden["statements"][name];
        let statement = JoinStatement::open(&bytes(&wanted["bytes"])).expect("a good one");
        assert_eq!((statement.group, statement.ground), (group(&golden["group"]), ground));
        assert_eq!(statement.account, AccountId::from_bytes(array(&golden["account"])));
        assert_eq!(statement.device, DeviceId::from_bytes(array(&golden["device"])));
        assert_eq!(statement.issued_at, number(&golden["now"]));
        assert_eq!(hex::encode(statement.id().as_bytes()), wanted["id"]);
    }
    let signing = SigningSecret::from_seed(array(&golden["device_signing"]));
    assert_eq!(signing.public().as_bytes(), &array::<32>(&golden["device"]));
}

/// [ADMIT-1]
#[test]
fn a_group_ticket_is_character_for_character_that_of_the_independent_computation() {
    let golden = &golden()["ticket"];
    let text = golden["text"].as_str().expect("a string");
    let ticket: GroupTicket = text.parse().expect("a ticket");
    let point = AdmissionPoint {
        account: AccountId::from_bytes(array(&golden["account"])),
        device: DeviceId::from_bytes(array(&golden["device"])),
        dh: DhPublic::from_bytes(array(&golden["dh"])).expect("a usable key"),
        network: array(&golden["network"]),
        addresses: list(&golden["addresses"]).iter().map(|a| a.as_str().expect("a string").to_owned()).collect(),
    };
    assert_eq!((ticket.group, ticket.name.as_str()), (group(&golden["group"]), "Sunday walks"));
    assert_eq!((ticket.expires_at, &ticket.points), (Some(number(&golden["expires_at"])), &vec![point]));
    assert_eq!(ticket.to_text().as_deref(), Ok(text));
}

/// [ADMIT-8]
#[test]
fn the_session_key_of_a_group_is_that_of_the_independent_computation() {
    let golden = &golden()["session"];
    let psk = session_psk(&Secret::new(array(&golden["secret"])), &group(&golden["group"]));
    assert_eq!(psk, Secret::new(array(&golden["psk"])));
}
