//! Two sides, what they come to, and who attacks them.

mod attacks;
mod hand_over;
mod ticket;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::*;
use crate::identity::{AccountSecret, CardContent, CardDevice, DeviceSecret, KeyLog, sign};

const NOW: u64 = 1_800_000_000_000;

/// A holder of an account and a new machine.
struct Pair {
    account: AccountSecret,
    log: KeyLog,
    laptop: DeviceSecret,
    host: Host,
    joiner: Joiner,
    rng: ChaCha20Rng,
}

fn card(log: &KeyLog, account: &AccountSecret, device: &DeviceSecret) -> Vec<u8> {
    let addresses = vec!["/ip4/127.0.0.1/tcp/4001".to_owned()];
    let content = CardContent {
        sequence: 1,
        issued_at: NOW,
        expires_at: NOW + 1_000_000,
        name: "ada".into(),
        log: log.clone(),
        devices: vec![CardDevice { device: device.id(), addresses, prekeys: serde_bytes::ByteBuf::new(), seq: 0 }],
        custodians: Vec::new(),
        kem: Some(account.kem_key().hash()),
    };
    sign(&content, device).expect("a good card")
}

fn joiner(seed: u8, rng: &mut ChaCha20Rng) -> Joiner {
    let new = NewDevice {
        device: DeviceSecret::from_seed([seed; 32]),
        name: "server".into(),
        network: None,
        addresses: vec!["/ip4/127.0.0.1/tcp/4002".into()],
    };
    Joiner::new(new, NOW, rng)
}

impl Pair {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let (account, laptop) = (AccountSecret::from_seed([1; 32]), DeviceSecret::from_seed([2; 32]));
        let log = KeyLog::create(&account, NOW).add_device(&account, &laptop, NOW).expect("room");
        let joiner = joiner(3, &mut rng);
        let ticket = joiner.ticket().to_string().parse().expect("its own");
        let host = Host::begin(ticket, account.id(), NOW, &mut rng).expect("in time");
        Self { account, log, laptop, host, joiner, rng }
    }

    fn hand_over(&self) -> HandOver {
        let cards = vec![card(&self.log, &self.account, &self.laptop)];
        let (account, log) = (self.account.plain(), self.log.clone());
        let named = |device, name: &str| NamedDevice { device, name: name.into(), holder: name == "laptop" };
        let devices = vec![named(self.laptop.id(), "laptop"), named(self.joiner.device().id(), "server")];
        HandOver { account, log, name: "ada".into(), devices, cards, history: 1 }
    }

    /// The host's newest frame.
    fn outgoing(&mut self) -> Vec<u8> {
        let hand_over = self.hand_over();
        self.host.outgoing(|| Some(hand_over), &mut self.rng).expect("something to send")
    }

    fn at_joiner(&mut self, bytes: &[u8]) -> (Option<Vec<u8>>, JoinerEvent) {
        self.joiner.frame(&LinkFrame::decode(bytes).expect("a frame"), NOW, &mut self.rng)
    }

    fn at_host(&mut self, bytes: &[u8]) -> HostEvent {
        self.host.frame(&LinkFrame::decode(bytes).expect("a frame"), NOW)
    }

    /// Sends the host's newest frame, and the answer back, if there is one.
    fn step(&mut self) -> (JoinerEvent, Option<HostEvent>) {
        let bytes = self.outgoing();
        let (answer, event) = self.at_joiner(&bytes);
        (event, answer.map(|answer| self.at_host(&answer)))
    }

    /// Up to the digits, as both sides show them.
    fn compare(&mut self) -> Digits {
        let (_, host) = self.step();
        let Some(HostEvent::Digits(shown)) = host else { unreachable!("no digits: {host:?}") };
        assert_eq!(self.step(), (JoinerEvent::Digits(shown), None));
        assert_eq!(self.joiner.digits(), Some(shown));
        shown
    }

    /// Up to the device on the key log.
    fn add(&mut self) {
        let digits = self.compare();
        self.host.confirm(digits, NOW).expect("the same digits");
        let (event, host) = self.step();
        assert_eq!(event, JoinerEvent::Confirmed);
        let Some(HostEvent::Joins(proof)) = host else { unreachable!("no agreement: {host:?}") };
        let device = self.host.ticket().device;
        self.log = self.log.add_joining(&self.account, device, *proof, NOW).expect("it agreed");
        self.host.added();
    }
}

/// Both sides after a restart.
fn restarted(pair: &mut Pair) {
    let host = covey_codec::encode(&pair.host).expect("encodes");
    let joiner = covey_codec::encode(&pair.joiner).expect("encodes");
    pair.host = covey_codec::decode(&host, 8192).expect("decodes");
    pair.joiner = covey_codec::decode(&joiner, 8192).expect("decodes");
}

/// [LINK-5] [LINK-9]
#[test]
fn a_new_machine_becomes_a_device_once_the_digits_were_confirmed() {
    let mut pair = Pair::new();
    pair.add();
    let (event, answer) = pair.step();
    let wanted = pair.hand_over();
    assert_eq!((event, answer), (JoinerEvent::HandedOver(Box::new(wanted.clone())), None));
    assert!(!wanted.account.is_holder());
    let done = pair.joiner.done(&mut pair.rng).expect("greeted");
    assert_eq!(pair.at_host(&done), HostEvent::Done);
    assert_eq!((pair.host.stage(), pair.host.suggested_name()), (Stage::Done, Some("server")));
}

