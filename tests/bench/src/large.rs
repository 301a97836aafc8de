//! A group of ten thousand beside a small one, and its keys beside the bare sessions that carry them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
};

use covey_pairing::{
    crypto::{dh::DhSecret, secret::Secret, sign::SigningSecret},
    group::cipher::{DistributionWork, SenderChain, Speaker},
    ids::{DeviceId, GroupId},
    parcel,
    session::{DeviceSessions, LocalDevice, PrekeyBundle, PrekeyStore, SessionParties},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    engine::{Group, Joiner},
    measure::{Bench, Contestant, timed},
};

const SMALL: usize = 10;
/// Neighbours that are connected, in both groups.
const CONNECTED: usize = 4;
/// Joins of a round.
const JOINS: usize = 4;
const ROTATIONS: usize = 5;
/// Texts of a round.
const TEXTS: usize = 8;
const NOW: u64 = 1_767_225_600_000;

pub fn run(bench: &Bench) {
    // To make the groups takes longer than all else.
    if !["join", "rotation", "one send"].iter().any(|row| row.contains(&bench.only)) {
        return;
    }
    let seeds = Cell::new(0);
    let joiner = || Joiner::new(seeds.replace(seeds.get() + 1));
    let [mut small, mut growing, mut large] = [1_000_001, 1_000_002, 1_000_003].map(Group::new);
    (1..SMALL).for_each(|_| small.admit(joiner()));
    let last = join_rounds(bench) * JOINS;
    (1..bench.members - last).for_each(|_| large.admit(joiner()));
    join(bench, &joiner, &mut growing, &mut large);
    // Unless that row was not asked for.
    (large.members()..bench.members).for_each(|_| large.admit(joiner()));
    keys(bench, &mut large);
    send(bench, &mut small, &mut large);
}

/// One more, to warm.
fn join_rounds(bench: &Bench) -> usize {
    bench.rounds.min(20) + 1
}

/// Somebody is let in by the founder: statement and card are verified, the operation is written, the roster changes.
fn join(bench: &Bench, joiner: &impl Fn() -> Joiner, growing: &mut Group, large: &mut Group) {
    let admitting = |group: &mut Group| {
        let joiners: Vec<Joiner> = (0..JOINS).map(|_| joiner()).collect();
        timed(|| joiners.into_iter().for_each(|joiner| group.admit(joiner)))
    };
    bench.compare_in(
        join_rounds(bench) - 1,
        &format!("join of the {}th", bench.members),
        vec![
            Contestant::new("covey", JOINS, || admitting(large)),
            Contestant::new("of the first", JOINS, || admitting(growing)),
        ],
    );
}

/// Our chain for everyone, first in sessions that begin with it, then in those sessions.
fn keys(bench: &Bench, group: &mut Group) {
    let members = group.members() - 1;
    let bare = RefCell::new(Bare::new());
    bench.compare_once(
        &format!("first keys for {members}"),
        vec![
            Contestant::new("covey", members, || {
                timed(|| {
                    group.say();
                    group.hand_out();
                })
            }),
            Contestant::new("bare sessions", members, || {
                timed(|| (0..members).for_each(|_| bare.borrow_mut().begin()))
            }),
        ],
    );
    let encrypt = || timed(|| bare.borrow_mut().encrypt_all());
    bench.compare_in(
        ROTATIONS,
        "rotation, without the engine",
        vec![
            Contestant::new("covey", members, || {
                let mut bare = bare.borrow_mut();
                timed(|| bare.rotate())
            }),
            Contestant::new("bare ratchets", members, encrypt),
        ],
    );
    bench.compare_in(
        ROTATIONS,
        &format!("rotation for {members}"),
        vec![
            Contestant::new("covey", members, || {
                group.remove();
                timed(|| {
                    group.say();
                    group.hand_out();
                })
            }),
            Contestant::new("bare ratchets", members, encrypt),
            Contestant::new("in bare parcels", members, || timed(|| bare.borrow_mut().post_all())),
        ],
    );
}

/// Sessions with everybody, without an engine around them.
struct Bare {
    us: LocalDevice,
    them: LocalDevice,
    bundle: PrekeyBundle,
    rng: StdRng,
    chain: SenderChain,
    roster: BTreeSet<DeviceId>,
    sessions: BTreeMap<DeviceId, DeviceSessions>,
}

