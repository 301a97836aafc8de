use super::*;

fn status() -> covey_overlay::Status {
    let peer_id = covey_overlay::Config::new([1; 32]).peer_id();
    covey_overlay::Status {
        peer_id,
        listen: Vec::new(),
        external: Vec::new(),
        connections: 1,
        relayed: 0,
        peers: 1,
        routing_table: 1,
        records: 0,
        allowed: 0,
        allowed_online: Vec::new(),
        nat: Nat::Unknown,
        reservations: Vec::new(),
        relays: 0,
        is_relay: false,
        bootstrap: Vec::new(),
        frames_sent: 0,
        bytes_sent: 0,
        writes: 0,
        frames_received: 0,
        bytes_received: 0,
        refused: 0,
        punched: 0,
        punches_failed: 0,
        places_given: 0,
        circuits: 0,
        incoming_failed: 0,
        outgoing_failed: 0,
    }
}

#[test]
fn the_doctor_says_by_what_a_node_is_reached_and_when_by_nothing() {
    let relay = covey_overlay::Config::new([2; 32]).peer_id();
    let said = |change: &dyn Fn(&mut covey_overlay::Status)| {
        let mut status = status();
        change(&mut status);
        let check = reached(&status);
        (check.state, check.message)
    };
    assert_eq!(said(&|s| s.nat = Nat::Public), (CheckState::Ok, "reachable from the internet".to_owned()));
    let listening = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect::<Vec<_>>();
    let (state, message) = said(&|s| (s.nat, s.listen) = (Nat::Local, listening(&["/ip4/127.0.0.1/tcp/1"])));
    assert_eq!((state, message.contains("from this machine only")), (CheckState::Warn, true));
    let both = ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.2/tcp/1"];
    let (state, message) = said(&|s| (s.nat, s.listen) = (Nat::Local, listening(&both)));
    assert_eq!((state, message.contains("from the local network")), (CheckState::Ok, true));
    let (state, message) = said(&|s| (s.nat, s.relays) = (Nat::Private, 1));
    assert_eq!((state, message.contains("0 of 1 known")), (CheckState::Warn, true));
    let (state, message) = said(&|s| s.nat = Nat::Private);
    assert_eq!((state, message.contains("no relay is known")), (CheckState::Warn, true));
    let (state, message) = said(&|s| (s.nat, s.reservations) = (Nat::Private, vec![relay]));
    assert_eq!((state, message), (CheckState::Ok, format!("reachable through {relay}")));
    assert_eq!(said(&|s| s.is_relay = true).0, CheckState::Ok);
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
