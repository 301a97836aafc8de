//! What the engine sees of group encryption: everything that encrypts for a group stands behind [`GroupCipher`].

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    chain::OpenError,
    distribution::Distribution,
    keys::{KeyId, Speaker},
    past::PastChains,
    payload::Payload,
    receiver::{LearnError, Learned, Opened, ReceiverChains},
    rotation::{Rotation, RotationPolicy},
    sender::{SealError, Sealed, SenderChain},
    work::DistributionWork,
};
use crate::{ids::DeviceId, version::Version};

/// What happened to the members of a group, as far as encryption is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A device may read from now on: of a new member, or new with a member.
    Joined(DeviceId),
    /// A device of a member who was removed or banned: it reads nothing that is sealed from now on.
    Removed(DeviceId),
    /// A device of a member who left.
    Left(DeviceId),
    /// A device that its account revoked.
    Revoked(DeviceId),
    /// More devices joined than one chain keeps apart. Found by the cipher itself.
    Crowded,
    /// Our own state comes from an older copy: its keys may have been used already.
    Restored,
    /// A session that our chain was handed out in may have been read by others, and no longer is: it made a post-quantum step
    /// because of a revoked device or a restore. The next chain is handed out under its new root key.
    Healed,
}

/// Encryption for a group. All state is plain values of four kinds, each stored by the engine in a row of its own, so that
/// sending and receiving cost the same in a group of 10,000 as in one of three.
pub trait GroupCipher {
    /// Ours, changed with every message we seal.
    type Own: Serialize + DeserializeOwned;
    /// Of one other device, changed with every batch of its messages.
    type Theirs: Serialize + DeserializeOwned;
    /// Who still has to be given what `Own` uses; changed with every batch served.
    type Work: Serialize + DeserializeOwned;
    /// What `Own` used before; changed with every rotation.
    type Past: Serialize + DeserializeOwned;

    /// Nothing sealed yet.
    fn own(us: Speaker) -> Self::Own;

    /// Nothing known of another device.
    fn theirs(them: Speaker) -> Self::Theirs;

    /// Nobody to be served.
    fn work(us: Speaker) -> Self::Work;

    /// Takes note of a change of the members, in the transaction that makes it.
    fn changed(own: &mut Self::Own, work: &mut Self::Work, change: &Change, now: u64);

    /// Whether [`GroupCipher::rotate`] has to come before the next [`GroupCipher::seal`].
    fn rotation_due(own: &Self::Own, policy: &RotationPolicy, now: u64) -> bool;

    /// Begins anew, in `epoch` of the roster: `work` is then to serve everyone on the roster.
    fn rotate(
        own: &mut Self::Own,
        work: &mut Self::Work,
        past: &mut Self::Past,
        epoch: u64,
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    );

    /// Seals `body` for the entry that will stand at `place`.
    ///
    /// # Errors
    /// [`SealError`]; nothing changed.
    fn seal(own: &mut Self::Own, body: &[u8], place: &[u8]) -> Result<Sealed, SealError>;

    /// Forgets the key of a payload that was sealed here, and with it those of the payloads before it in the same chain: it was
    /// deleted. Whether there was such a key.
    fn forget(own: &mut Self::Own, past: &mut Self::Past, payload: &[u8]) -> bool;

    /// Opens the payload of the entry at `place`.
    ///
    /// # Errors
    /// [`OpenError`]; nothing changed.
    fn open(theirs: &mut Self::Theirs, payload: &[u8], place: &[u8]) -> Result<Opened, OpenError>;

    /// What is sent, inside a session, to a device that may read from message `from` on ([`super::Handout`]).
    fn handout(own: &Self::Own, from: u64) -> Option<Vec<u8>>;

    /// The same for a device on the roster that asks for the key `key_id`: `None` if it has to do without.
    fn answer(own: &Self::Own, work: &Self::Work, past: &Self::Past, key_id: &KeyId, to: &DeviceId) -> Option<Vec<u8>>;

    /// Takes what came, inside a session, from the device of `theirs`.
    ///
    /// # Errors
    /// [`LearnError`]; nothing changed.
    fn learn(theirs: &mut Self::Theirs, bytes: &[u8]) -> Result<Learned, LearnError>;
}

