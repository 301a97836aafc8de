//! An invite of somebody else: opened, checked, and kept until the operator decides.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{
    ConsentError, InviteError, InviteFrame,
    handshake::Responder,
    offer::{Offer, OfferContext, VerifiedOffer},
};
use crate::{
    identity::{AccountSecret, KeyLog},
    ids::{AccountId, DeviceId, InviteId},
};

/// What the operator is shown of a pending invite. Name and note are the inviter's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The invite.
    pub id: InviteId,
    /// The name the inviter goes by.
    pub name: String,
    /// The inviter's note.
    pub note: String,
    /// When it was made, Unix milliseconds by the inviter's clock.
    pub made_at: u64,
    /// From when on it cannot be accepted, Unix milliseconds.
    pub expires_at: u64,
    /// The inviter says that we were paired before our account was recovered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renewal: bool,
}

/// An invite that opened and passed every check that needs no memory of its inviter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedInvite {
    id: InviteId,
    from: AccountId,
    message: ByteBuf,
    sealed: bool,
    verified: VerifiedOffer,
}

/// Opens an invite for `account` at `now` (Unix milliseconds). Costs two key agreements and some signatures: limits
/// come first ([`super::StrangerLimits`]).
///
/// # Errors
/// [`InviteError`]. Reply with [`super::acknowledge`] all the same.
pub fn open_invite(account: &AccountSecret, frame: &InviteFrame, now: u64) -> Result<OpenedInvite, InviteError> {
    let (from, to) = (frame.claimed_by(account)?, account.id());
    if from == to {
        return Err(InviteError::OwnAccount);
    }
    let sealed = frame.from.is_none();
    let responder = Responder::new(account, &from, &frame.message, sealed).map_err(|_| InviteError::Handshake)?;
    let opened = responder.open().map_err(|_| InviteError::Handshake)?;
    let e = responder.their_ephemeral().ok_or(InviteError::Handshake)?;
    let context = OfferContext { from: &from, to: &to, static_key: &opened.theirs, e };
    let verified = Offer::verify(&opened.payload, &context, now)?;
    if !super::work::matches_day(&frame.pass, verified.offer.at) {
        return Err(InviteError::Offer("work of another day"));
    }
    Ok(OpenedInvite { id: frame.id(), from, message: frame.message.clone(), sealed, verified })
}

impl OpenedInvite {
    /// The inviter, proven.
    pub fn from(&self) -> AccountId {
        self.from
    }

    /// The invite's id.
    pub fn id(&self) -> InviteId {
        self.id
    }

    /// What the operator will be shown.
    pub fn request(&self) -> Request {
        let offer = &self.verified.offer;
        Request {
            id: self.id,
            name: offer.name.clone(),
            note: offer.note.clone(),
            made_at: offer.at,
            expires_at: offer.expires_at(),
            renewal: offer.renewal,
        }
    }

    /// Whether it rests on ML-KEM as well.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The inviter's signed card.
    pub fn card(&self) -> &[u8] {
        &self.verified.offer.card
    }

    pub(super) fn made_at(&self) -> u64 {
        self.verified.offer.at
    }

    pub(super) fn seen(&self) -> u64 {
        self.verified.offer.seen
    }

    pub(super) fn signer(&self) -> DeviceId {
        self.verified.signer
    }

    pub(super) fn log(&self) -> &KeyLog {
        &self.verified.log
    }
}

/// An invite of theirs that we may still answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TheirInvite {
    pub(super) request: Request,
    message: ByteBuf,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sealed: bool,
}

impl TheirInvite {
    pub(super) fn id(&self) -> InviteId {
        self.request.id
    }

    pub(super) fn made_at(&self) -> u64 {
        self.request.made_at
    }

    pub(super) fn is_over(&self, now: u64) -> bool {
        now >= self.request.expires_at
    }

    /// Our side of its handshake.
    pub(super) fn responder<'a>(
        &'a self,
        from: &AccountId,
        account: &'a AccountSecret,
    ) -> Result<Responder<'a>, ConsentError> {
        Responder::new(account, from, &self.message, self.sealed).map_err(|_| ConsentError::Handshake)
    }

    /// The offer, verified when the invite came, and the device that signed it.
    pub(super) fn offer(&self, from: &AccountId, account: &AccountSecret) -> Result<(Offer, DeviceId), ConsentError> {
        let opened = self.responder(from, account)?.open().map_err(|_| ConsentError::Handshake)?;
        Ok((Offer::decode(&opened.payload)?, Offer::signer(&opened.payload)?))
    }
}

impl From<OpenedInvite> for TheirInvite {
    fn from(invite: OpenedInvite) -> Self {
        Self { request: invite.request(), message: invite.message, sealed: invite.sealed }
    }
}
