use super::*;

struct Fixture {
    door: Door,
    now: Instant,
    next: usize,
    contacts: Vec<Host>,
}

impl Fixture {
    fn new() -> Self {
        Self { door: Door::new(8), now: Instant::now(), next: 0, contacts: Vec::new() }
    }

    fn knock(&self, remote: &str) -> Knock {
        let remote = remote.parse().expect("an address");
        Knock::new(&listener(), &remote, |host| self.contacts.contains(host), |_| false)
    }

    /// Begins a handshake that stays in progress.
    fn hold(&mut self, knock: Knock) -> Result<ConnectionId, Denied> {
        self.next += 1;
        let connection = ConnectionId::new_unchecked(self.next);
        self.door.enter(connection, knock, self.now).map(|()| connection)
    }

    /// Connects and closes at once.
    fn touch(&mut self, remote: &str) -> Result<(), Denied> {
        let held = self.hold(self.knock(remote))?;
        self.door.leave(&held);
        Ok(())
    }

    fn knows(&mut self, remote: &str) {
        self.contacts.push(Host::of(&remote.parse().expect("an address")).expect("a host"));
    }
}

fn listener() -> Multiaddr {
    "/ip4/192.0.2.1/tcp/7421".parse().expect("an address")
}

fn v4(network: u8, host: u8) -> String {
    format!("/ip4/10.0.{network}.{host}/tcp/1000")
}

#[test]
fn one_host_that_connects_and_closes_without_end_leaves_the_rate_to_others() {
    // [NET-LIMIT-RATE]
    let mut f = Fixture::new();
    let granted = (0..1_000).filter(|_| f.touch("/ip4/198.51.100.7/tcp/1000").is_ok()).count();
    assert_eq!(granted, 16);
    assert_eq!(f.touch("/ip4/203.0.113.1/tcp/1000"), Ok(()), "another network");
    f.now += Duration::from_secs(1);
    assert_eq!(f.touch("/ip4/198.51.100.7/tcp/1000"), Ok(()), "one a second");
    assert_eq!(f.touch("/ip4/198.51.100.7/tcp/1000"), Err(Denied::Rate));
}

#[test]
fn an_ipv6_network_has_one_rate_whatever_addresses_it_uses() {
    // [NET-LIMIT-RATE]
    let mut f = Fixture::new();
    let granted = (0..1_000u32).filter(|n| f.touch(&format!("/ip6/2001:db8:1:{n:x}::1/tcp/1000")).is_ok()).count();
    assert_eq!(granted, 16);
    assert_eq!(f.touch("/ip6/2001:db8:2::1/tcp/1000"), Ok(()));
}

#[test]
fn a_hundred_networks_at_full_speed_keep_out_neither_known_contacts_nor_a_new_network() {
    // [NET-LIMIT-RATE]
    let mut f = Fixture::new();
    f.knows("/ip4/203.0.113.5/tcp/9");
    let (mut known, mut new) = (0, 0);
    for second in 0..60u8 {
        for _ in 0..20 {
            for network in 0..100 {
                let _ = f.touch(&v4(network, 1));
            }
        }
        known += u8::from(f.touch("/ip4/203.0.113.5/tcp/41000").is_ok());
        new += u8::from(f.touch(&format!("/ip4/192.168.{second}.1/tcp/1")).is_ok());
        f.now += Duration::from_secs(1);
    }
    assert_eq!(known, 60);
    assert!(new >= 50, "only while all of the hundred are new themselves is there no room: {new}");
    assert!(f.door.callers.len() <= 200, "what is remembered is bounded by what is let in: {}", f.door.callers.len());
}

#[test]
fn networks_without_end_keep_out_strangers_but_no_host_of_a_contact() {
    // [NET-LIMIT-RATE]
    let mut f = Fixture::new();
    f.knows("/ip6/2001:db8:ffff:1::9/tcp/9");
    for n in 0..10_000u32 {
        let _ = f.touch(&format!("/ip6/2001:{:x}:{:x}::1/tcp/1", n >> 8, n & 255));
    }
    assert_eq!(f.touch("/ip4/203.0.113.1/tcp/1000"), Err(Denied::Rate));
    assert_eq!(f.touch("/ip6/2001:db8:ffff:1::abc/tcp/1000"), Ok(()), "the same link");
    assert_eq!(f.touch("/ip6/2001:db8:ffff:2::abc/tcp/1000"), Err(Denied::Rate), "another");
    assert!(f.door.callers.len() <= 200 && f.door.knocked.len() <= REMEMBERED);
}

