//! Two devices and what the tests do with them.
#![allow(dead_code, reason = "every test binary uses its part")]

pub(crate) mod steps;
pub(crate) mod wire;

use std::{collections::VecDeque, convert::Infallible};

use covey_pairing::{
    crypto::{dh::DhSecret, secret::Secret, sign::SigningSecret},
    session::{DeviceSessions, LocalDevice, PrekeyBundle, PrekeyStore, SessionError, SessionParties, limits},
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use serde::{Serialize, de::DeserializeOwned};

/// 2026-01-01.
pub(crate) const NOW: u64 = 1_767_225_600_000;
pub(crate) const DAY: u64 = 24 * 3_600_000;
pub(crate) const AAD: &[u8] = b"what the caller binds";

/// One device and its sessions with the other one.
#[derive(Clone)]
pub(crate) struct End {
    pub(crate) device: LocalDevice,
    pub(crate) prekeys: PrekeyStore,
    pub(crate) sessions: DeviceSessions,
    pub(crate) now: u64,
    pub(crate) rng: ChaCha20Rng,
}

impl End {
    pub(crate) fn device(seed: u8) -> LocalDevice {
        LocalDevice {
            dh: DhSecret::from_bytes([seed; 32]),
            signing: SigningSecret::from_seed([seed.wrapping_add(100); 32]),
        }
    }

    pub(crate) fn new(us: u8, them: u8, seed: u64) -> Self {
        let (device, theirs) = (Self::device(us), Self::device(them));
        let parties = SessionParties {
            our_account: [us.wrapping_add(50); 32],
            our_device: *device.signing.public().as_bytes(),
            their_account: [them.wrapping_add(50); 32],
            their_device: *theirs.signing.public().as_bytes(),
        };
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let prekeys = PrekeyStore::new(&device, NOW, &mut rng);
        let sessions = DeviceSessions::new(parties, theirs.dh.public(), Secret::new([0x5a; 32]));
        Self { device, prekeys, sessions, now: NOW, rng }
    }

    /// A bundle for somebody who holds none yet.
    pub(crate) fn one_time_bundle(&mut self) -> PrekeyBundle {
        let mut holder = [0; 32];
        self.rng.clone().fill_bytes(&mut holder);
        self.one_time_bundle_for(&holder)
    }

    pub(crate) fn one_time_bundle_for(&mut self, holder: &[u8; 32]) -> PrekeyBundle {
        self.prekeys.one_time_bundle(&self.device, holder, &mut self.rng)
    }

    pub(crate) fn initiate(&mut self, bundle: &PrekeyBundle) {
        self.sessions.initiate(&self.device, bundle, self.now, &mut self.rng).expect("the bundle is good");
    }

    pub(crate) fn seal(&mut self, text: &[u8]) -> Vec<u8> {
        self.sessions.encrypt(text, AAD, self.now, &mut self.rng).expect("there is a session")
    }

    pub(crate) fn open(&mut self, envelope: &[u8]) -> Result<Vec<u8>, SessionError> {
        self.sessions.decrypt(&self.device, &mut self.prekeys, envelope, AAD, self.now)
    }

    /// Everything that is stored, as bytes.
    pub(crate) fn state(&self) -> Vec<u8> {
        [encode(&self.sessions), encode(&self.prekeys)].concat()
    }

    /// Forgets everything that is not stored.
    pub(crate) fn restart(&mut self) {
        self.sessions = through_bytes(&self.sessions, limits::MAX_SESSIONS_BYTES);
        self.prekeys = through_bytes(&self.prekeys, limits::MAX_STORE_BYTES);
    }
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    covey_codec::encode(value).expect("state encodes")
}

pub(crate) fn through_bytes<T: Serialize + DeserializeOwned>(value: &T, max: usize) -> T {
    covey_codec::decode(&encode(value), max).expect("state decodes")
}

/// Alice and Bob, not in session yet.
pub(crate) fn strangers(seed: u64) -> (End, End) {
    (End::new(1, 2, seed), End::new(2, 1, seed ^ 0xb0b))
}

/// Alice and Bob after one message each way.
pub(crate) fn friends(seed: u64) -> (End, End) {
    let (mut alice, mut bob) = strangers(seed);
    let bundle = bob.one_time_bundle();
    alice.initiate(&bundle);
    let hello = alice.seal(b"hello");
    assert_eq!(bob.open(&hello).as_deref(), Ok(&b"hello"[..]));
    let hi = bob.seal(b"hi");
    assert_eq!(alice.open(&hi).as_deref(), Ok(&b"hi"[..]));
    (alice, bob)
}

/// Gives out the bytes it was given, in order, and panics when they are used up.
pub(crate) struct ScriptRng(pub(crate) VecDeque<u8>);

impl ScriptRng {
    pub(crate) fn new(script: &[u8]) -> Self {
        Self(script.iter().copied().collect())
    }
}

impl TryRng for ScriptRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.iter_mut().for_each(|b| *b = self.0.pop_front().expect("the script has enough bytes"));
        Ok(())
    }
}

impl TryCryptoRng for ScriptRng {}
