//! The new machine, which becomes a device of an account.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{
    Digits, End, HandOver, HandOverError, LINK_LIFETIME_MS, LinkFrame, LinkId, LinkTicket, NetworkTag,
    digits::{Nonce, commitment},
    handshake::{self, Keys},
    sealed::{FromHost, FromJoiner, Side},
};
use crate::{
    crypto::{dh::DhSecret, secret::Secret},
    identity::DeviceSecret,
    ids::AccountId,
    version::Version,
};

/// Payload of Noise message 1.
#[derive(Serialize, Deserialize)]
pub(super) struct Committed(Version<1>, ByteArray<32>);

impl Committed {
    pub(super) fn of(commitment: [u8; 32]) -> Self {
        Self(Version, ByteArray::new(commitment))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("a commitment is plain data")
    }
}

/// Longest payload of message 2 in bytes: random bytes and a name of 64 characters.
const ANSWERED_MAX: usize = 320;

/// Payload of Noise message 2.
pub(super) struct Answered {
    pub(super) nonce: Nonce,
    pub(super) name: String,
}

#[derive(Serialize, Deserialize)]
struct WireAnswered(Version<1>, Nonce, String);

impl Answered {
    fn encode(&self) -> Vec<u8> {
        let wire = WireAnswered(Version, self.nonce.clone(), self.name.clone());
        covey_codec::encode(&wire).expect("random bytes and a name")
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let WireAnswered(_, nonce, name) = covey_codec::decode(bytes, ANSWERED_MAX).ok()?;
        Some(Self { nonce, name })
    }
}

/// A machine that is to be linked.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Its keys, made for this.
    pub device: DeviceSecret,
    /// What it is called until its owner says otherwise.
    pub name: String,
    /// The private network that it is in.
    pub network: Option<NetworkTag>,
    /// Where it listens: multiaddresses as text.
    pub addresses: Vec<String>,
}

/// What came of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinerEvent {
    /// Nothing that matters: a repetition, or not of this link.
    Nothing,
    /// A host that read the ticket is there.
    Greeted,
    /// Show these digits.
    Digits(Digits),
    /// The operator confirmed them.
    Confirmed,
    /// The account, verified. Store it, then send [`Joiner::done`].
    HandedOver(Box<HandOver>),
    /// It is over.
    Ended(End),
    /// It is over: what was handed over is wrong.
    Wrong(HandOverError),
}

#[derive(Clone, Serialize, Deserialize)]
enum State {
    Waiting,
    /// A host wrote message 1; the ticket is used.
    Greeted(Box<Greeted>),
    Ended(End),
}

#[derive(Clone, Serialize, Deserialize)]
struct Greeted {
    hello: ByteBuf,
    answer: ByteBuf,
    keys: Keys,
    own: Nonce,
    commitment: ByteArray<32>,
    /// What the host committed to.
    host: Option<Nonce>,
    /// The account that this device agreed to belong to.
    account: Option<AccountId>,
}

/// One link as the new machine has it. Serialises, to be stored before anything is sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Joiner {
    v: Version<1>,
    pub(super) device: DeviceSecret,
    key: DhSecret,
    name: String,
    ticket: LinkTicket,
    state: State,
}

impl Joiner {
    /// Makes a ticket and waits for its host, for ten minutes from `now` (Unix milliseconds).
    pub fn new(new: NewDevice, now: u64, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let NewDevice { device, name, network, addresses } = new;
        let (key, secret) = (DhSecret::random(rng), Secret::random(rng));
        let expires_at = now.saturating_add(LINK_LIFETIME_MS);
        let ticket =
            LinkTicket { device: device.keys(), key: key.public(), secret, network, expires_at, addresses }.shortened();
        Self { v: Version, device, key, name, ticket, state: State::Waiting }
    }

    /// What to show.
    pub fn ticket(&self) -> &LinkTicket {
        &self.ticket
    }

    /// The keys of this machine.
    pub fn device(&self) -> &DeviceSecret {
        &self.device
    }

    /// The digits, once they are known.
    pub fn digits(&self) -> Option<Digits> {
        let State::Greeted(greeted) = &self.state else { return None };
        Some(Digits::of(&greeted.keys.hash, greeted.host.as_ref()?, &greeted.own))
    }

    /// Why it is over, if it is.
    pub fn ended(&self, now: u64) -> Option<End> {
        match self.state {
            State::Ended(end) => Some(end),
            _ => (now >= self.ticket.expires_at).then_some(End::Expired),
        }
    }

