//! The sparse post-quantum step into the root key, as in Apple's PQ3: what makes a session heal although X25519 is broken.
//!
//! ```text
//! A                                             B
//! chain a1, first envelope: offer of a KEM key ─────▶ keeps the key
//!      answer: ciphertext ◀───── chain b1, first envelope: encapsulates, keeps the secret
//! decapsulates, erases the key
//! chain a2: root key stepped with DH || secret ─────▶ makes the same step, erases the secret
//! ```
//!
//! An offer or answer may be lost with its envelope, so it stands in the first envelope of each later chain until it did its
//! work. The secret goes in where both are known to have it: at the first chain of the offerer after the answer. So no
//! envelope needs another one to be opened, and every chain names the step that it begins with. Only the newest chain of
//! the other side counts: what older ones say was repeated since.
//!
//! Both may offer at the same time. Root keys follow one another, chains of the two in turn, so both agree on which step is the
//! first one; it ends all that was under way, on both sides. So whatever a thief copied is good for one step at most.

use std::collections::VecDeque;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{
    error::SessionError,
    header::{Answer, KeyId, StepHeader},
    limits::{MAX_KEM_OFFERS, OFFER_KEPT_MS, STEP_AFTER_MESSAGES, STEP_AFTER_MS},
};
use crate::crypto::{
    hash,
    kem::{KemPublic, KemSecret},
    secret::Secret,
};

/// The post-quantum state of a ratchet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KemSteps {
    /// Steps made so far, by either side.
    #[serde(rename = "e")]
    epoch: u64,
    /// The step with which our sending chain began.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    sending: Option<KeyId>,
    /// Our keys that are offered, oldest first.
    #[serde(rename = "o", default, skip_serializing_if = "VecDeque::is_empty")]
    offers: VecDeque<Offer>,
    /// The secret of an answer: goes into the root key when our next chain begins.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    ready: Option<Shared>,
    /// We made a step and they began no chain since: what their newest one still says is older than the step.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    ahead: bool,
    /// What they offered, oldest first.
    #[serde(rename = "t", default, skip_serializing_if = "VecDeque::is_empty")]
    theirs: VecDeque<Theirs>,
    /// Messages since the last step, in both directions.
    #[serde(rename = "n")]
    messages: u64,
    /// When the last step was made, or the session (Unix ms).
    #[serde(rename = "w")]
    at: u64,
    #[serde(rename = "d", default, skip_serializing_if = "Due::is_no")]
    due: Due,
    /// A step that [`KemSteps::renew`] asked for was made, and nobody was told yet.
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    healed: bool,
}

/// Whether a step is due before its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Due {
    #[default]
    No,
    /// A step of either side will do.
    Soon,
    /// The keys that there are may be known to others: one more is needed.
    Afresh,
}

impl Due {
    fn is_no(&self) -> bool {
        *self == Self::No
    }
}

/// A key of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Offer {
    #[serde(rename = "i")]
    id: KeyId,
    /// Gone when it became too old: then an answer to it is no error, and no step.
    #[serde(rename = "k")]
    secret: Option<KemSecret>,
    /// Unix ms.
    #[serde(rename = "w")]
    made_at: u64,
    /// [`KemSteps::renew`] asked for it.
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    heals: bool,
}

/// A secret that both sides have, and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shared {
    #[serde(rename = "i")]
    id: KeyId,
    /// BLAKE3 of the encapsulation key and of the ciphertext.
    #[serde(rename = "b")]
    bound: (ByteArray<32>, ByteArray<32>),
    #[serde(rename = "x")]
    secret: Secret<32>,
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    heals: bool,
}

/// A key of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Theirs {
    #[serde(rename = "o")]
    Offered(KemPublic),
    /// The ciphertext is repeated until their step shows that it arrived.
    #[serde(rename = "a")]
    Answered(Shared, ByteBuf),
}

/// What goes into a root step beside the DH secret.
#[derive(Debug)]
pub(super) struct Mixed<'a> {
    pub(super) secret: &'a Secret<32>,
    /// The epoch that begins, and the hashes of key and ciphertext.
    pub(super) bound: [u8; 8 + 32 + 32],
}

impl Shared {
    fn new(id: KeyId, key: &KemPublic, ciphertext: &[u8], secret: Secret<32>, heals: bool) -> Self {
        let bound = (ByteArray::new(hash::blake3(key.as_bytes())), ByteArray::new(hash::blake3(ciphertext)));
        Self { id, bound, secret, heals }
    }

