//! The secret halves of the prekeys a device published.

use std::collections::{BTreeMap, VecDeque};

use rand_core::{CryptoRng, Rng};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{
    bundle::{OneTimePrekey, PrekeyBundle, PrekeyId, SignedPrekey},
    error::SessionError,
    limits::{MAX_ONE_TIME, MAX_ONE_TIME_EACH, PREKEY_KEPT_MS, PREKEY_ROTATION_MS},
    parties::LocalDevice,
};
use crate::{
    crypto::{dh::DhSecret, kem::KemSecret},
    version::Version,
};

/// The secret halves of everything our device published. Serialises with a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyStore {
    #[serde(rename = "v")]
    version: Version<1>,
    /// Newest first; all but the first are replaced ones.
    #[serde(rename = "s")]
    signed: VecDeque<SignedSecret>,
    /// Oldest first.
    #[serde(rename = "o")]
    one_time: VecDeque<OneTimeSecret>,
    /// To which account a pair was given; not known of pairs that earlier versions made.
    #[serde(rename = "h", default, skip_serializing_if = "BTreeMap::is_empty")]
    holders: BTreeMap<PrekeyId, ByteArray<32>>,
    /// The published bundle, so that reading it needs no signing.
    #[serde(rename = "b")]
    bundle: PrekeyBundle,
}

/// Signed prekey and last-resort KEM key: id, time made (Unix ms), keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SignedSecret(PrekeyId, u64, DhSecret, KemSecret);

/// A one-time pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OneTimeSecret(PrekeyId, DhSecret, KemSecret);

/// The secrets a first message names.
pub(super) struct Named<'a> {
    pub(super) signed: &'a DhSecret,
    pub(super) one_time: Option<&'a DhSecret>,
    pub(super) kem: &'a KemSecret,
}

impl PrekeyStore {
    /// First signed prekey and last-resort KEM key, no one-time pairs.
    pub fn new(device: &LocalDevice, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let first = SignedSecret(rng.next_u32(), now, DhSecret::random(rng), KemSecret::random(rng));
        let bundle = first.publish(device);
        let (signed, one_time) = (VecDeque::from([first]), VecDeque::new());
        Self { version: Version, signed, one_time, holders: BTreeMap::new(), bundle }
    }

