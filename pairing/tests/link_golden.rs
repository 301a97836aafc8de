//! A link of a new machine, computed a second time by `scripts/vectors.py` from the specification alone. `pairing/SPEC.md`, section Link.

#[path = "session_support/mod.rs"]
mod session_support;

use covey_pairing::{
    identity::{AccountSecret, ContactCard, DeviceSecret, KeyLog},
    link::{HandOver, Host, HostEvent, Joiner, JoinerEvent, LinkFrame, NamedDevice, NetworkTag, NewDevice, Stage},
};
use serde_json::Value;
use session_support::ScriptRng;

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("of this length")
}

fn frame(bytes: &[u8]) -> LinkFrame {
    LinkFrame::decode(bytes).expect("a frame of a link")
}

/// [LINK-1] [LINK-3] [LINK-5] [LINK-9] [LINK-12]
#[test]
fn a_link_is_byte_for_byte_that_of_the_independent_computation() {
    let golden: Value = serde_json::from_str(include_str!("vectors/devices.json")).expect("JSON");
    let golden = &golden["link"];
    let now = golden["now"].as_u64().expect("a number");
    let [mut at_joiner, mut at_host] =
        ["joiner_random", "host_random"].map(|name| ScriptRng(bytes(&golden[name]).into()));
    let wanted: Vec<Vec<u8>> = golden["frames"].as_array().expect("a list").iter().map(bytes).collect();

    let device = DeviceSecret::from_seed(array(&golden["machine"]));
    let addresses = vec!["/ip4/192.0.2.2/tcp/4002".to_owned()];
    let new = NewDevice { device: device.clone(), name: "server".to_owned(), network: None, addresses };
    let mut joiner = Joiner::new(new, now, &mut at_joiner);
    assert_eq!(joiner.ticket().to_string(), golden["ticket"].as_str().expect("a text"));
    assert_eq!(joiner.id().to_string(), golden["link_id"].as_str().expect("hex"));

    let account = AccountSecret::from_seed(array(&golden["account"]));
    let desk = DeviceSecret::from_seed(array(&golden["desk"]));
    let log = KeyLog::create(&account, now).add_device(&account, &desk, now).expect("room");
    let ticket = golden["ticket"].as_str().expect("a text").parse().expect("a ticket");
    let mut host = Host::begin(ticket, account.id(), now, &mut at_host).expect("in time");

    let hello = host.outgoing(|| None, &mut at_host).expect("message 1");
    let (answer, _) = joiner.frame(&frame(&hello), now, &mut at_joiner);
    let answer = answer.expect("message 2");
    assert!(matches!(host.frame(&frame(&answer), now), HostEvent::Digits(_)));
    let reveal = host.outgoing(|| None, &mut at_host).expect("what it committed to");
    joiner.frame(&frame(&reveal), now, &mut at_joiner);
    let digits = joiner.digits().expect("both are known");
    assert_eq!(digits.to_string(), golden["digits"].as_str().expect("a text"));
    assert_eq!(host.stage(), Stage::Comparing(digits));

    host.confirm(digits, now).expect("the same");
    let ask = host.outgoing(|| None, &mut at_host).expect("which account");
    let (join, _) = joiner.frame(&frame(&ask), now, &mut at_joiner);
    let join = join.expect("its agreement");
    let HostEvent::Joins(proof) = host.frame(&frame(&join), now) else { unreachable!("it agreed") };
    let log = log.add_joining(&account, device.keys(), *proof, now).expect("room");
    host.added();
    let named = |device, name: &str| NamedDevice { device, name: name.to_owned(), holder: name == "desk" };
    let given = HandOver {
        account: account.plain(),
        log,
        name: "ada".to_owned(),
        devices: vec![named(desk.id(), "desk"), named(device.id(), "server")],
        cards: vec![bytes(&golden["card"])],
        history: now - 1_000,
    };
    let handed = host.outgoing(|| Some(given.clone()), &mut at_host).expect("the account");
    let (_, event) = joiner.frame(&frame(&handed), now, &mut at_joiner);
    let JoinerEvent::HandedOver(got) = event else { unreachable!("it is handed over: {event:?}") };
    assert_eq!(*got, given);
    let done = joiner.done(&mut at_joiner).expect("it is stored");
    assert_eq!(host.frame(&frame(&done), now), HostEvent::Done);

    for (n, (made, wanted)) in [hello, answer, reveal, ask, join, handed, done].iter().zip(&wanted).enumerate() {
        assert_eq!(hex::encode(made), hex::encode(wanted), "frame {n}");
    }
    assert_eq!(wanted.len(), 7);
    assert!(at_joiner.0.is_empty() && at_host.0.is_empty(), "all of the script was used");
    assert!(ContactCard::open_of(&account.id(), &given.cards[0], now).is_ok());
    let tag = covey_codec::encode(&NetworkTag::of(&array(&golden["network_key"]))).expect("plain data");
    assert_eq!(hex::encode(&tag[1..]), golden["network_tag"].as_str().expect("hex"));
}
