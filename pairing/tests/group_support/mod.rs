//! Devices that speak in a group and read each other.
#![allow(dead_code, reason = "every test binary uses its part")]

use std::collections::BTreeSet;

use covey_pairing::{
    group::cipher::{
        Change, Distribution, GroupCipher, Handout, OpenError, Opened, OwnChain, PastChains, ReceiverChains,
        RotationPolicy, Sealed, SenderKeys, Speaker,
    },
    ids::{DeviceId, GroupId},
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Serialize, de::DeserializeOwned};

/// 2026-01-01.
pub(crate) const NOW: u64 = 1_767_225_600_000;
pub(crate) const DAY: u64 = 24 * 3_600_000;
pub(crate) const GROUP: GroupId = GroupId::from_bytes([0x61; 32]);

pub(crate) type Work = <SenderKeys as GroupCipher>::Work;

pub(crate) fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 32])
}

pub(crate) fn speaker(n: u8) -> Speaker {
    Speaker { group: GROUP, device: device(n) }
}

/// Where the entry `seq` of the only author stands.
pub(crate) fn place(seq: u64) -> Vec<u8> {
    [b"place ".as_slice(), &seq.to_be_bytes()].concat()
}

/// A device that speaks, with everything it stores for that.
#[derive(Clone)]
pub(crate) struct Ada {
    pub(crate) own: OwnChain,
    pub(crate) work: Work,
    pub(crate) past: PastChains,
    pub(crate) roster: BTreeSet<DeviceId>,
    pub(crate) policy: RotationPolicy,
    pub(crate) seq: u64,
    pub(crate) now: u64,
    pub(crate) rng: ChaCha20Rng,
}

/// An entry: its place and its payload.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) place: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) sealed: Sealed,
}

impl Ada {
    /// Speaks as device 0 to the devices `1..=others`.
    pub(crate) fn new(others: u8, seed: u64) -> Self {
        let us = speaker(0);
        Self {
            own: SenderKeys::own(us),
            work: SenderKeys::work(us),
            past: PastChains::new(),
            roster: (0..=others).map(device).collect(),
            policy: RotationPolicy::default(),
            seq: 0,
            now: NOW,
            rng: ChaCha20Rng::seed_from_u64(seed),
        }
    }

    pub(crate) fn change(&mut self, change: Change) {
        match &change {
            Change::Joined(device) => drop(self.roster.insert(*device)),
            Change::Removed(device) | Change::Left(device) | Change::Revoked(device) => {
                self.roster.remove(device);
            }
            Change::Crowded | Change::Restored | Change::Healed => {}
        }
        SenderKeys::changed(&mut self.own, &mut self.work, &change, self.now);
    }

    pub(crate) fn is_due(&self) -> bool {
        SenderKeys::rotation_due(&self.own, &self.policy, self.now)
    }

    pub(crate) fn rotate(&mut self) {
        SenderKeys::rotate(&mut self.own, &mut self.work, &mut self.past, 7, self.now, &mut self.rng);
    }

    /// Says something, under a new chain if one is due.
    pub(crate) fn say(&mut self, text: &str) -> Entry {
        if self.is_due() {
            self.rotate();
        }
        self.seq += 1;
        let place = place(self.seq);
        let sealed = SenderKeys::seal(&mut self.own, text.as_bytes(), &place).expect("a chain with room");
        Entry { place, body: text.into(), sealed }
    }

    pub(crate) fn serve(&mut self, n: usize) -> Vec<Handout> {
        self.work.next(n, &self.roster)
    }

    pub(crate) fn distribution(&self, from: u64) -> Distribution {
        self.own.chain().expect("a chain").distribution_from(from)
    }

    /// What device `n` is given when it asks for the key of `entry`.
    pub(crate) fn answer(&self, n: u8, entry: &Entry) -> Option<Vec<u8>> {
        let key_id = covey_pairing::group::cipher::key_id_of(&entry.sealed.payload).expect("a payload");
        let known = self.roster.contains(&device(n));
        known.then(|| SenderKeys::answer(&self.own, &self.work, &self.past, &key_id, &device(n))).flatten()
    }

    /// Everything that is stored, through bytes and back.
    pub(crate) fn restart(&mut self) {
        use covey_pairing::group::cipher::limits::{MAX_OWN_BYTES, MAX_PAST_BYTES, MAX_WORK_BYTES};
        self.own = through_bytes(&self.own, MAX_OWN_BYTES);
        self.work = through_bytes(&self.work, MAX_WORK_BYTES);
        self.past = through_bytes(&self.past, MAX_PAST_BYTES);
    }
}

/// A device that knows nothing of device 0 yet.
pub(crate) fn stranger() -> ReceiverChains {
    ReceiverChains::new(speaker(0))
}

/// Ada with one message said, and a reader who has her chain from its beginning.
pub(crate) fn introduced(seed: u64) -> (Ada, ReceiverChains) {
    let mut ada = Ada::new(3, seed);
    ada.say("hello");
    let mut bob = stranger();
    bob.learn(&ada.distribution(0)).expect("her own chain");
    (ada, bob)
}

pub(crate) fn open(reader: &mut ReceiverChains, entry: &Entry) -> Result<Opened, OpenError> {
    reader.open(&entry.sealed.payload, &entry.place)
}

/// Opens to what was said.
pub(crate) fn reads(reader: &mut ReceiverChains, entry: &Entry) {
    let opened = open(reader, entry).expect("opens");
    assert_eq!((opened.body, opened.content_key), (entry.body.clone(), entry.sealed.content_key.clone()));
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    covey_codec::encode(value).expect("encodes")
}

pub(crate) fn through_bytes<T: Serialize + DeserializeOwned>(value: &T, max: usize) -> T {
    covey_codec::decode(&encode(value), max).expect("decodes")
}

/// How often a hostile test tries: 50 times as often with `COVEY_LONG_TESTS` set.
pub(crate) fn rounds(ordinary: u32) -> u32 {
    if std::env::var_os("COVEY_LONG_TESTS").is_some() { ordinary * 50 } else { ordinary }
}