/// [LINK-8]
#[test]
fn nothing_of_the_account_is_sent_before_the_digits_were_confirmed() {
    let mut pair = Pair::new();
    pair.compare();
    for _ in 0..3 {
        let bytes = pair.outgoing();
        let LinkFrame::Sealed(_, sealed) = LinkFrame::decode(&bytes).expect("a frame") else { unreachable!("sealed") };
        assert!(sealed.len() < 100, "room for the random bytes only");
        let (answer, _) = pair.at_joiner(&bytes);
        assert_eq!(answer, None);
    }
    assert!(matches!(pair.host.stage(), Stage::Comparing(_)));
}

/// [LINK-10]
#[test]
fn a_link_goes_on_after_lost_frames_and_restarts_of_either_side() {
    let mut pair = Pair::new();
    // The answer is lost, and comes again.
    let hello = pair.outgoing();
    let (first, _) = pair.at_joiner(&hello);
    restarted(&mut pair);
    assert_eq!(pair.outgoing(), hello, "one message of one ephemeral key");
    assert_eq!(pair.at_joiner(&hello), (first, JoinerEvent::Nothing));
    pair.add();
    restarted(&mut pair);
    // The hand-over is lost as often as may be, and so is the answer to it.
    for _ in 0..3 {
        drop(pair.outgoing());
        assert!(matches!(pair.step().0, JoinerEvent::HandedOver(_)));
        restarted(&mut pair);
    }
    let done = pair.joiner.done(&mut pair.rng).expect("greeted");
    assert_eq!(pair.at_host(&done), HostEvent::Done);
    assert_eq!(pair.at_host(&done), HostEvent::Nothing);
}

/// [LINK-7]
#[test]
fn three_wrong_digits_end_the_link_on_both_sides() {
    let mut pair = Pair::new();
    let right = pair.compare();
    let wrong: Digits = if right.to_string() == "000000" { "000001" } else { "000000" }.parse().expect("digits");
    assert_eq!(pair.host.confirm(wrong, NOW), Err(HostError::WrongDigits { left: 2 }));
    restarted(&mut pair);
    assert_eq!(pair.host.confirm(wrong, NOW), Err(HostError::WrongDigits { left: 1 }));
    assert_eq!(pair.host.confirm(wrong, NOW), Err(HostError::Ended(End::Digits)));
    assert_eq!(pair.host.confirm(right, NOW), Err(HostError::Ended(End::Digits)), "too late");
    assert_eq!(pair.step(), (JoinerEvent::Ended(End::Digits), None));
    assert_eq!(pair.joiner.ended(NOW), Some(End::Digits));
}

/// [LINK-6]
#[test]
fn a_link_ends_after_ten_minutes_by_each_sides_own_clock() {
    let mut pair = Pair::new();
    let digits = pair.compare();
    let late = NOW + LINK_LIFETIME_MS;
    assert_eq!(pair.host.confirm(digits, late), Err(HostError::Ended(End::Expired)));
    assert_eq!(pair.joiner.ended(late - 1), None);
    assert_eq!(pair.joiner.ended(late), Some(End::Expired));
    let ticket = pair.joiner.ticket().clone();
    assert_eq!(Host::begin(ticket.clone(), pair.account.id(), late, &mut pair.rng).err(), Some(End::Expired));
    // A machine whose clock is ahead gives nobody more time.
    let ahead = LinkTicket { expires_at: NOW + 10 * LINK_LIFETIME_MS, ..ticket };
    let mut host = Host::begin(ahead, pair.account.id(), NOW, &mut pair.rng).expect("in time");
    assert_eq!(host.ends_at(), late);
    assert!(host.is_over(late) && host.stage() == Stage::Ended(End::Expired));
    // A host that comes too late hears so.
    let mut other = Pair::new();
    let hello = other.outgoing();
    let frame = LinkFrame::decode(&hello).expect("a frame");
    let (answer, event) = other.joiner.frame(&frame, late, &mut other.rng);
    assert_eq!(event, JoinerEvent::Ended(End::Expired));
    assert_eq!(other.at_host(&answer.expect("refused")), HostEvent::Ended(End::Expired));
}

/// [LINK-4]
#[test]
fn a_ticket_is_used_once() {
    let mut pair = Pair::new();
    pair.compare();
    let ticket = pair.joiner.ticket().clone();
    let mut second = Host::begin(ticket, pair.account.id(), NOW, &mut pair.rng).expect("in time");
    let hello = second.outgoing(|| None, &mut pair.rng).expect("a hello");
    let (answer, event) = pair.at_joiner(&hello);
    assert_eq!(event, JoinerEvent::Nothing);
    let refused = LinkFrame::decode(&answer.expect("an answer")).expect("a frame");
    assert_eq!(second.frame(&refused, NOW), HostEvent::Ended(End::Used));
    assert_eq!(pair.host.frame(&refused, NOW), HostEvent::Nothing, "the first goes on");
}

#[test]
fn either_side_can_end_it_and_the_other_hears_so() {
    let mut pair = Pair::new();
    pair.compare();
    let told = pair.joiner.end(End::Cancelled, &mut pair.rng).expect("there is a host");
    assert_eq!(pair.at_host(&told), HostEvent::Ended(End::Cancelled));
    let mut pair = Pair::new();
    pair.compare();
    pair.host.end(End::Full);
    assert_eq!(pair.step(), (JoinerEvent::Ended(End::Full), None));
}

#[test]
fn digits_are_six_and_may_be_typed_in_groups() {
    let digits: Digits = " 042-137 ".parse().expect("six digits");
    assert_eq!((digits.to_string().as_str(), digits.grouped().as_str()), ("042137", "042 137"));
    for text in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦"] {
        assert!(text.parse::<Digits>().is_err(), "{text}");
    }
}