#[test]
fn handshakes_that_never_end_hold_no_place_of_a_contact() {
    // [NET-LIMIT-PENDING]
    let mut f = Fixture::new();
    f.knows("/ip4/10.0.0.77/tcp/9");
    for host in 0..8 {
        assert!(f.hold(f.knock(&v4(0, host))).is_ok());
    }
    assert_eq!(f.hold(f.knock(&v4(0, 9))), Err(Denied::Prefix));
    for network in 1..8 {
        for host in 0..8 {
            let _ = f.hold(f.knock(&v4(network, host)));
        }
    }
    assert_eq!(f.hold(f.knock(&v4(7, 9))), Err(Denied::Prefix));
    for network in 0..16 {
        assert!(f.hold(f.knock(&format!("/ip4/203.0.{network}.1/tcp/1"))).is_ok(), "a network that was quiet");
        assert_eq!(f.hold(f.knock(&format!("/ip4/203.0.{network}.1/tcp/1"))), Err(Denied::Pending));
    }
    assert_eq!(f.hold(f.knock("/ip4/203.0.113.1/tcp/1")), Err(Denied::Pending));
    let held: Vec<_> = (0..20).filter_map(|_| f.hold(f.knock("/ip4/10.0.0.77/tcp/1")).ok()).collect();
    assert_eq!(held.len(), PENDING_FAMILIAR, "and no more than its own");
    held.iter().for_each(|connection| f.door.leave(connection));
    assert!(f.hold(f.knock("/ip4/10.0.0.77/tcp/1")).is_ok());
}

#[test]
fn datagrams_with_forged_sources_use_up_quic_and_not_tcp() {
    // [NET-LIMIT-PENDING] The first packet of QUIC carries any address, also that of a contact.
    let mut f = Fixture::new();
    f.knows("/ip4/203.0.113.5/tcp/9");
    for network in 0..=255 {
        for _ in 0..20 {
            let _ = f.hold(f.knock(&format!("/ip4/10.0.{network}.1/udp/1/quic-v1")));
            let _ = f.hold(f.knock("/ip4/203.0.113.5/udp/1/quic-v1"));
        }
    }
    assert!(f.hold(f.knock("/ip4/203.0.113.5/udp/1/quic-v1")).is_err());
    assert!(f.hold(f.knock("/ip4/203.0.113.5/tcp/1")).is_ok());
    assert!(f.hold(f.knock("/ip4/203.0.113.200/tcp/1")).is_ok());
}

#[test]
fn strangers_behind_a_relay_hold_no_place_of_a_contact_behind_it_nor_of_another_relay() {
    // [NET-LIMIT-PENDING]
    let (mut f, relay, other, contact) = (Fixture::new(), PeerId::random(), PeerId::random(), PeerId::random());
    let circuit = |relay: PeerId, source: PeerId| {
        let local = format!("/ip4/198.51.100.1/tcp/1/p2p/{relay}/p2p-circuit").parse().expect("an address");
        let remote = format!("/p2p/{source}").parse().expect("an address");
        Knock::new(&local, &remote, |_| false, |peer| *peer == contact)
    };
    for _ in 0..8 {
        assert!(f.hold(circuit(relay, PeerId::random())).is_ok());
    }
    assert_eq!(f.hold(circuit(relay, PeerId::random())), Err(Denied::Prefix));
    assert!(f.hold(circuit(relay, contact)).is_ok());
    assert!(f.hold(circuit(other, PeerId::random())).is_ok());
    // A relay that lies uses up the contact's reserve on this relay, not on the other.
    for _ in 0..20 {
        let _ = f.hold(circuit(relay, contact));
    }
    assert!(f.hold(circuit(relay, contact)).is_err());
    assert!(f.hold(circuit(other, contact)).is_ok());
}

#[test]
fn this_machine_has_no_limit_by_prefix_but_the_one_for_all() {
    // [NET-LIMIT-RATE]
    let mut f = Fixture::new();
    assert_eq!((0..1_000).filter(|_| f.touch("/ip4/127.0.0.1/tcp/1").is_ok()).count(), 128);
}
