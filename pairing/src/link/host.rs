//! The existing device, a holder, which takes a new one into the account.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{
    DIGIT_ATTEMPTS, Digits, End, HandOver, LINK_LIFETIME_MS, LinkFrame, LinkId, LinkTicket,
    digits::{Nonce, commitment},
    handshake::{self, Keys},
    joiner::{Answered, Committed},
    sealed::{FromHost, FromJoiner, Side},
};
use crate::{
    crypto::{dh::DhSecret, secret::Secret},
    identity::JOIN_PROOF_LEN,
    ids::AccountId,
    text::is_name,
    version::Version,
};

/// Why a step of the host is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It is over.
    #[error("{0}")]
    Ended(End),
    /// The digits are not those that this device computed. So many attempts are left.
    #[error("these are not the digits: {left} {} left", if *left == 1 { "attempt" } else { "attempts" })]
    WrongDigits {
        /// Attempts that are left.
        left: u8,
    },
    /// The new machine has not answered yet.
    #[error("the new machine has not answered yet")]
    NotYet,
}

/// What came of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostEvent {
    /// Nothing that matters: a repetition, or not of this link.
    Nothing,
    /// The handshake is done: show these digits, and send [`Host::outgoing`].
    Digits(Digits),
    /// The new device agreed to belong to the account: add it to the key log, then [`Host::added`].
    Joins(Box<[u8; JOIN_PROOF_LEN]>),
    /// The new device has the account.
    Done,
    /// The joiner ended it.
    Ended(End),
}

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The new machine has not answered.
    Greeting,
    /// The operator compares digits.
    Comparing(Digits),
    /// The digits were confirmed; the new device has to agree.
    Confirmed,
    /// It is on the key log, and is handed the account.
    Added,
    /// It has the account.
    Done,
    /// It is over without.
    Ended(End),
}

#[derive(Clone, Serialize, Deserialize)]
enum State {
    Greeting {
        ephemeral: DhSecret,
    },
    Comparing {
        keys: Keys,
        joiner: Nonce,
        left: u8,
    },
    Confirmed {
        keys: Keys,
    },
    Added {
        keys: Keys,
    },
    Done,
    /// With the keys, if there was a handshake: the joiner is told.
    Ended {
        keys: Option<Keys>,
        end: End,
    },
}

/// One link as the host has it. Serialises, to be stored before anything is sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Host {
    v: Version<1>,
    ticket: LinkTicket,
    /// The account that the device is to join.
    account: AccountId,
    /// By our clock, Unix milliseconds.
    ends_at: u64,
    nonce: Nonce,
    /// What the joiner calls its machine.
    name: Option<String>,
    state: State,
}

impl Host {
    /// Begins a link.
    ///
    /// # Errors
    /// [`End::Expired`].
    pub fn begin(
        ticket: LinkTicket,
        account: AccountId,
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, End> {
        if now >= ticket.expires_at {
            return Err(End::Expired);
        }
        let ends_at = ticket.expires_at.min(now.saturating_add(LINK_LIFETIME_MS));
        let nonce = Secret::random(rng);
        let state = State::Greeting { ephemeral: DhSecret::random(rng) };
        Ok(Self { v: Version, ticket, account, ends_at, nonce, name: None, state })
    }

    /// What the new machine showed.
    pub fn ticket(&self) -> &LinkTicket {
        &self.ticket
    }

    /// Names the link.
    pub fn id(&self) -> LinkId {
        self.ticket.id()
    }

    /// What the new machine calls itself.
    pub fn suggested_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// When it ends, by our clock, Unix milliseconds.
    pub fn ends_at(&self) -> u64 {
        self.ends_at
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Greeting { .. } => Stage::Greeting,
            State::Comparing { keys, joiner, .. } => Stage::Comparing(Digits::of(&keys.hash, &self.nonce, joiner)),
            State::Confirmed { .. } => Stage::Confirmed,
            State::Added { .. } => Stage::Added,
            State::Done => Stage::Done,
            State::Ended { end, .. } => Stage::Ended(*end),
        }
    }

