//! All sessions with one remote device: one active, some archived, and which of them is which.
//!
//! Both devices may start sessions at any time, also at the same moment, also because one of them was restored from a
//! backup. [`DeviceSessions::settle`] is the rule by which they come to send on the same one.

use std::sync::Arc;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{
    bundle::{PrekeyBundle, PrekeyId},
    error::SessionError,
    header::{EnvelopeParts, SUITE},
    kem_step::KemSteps,
    limits::{ARCHIVE_KEPT_MS, MAX_ARCHIVED, MAX_PLAINTEXT, MAX_REMEMBERED_HANDSHAKES, MAX_STRIKES},
    parties::{LocalDevice, SessionParties},
    pqxdh::{self, Identities},
    prekeys::PrekeyStore,
    ratchet::Arrival,
    session::{Opened, Session, tag},
    shared,
};
use crate::{
    crypto::{dh::DhPublic, secret::Secret},
    version::Version,
};

/// All sessions with one remote device. Serialises with a version: one value to store per remote device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSessions {
    /// In version 1 sessions were of suite 1, without post-quantum steps.
    #[serde(rename = "v")]
    version: Version<2, 1>,
    #[serde(rename = "p")]
    parties: SessionParties,
    /// Their DH identity key.
    #[serde(rename = "d")]
    theirs: DhPublic,
    #[serde(rename = "k")]
    psk: Secret<32>,
    #[serde(rename = "a")]
    active: Option<Session>,
    /// In no order. All sessions are copied for every message, and hardly any message concerns these.
    #[serde(rename = "o", with = "shared")]
    archived: Arc<Vec<Session>>,
    /// Sessions made so far, ours and theirs.
    #[serde(rename = "n")]
    born: u64,
    #[serde(rename = "c")]
    crossing: Crossing,
    /// First messages with a last-resort key: its id, first half of the transcript hash. As long as the key exists.
    #[serde(rename = "m")]
    remembered: Vec<(PrekeyId, ByteArray<16>)>,
}

/// What happened since the active session became the active one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Crossing {
    /// We sent on it.
    #[serde(rename = "s")]
    said: bool,
    /// They sent on it.
    #[serde(rename = "h")]
    heard: bool,
    /// They sent on another one instead, this many times.
    #[serde(rename = "x")]
    strikes: u8,
}

impl DeviceSessions {
    /// No sessions yet. `theirs` is their device's DH identity key, from the key log; `psk` the session key of the pair
    /// secret (for group-only sessions: of the group's consent secret).
    pub fn new(parties: SessionParties, theirs: DhPublic, psk: Secret<32>) -> Self {
        Self {
            version: Version,
            parties,
            theirs,
            psk,
            active: None,
            archived: Arc::default(),
            born: 0,
            crossing: Crossing::default(),
            remembered: Vec::new(),
        }
    }

    /// The two ends.
    pub fn parties(&self) -> &SessionParties {
        &self.parties
    }

    /// Whether there is a session to send on. If not: get a bundle and [`DeviceSessions::initiate`].
    pub fn can_send(&self) -> bool {
        self.active.is_some()
    }

    /// Whether the active session began before sessions had post-quantum steps: it ends at the next handshake, which is now.
    pub fn is_outdated(&self) -> bool {
        self.active.as_ref().is_some_and(|session| session.suite() != SUITE)
    }

    /// Post-quantum steps that the active session made, for `doctor` output and tests.
    pub fn epoch(&self) -> u64 {
        self.active.as_ref().and_then(Session::steps).map_or(0, KemSteps::epoch)
    }

    /// What is stored here may be known to others (a device was revoked): every session makes a post-quantum step with a
    /// fresh key as soon as it can.
    pub fn renew(&mut self) {
        self.steps_mut().for_each(KemSteps::renew);
    }

    /// Whether a step that [`DeviceSessions::renew`] or [`DeviceSessions::retire`] asked for was made since this was asked last.
    pub fn take_healed(&mut self) -> bool {
        let healed = self.active.iter().chain(&*self.archived).filter_map(Session::steps).any(KemSteps::is_healed);
        if healed {
            self.steps_mut().for_each(KemSteps::tell_healed);
        }
        healed
    }

    /// Erases decapsulation keys that nobody answered in time, and archived sessions that nobody used. True when there were any.
    pub fn expire(&mut self, now: u64) -> bool {
        let before = self.archived.len();
        self.forget_old(now);
        let forgotten = self.archived.len() < before;
        self.steps_mut().fold(forgotten, |erased, steps| steps.expire(now) | erased)
    }

    fn steps_mut(&mut self) -> impl Iterator<Item = &mut KemSteps> {
        self.active.iter_mut().chain(Arc::make_mut(&mut self.archived)).filter_map(Session::steps_mut)
    }

    /// Whether they are known to have the active session (its envelopes are small then).
    pub fn is_answered(&self) -> bool {
        self.active.as_ref().is_some_and(Session::is_answered)
    }

