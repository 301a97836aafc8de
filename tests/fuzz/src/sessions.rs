//! Sessions, envelopes, parcels, bodies.

use std::sync::OnceLock;

use covey_pairing::{
    crypto::{aead, dh::DhSecret, kem::KemSecret, secret::Secret, sign::SigningSecret},
    envelope,
    identity::DeviceSecret,
    parcel,
    session::{DeviceSessions, LocalDevice, PrekeyBundle, PrekeyStore, SessionParties},
};

use super::pairing::{NOW, rng};

/// What every envelope here is bound to.
pub const AAD: &[u8] = b"what the caller binds";

pub(crate) fn local(device: &DeviceSecret) -> LocalDevice {
    LocalDevice { dh: device.dh().clone(), signing: device.signing().clone() }
}

/// A device and its sessions with another.
#[derive(Clone)]
pub struct End {
    pub device: LocalDevice,
    pub prekeys: PrekeyStore,
    pub sessions: DeviceSessions,
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
        let prekeys = PrekeyStore::new(&device, NOW, &mut rng());
        let sessions = DeviceSessions::new(parties, theirs.dh.public(), Secret::new([0x5a; 32]));
        Self { device, prekeys, sessions }
    }

    /// An envelope.
    pub fn seal(&mut self, text: &[u8]) -> Vec<u8> {
        self.sessions.encrypt(text, AAD, NOW, &mut rng()).expect("there is a session")
    }

    pub(crate) fn open(&mut self, bytes: &[u8]) -> bool {
        self.sessions.decrypt(&self.device, &mut self.prekeys, bytes, AAD, NOW).is_ok()
    }

    fn state(&self) -> Vec<u8> {
        let state = covey_codec::encode(&(&self.sessions, &self.prekeys));
        state.expect("state encodes")
    }
}

/// Two devices: before anything was said, after one first message, and in the middle of a conversation.
pub fn stages() -> &'static [(End, End)] {
    static STAGES: OnceLock<Vec<(End, End)>> = OnceLock::new();
    STAGES.get_or_init(|| {
        let (mut alice, mut bob) = (End::new(1, 2), End::new(2, 1));
        let bundle = bob.prekeys.one_time_bundle(&bob.device, &[1; 32], &mut rng());
        alice.sessions.initiate(&alice.device, &bundle, NOW, &mut rng()).expect("a good bundle");
        let mut stages = vec![(alice.clone(), bob.clone())];
        let hello = alice.seal(b"hello");
        assert!(bob.open(&hello));
        stages.push((alice.clone(), bob.clone()));
        let hi = bob.seal(b"hi");
        assert!(alice.open(&hi));
        stages.push((alice.clone(), bob.clone()));
        stages
    })
}

/// An envelope, to both at every stage: whatever does not open changes nothing at all.
pub fn envelope(bytes: &[u8]) -> bool {
    let mut any = false;
    for (alice, bob) in stages() {
        for end in [alice, bob] {
            let mut end = end.clone();
            let before = end.state();
            if end.open(bytes) {
                any = true;
                assert!(!end.open(bytes), "an envelope opens once");
            } else {
                assert_eq!(end.state(), before, "a forgery leaves no trace");
            }
        }
    }
    any
}

/// A prekey bundle: parsed, checked, used.
pub fn bundle(bytes: &[u8]) -> bool {
    let Ok(bundle) = PrekeyBundle::from_bytes(bytes) else { return false };
    assert_eq!(PrekeyBundle::from_bytes(&bundle.to_bytes()).as_ref(), Ok(&bundle));
    let (alice, bob) = &stages()[0];
    let device = *bob.device.signing.public().as_bytes();
    let good = bundle.verify(&device, NOW).is_ok();
    let mut alice = alice.clone();
    let used = alice.sessions.initiate(&alice.device, &bundle, NOW, &mut rng()).is_ok();
    assert_eq!(good, used, "a bundle that is not theirs starts nothing");
    good
}

const PROLOGUE: &[u8] = b"for this device";

/// The KEM key that parcels here are sealed to.
pub fn parcel_key() -> KemSecret {
    KemSecret::from_seed([5; 64])
}

/// A parcel. First byte: 0 as it comes, else it is the payload, which is sealed first: 1 to a device, 2 to its KEM key as well.
pub fn parcel(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let (me, them) = (DhSecret::from_bytes([1; 32]), DhSecret::from_bytes([2; 32]));
    let kem = parcel_key();
    if mode % 3 == 0 {
        let opened = parcel::open(&me, Some(&kem), PROLOGUE, bytes).is_ok();
        assert!(parcel::kem_id(bytes).is_none() || parcel::open(&me, None, PROLOGUE, bytes).is_err());
        return opened;
    }
    let key = kem.public();
    let to = (mode % 3 == 2).then_some(parcel::ToKem { id: 7, key: &key });
    let Ok(sealed) = parcel::seal(&them, &me.public(), to, PROLOGUE, bytes, &mut rng()) else { return false };
    assert_eq!(parcel::open(&me, Some(&kem), PROLOGUE, &sealed), Ok((them.public(), bytes.to_vec())));
    assert!(parcel::open(&me, Some(&kem), b"for another", &sealed).is_err());
    true
}

/// A sealed body. First byte: 0 as it comes, 1 its padded content, which is sealed first, 2 its content.
pub fn body(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let key = Secret::new([9; 32]);
    match mode % 3 {
        0 => envelope::open_body(&key, AAD, bytes).is_ok(),
        1 => {
            let aad = [b"covey body v1\0", AAD].concat();
            let sealed = [&[1], aead::seal(&key, &[0; 12], &aad, bytes).as_slice()].concat();
            envelope::open_body(&key, AAD, &sealed).is_ok()
        }
        _ => {
            let Ok((key, sealed)) = envelope::seal_body(bytes, AAD, &mut rng()) else { return false };
            assert_eq!(envelope::open_body(&key, AAD, &sealed).as_deref(), Ok(bytes));
            true
        }
    }
}
