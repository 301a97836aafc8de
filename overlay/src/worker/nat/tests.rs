use super::{proving::siblings, *};

#[test]
fn one_strange_witness_does_not_make_the_node_private_but_a_bootstrap_peer_does() {
    // [NET-NAT-VERDICT]
    let mut reachability = Reachability::new(&Config::new([1; 32]));
    assert!(reachability.nat() == Nat::Unknown && !reachability.wants_relay());
    for _ in 0..2 {
        reachability.failed.insert(PeerId::random(), 1);
        assert!(reachability.nat() == Nat::Unknown && reachability.wants_relay());
    }
    reachability.failed.insert(PeerId::random(), 1);
    assert_eq!(reachability.nat(), Nat::Private);
    reachability.failed = HashMap::from([(PeerId::random(), WITNESSES)]);
    assert_eq!(reachability.nat(), Nat::Private);
    reachability.public = true;
    assert!(reachability.nat() == Nat::Public && !reachability.wants_relay());
}

#[test]
fn an_address_of_a_private_network_says_nothing_about_the_internet() {
    // [NET-NAT-SCOPE]
    let address = |text: &str| text.parse::<Multiaddr>().expect("an address");
    for text in ["/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", "/ip4/192.168.1.2/tcp/1", "/ip4/100.64.0.1/tcp/1"] {
        assert!(!is_global(&address(text)), "{text}");
        let mut config = Config::new([1; 32]);
        config.external = vec![address(text)];
        assert_eq!(Reachability::new(&config).nat(), Nat::Unknown, "{text}");
    }
    let circuit = format!("/ip4/8.8.8.8/tcp/1/p2p/{}/p2p-circuit", PeerId::random());
    assert!(!is_global(&address(&circuit)));
    for text in ["/ip4/8.8.8.8/tcp/1", "/dns4/home.example.org/tcp/7421"] {
        let mut config = Config::new([1; 32]);
        config.external = vec![address(text)];
        assert_eq!(Reachability::new(&config).nat(), Nat::Public, "{text}");
    }
    let mut reachability = Reachability::new(&Config::new([1; 32]));
    reachability.local = true;
    assert_eq!(reachability.nat(), Nat::Local);
    reachability.failed.insert(PeerId::random(), WITNESSES);
    assert!(reachability.nat() == Nat::Private && reachability.wants_relay(), "the internet is asked for by itself");
}

#[test]
fn what_was_found_out_in_another_place_counts_no_more() {
    let (mut reachability, start) = (Reachability::new(&Config::new([1; 32])), Instant::now());
    reachability.on_internet(start);
    reachability.public = true;
    reachability.start_over();
    assert_eq!((reachability.nat(), reachability.next_verdict()), (Nat::Unknown, None));
    reachability.on_internet(start + VERDICT);
    assert_eq!(reachability.next_verdict(), Some(start + VERDICT + DOUBT), "and the new place is judged anew");
}