    /// Takes a frame, from whomever. The frame to answer with, if any, goes back to where it came from, once this is stored.
    pub fn frame(
        &mut self,
        frame: &LinkFrame,
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> (Option<Vec<u8>>, JoinerEvent) {
        let id = self.ticket.id();
        if frame.id() != id {
            return (None, JoinerEvent::Nothing);
        }
        if let Some(end) = self.ended(now) {
            // Only who read the ticket knows its id.
            let refused = matches!(frame, LinkFrame::Hello(..)).then(|| LinkFrame::Refused(id, end).encode());
            return (refused, JoinerEvent::Ended(end));
        }
        match frame {
            LinkFrame::Hello(_, hello) => self.hello(hello, rng),
            LinkFrame::Sealed(_, sealed) => self.sealed(sealed, now, rng),
            LinkFrame::Answer(..) | LinkFrame::Refused(..) => (None, JoinerEvent::Nothing),
        }
    }

    fn hello(&mut self, hello: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> (Option<Vec<u8>>, JoinerEvent) {
        let id = self.ticket.id();
        if let State::Greeted(greeted) = &self.state {
            let again = greeted.hello == hello;
            let answer = || LinkFrame::Answer(id, greeted.answer.clone()).encode();
            let knows = || handshake::open(&self.ticket, &self.key, hello).is_ok();
            let refused = || knows().then(|| LinkFrame::Refused(id, End::Used).encode());
            return (if again { Some(answer()) } else { refused() }, JoinerEvent::Nothing);
        }
        let Some((greeted, answer)) = self.greeted(hello, rng) else { return (None, JoinerEvent::Nothing) };
        self.state = State::Greeted(Box::new(greeted));
        (Some(LinkFrame::Answer(id, answer).encode()), JoinerEvent::Greeted)
    }

    fn greeted(&self, hello: &[u8], rng: &mut (impl CryptoRng + ?Sized)) -> Option<(Greeted, ByteBuf)> {
        let payload = handshake::open(&self.ticket, &self.key, hello).ok()?;
        let Committed(_, commitment) = covey_codec::decode(&payload, 64).ok()?;
        let (own, ephemeral) = (Secret::random(rng), DhSecret::random(rng));
        let payload = Answered { nonce: own, name: self.name.clone() };
        let (answer, keys) = handshake::answer(&self.ticket, (&self.key, &ephemeral), hello, &payload.encode()).ok()?;
        let (hello, answer) = (ByteBuf::from(hello), ByteBuf::from(answer));
        let (own, copy) = (payload.nonce, answer.clone());
        Some((Greeted { hello, answer, keys, own, commitment, host: None, account: None }, copy))
    }

    fn sealed(
        &mut self,
        sealed: &[u8],
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> (Option<Vec<u8>>, JoinerEvent) {
        let State::Greeted(greeted) = &mut self.state else { return (None, JoinerEvent::Nothing) };
        let Some(message) = greeted.keys.open(Side::Host, sealed) else { return (None, JoinerEvent::Nothing) };
        match message {
            FromHost::Reveal(nonce) => {
                if greeted.host.is_some() || commitment(&nonce) != *greeted.commitment {
                    return (None, JoinerEvent::Nothing);
                }
                let digits = Digits::of(&greeted.keys.hash, &nonce, &greeted.own);
                greeted.host = Some(nonce);
                (None, JoinerEvent::Digits(digits))
            }
            FromHost::Ask(account) => {
                // Without digits nobody can have compared them; and a device belongs to one account.
                if greeted.host.is_none() || greeted.account.is_some_and(|agreed| agreed != account) {
                    return (None, JoinerEvent::Nothing);
                }
                let first = greeted.account.replace(account).is_none();
                let proof = FromJoiner::Join(ByteArray::new(self.device.join_proof(&account)));
                (self.say(&proof, rng), if first { JoinerEvent::Confirmed } else { JoinerEvent::Nothing })
            }
            FromHost::HandOver(bytes) => {
                let Some(account) = greeted.account else { return (None, JoinerEvent::Nothing) };
                match HandOver::open(&bytes, &self.device.keys(), &account, now) {
                    Ok(account) => (None, JoinerEvent::HandedOver(Box::new(account))),
                    Err(error) => (self.end(End::HandOver, rng), JoinerEvent::Wrong(error)),
                }
            }
            FromHost::End(end) => {
                self.state = State::Ended(end);
                (None, JoinerEvent::Ended(end))
            }
        }
    }

    fn say(&self, message: &FromJoiner, rng: &mut (impl CryptoRng + ?Sized)) -> Option<Vec<u8>> {
        let State::Greeted(greeted) = &self.state else { return None };
        Some(greeted.keys.seal((Side::Joiner, self.ticket.id()), message, rng))
    }

    /// What tells the host that the account is stored here.
    pub fn done(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Option<Vec<u8>> {
        self.say(&FromJoiner::Done, rng)
    }

    /// Ends it; gives what tells the host, if there is one.
    pub fn end(&mut self, end: End, rng: &mut (impl CryptoRng + ?Sized)) -> Option<Vec<u8>> {
        let told = self.say(&FromJoiner::End(end), rng);
        self.state = State::Ended(end);
        told
    }

    /// Names the link.
    pub fn id(&self) -> LinkId {
        self.ticket.id()
    }
}