    /// The frame to send now, and again every few seconds until the stage is another one. `hand_over` is asked in [`Stage::Added`] only.
    pub fn outgoing(
        &self,
        hand_over: impl FnOnce() -> Option<HandOver>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Option<Vec<u8>> {
        let (keys, message) = match &self.state {
            State::Greeting { ephemeral } => {
                let message = handshake::hello(&self.ticket, ephemeral, &self.payload()).ok()?;
                return Some(LinkFrame::Hello(self.id(), ByteBuf::from(message)).encode());
            }
            State::Comparing { keys, .. } => (keys, FromHost::Reveal(self.nonce.clone())),
            State::Confirmed { keys } => (keys, FromHost::Ask(self.account)),
            State::Added { keys } => (keys, FromHost::HandOver(ByteBuf::from(hand_over()?.encode()))),
            State::Ended { keys: Some(keys), end } => (keys, FromHost::End(*end)),
            State::Done | State::Ended { keys: None, .. } => return None,
        };
        Some(keys.seal((Side::Host, self.id()), &message, rng))
    }

    fn payload(&self) -> Vec<u8> {
        Committed::of(commitment(&self.nonce)).encode()
    }

    /// Takes a frame that came from the peer of the ticket's network key, and from nobody else.
    pub fn frame(&mut self, frame: &LinkFrame, now: u64) -> HostEvent {
        if frame.id() != self.id() || self.is_over(now) {
            return HostEvent::Nothing;
        }
        match frame {
            LinkFrame::Answer(_, message) => self.answered(message),
            LinkFrame::Refused(_, end) if matches!(self.state, State::Greeting { .. }) => self.ended_by_joiner(*end),
            LinkFrame::Sealed(_, sealed) => self.sealed(sealed),
            LinkFrame::Hello(..) | LinkFrame::Refused(..) => HostEvent::Nothing,
        }
    }

    fn answered(&mut self, message: &[u8]) -> HostEvent {
        let State::Greeting { ephemeral } = &self.state else { return HostEvent::Nothing };
        let Ok((payload, keys)) = handshake::finish(&self.ticket, ephemeral, &self.payload(), message) else {
            return HostEvent::Nothing;
        };
        let Some(Answered { nonce, name }) = Answered::decode(&payload) else { return HostEvent::Nothing };
        let digits = Digits::of(&keys.hash, &self.nonce, &nonce);
        self.name = Some(name).filter(|name| is_name(name));
        self.state = State::Comparing { keys, joiner: nonce, left: DIGIT_ATTEMPTS };
        HostEvent::Digits(digits)
    }

    fn sealed(&mut self, sealed: &[u8]) -> HostEvent {
        let Some(message) = self.keys().and_then(|keys| keys.open(Side::Joiner, sealed)) else {
            return HostEvent::Nothing;
        };
        match (message, &self.state) {
            (FromJoiner::Join(proof), State::Confirmed { .. })
                if self.ticket.device.verify_join(&self.account, &proof).is_ok() =>
            {
                HostEvent::Joins(Box::new(proof.into_array()))
            }
            (FromJoiner::Done, State::Added { .. }) => {
                self.state = State::Done;
                HostEvent::Done
            }
            (FromJoiner::End(end), _) => self.ended_by_joiner(end),
            _ => HostEvent::Nothing,
        }
    }

    fn ended_by_joiner(&mut self, end: End) -> HostEvent {
        self.state = State::Ended { keys: None, end };
        HostEvent::Ended(end)
    }

    fn keys(&self) -> Option<&Keys> {
        match &self.state {
            State::Comparing { keys, .. } | State::Confirmed { keys } | State::Added { keys } => Some(keys),
            State::Greeting { .. } | State::Done | State::Ended { .. } => None,
        }
    }

    /// The operator typed the digits that the new machine shows.
    ///
    /// # Errors
    /// [`HostError`]. After the last attempt the link is over; send [`Host::outgoing`] once more.
    pub fn confirm(&mut self, typed: Digits, now: u64) -> Result<(), HostError> {
        self.is_over(now);
        let own = self.stage();
        match (&mut self.state, own) {
            (State::Comparing { keys, left, .. }, Stage::Comparing(digits)) => {
                if typed == digits {
                    self.state = State::Confirmed { keys: keys.clone() };
                    return Ok(());
                }
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.end(End::Digits);
                    return Err(HostError::Ended(End::Digits));
                }
                Err(HostError::WrongDigits { left: *left })
            }
            (State::Ended { end, .. }, _) => Err(HostError::Ended(*end)),
            (State::Greeting { .. }, _) => Err(HostError::NotYet),
            // Confirmed before.
            _ => Ok(()),
        }
    }

    /// The device stands on the key log, and that is stored.
    pub fn added(&mut self) {
        if let State::Confirmed { keys } = &self.state {
            self.state = State::Added { keys: keys.clone() };
        }
    }

    /// Ends it. The joiner is told by [`Host::outgoing`].
    pub fn end(&mut self, end: End) {
        if !matches!(self.state, State::Done | State::Ended { .. }) {
            self.state = State::Ended { keys: self.keys().cloned(), end };
        }
    }

    /// Whether it is over, by time too.
    pub fn is_over(&mut self, now: u64) -> bool {
        if now >= self.ends_at {
            self.end(End::Expired);
        }
        matches!(self.state, State::Done | State::Ended { .. })
    }
}