/// Our sending state in a group. Serialises with a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnChain {
    #[serde(rename = "v")]
    version: Version<1>,
    #[serde(rename = "s")]
    us: Speaker,
    #[serde(rename = "r")]
    rotation: Rotation,
    /// None before the first message.
    #[serde(rename = "c")]
    chain: Option<SenderChain>,
}

impl OwnChain {
    /// The chain, once there is one.
    pub fn chain(&self) -> Option<&SenderChain> {
        self.chain.as_ref()
    }
}

/// Sender keys: [`GroupCipher`] with a symmetric chain per device.
#[derive(Debug, Clone, Copy)]
pub struct SenderKeys;

impl GroupCipher for SenderKeys {
    type Own = OwnChain;
    type Theirs = ReceiverChains;
    type Work = DistributionWork;
    type Past = PastChains;

    fn own(us: Speaker) -> OwnChain {
        OwnChain { version: Version, us, rotation: Rotation::default(), chain: None }
    }

    fn theirs(them: Speaker) -> ReceiverChains {
        ReceiverChains::new(them)
    }

    fn work(us: Speaker) -> DistributionWork {
        DistributionWork::new(us.device, 0)
    }

    fn changed(own: &mut OwnChain, work: &mut DistributionWork, change: &Change, now: u64) {
        // Without a chain nobody has anything of ours: whoever is on the roster when it begins gets it.
        let Some(chain) = &own.chain else { return };
        own.rotation.note(change, now);
        match change {
            Change::Joined(device) => {
                if !work.joined(*device, chain.index()) {
                    own.rotation.note(&Change::Crowded, now);
                }
            }
            Change::Removed(device) | Change::Left(device) | Change::Revoked(device) => work.removed(device),
            Change::Crowded | Change::Restored | Change::Healed => {}
        }
    }

    fn rotation_due(own: &OwnChain, policy: &RotationPolicy, now: u64) -> bool {
        own.chain.as_ref().is_none_or(|chain| own.rotation.due(chain, policy, now))
    }

    fn rotate(
        own: &mut OwnChain,
        work: &mut DistributionWork,
        past: &mut PastChains,
        epoch: u64,
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        let last = own.chain.as_ref().map_or(0, SenderChain::generation);
        let chain = SenderChain::new(own.us, last, epoch, now, rng);
        let mut next = DistributionWork::new(own.us.device, chain.generation());
        std::mem::swap(work, &mut next);
        if let Some(replaced) = own.chain.replace(chain) {
            past.retire(replaced, &next);
        }
        own.rotation = Rotation::default();
    }

    fn seal(own: &mut OwnChain, body: &[u8], place: &[u8]) -> Result<Sealed, SealError> {
        own.chain.as_mut().ok_or(SealError::Exhausted)?.seal(body, place)
    }

    fn forget(own: &mut OwnChain, past: &mut PastChains, payload: &[u8]) -> bool {
        let Ok(payload) = Payload::parse(payload) else { return false };
        match own.chain.as_mut().filter(|chain| chain.key_id() == payload.key_id) {
            Some(chain) => chain.forget(payload.index),
            None => past.forget(&payload.key_id, payload.index),
        }
    }

    fn open(theirs: &mut ReceiverChains, payload: &[u8], place: &[u8]) -> Result<Opened, OpenError> {
        theirs.open(payload, place)
    }

    fn handout(own: &OwnChain, from: u64) -> Option<Vec<u8>> {
        own.chain.as_ref().map(|chain| chain.distribution_from(from).to_bytes())
    }

    fn answer(
        own: &OwnChain,
        work: &DistributionWork,
        past: &PastChains,
        key_id: &KeyId,
        to: &DeviceId,
    ) -> Option<Vec<u8>> {
        match own.chain.as_ref().filter(|chain| chain.key_id() == *key_id) {
            Some(chain) => Some(chain.distribution_from(work.from(to)?).to_bytes()),
            None => past.answer(key_id, to, work).map(|distribution| distribution.to_bytes()),
        }
    }

    fn learn(theirs: &mut ReceiverChains, bytes: &[u8]) -> Result<Learned, LearnError> {
        theirs.learn(&Distribution::from_bytes(bytes)?)
    }
}
