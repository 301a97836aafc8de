use rand::{SeedableRng, rngs::StdRng};

use super::*;

struct Fixture {
    seeker: Seeker,
    rng: StdRng,
    now: Instant,
    peer: PeerId,
}

impl Fixture {
    fn new() -> Self {
        let seeker = Seeker::new(Backoff::default());
        Self { seeker, rng: StdRng::seed_from_u64(1), now: Instant::now(), peer: PeerId::random() }
    }

    fn steps(&mut self) -> Vec<Step> {
        self.seeker.steps(self.now, &mut self.rng)
    }

    fn failed(&mut self) -> Option<Step> {
        self.seeker.failed(&self.peer, DialError::Unreachable("refused".to_owned()), self.now, &mut self.rng)
    }

    fn found(&mut self, addresses: &[Multiaddr]) -> Option<Step> {
        self.seeker.found(&self.peer, addresses, self.now, &mut self.rng)
    }

    /// How long until the next step is due.
    fn pause(&self) -> Duration {
        self.seeker.next().expect("something to do").saturating_duration_since(self.now)
    }
}

fn address(port: u16) -> Multiaddr {
    format!("/ip4/192.0.2.1/tcp/{port}").parse().expect("an address")
}

#[test]
fn remembered_addresses_come_first_and_then_what_a_lookup_finds() {
    let mut f = Fixture::new();
    f.seeker.allow(f.peer, &[address(1)], false, f.now);
    assert_eq!(f.steps(), [Step::Dial(f.peer, vec![address(1)])]);
    assert_eq!(f.failed(), Some(Step::LookUp(f.peer)));
    assert_eq!(f.found(&[address(1), address(2)]), Some(Step::Dial(f.peer, vec![address(2)])));
    assert_eq!(f.failed(), None);
    assert!((500..=1000).contains(&f.pause().as_millis()));
}

#[test]
fn pauses_grow_to_five_minutes_and_start_anew_after_a_connection() {
    let mut f = Fixture::new();
    f.seeker.allow(f.peer, &[], false, f.now);
    let mut longest = Duration::ZERO;
    for _ in 0..12 {
        assert_eq!(f.steps(), [Step::LookUp(f.peer)]);
        assert_eq!(f.found(&[]), None);
        let pause = f.pause();
        assert!(pause * 2 >= longest, "no pause is less than half the longest");
        longest = longest.max(pause);
        f.now += pause;
    }
    assert!((150..=300).contains(&longest.as_secs()));
    f.seeker.connected(&f.peer, None);
    assert_eq!(f.seeker.next(), None);
    f.seeker.disconnected(&f.peer, f.now, &mut f.rng);
    assert!(f.pause() <= QUICK, "the first retry is quick");
}

#[test]
fn the_address_that_worked_is_tried_first_next_time() {
    let mut f = Fixture::new();
    f.seeker.allow(f.peer, &[address(1), address(2)], false, f.now);
    f.steps();
    f.seeker.connected(&f.peer, Some(&address(2)));
    f.seeker.disconnected(&f.peer, f.now, &mut f.rng);
    f.now += QUICK;
    assert_eq!(f.steps(), [Step::Dial(f.peer, vec![address(2), address(1)])]);
}

#[test]
fn a_discovered_allowed_peer_is_tried_at_once() {
    let mut f = Fixture::new();
    f.seeker.allow(f.peer, &[], false, f.now);
    f.steps();
    f.found(&[]);
    f.seeker.discovered(&f.peer, &[address(3)], f.now);
    assert_eq!(f.steps(), [Step::Dial(f.peer, vec![address(3)])]);
    f.seeker.discovered(&PeerId::random(), &[address(4)], f.now);
    assert_eq!(f.steps(), [], "strangers are not");
}