    /// Replaces signed prekey and last-resort key once they are 2 days old, forgets those replaced 30 days ago.
    /// True when something changed: then the store must become durable and the bundle be published anew.
    pub fn rotate(&mut self, device: &LocalDevice, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> bool {
        let before = self.signed.len();
        self.forget_expired(now);
        let due = self.signed.front().is_none_or(|newest| now.saturating_sub(newest.1) >= PREKEY_ROTATION_MS);
        if due {
            let id = self.fresh_id(rng);
            let next = SignedSecret(id, now, DhSecret::random(rng), KemSecret::random(rng));
            self.bundle = next.publish(device);
            self.signed.push_front(next);
        }
        due || self.signed.len() != before
    }

    /// The public bundle with the last-resort KEM key, for the contact card.
    pub fn bundle(&self) -> &PrekeyBundle {
        &self.bundle
    }

    /// A bundle with a fresh one-time pair, for exactly one paired device of the account `holder`, over an authenticated
    /// channel. The store must be durable before the bundle leaves.
    pub fn one_time_bundle(
        &mut self,
        device: &LocalDevice,
        holder: &[u8; 32],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> PrekeyBundle {
        self.make_room(holder);
        let pair = OneTimeSecret(self.fresh_id(rng), DhSecret::random(rng), KemSecret::random(rng));
        let public = OneTimePrekey(pair.0, pair.1.public());
        let bundle = PrekeyBundle::sign(self.bundle.signed.clone(), pair.2.public(), Some(public), &device.signing);
        self.holders.insert(pair.0, ByteArray::new(*holder));
        self.one_time.push_back(pair);
        bundle
    }

    /// Room for one more pair of `holder`. Who holds pairs gives up its own oldest; nobody else's goes for it.
    fn make_room(&mut self, holder: &[u8; 32]) {
        let of = |id: &PrekeyId| self.holders.get(id).map(|holder| **holder);
        let held = self.one_time.iter().filter(|pair| of(&pair.0) == Some(*holder)).count();
        let full = self.one_time.len() >= MAX_ONE_TIME;
        let oldest = match held {
            MAX_ONE_TIME_EACH.. => self.one_time.iter().find(|pair| of(&pair.0) == Some(*holder)),
            1.. if full => self.one_time.iter().find(|pair| of(&pair.0) == Some(*holder)),
            // Somebody new: of those who hold the most, who has held one for the longest.
            _ if full => {
                let mut counts = BTreeMap::<_, usize>::new();
                self.one_time.iter().filter_map(|pair| of(&pair.0)).for_each(|of| *counts.entry(of).or_default() += 1);
                let count = |pair: &&OneTimeSecret| of(&pair.0).map_or(1, |of| counts[&of]);
                let most = self.one_time.iter().map(|pair| count(&pair)).max();
                self.one_time.iter().find(|pair| Some(count(pair)) == most)
            }
            _ => None,
        };
        if let Some(id) = oldest.map(|pair| pair.0) {
            self.spend(id);
        }
    }

    /// Forgets the pairs that an account holds: there is nothing between us any more.
    pub fn forget_holder(&mut self, holder: &[u8; 32]) {
        let gone: Vec<PrekeyId> = self.holders.iter().filter(|(_, of)| ***of == *holder).map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|id| self.spend(id));
    }

    /// One-time pairs handed out and not used yet.
    pub fn one_time_len(&self) -> usize {
        self.one_time.len()
    }

    /// The secret of a last-resort KEM key that parcels are sealed to.
    pub fn last_resort(&self, id: u32) -> Option<&KemSecret> {
        self.signed.iter().find(|signed| signed.0 == id).map(|SignedSecret(_, _, _, kem)| kem)
    }

    /// Finds what a first message names: with a one-time pair its KEM half, without one the last-resort KEM key.
    pub(super) fn named(&self, signed: PrekeyId, one_time: Option<PrekeyId>) -> Result<Named<'_>, SessionError> {
        let SignedSecret(_, _, dh, last_resort) =
            self.signed.iter().find(|s| s.0 == signed).ok_or(SessionError::UnknownPrekey)?;
        let Some(id) = one_time else {
            return Ok(Named { signed: dh, one_time: None, kem: last_resort });
        };
        let OneTimeSecret(_, one_time, kem) =
            self.one_time.iter().find(|o| o.0 == id).ok_or(SessionError::UnknownPrekey)?;
        Ok(Named { signed: dh, one_time: Some(one_time), kem })
    }

    /// Whether first messages with this signed prekey can still be opened.
    pub(super) fn has_signed(&self, id: PrekeyId) -> bool {
        self.signed.iter().any(|s| s.0 == id)
    }

    /// Deletes a pair after its one use.
    pub(super) fn spend(&mut self, one_time: PrekeyId) {
        self.one_time.retain(|o| o.0 != one_time);
        self.holders.remove(&one_time);
    }

    /// A key is replaced when the next newer one is made.
    fn forget_expired(&mut self, now: u64) {
        while self.signed.len() > 1 && now.saturating_sub(self.signed[self.signed.len() - 2].1) >= PREKEY_KEPT_MS {
            self.signed.pop_back();
        }
    }

    fn fresh_id(&self, rng: &mut (impl Rng + ?Sized)) -> PrekeyId {
        loop {
            let id = rng.next_u32();
            if !self.has_signed(id) && self.one_time.iter().all(|o| o.0 != id) {
                return id;
            }
        }
    }
}

impl SignedSecret {
    fn publish(&self, device: &LocalDevice) -> PrekeyBundle {
        let signed = SignedPrekey::sign(self.0, self.1, self.2.public(), &device.signing);
        PrekeyBundle::sign(signed, self.3.public(), None, &device.signing)
    }
}