    /// The device says that it durably keeps this envelope of ours. If it holds the handshake of the active session, later ones
    /// need not: whoever lost the session since asks for a new one. True when that is news.
    pub fn arrived(&mut self, envelope: &[u8]) -> bool {
        let Ok(EnvelopeParts { header, .. }) = EnvelopeParts::parse(envelope) else { return false };
        let active = self.active.as_mut().filter(|active| active.tag() == header.tag);
        header.handshake.is_some() && active.is_some_and(Session::arrived)
    }

    /// Whether the handshake stands in every envelope of the active session.
    pub fn repeats_handshake(&self) -> bool {
        self.active.as_ref().is_some_and(Session::repeats_handshake)
    }

    /// Identity of the active session, the same on both sides once they settled: for `doctor` output and tests.
    pub fn active_id(&self) -> Option<[u8; 32]> {
        self.active.as_ref().map(|s| *s.id())
    }

    /// Sessions kept beside the active one.
    pub fn archived_len(&self) -> usize {
        self.archived.len()
    }

    /// Starts a session from their bundle and makes it the active one; the previous one is archived. `self` must be
    /// durable before anything is sent on it.
    ///
    /// # Errors
    /// [`SessionError::Bundle`]; nothing changed.
    pub fn initiate(
        &mut self,
        device: &LocalDevice,
        bundle: &PrekeyBundle,
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), SessionError> {
        bundle.verify(&self.parties.their_device, now)?;
        let (handshake, agreed) = pqxdh::initiate(&self.identities(device), bundle, rng)?;
        let session = Session::initiated(agreed, handshake, &bundle.signed.2, now, rng)?;
        let session = self.born(session);
        self.activate(session);
        self.forget_old(now);
        Ok(())
    }