#[test]
fn a_relay_announces_the_addresses_that_reach_farthest() {
    let addresses = |texts: &[&str]| texts.iter().map(|t| t.parse().expect("an address")).collect::<Vec<Multiaddr>>();
    let announced = |listen: &[&str], external: &[&str]| {
        let listen = addresses(listen);
        announced_by_relay(&listen, &addresses(external)).into_iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let all = ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.10/tcp/1", "/ip4/8.8.8.8/tcp/1", "/ip6/2a00::1/tcp/1"];
    assert_eq!(announced(&all, &[]), all[2..]);
    assert_eq!(announced(&all[..2], &[]), all[1..2]);
    assert_eq!(announced(&all[..1], &[]), all[..1]);
    assert!(announced(&all[..2], &["/ip4/8.8.8.8/tcp/1"]).is_empty());
}

#[test]
fn silence_for_some_seconds_is_reason_for_a_relay_and_later_a_verdict() {
    // [NET-NAT-SILENCE]
    let (mut reachability, start) = (Reachability::new(&Config::new([1; 32])), Instant::now());
    assert!(reachability.next_verdict().is_none(), "without the internet nobody needs to be reachable from there");
    reachability.on_internet(start);
    reachability.on_internet(start + Duration::from_secs(2));
    assert_eq!(reachability.next_verdict(), Some(start + DOUBT));
    assert!(!reachability.listen(start + Duration::from_secs(2)) && !reachability.wants_relay());
    assert!(reachability.listen(start + DOUBT));
    assert!(reachability.wants_relay() && reachability.nat() == Nat::Unknown);
    assert!(reachability.listen(start + VERDICT));
    assert!(reachability.wants_relay() && reachability.nat() == Nat::Private && reachability.next_verdict().is_none());
    reachability.public = true;
    assert!(!reachability.wants_relay() && reachability.nat() == Nat::Public);
}

#[test]
fn who_is_on_the_internet_and_not_proven_to_be_reachable_there_answers_no_queries() {
    // [NET-DHT-ROLE]
    let (mut reachability, start) = (Reachability::new(&Config::new([1; 32])), Instant::now());
    assert!(reachability.answers_queries(), "on a network without the internet all answer");
    assert!(reachability.on_internet(start) && !reachability.on_internet(start + DOUBT));
    assert!(!reachability.answers_queries());
    reachability.public = true;
    assert!(reachability.answers_queries());
    reachability.public = false;
    reachability.start_over();
    assert!(reachability.answers_queries(), "it may be on a network without the internet now");
    let mut relay = Config::new([1; 32]);
    relay.relay_server = true;
    let mut relay = Reachability::new(&relay);
    assert!(relay.on_internet(start) && relay.answers_queries());
}

#[test]
fn a_node_that_is_known_to_be_reachable_hears_nothing_in_silence() {
    // [NET-NAT-SILENCE]
    let mut config = Config::new([1; 32]);
    config.external = vec!["/ip4/8.8.8.8/tcp/1".parse().expect("an address")];
    let (mut reachability, start) = (Reachability::new(&config), Instant::now());
    reachability.on_internet(start);
    assert!(!reachability.listen(start + VERDICT) && !reachability.wants_relay());
}

#[test]
fn hole_punching_is_offered_by_the_other_transport_where_the_router_keeps_ports() {
    let address = |text: &str| text.parse::<Multiaddr>().expect("an address");
    let listen =
        ["/ip4/127.0.0.1/tcp/4001", "/ip4/192.168.1.10/tcp/4001", "/ip4/192.168.1.10/udp/4002/quic-v1"].map(address);
    let told = |observed: &str| siblings(&address(observed), &listen);
    assert_eq!(told("/ip4/45.2.0.2/tcp/4001"), [address("/ip4/45.2.0.2/udp/4002/quic-v1")]);
    assert_eq!(told("/ip4/45.2.0.2/udp/4002/quic-v1"), [address("/ip4/45.2.0.2/tcp/4001")]);
    assert!(told("/ip4/45.2.0.2/tcp/61000").is_empty(), "nobody can know the other port");
    assert!(told("/ip6/2a00::1/tcp/4001").is_empty(), "nothing listens there");
}

#[test]
fn the_node_is_told_of_addresses_that_mean_something_to_others() {
    let (local, relay) = (PeerId::random(), PeerId::random());
    let address = |text: &str| text.parse::<Multiaddr>().expect("an address");
    let circuits: Vec<Multiaddr> =
        (1..20).map(|n| address(&format!("/ip4/45.1.0.2/tcp/{n}/p2p/{relay}/p2p-circuit"))).collect();
    let listen = ["/ip4/127.0.0.1/tcp/1", "/ip6/fe80::1/tcp/1", "/ip4/192.168.1.10/tcp/1"].map(address);
    let all = told(&[address("/ip4/45.2.0.2/tcp/1")], &circuits, &listen, &local);
    let bare: Vec<Multiaddr> = all.iter().map(|a| address::bare(a, &local)).collect();
    assert_eq!(bare[0], address("/ip4/45.2.0.2/tcp/1"));
    assert_eq!(bare[1..4], circuits[..3], "one relay does not fill the card");
    assert_eq!(bare[4..], [address("/ip4/192.168.1.10/tcp/1")]);
    assert_eq!(told(&[], &[], &listen[..1], &local).len(), 1, "a node on loopback alone says so");
}

#[test]
fn a_relay_server_hears_nothing_in_silence() {
    // [NET-NAT-SILENCE] Else a seed would leave the DHT half a minute after the first of its users came.
    let mut config = Config::new([1; 32]);
    config.relay_server = true;
    let (mut reachability, start) = (Reachability::new(&config), Instant::now());
    reachability.on_internet(start);
    assert!(!reachability.listen(start + VERDICT) && reachability.nat() != Nat::Private);
}