    fn mixed(&self, epoch: u64) -> Mixed<'_> {
        let mut bound = [0; 72];
        bound[..8].copy_from_slice(&epoch.to_be_bytes());
        bound[8..40].copy_from_slice(self.bound.0.as_slice());
        bound[40..].copy_from_slice(self.bound.1.as_slice());
        Mixed { secret: &self.secret, bound }
    }
}

impl Theirs {
    fn id(&self) -> KeyId {
        match self {
            Self::Offered(key) => key_id(key),
            Self::Answered(shared, _) => shared.id,
        }
    }
}

/// The name of a key: the first bytes of its BLAKE3 hash.
fn key_id(key: &KemPublic) -> KeyId {
    let mut id = [0; 8];
    id.copy_from_slice(&hash::blake3(key.as_bytes())[..8]);
    ByteArray::new(id)
}

impl KemSteps {
    /// Of a session whose first key is post-quantum by itself.
    pub(super) fn new(now: u64) -> Self {
        Self {
            epoch: 0,
            sending: None,
            offers: VecDeque::new(),
            ready: None,
            ahead: false,
            theirs: VecDeque::new(),
            messages: 0,
            at: now,
            due: Due::No,
            healed: false,
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The first key is less good than it could be: a step is due at once.
    pub(super) fn hasten(&mut self) {
        if self.due == Due::No {
            self.due = Due::Soon;
        }
    }

    /// What is stored may be known to others: a step with a fresh key is due at once.
    pub(super) fn renew(&mut self) {
        self.due = Due::Afresh;
    }

    /// Whether a step that [`KemSteps::renew`] asked for was made, and nobody was told yet.
    pub(super) fn is_healed(&self) -> bool {
        self.healed
    }

    /// That is told now.
    pub(super) fn tell_healed(&mut self) {
        self.healed = false;
    }

    /// What the root step of our next chain takes in.
    pub(super) fn own_step(&self) -> Option<Mixed<'_>> {
        self.ready.as_ref().zip(self.epoch.checked_add(1)).map(|(ready, epoch)| ready.mixed(epoch))
    }

    /// Our next chain began, with [`KemSteps::own_step`].
    pub(super) fn own_chain(&mut self, now: u64) {
        self.sending = None;
        if let Some((ready, epoch)) = self.ready.take().zip(self.epoch.checked_add(1)) {
            self.healed |= ready.heals;
            self.sending = Some(ready.id);
            self.ahead = true;
            self.stepped(epoch, now);
        }
    }

    /// What the root step of a chain of theirs takes in; checked before any key is derived.
    pub(super) fn their_step(&self, said: &StepHeader) -> Result<Option<Mixed<'_>>, SessionError> {
        let Some(id) = said.step else {
            return if said.epoch == self.epoch { Ok(None) } else { Err(SessionError::WrongEpoch) };
        };
        let next = self.epoch.checked_add(1).filter(|next| *next == said.epoch).ok_or(SessionError::WrongEpoch)?;
        let shared = self.theirs.iter().find_map(|key| match key {
            Theirs::Answered(shared, _) if shared.id == id => Some(shared),
            Theirs::Answered(..) | Theirs::Offered(_) => None,
        });
        shared.map(|shared| Some(shared.mixed(next))).ok_or(SessionError::WrongEpoch)
    }

    /// A chain of theirs began, with [`KemSteps::their_step`].
    pub(super) fn their_chain(&mut self, said: &StepHeader, now: u64) {
        self.ahead = false;
        if said.step.is_some() {
            self.stepped(said.epoch, now);
        }
    }

    /// An authenticated message of theirs: what its header says if it is the first one of their newest chain.
    pub(super) fn received(&mut self, said: Option<&StepHeader>, now: u64) -> Result<(), SessionError> {
        self.expire(now);
        self.messages = self.messages.saturating_add(1);
        let said = said.filter(|_| !self.ahead);
        if let Some(Answer(id, ciphertext)) = said.and_then(|said| said.answer.as_ref()) {
            self.answered(*id, ciphertext)?;
        }
        match said.and_then(|said| said.offer.as_ref()) {
            Some(key) => self.offered(key),
            None => Ok(()),
        }
    }