    /// Seals `plaintext` on the active session, bound to `aad`. `self` must be durable before the envelope leaves.
    ///
    /// # Errors
    /// [`SessionError::NoSession`], [`SessionError::TooLong`].
    pub fn encrypt(
        &mut self,
        plaintext: &[u8],
        aad: &[u8],
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SessionError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(SessionError::TooLong);
        }
        let envelope = self.active.as_mut().ok_or(SessionError::NoSession)?.seal(plaintext, aad, now, rng)?;
        self.crossing.said = true;
        Ok(envelope)
    }

    /// Opens an envelope of an existing session, or of a new one with `prekeys`, from which a used one-time pair is
    /// deleted. Both must be durable before the sender is told that it arrived.
    ///
    /// # Errors
    /// [`SessionError`]; neither `self` nor `prekeys` changed.
    pub fn decrypt(
        &mut self,
        device: &LocalDevice,
        prekeys: &mut PrekeyStore,
        envelope: &[u8],
        aad: &[u8],
        now: u64,
    ) -> Result<Vec<u8>, SessionError> {
        let parts = EnvelopeParts::parse(envelope)?;
        if self.knows(&parts) {
            self.open_known(&parts, aad, now)
        } else {
            self.open_first(device, prekeys, &parts, aad, now)
        }
    }

    /// [`DeviceSessions::decrypt`] without the prekey store: all but the first message of a session. Saves loading it.
    ///
    /// # Errors
    /// [`SessionError::NeedsPrekeys`] when the store is needed after all; else as `decrypt`. Nothing changed.
    pub fn decrypt_established(&mut self, envelope: &[u8], aad: &[u8], now: u64) -> Result<Vec<u8>, SessionError> {
        let parts = EnvelopeParts::parse(envelope)?;
        match (self.knows(&parts), &parts.header.handshake) {
            (true, _) => self.open_known(&parts, aad, now),
            (false, Some(_)) => Err(SessionError::NeedsPrekeys),
            (false, None) => Err(SessionError::UnknownSession),
        }
    }

    /// After a restore from a backup: makes every session receive-only, because its sending keys may have been used
    /// already. `can_send` is false until the next [`DeviceSessions::initiate`], or until they start a session or answer
    /// under a ratchet key that is new to us.
    pub fn retire(&mut self) {
        let archived = Arc::make_mut(&mut self.archived);
        archived.extend(self.active.take());
        for session in archived {
            session.retired = true;
        }
        self.renew();
        self.evict();
    }

    fn knows(&self, parts: &EnvelopeParts) -> bool {
        self.active.iter().chain(&*self.archived).any(|s| s.tag() == parts.header.tag)
    }

    fn open_known(&mut self, parts: &EnvelopeParts, aad: &[u8], now: u64) -> Result<Vec<u8>, SessionError> {
        if let Some(active) = self.active.as_mut().filter(|s| s.tag() == parts.header.tag) {
            let opened = active.open(parts, aad, now)?;
            active.used_at = now;
            self.crossing = Crossing { heard: true, strikes: 0, ..self.crossing };
            return Ok(opened.plaintext);
        }
        let at = self.archived.iter().position(|s| s.tag() == parts.header.tag).ok_or(SessionError::UnknownSession)?;
        let archived = Arc::make_mut(&mut self.archived);
        let Opened { plaintext, arrival } = archived[at].open(parts, aad, now)?;
        archived[at].used_at = now;
        if arrival != Arrival::Late && !archived[at].retired {
            let session = archived.swap_remove(at);
            self.settle(session, false);
        }
        self.forget_old(now);
        Ok(plaintext)
    }

    /// A first message: the responder's side of PQXDH, then the ratchet, then everything is committed.
    fn open_first(
        &mut self,
        device: &LocalDevice,
        prekeys: &mut PrekeyStore,
        parts: &EnvelopeParts,
        aad: &[u8],
        now: u64,
    ) -> Result<Vec<u8>, SessionError> {
        let handshake = parts.header.handshake.as_ref().ok_or(SessionError::UnknownSession)?;
        if parts.header.suite != SUITE {
            return Err(SessionError::OldSuite);
        }
        let named = prekeys.named(handshake.signed, handshake.one_time)?;
        let agreed = pqxdh::respond(&self.identities(device), &named, handshake)?;
        if tag(&agreed.transcript) != parts.header.tag {
            return Err(SessionError::Forged);
        }
        let memory = match handshake.one_time {
            // Deleting the pair is memory enough.
            Some(_) => None,
            None => Some(self.remember(prekeys, handshake.signed, &agreed.transcript)?),
        };
        let mut session = Session::responding(agreed, handshake, named.signed.clone(), now);
        let Opened { plaintext, .. } = session.open(parts, aad, now)?;

        match (memory, handshake.one_time) {
            (Some(memory), _) => self.remembered = memory,
            (None, Some(id)) => prekeys.spend(id),
            (None, None) => {}
        }
        let session = self.born(session);
        self.settle(session, true);
        self.forget_old(now);
        Ok(plaintext)
    }

    /// The remembered first messages with this one added and those that cannot be replayed any more left out.
    fn remember(
        &self,
        prekeys: &PrekeyStore,
        signed: PrekeyId,
        transcript: &[u8; 32],
    ) -> Result<Vec<(PrekeyId, ByteArray<16>)>, SessionError> {
        let (id, _) = transcript.split_first_chunk::<16>().expect("16 of 32 bytes");
        let id = ByteArray::new(*id);
        let mut memory: Vec<_> = self.remembered.iter().filter(|m| prekeys.has_signed(m.0)).copied().collect();
        if memory.iter().any(|m| m.1 == id) {
            return Err(SessionError::Replayed);
        }
        if memory.len() >= MAX_REMEMBERED_HANDSHAKES {
            return Err(SessionError::TooManyHandshakes);
        }
        memory.push((signed, id));
        Ok(memory)
    }

    /// Something new arrived on `session`, which is not the active one. Makes one of the two active.
    ///
    /// 1. We started the active one over `session`, on purpose, and they have not answered: it stays.
    /// 2. They have not answered the active one, or `session` is new: they certainly have `session`, so it is.
    /// 3. We sent on the active one and they may not have seen it: crossing. Both sides prefer the smaller id; if they
    ///    keep sending on the other one they do not have the preferred one.
    /// 4. Else they chose to move on: so do we.
    fn settle(&mut self, session: Session, new: bool) {
        let promote = match &self.active {
            Some(active) if !active.is_answered() => session.born > active.born,
            Some(_) if new => true,
            Some(active) if self.crossing.said && !self.crossing.heard => {
                self.crossing.strikes = self.crossing.strikes.saturating_add(1);
                session.id() < active.id() || self.crossing.strikes >= MAX_STRIKES
            }
            None | Some(_) => true,
        };
        if promote {
            self.activate(session);
        } else {
            Arc::make_mut(&mut self.archived).push(session);
        }
    }

    fn activate(&mut self, session: Session) {
        Arc::make_mut(&mut self.archived).extend(self.active.replace(session));
        self.crossing = Crossing::default();
        self.evict();
    }

    /// One that takes the place of another may be there because a device lost its state, or somebody else has it.
    fn born(&mut self, mut session: Session) -> Session {
        if self.born > 0
            && let Some(steps) = session.steps_mut()
        {
            steps.hasten();
        }
        self.born += 1;
        session.born = self.born;
        session
    }

    fn evict(&mut self) {
        while self.archived.len() > MAX_ARCHIVED {
            let oldest = (0..self.archived.len()).min_by_key(|i| (self.archived[*i].used_at, self.archived[*i].born));
            oldest.map(|i| Arc::make_mut(&mut self.archived).swap_remove(i));
        }
    }

    fn forget_old(&mut self, now: u64) {
        let is_new = |session: &Session| now.saturating_sub(session.used_at) <= ARCHIVE_KEPT_MS;
        if !self.archived.iter().all(is_new) {
            Arc::make_mut(&mut self.archived).retain(is_new);
        }
    }

    fn identities<'a>(&'a self, device: &'a LocalDevice) -> Identities<'a> {
        Identities { parties: &self.parties, ours: &device.dh, theirs: &self.theirs, psk: &self.psk }
    }
}
