//! What a relationship keeps besides its state: our invite while it can be answered, the pact while it holds,
//! frames that wait for an acknowledgement, invites that ended.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{
    ConsentError, InviteFrame, Me, NOTE_MAX_CHARS, PairFrame, PairSecret, Pass,
    handshake::{self, Initiator, Keys},
    offer::{ATTACHMENT_MAX, Offer},
    seal::Seal,
    time::INVITE_LIFETIME_MS,
    work,
};
use crate::{
    crypto::{
        dh::{DhPublic, DhSecret},
        kem::{KemPublic, KemSecret},
        secret::Secret,
    },
    identity::{CardError, ContactCard, Token},
    ids::{AccountId, InviteId},
    text,
};

/// An invite of ours that can still be answered: enough to replay its handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnInvite {
    pub(super) id: InviteId,
    pub(super) their_dh: DhPublic,
    pub(super) kem: KemSecret,
    pub(super) made_at: u64,
    /// Acknowledged: not sent again before this time.
    pub(super) quiet_until: Option<u64>,
    pub(super) frame: ByteBuf,
    pub(super) ephemeral: DhSecret,
    pub(super) payload: ByteBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seal: Option<Seal>,
}

/// What the operator gives for an invite.
pub(super) struct NewInvite {
    pub(super) their_dh: DhPublic,
    /// The KEM key of their account, if it is known: then the invite is sealed.
    pub(super) their_kem: Option<KemPublic>,
    pub(super) note: String,
    pub(super) token: Option<Token>,
    /// It says that the two were paired before their account was recovered.
    pub(super) renewal: bool,
    /// When it is made, Unix milliseconds.
    pub(super) at: u64,
    /// The newest of their offers that we are done with.
    pub(super) seen: u64,
}

impl OwnInvite {
    /// Makes an invite to `them`.
    pub(super) fn new(
        new: NewInvite,
        them: &AccountId,
        me: &Me<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ConsentError> {
        me.check(new.at)?;
        if !text::is_note(&new.note, NOTE_MAX_CHARS) {
            return Err(ConsentError::Note);
        }
        let (ephemeral, kem) = (DhSecret::random(rng), KemSecret::random(rng));
        let mut offer =
            Offer::new(*them, ephemeral.public(), new.at, new.seen, me.name, new.note, kem.public(), me.card);
        offer.renewal = new.renewal;
        let payload = offer.sign(me.device);
        let from = me.account.id();
        let seal = new.their_kem.as_ref().map(|key| Seal::new(&from, them, key, rng)).transpose();
        let seal = seal.map_err(|_| ConsentError::BadKey)?;
        let initiator = Initiator {
            prologue: handshake::prologue(&from, them, seal.is_some()),
            own: me.account.dh(),
            ephemeral: &ephemeral,
            theirs: &new.their_dh,
            seal: seal.as_ref(),
        };
        let message = initiator.start(&payload).map_err(|_| ConsentError::BadKey)?;
        let pass = pass(new.token.as_ref(), them, new.at, &message, me.work_bits);
        let from = Some(from).filter(|_| seal.is_none());
        let frame = InviteFrame { from, pass, message: ByteBuf::from(message) };
        Ok(Self {
            id: frame.id(),
            their_dh: new.their_dh,
            kem,
            made_at: new.at,
            quiet_until: None,
            frame: ByteBuf::from(PairFrame::Invite(frame).encode()),
            ephemeral,
            payload: ByteBuf::from(payload),
            seal,
        })
    }

    /// Reads message 2: its payload and the keys.
    pub(super) fn finish(
        &self,
        message2: &[u8],
        them: &AccountId,
        me: &Me<'_>,
    ) -> Result<(Vec<u8>, Keys), ConsentError> {
        let initiator = Initiator {
            prologue: handshake::prologue(&me.account.id(), them, self.seal.is_some()),
            own: me.account.dh(),
            ephemeral: &self.ephemeral,
            theirs: &self.their_dh,
            seal: self.seal.as_ref(),
        };
        initiator.finish(&self.payload, &self.id, message2).map_err(|_| ConsentError::Handshake)
    }

    /// The KEM key that it is sealed to.
    pub(super) fn their_kem(&self) -> Option<&KemPublic> {
        self.seal.as_ref().map(|seal| &seal.key)
    }

    /// What it says to their operator.
    pub(super) fn note(&self) -> Option<String> {
        Offer::decode(&self.payload).ok().map(|offer| offer.note)
    }

    /// Whether it says that the two were paired before.
    pub(super) fn is_renewal(&self) -> bool {
        Offer::decode(&self.payload).is_ok_and(|offer| offer.renewal)
    }

    pub(super) fn expires_at(&self) -> u64 {
        self.made_at.saturating_add(INVITE_LIFETIME_MS)
    }

    pub(super) fn is_over(&self, now: u64) -> bool {
        now >= self.expires_at()
    }
}

fn pass(token: Option<&Token>, them: &AccountId, at: u64, message: &[u8], bits: u8) -> Pass {
    let token = token.map(|token| token.tag(them, message));
    Pass { token, ..work::mine(them, work::day_of(at), message, bits) }
}

impl Me<'_> {
    /// Refuses what the other side would refuse of an offer or an acceptance made at `at`.
    pub(super) fn check(&self, at: u64) -> Result<(), ConsentError> {
        if !text::is_name(self.name) {
            return Err(ConsentError::Name);
        }
        self.check_attachment()?;
        let card = ContactCard::open_of(&self.account.id(), self.card, at).map_err(ConsentError::OwnCard)?;
        let known = card.log().is_active(&self.device.id()) && card.log().dh() == self.account.dh().public();
        if known { Ok(()) } else { Err(ConsentError::OwnCard(CardError::Signer)) }
    }