impl Bare {
    fn new() -> Self {
        let device = |n| LocalDevice { dh: DhSecret::from_bytes([n; 32]), signing: SigningSecret::from_seed([n; 32]) };
        let (us, them) = (device(1), device(2));
        let mut rng = StdRng::seed_from_u64(1);
        // All are one device here: what a session costs does not follow from whose it is.
        let bundle = PrekeyStore::new(&them, NOW, &mut rng).bundle().clone();
        let speaker = Speaker { group: GroupId::from_bytes([1; 32]), device: DeviceId::from_bytes([1; 32]) };
        let chain = SenderChain::new(speaker, 0, 1, NOW, &mut rng);
        Self { us, them, bundle, rng, chain, roster: BTreeSet::new(), sessions: BTreeMap::new() }
    }

    /// A session with one more, and our chain in it.
    fn begin(&mut self) {
        let parties = SessionParties {
            our_account: [51; 32],
            our_device: *self.us.signing.public().as_bytes(),
            their_account: [52; 32],
            their_device: *self.them.signing.public().as_bytes(),
        };
        let mut sessions = DeviceSessions::new(parties, self.them.dh.public(), Secret::new([5; 32]));
        sessions.initiate(&self.us, &self.bundle, NOW, &mut self.rng).expect("a good bundle");
        let number = self.sessions.len() as u64;
        let device = DeviceId::from_bytes(covey_pairing::crypto::hash::blake3(&number.to_be_bytes()));
        self.roster.insert(device);
        self.sessions.insert(device, sessions);
        let chain = self.chain.distribution().to_bytes();
        self.encrypt(&device, &chain);
    }

    fn encrypt(&mut self, device: &DeviceId, chain: &[u8]) {
        let sessions = self.sessions.get_mut(device).expect("begun");
        black_box(sessions.encrypt(chain, b"", NOW, &mut self.rng).expect("there is a session"));
    }

    fn encrypt_all(&mut self) {
        let chain = self.chain.distribution().to_bytes();
        for sessions in self.sessions.values_mut() {
            black_box(sessions.encrypt(&chain, b"", NOW, &mut self.rng).expect("there is a session"));
        }
    }

    /// The same, each sealed to its device, so that others can keep it.
    fn post_all(&mut self) {
        let chain = self.chain.distribution().to_bytes();
        for sessions in self.sessions.values_mut() {
            let envelope = sessions.encrypt(&chain, b"", NOW, &mut self.rng).expect("there is a session");
            let (ours, theirs) = (&self.us.dh, self.them.dh.public());
            let kem = self.bundle.last_resort();
            let sealed = parcel::seal(ours, &theirs, kem, b"covey parcel", &envelope, &mut self.rng);
            black_box(sealed.expect("within limits"));
        }
    }

    /// A new chain, handed out in batches as the engine does.
    fn rotate(&mut self) {
        let generation = self.chain.generation();
        self.chain = SenderChain::new(*self.chain.speaker(), generation, 1, NOW, &mut self.rng);
        let mut work = DistributionWork::new(self.chain.speaker().device, self.chain.generation());
        while !work.is_done() {
            for handout in work.next(64, &self.roster) {
                let chain = self.chain.distribution_from(handout.from).to_bytes();
                self.encrypt(&handout.device, &chain);
            }
        }
    }
}

/// One text of the founder: sealed, signed, stored, shown, pushed to those neighbours who are there.
fn send(bench: &Bench, small: &mut Group, large: &mut Group) {
    for group in [&mut *small, &mut *large] {
        _ = group.connect(CONNECTED);
        group.say();
        group.hand_out();
    }
    let bytes = [&mut *large, &mut *small].map(Group::say);
    let saying = |group: &mut Group| timed(|| (0..TEXTS).for_each(|_| _ = group.say()));
    bench.compare(
        &format!("one send to {}", large.members()),
        vec![Contestant::new("covey", TEXTS, || saying(large)), Contestant::new("to 10", TEXTS, || saying(small))],
    );
    for (group, (sent, stored)) in [&*large, &*small].into_iter().zip(bytes) {
        println!("    one send to {}: {sent} bytes to {CONNECTED} neighbours, {stored} bytes stored", group.members());
    }
}
