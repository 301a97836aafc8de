//! The account: one seed, written down as 24 words, from which its keys come.
//!
//! The keys have two ranks. *Recovery* keys ([`RecoverySecret`]) come from the seed alone and can replace all other keys.
//! *Operational* keys, kept here, do the daily work: they list devices, publish cards and answer invites. A node is *sealed* when
//! its owner has written down the words: the seed is erased and the operational keys stay. A thief of a sealed node can add
//! devices, but cannot rotate the account. A *plain* device has the keys that answer invites and not the one that signs the key log:
//! its thief cannot even add a device. `pairing/SPEC.md`, section Identities.

mod handed;
mod own;
mod stored;

pub(crate) use handed::HandedKeys;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{PhraseError, RecoverySecret, phrase, recovery::derive_indexed};
use crate::{
    crypto::{
        dh::DhSecret,
        hash::derive_bytes,
        kem::{KemPublic, KemSecret},
        secret::Secret,
        sign::SigningSecret,
    },
    ids::AccountId,
};

const SIGNING_CONTEXT: &str = "covey 2026 account signing key v1";
const DH_CONTEXT: &str = "covey 2026 account dh key v1";
const KEM_CONTEXT: &str = "covey 2026 account kem key v1";
const LIST_CONTEXT: &str = "covey 2026 contact list key v1";

/// The secrets of an account: its operational keys, without the one that signs on a plain device; and the seed unless the node is sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "stored::Stored", into = "stored::Stored")]
pub struct AccountSecret {
    seed: Option<Secret<32>>,
    id: AccountId,
    /// Rotations before these keys.
    index: u32,
    /// None on a plain device. Where the seed is, it is.
    signing: Option<SigningSecret>,
    dh: DhSecret,
    kem_seed: Secret<64>,
    kem: KemSecret,
    kem_key: KemPublic,
}

impl AccountSecret {
    /// A new account.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::new(Secret::random(rng))
    }

    /// The account of a seed, as it is before any rotation.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self::new(Secret::new(seed))
    }

    /// The account of a recovery phrase: 24 English words of BIP 39, in any case, separated by any whitespace.
    ///
    /// # Errors
    /// [`PhraseError`] says what is wrong without repeating the words.
    pub fn from_phrase(text: &str) -> Result<Self, PhraseError> {
        phrase::seed(text).map(Self::new)
    }

    fn new(seed: Secret<32>) -> Self {
        let signing: SigningSecret = operational::<32>(SIGNING_CONTEXT, &seed, 0).into();
        let id = signing.public().into();
        Self::at(seed, id, 0)
    }

    /// The keys of the account `id` after `index` rotations.
    fn at(seed: Secret<32>, id: AccountId, index: u32) -> Self {
        let signing = Some(operational(SIGNING_CONTEXT, &seed, index).into());
        let dh = DhSecret::from_bytes(*operational(DH_CONTEXT, &seed, index).expose());
        Self::of_keys(id, index, (signing, dh, operational(KEM_CONTEXT, &seed, index)), Some(seed))
    }

    fn of_keys(
        id: AccountId,
        index: u32,
        (signing, dh, kem_seed): (Option<SigningSecret>, DhSecret, Secret<64>),
        seed: Option<Secret<32>>,
    ) -> Self {
        let kem = KemSecret::from_seed(*kem_seed.expose());
        let kem_key = kem.public();
        Self { seed, id, index, signing, dh, kem_seed, kem, kem_key }
    }

    /// The keys after `index` rotations, from the same seed. None if the seed is not here.
    pub fn after_rotations(&self, index: u32) -> Option<Self> {
        Some(Self::at(self.seed.clone()?, self.id, index))
    }

    /// The keys of another account after `index` rotations, from this seed: words take the place of the account's first ones if a
    /// rotation committed to their recovery key. None if the seed is not here.
    pub fn of_account(&self, id: AccountId, index: u32) -> Option<Self> {
        Some(Self::at(self.seed.clone()?, id, index))
    }

    /// Whether these are the account's own first words, whose first signing key its id is.
    pub fn is_first(&self) -> bool {
        self.seed.as_ref().is_some_and(|seed| Self::new(seed.clone()).id == self.id)
    }

    /// The same keys without the seed.
    pub fn sealed(&self) -> Self {
        Self { seed: None, ..self.clone() }
    }

    /// The keys of a plain device: neither the seed nor the key that signs the key log.
    pub fn plain(&self) -> Self {
        Self { seed: None, signing: None, ..self.clone() }
    }

    /// Whether the key that adds and revokes devices is here.
    pub fn is_holder(&self) -> bool {
        self.signing.is_some()
    }

    /// Whether the seed is not here: it cannot be shown, and the account cannot be rotated with what is left.
    pub fn is_sealed(&self) -> bool {
        self.seed.is_none()
    }

    /// The recovery phrase: 24 lower-case words separated by single spaces. None if the seed is not here.
    pub fn phrase(&self) -> Option<Zeroizing<String>> {
        self.seed.as_ref().map(phrase::words)
    }

    /// The seed of the key that the account's list of contacts is sealed to ([`crate::keeper::ContactList`]): it comes from the words, whatever
    /// rotations there were. None if the seed is not here.
    pub fn list_seed(&self) -> Option<Secret<32>> {
        self.seed.as_ref().map(|seed| derive_bytes(LIST_CONTEXT, seed.expose()))
    }

    /// The recovery key for the rotation number `index`. None if the seed is not here.
    pub fn recovery(&self, index: u32) -> Option<RecoverySecret> {
        self.seed.as_ref().map(|seed| RecoverySecret::derive(seed, index))
    }

    /// The account's name: the public half of its first signing key, for ever.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// Rotations of the account before these keys.
    pub fn rotations(&self) -> u32 {
        self.index
    }

    /// The operational key. That of before any rotation is behind [`AccountSecret::id`]. None on a plain device.
    pub fn signing(&self) -> Option<&SigningSecret> {
        self.signing.as_ref()
    }

    /// The static key of the consent handshake.
    pub fn dh(&self) -> &DhSecret {
        &self.dh
    }

    /// The decapsulation key of sealed invites.
    pub(crate) fn kem(&self) -> &KemSecret {
        &self.kem
    }

    /// Its encapsulation key. Others know it by [`KemPublic::hash`], from a ticket or a card.
    pub fn kem_key(&self) -> &KemPublic {
        &self.kem_key
    }
}

/// An operational key: `D(context, seed)` before any rotation, as it was before there were rotations, else with the number.
fn operational<const N: usize>(context: &str, seed: &Secret<32>, index: u32) -> Secret<N> {
    if index == 0 { derive_bytes(context, seed.expose()) } else { derive_indexed(context, seed, index) }
}

impl std::fmt::Debug for AccountSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountSecret({:?})", self.id)
    }
}

#[cfg(test)]
mod tests;
