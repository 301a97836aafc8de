//! Sessions of two devices beside Olm.

use covey_pairing::{
    crypto::{dh::DhSecret, secret::Secret, sign::SigningSecret},
    session::{DeviceSessions, LocalDevice, PrekeyStore, SessionParties},
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use vodozemac::olm::{Account, OlmMessage, Session, SessionConfig};

use crate::measure::{Bench, Contestant, timed};

const NOW: u64 = 1_767_225_600_000;
const TEXT: &[u8] = &[b'x'; 100];
/// Messages of a round.
const MESSAGES: usize = 50;

/// One device of ours.
struct End {
    device: LocalDevice,
    prekeys: PrekeyStore,
    sessions: DeviceSessions,
    rng: ChaCha20Rng,
}

impl End {
    fn device(n: u8) -> LocalDevice {
        LocalDevice { dh: DhSecret::from_bytes([n; 32]), signing: SigningSecret::from_seed([n + 100; 32]) }
    }

    fn new(us: u8, them: u8) -> Self {
        let (device, theirs) = (Self::device(us), Self::device(them));
        let parties = SessionParties {
            our_account: [us + 50; 32],
            our_device: *device.signing.public().as_bytes(),
            their_account: [them + 50; 32],
            their_device: *theirs.signing.public().as_bytes(),
        };
        let mut rng = ChaCha20Rng::seed_from_u64(us.into());
        let prekeys = PrekeyStore::new(&device, NOW, &mut rng);
        let sessions = DeviceSessions::new(parties, theirs.dh.public(), Secret::new([0x5a; 32]));
        Self { device, prekeys, sessions, rng }
    }

    fn seal(&mut self) -> Vec<u8> {
        self.sessions.encrypt(TEXT, b"", NOW, &mut self.rng).expect("there is a session")
    }

    fn open(&mut self, envelope: &[u8]) {
        let opened = self.sessions.decrypt(&self.device, &mut self.prekeys, envelope, b"", NOW);
        assert_eq!(opened.expect("opens"), TEXT);
    }
}

fn ours() -> (End, End) {
    let (mut alice, mut bob) = (End::new(1, 2), End::new(2, 1));
    let bundle = bob.prekeys.one_time_bundle(&bob.device, &[1; 32], &mut bob.rng);
    alice.sessions.initiate(&alice.device, &bundle, NOW, &mut alice.rng).expect("a good bundle");
    let hello = alice.seal();
    bob.open(&hello);
    let answer = bob.seal();
    alice.open(&answer);
    (alice, bob)
}

fn olm() -> (Session, Session) {
    let (alice, mut bob) = (Account::new(), Account::new());
    bob.generate_one_time_keys(1);
    let one_time = *bob.one_time_keys().values().next().expect("one");
    let config = SessionConfig::version_1();
    let mut sender = alice.create_outbound_session(config, bob.curve25519_key(), one_time).expect("good keys");
    let OlmMessage::PreKey(hello) = sender.encrypt(TEXT).expect("encrypts") else { unreachable!("the first") };
    let mut receiver = bob.create_inbound_session(config, alice.curve25519_key(), &hello).expect("opens").session;
    let answer = receiver.encrypt(TEXT).expect("encrypts");
    sender.decrypt(&answer).expect("opens");
    (sender, receiver)
}

fn olm_open(session: &mut Session, (kind, bytes): &(usize, Vec<u8>)) {
    let message = OlmMessage::from_parts(*kind, bytes).expect("a message");
    assert_eq!(session.decrypt(&message).expect("opens"), TEXT);
}

/// The same two, in a session without post-quantum steps, as they were in suite 1: the last field of the ratchet is missing.
fn without_steps() -> (End, End) {
    let older = |end: End| {
        let mut bytes = covey_codec::encode(&end.sessions).expect("plain data encodes");
        let find =
            |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what).expect("there");
        let steps = find(&bytes, b"\x61q\xa3\x61e\x00\x61n");
        let at = steps + find(&bytes[steps..], b"\x61w\x1b");
        bytes.drain(steps..at + 3 + 8);
        let ratchet = find(&bytes, b"\x61r\xa6\x61r");
        bytes[ratchet + 2] = 0xa5;
        let sessions: DeviceSessions = covey_codec::decode(&bytes, 1 << 16).expect("state of suite 1");
        assert!(sessions.is_outdated());
        End { sessions, ..end }
    };
    let (alice, bob) = ours();
    (older(alice), older(bob))
}

pub fn run(bench: &Bench) {
    one_way(bench);
    ping_pong(bench);
    what_steps_cost(bench);
}

fn say(alice: &mut End, bob: &mut End) {
    let sent: Vec<_> = (0..MESSAGES).map(|_| alice.seal()).collect();
    sent.iter().for_each(|envelope| bob.open(envelope));
}

fn talk(alice: &mut End, bob: &mut End) {
    for _ in 0..MESSAGES {
        let ping = alice.seal();
        bob.open(&ping);
        let pong = bob.seal();
        alice.open(&pong);
    }
}

/// A round of ping-pong is two steps long; one way there are none.
fn what_steps_cost(bench: &Bench) {
    let ((mut alice, mut bob), (mut carol, mut dave)) = (ours(), without_steps());
    bench.compare(
        "session, one way, what steps cost",
        vec![
            Contestant::new("covey", MESSAGES, || timed(|| say(&mut alice, &mut bob))),
            Contestant::new("without steps", MESSAGES, || timed(|| say(&mut carol, &mut dave))),
        ],
    );
    let ((mut alice, mut bob), (mut carol, mut dave)) = (ours(), without_steps());
    bench.compare(
        "session, ping-pong, what steps cost",
        vec![
            Contestant::new("covey", 2 * MESSAGES, || timed(|| talk(&mut alice, &mut bob))),
            Contestant::new("without steps", 2 * MESSAGES, || timed(|| talk(&mut carol, &mut dave))),
        ],
    );
}

fn one_way(bench: &Bench) {
    let (mut alice, mut bob) = ours();
    let (mut sender, mut receiver) = olm();
    bench.compare(
        "session, one way, both ends",
        vec![
            Contestant::new("covey", MESSAGES, || timed(|| say(&mut alice, &mut bob))),
            Contestant::new("Olm", MESSAGES, || {
                timed(|| {
                    let sent: Vec<_> =
                        (0..MESSAGES).map(|_| sender.encrypt(TEXT).expect("encrypts").to_parts()).collect();
                    sent.iter().for_each(|message| olm_open(&mut receiver, message));
                })
            }),
        ],
    );
}

fn ping_pong(bench: &Bench) {
    let (mut alice, mut bob) = ours();
    let (mut sender, mut receiver) = olm();
    bench.compare(
        "session, ping-pong, both ends",
        vec![
            Contestant::new("covey", 2 * MESSAGES, || timed(|| talk(&mut alice, &mut bob))),
            Contestant::new("Olm", 2 * MESSAGES, || {
                timed(|| {
                    for _ in 0..MESSAGES {
                        let ping = sender.encrypt(TEXT).expect("encrypts").to_parts();
                        olm_open(&mut receiver, &ping);
                        let pong = receiver.encrypt(TEXT).expect("encrypts").to_parts();
                        olm_open(&mut sender, &pong);
                    }
                })
            }),
        ],
    );
}
