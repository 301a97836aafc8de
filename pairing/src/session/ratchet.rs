//! The Double Ratchet (Signal, revision 4), with the deferred key generation of its section 4.3: a new ratchet key is
//! made when we next send, not when we receive. Now and then the step of a root key takes in a KEM secret as well
//! ([`KemSteps`]).

use std::collections::VecDeque;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{
    chain::{ChainStep, Position, ReceivingChain},
    error::SessionError,
    header::{Header, StepHeader},
    kem_step::KemSteps,
    keys::{ChainKey, MessageKey, RootKey},
    limits::MAX_RECEIVING_CHAINS,
};
use crate::crypto::{
    dh::{DhPublic, DhSecret, InvalidPublicKey},
    secret::Secret,
};

/// State variables of section 3.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ratchet {
    /// RK.
    #[serde(rename = "r")]
    root: RootKey,
    /// DHs and its public key (kept, for it costs more than sealing a message).
    #[serde(rename = "d")]
    ours: (DhSecret, DhPublic),
    /// CKs and Ns; none while it is our turn to make a ratchet key.
    #[serde(rename = "s")]
    sending: Option<Position>,
    /// PN.
    #[serde(rename = "p")]
    previous: u64,
    /// Oldest first; the last one belongs to their current ratchet key, DHr.
    #[serde(rename = "c")]
    receiving: VecDeque<ReceivingChain>,
    /// None in sessions of suite 1.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    steps: Option<KemSteps>,
}

/// What the header of the next message says, and its key.
pub(super) struct Outgoing {
    pub(super) ratchet: DhPublic,
    pub(super) previous: u64,
    pub(super) number: u64,
    pub(super) steps: StepHeader,
    pub(super) key: MessageKey,
}

/// Where in the conversation a received message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was skipped before.
    Late,
    /// The newest one of their turn.
    Next,
    /// It begins a turn of theirs: they have seen our ratchet key, and we answer with a new one.
    Turn,
}

impl Ratchet {
    /// `RatchetInitAlice` (section 3.3): `theirs` is the signed prekey.
    pub(super) fn initiator(
        shared: Secret<32>,
        theirs: &DhPublic,
        steps: KemSteps,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, SessionError> {
        let ours = DhSecret::random(rng);
        let (root, chain) = RootKey::new(shared).step(&ours, theirs, None).map_err(unusable)?;
        let public = ours.public();
        Ok(Self {
            root,
            ours: (ours, public),
            sending: Some(Position(chain, 0)),
            previous: 0,
            receiving: VecDeque::new(),
            steps: Some(steps),
        })
    }

    /// `RatchetInitBob` (section 3.3): `ours` is the signed prekey.
    pub(super) fn responder(shared: Secret<32>, ours: DhSecret, steps: KemSteps) -> Self {
        let public = ours.public();
        Self {
            root: RootKey::new(shared),
            ours: (ours, public),
            sending: None,
            previous: 0,
            receiving: VecDeque::new(),
            steps: Some(steps),
        }
    }

    /// The post-quantum steps; none in suite 1.
    pub(super) fn steps(&self) -> Option<&KemSteps> {
        self.steps.as_ref()
    }

    pub(super) fn steps_mut(&mut self) -> Option<&mut KemSteps> {
        self.steps.as_mut()
    }

    /// `RatchetEncrypt` (section 3.4) up to the message key. Commits: a key is never given out twice.
    pub(super) fn next(&mut self, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Outgoing, SessionError> {
        let Position(chain, number) = match self.sending.take() {
            Some(position) => position,
            None => self.turn(now, rng)?,
        };
        let steps = self.steps.as_mut().map(|steps| steps.say(number, now, rng)).unwrap_or_default();
        let (key, next) = chain.step();
        self.sending = Some(Position(next, number + 1));
        Ok(Outgoing { ratchet: self.ours.1, previous: self.previous, number, steps, key })
    }

    /// Second half of `DHRatchet` (section 3.5): our new ratchet key and sending chain.
    fn turn(&mut self, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Position, SessionError> {
        let theirs = self.receiving.back().ok_or(SessionError::NoSession)?.theirs();
        let ours = DhSecret::random(rng);
        let mixed = self.steps.as_ref().and_then(KemSteps::own_step);
        let (root, chain) = self.root.step(&ours, theirs, mixed.as_ref()).map_err(unusable)?;
        let public = ours.public();
        (self.root, self.ours) = (root, (ours, public));
        if let Some(steps) = &mut self.steps {
            steps.own_chain(now);
        }
        Ok(Position(chain, 0))
    }

    /// `RatchetDecrypt` (section 3.5). `open` authenticates under the message key; state changes only after it succeeded.
    pub(super) fn receive<T>(
        &mut self,
        header: &Header,
        now: u64,
        open: impl FnOnce(&MessageKey) -> Result<T, SessionError>,
    ) -> Result<(T, Arrival), SessionError> {
        match self.receiving.iter().position(|c| *c.theirs() == header.ratchet) {
            Some(at) => self.receive_on(at, header, now, open),
            None => self.receive_turn(header, now, open).map(|opened| (opened, Arrival::Turn)),
        }
    }

    fn receive_on<T>(
        &mut self,
        at: usize,
        header: &Header,
        now: u64,
        open: impl FnOnce(&MessageKey) -> Result<T, SessionError>,
    ) -> Result<(T, Arrival), SessionError> {
        let newest = at + 1 == self.receiving.len();
        let chain = &mut self.receiving[at];
        chain.agrees(&header.steps)?;
        let (key, step) = chain.find(header.number)?;
        let opened = open(&key)?;
        let mut steps = self.steps.clone();
        if let Some(steps) = &mut steps {
            steps.received(newest.then_some(&header.steps), now)?;
        }
        let arrival = match step {
            ChainStep::Advance(..) if newest => Arrival::Next,
            _ => Arrival::Late,
        };
        chain.commit(step);
        self.steps = steps;
        Ok((opened, arrival))
    }

    /// First half of `DHRatchet`: they have a new ratchet key.
    fn receive_turn<T>(
        &mut self,
        header: &Header,
        now: u64,
        open: impl FnOnce(&MessageKey) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let said = &header.steps;
        let mixed = self.steps.as_ref().map(|steps| steps.their_step(said)).transpose()?.flatten();
        let skipped = self.receiving.back().map(|c| c.finish(header.previous)).transpose()?;
        let (root, chain): (RootKey, ChainKey) =
            self.root.step(&self.ours.0, &header.ratchet, mixed.as_ref()).map_err(unusable)?;
        let mut fresh = ReceivingChain::new(header.ratchet, chain, said);
        let (key, step) = fresh.find(header.number)?;
        let opened = open(&key)?;
        let mut steps = self.steps.clone();
        if let Some(steps) = &mut steps {
            steps.their_chain(said, now);
            steps.received(Some(said), now)?;
        }

        fresh.commit(step);
        if let Some((last, skipped)) = self.receiving.back_mut().zip(skipped) {
            last.commit_finish(skipped);
        }
        if self.receiving.len() == MAX_RECEIVING_CHAINS {
            self.receiving.pop_front();
        }
        self.receiving.push_back(fresh);
        (self.root, self.steps) = (root, steps);
        if let Some(Position(_, sent)) = self.sending.take() {
            self.previous = sent;
        }
        Ok(opened)
    }
}

fn unusable(error: InvalidPublicKey) -> SessionError {
    SessionError::Malformed(error.to_string())
}
