use covey_overlay::Bootstrap;

use super::*;

fn status() -> covey_overlay::Status {
    let peer_id = covey_overlay::Config::new([1; 32]).peer_id();
    covey_overlay::Status {
        connections: 1,
        peers: 1,
        routing_table: 1,
        translated: true,
        ports_kept: true,
        ..covey_overlay::Status::of(peer_id)
    }
}

fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

/// What the doctor says of the network in a situation.
fn said(change: impl Fn(&mut covey_overlay::Status)) -> (CheckState, String) {
    let mut status = status();
    status.listen = addresses(&["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.2/tcp/1", "/ip6/::1/tcp/1"]);
    change(&mut status);
    let check = reach::reached(&status);
    assert_eq!(check.message, reach::sentence(&status), "status and doctor agree");
    assert!(check.state == CheckState::Ok || check.advice.is_some(), "who is told of trouble is told what to do");
    (check.state, check.message)
}

const RELAYS: [&str; 2] = [
    "/ip4/45.1.0.2/tcp/7421/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X",
    "/ip4/46.1.0.2/tcp/7421/p2p/12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3",
];

#[test]
fn each_situation_gets_its_verdict() {
    use CheckState::{Fail, Ok as Good, Warn};
    type Change = fn(&mut covey_overlay::Status);
    let table: [(Change, CheckState, &str); 15] = [
        (|s| s.nat = Nat::Public, Good, "public: reachable from the internet"),
        (|s| (s.nat, s.forwarded) = (Nat::Public, true), Good, "public by UPnP"),
        (|s| (s.nat, s.external) = (Nat::Public, addresses(&["/ip6/2a10:1::2/tcp/1"])), Good, "public over IPv6 only"),
        (
            |s| (s.nat, s.external) = (Nat::Public, addresses(&["/dns4/home.example.org/tcp/1"])),
            Good,
            "public: reachable",
        ),
        (
            |s| (s.nat, s.places) = (Nat::Private, addresses(&RELAYS)),
            Good,
            "behind NAT, punchable, through 12D3KooWPjce (45.1.0.2) and 12D3KooWH3uV (46.1.0.2)",
        ),
        (|s| s.places = addresses(&RELAYS[..1]), Good, "behind NAT, punchable, through 12D3KooWPjce (45.1.0.2)"),
        (
            |s| (s.places, s.ports_kept) = (addresses(&RELAYS[..1]), false),
            Good,
            "behind NAT, not punchable: it takes another port for each connection, through 12D3KooWPjce",
        ),
        (
            |s| (s.places, s.web_only) = (addresses(&RELAYS[..1]), true),
            Good,
            "behind NAT, not punchable: it lets out connections to port 443 only, through 12D3KooWPjce",
        ),
        (
            |s| (s.places, s.translated) = (addresses(&RELAYS[..1]), false),
            Good,
            "behind a firewall, punchable, through",
        ),
        (
            |s| s.nat = Nat::Private,
            Fail,
            "unreachable because nobody outside could reach this node, and no relay is known",
        ),
        (|s| (s.nat, s.relays) = (Nat::Private, 2), Fail, "none of 2 known relays gave it a place"),
        (|s| (s.is_relay, s.places_given) = (true, 1), Good, "a relay for others (1 place given so far)"),
        (|s| s.listen.truncate(1), Warn, "reachable from this machine only"),
        (|s| s.nat = Nat::Local, Good, "reachable from the local network"),
        (|s| s.peers = 0, Warn, "unreachable because no other node is known, and none announces itself"),
    ];
    for (change, state, expected) in table {
        let (is, message) = said(change);
        assert!(is == state && message.contains(expected), "{is:?} {message}, not {state:?} {expected}");
    }
    assert_eq!(said(|_| ()), (Good, "not known yet: other nodes are trying to reach this one".to_owned()));
}

#[test]
fn a_node_that_is_connected_to_nobody_says_since_when_and_why() {
    let mut status = status();
    assert_eq!(reach::offline(&status), None);
    let again = reach::network(&status, None, 1_764_424_920_000);
    assert!(again.online && again.offline.is_none() && again.since == Time::from_unix_ms(1_764_424_920_000));
    (status.peers, status.alone_since) = (0, Some(1_764_424_920_000));
    status.listen = addresses(&["/ip4/127.0.0.1/tcp/1"]);
    let told = |status: &covey_overlay::Status| reach::offline(status).expect("it is alone");
    assert!(told(&status).starts_with("not connected to anybody since 2025-11-29T14:02"), "{}", told(&status));
    assert!(told(&status).ends_with("the node listens on loopback only and knows no other node"));
    let trouble = Some("no answer at /ip4/8.8.8.8/tcp/7421".to_owned());
    let seed = |trouble| Bootstrap { peer: status.peer_id, addresses: Vec::new(), connected: false, trouble };
    let (silent, refused) = (seed(trouble), seed(Some("it closes the connection at once".to_owned())));
    status.bootstrap = vec![silent, refused];
    assert!(told(&status).ends_with("this machine has no network"));
    status.bootstrap[0].addresses = addresses(&["/ip4/127.0.0.1/tcp/7421"]);
    assert!(told(&status).contains("no answer at /ip4/8.8.8.8"), "{}", told(&status));
    status.listen = addresses(&["/ip4/192.168.1.2/tcp/1"]);
    let said = told(&status);
    assert!(said.contains("no answer at /ip4/8.8.8.8/tcp/7421") && said.contains("at once"), "{said}");
    let event = reach::network(&status, status.alone_since, 1_764_424_930_000);
    assert_eq!((event.online, event.since), (false, Time::from_unix_ms(1_764_424_920_000)));
    assert_eq!(event.offline, Some(said), "the event and the status agree");
}

#[test]
fn the_doctor_names_the_bootstrap_node_that_does_not_answer_and_why() {
    let mut status = status();
    status.routing_table = 0;
    assert!(neighbours(&status).advice.is_some_and(|advice| advice.contains("--bootstrap")));
    status.bootstrap = vec![Bootstrap {
        peer: status.peer_id,
        addresses: vec!["/ip4/8.8.8.8/tcp/7421".parse().expect("an address")],
        connected: false,
        trouble: Some("it closes the connection at once".to_owned()),
    }];
    let check = neighbours(&status);
    assert!(check.message.contains("/ip4/8.8.8.8/tcp/7421") && check.message.contains("at once"), "{}", check.message);
    assert!(!check.advice.is_some_and(|advice| advice.contains("--bootstrap")), "it has one");
}

#[test]
fn the_outbox_tells_of_messages_that_wait_too() {
    let said = |waiting, queued| outbox(Counts { outbox: waiting, queued, ..Counts::default() }).message;
    assert_eq!(said(0, 0), "nothing waits for delivery");
    assert_eq!(said(0, 1), "1 message waits for delivery");
    assert_eq!(said(1, 2), "1 invite or answer and 2 messages wait for delivery");
}