#[test]
fn the_nodes_own_dial_ends_with_the_reason() {
    let mut f = Fixture::new();
    assert!(f.seeker.want(f.peer, &[address(1)], f.now));
    f.steps();
    f.failed();
    let error = DialError::Unreachable("refused".to_owned());
    assert_eq!(f.found(&[]), Some(Step::GiveUp(f.peer, error)));
    assert_eq!(f.seeker.next(), None, "it is forgotten");

    assert!(f.seeker.want(f.peer, &[], f.now));
    f.steps();
    f.now += WANTED_FOR;
    assert_eq!(f.steps(), [Step::GiveUp(f.peer, DialError::TimedOut)]);
}

#[test]
fn a_revoked_peer_is_forgotten() {
    let mut f = Fixture::new();
    f.seeker.allow(f.peer, &[address(1)], false, f.now);
    f.seeker.revoke(&f.peer);
    assert_eq!(f.steps(), []);
    assert_eq!(f.failed(), None);
}

#[test]
fn dials_at_once_and_waiting_ones_are_bounded() {
    // [NET-DIAL-LIMIT]
    let mut f = Fixture::new();
    for _ in 0..100 {
        f.seeker.allow(PeerId::random(), &[address(1)], false, f.now);
    }
    assert_eq!(f.steps().len(), AT_ONCE);
    assert_eq!(f.steps(), []);
    f.now += SILENCE;
    f.steps();
    assert_eq!(f.steps().len(), 0, "those of which nothing was heard were replaced");
    let wanted = (0..1_000).filter(|_| f.seeker.want(PeerId::random(), &[], f.now)).count();
    assert_eq!(wanted, WANTED);
}

#[test]
fn the_addresses_of_a_peer_are_bounded() {
    // [NET-ADDRESS-CAP]
    let mut f = Fixture::new();
    let many: Vec<_> = (1..100).map(address).collect();
    f.seeker.allow(f.peer, &many, false, f.now);
    for port in 100..200 {
        f.seeker.connected(&f.peer, Some(&address(port)));
    }
    assert_eq!(f.seeker.targets[&f.peer].addresses.len(), PER_PEER);
}

#[test]
fn an_address_that_the_node_learns_meanwhile_is_tried_before_giving_up() {
    let mut f = Fixture::new();
    f.seeker.allow(f.peer, &[address(1)], false, f.now);
    f.steps();
    f.failed();
    assert!(f.seeker.want(f.peer, &[address(2)], f.now));
    assert_eq!(f.found(&[]), Some(Step::Dial(f.peer, vec![address(2)])));
}

#[test]
fn an_address_that_is_told_while_another_is_dialled_is_dialled_beside_it() {
    // [NET-DIAL-NEWS]
    let mut f = Fixture::new();
    assert!(f.seeker.want(f.peer, &[address(1)], f.now));
    assert_eq!(f.steps(), [Step::Dial(f.peer, vec![address(1)])]);
    f.now += Duration::from_secs(1);
    assert!(f.seeker.want(f.peer, &[address(2), address(1)], f.now));
    assert_eq!(f.pause(), Duration::ZERO);
    assert_eq!(f.steps(), [Step::Dial(f.peer, vec![address(2)])]);
    assert_eq!(f.steps(), []);
    assert_eq!(f.failed(), None, "the other one may work");
    assert_eq!(f.failed(), Some(Step::LookUp(f.peer)));
    assert!(f.seeker.want(f.peer, &[address(3)], f.now));
    assert_eq!(f.steps(), [Step::Dial(f.peer, vec![address(3)])], "nor does it wait for the end of a look-up");
    f.seeker.connected(&f.peer, Some(&address(3)));
    assert_eq!(f.failed(), None);
}

#[test]
fn news_of_addresses_displace_the_oldest_but_not_the_one_that_worked() {
    let mut f = Fixture::new();
    let many: Vec<_> = (1..=16).map(address).collect();
    f.seeker.allow(f.peer, &many, false, f.now);
    f.seeker.discovered(&f.peer, &[address(17)], f.now);
    let known = &f.seeker.targets[&f.peer].addresses;
    assert_eq!((known.len(), &known[0], &known[1], &known[15]), (16, &address(1), &address(17), &address(15)));
}