    fn answered(&mut self, id: KeyId, ciphertext: &[u8]) -> Result<(), SessionError> {
        if self.ready.as_ref().is_some_and(|ready| ready.id == id) {
            return Ok(());
        }
        let at = self.offers.iter().position(|offer| offer.id == id).ok_or(SessionError::UnknownOffer)?;
        let offer = &self.offers[at];
        let Some(secret) = &offer.secret else { return Ok(()) };
        let shared = secret.decapsulate(ciphertext).map_err(|e| SessionError::Malformed(e.to_string()))?;
        let heals = offer.heals || self.ready.as_ref().is_some_and(|ready| ready.heals);
        self.ready = Some(Shared::new(id, &secret.public(), ciphertext, shared, heals));
        // They have the later one, so they answer none of the earlier ones any more.
        self.offers.drain(..=at);
        Ok(())
    }

    fn offered(&mut self, key: &KemPublic) -> Result<(), SessionError> {
        let key = KemPublic::from_bytes(key.as_bytes()).map_err(|e| SessionError::Malformed(e.to_string()))?;
        let id = key_id(&key);
        if self.theirs.iter().all(|known| known.id() != id) {
            if self.theirs.len() == MAX_KEM_OFFERS {
                self.theirs.pop_front();
            }
            self.theirs.push_back(Theirs::Offered(key));
        }
        Ok(())
    }

    /// What the header of our message `number` says.
    pub(super) fn say(&mut self, number: u64, now: u64, mut rng: &mut (impl CryptoRng + ?Sized)) -> StepHeader {
        let mut said = StepHeader { epoch: self.epoch, step: self.sending, offer: None, answer: None };
        if number == 0 {
            self.expire(now);
            said.answer = self.answer(&mut rng);
            said.offer = self.offer(now, rng);
        }
        self.messages = self.messages.saturating_add(1);
        said
    }

    /// The answer to their newest key.
    fn answer(&mut self, rng: &mut impl CryptoRng) -> Option<Answer> {
        let newest = self.theirs.back_mut()?;
        if let Theirs::Offered(key) = newest {
            // The key was checked when it came.
            let (ciphertext, secret) = key.encapsulate(rng).ok()?;
            let shared = Shared::new(key_id(key), key, &ciphertext, secret, false);
            *newest = Theirs::Answered(shared, ByteBuf::from(ciphertext));
        }
        match newest {
            Theirs::Answered(shared, ciphertext) => Some(Answer(shared.id, ciphertext.clone())),
            Theirs::Offered(_) => None,
        }
    }

    /// Our newest key, made if a step is due.
    fn offer(&mut self, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Option<KemPublic> {
        let waits = self.offers.iter().any(|offer| offer.secret.is_some());
        let timely = self.messages >= STEP_AFTER_MESSAGES || now.saturating_sub(self.at) >= STEP_AFTER_MS;
        let makes = match self.due {
            Due::Afresh => self.offers.iter().filter(|offer| offer.secret.is_some()).count() < MAX_KEM_OFFERS,
            // A step of theirs is under way.
            Due::Soon => !waits && self.theirs.is_empty(),
            Due::No => !waits && self.theirs.is_empty() && timely,
        };
        if !makes {
            return self.offers.iter().rev().find_map(|offer| offer.secret.as_ref()).map(KemSecret::public);
        }
        if self.offers.len() == MAX_KEM_OFFERS {
            self.offers.pop_front();
        }
        let secret = KemSecret::random(rng);
        let key = secret.public();
        let heals = self.due == Due::Afresh;
        self.offers.push_back(Offer { id: key_id(&key), secret: Some(secret), made_at: now, heals });
        self.due = Due::No;
        Some(key)
    }

    fn stepped(&mut self, epoch: u64, now: u64) {
        self.epoch = epoch;
        self.messages = 0;
        self.at = now;
        let cut_short = self.offers.iter().any(|offer| offer.heals) || self.ready.as_ref().is_some_and(|r| r.heals);
        self.due = if cut_short || self.due == Due::Afresh { Due::Afresh } else { Due::No };
        self.offers.clear();
        self.ready = None;
        self.theirs.clear();
    }

    /// Erases decapsulation keys that nobody answered in time. Whether there were any.
    pub(super) fn expire(&mut self, now: u64) -> bool {
        let too_old = |offer: &&mut Offer| now.saturating_sub(offer.made_at) >= OFFER_KEPT_MS;
        let erased = self.offers.iter_mut().filter(too_old).map(|offer| offer.secret.take().is_some());
        erased.fold(false, |any, erased| any | erased)
    }
}