    /// Refuses an attachment that the other side would refuse.
    pub(super) fn check_attachment(&self) -> Result<(), ConsentError> {
        if self.answer_attachment.len() <= ATTACHMENT_MAX { Ok(()) } else { Err(ConsentError::TooLong) }
    }
}

/// A pairing that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pact {
    /// The invite it came from.
    pub(super) id: InviteId,
    pub(super) secret: PairSecret,
    pub(super) role: Role,
    /// When they agreed, Unix milliseconds by their clock: when they took our acceptance, as their confirm says, or, if we invited, when they
    /// accepted. 0 before that, and if an older version stored it.
    #[serde(default)]
    pub(super) agreed_at: u64,
    /// When we agreed, by the clock of the device of ours that accepted or took their acceptance. 0 if an older version stored it.
    #[serde(default)]
    pub(super) ours_at: u64,
}

impl Pact {
    /// Without a confirm until then it is void, Unix milliseconds.
    pub(super) fn lapses_at(&self) -> Option<u64> {
        match self.role {
            Role::Unconfirmed { lapses_at, .. } => Some(lapses_at),
            Role::Inviter | Role::Invitee => None,
        }
    }
}

/// Which side of the handshake we were, and how far it is known to have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// We invited; their answer proved that they have the secret.
    Inviter,
    /// We accepted; their confirm is still to come.
    Unconfirmed {
        /// Key of the confirm.
        key: Secret<32>,
        /// Without a confirm until then the pact is void, Unix milliseconds.
        lapses_at: u64,
        /// Our own invite that theirs overtook: still good if they answer that one instead.
        superseded: Option<Box<OwnInvite>>,
    },
    /// We accepted and they confirmed.
    Invitee,
}

/// A frame that waits for an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outgoing {
    /// The invite it is about.
    pub(super) id: InviteId,
    pub(super) frame: ByteBuf,
    /// Given up from then on, Unix milliseconds.
    pub(super) until: u64,
}

/// How an invite of ours ended without a pact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ending {
    /// We withdrew it, or it ran out: a late answer is told so.
    Withdrawn,
    /// They answered, and nothing came of it or it has ended: a repeated answer is acknowledged again.
    #[serde(rename = "Refused")]
    Answered,
}

/// An invite of ours that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Closed {
    pub(super) id: InviteId,
    pub(super) ending: Ending,
    /// Remembered until, Unix milliseconds.
    pub(super) until: u64,
}
