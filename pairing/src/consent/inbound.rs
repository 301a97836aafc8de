//! What the other side sends. A frame that fits nothing we hold changes nothing.

use rand_core::CryptoRng;
use serde_bytes::ByteBuf;

use super::{
    ConsentError, Effect, OpenedInvite, PairFrame, PairSecret, Slot, State,
    answer::{self, Acceptance, Answer, Confirmation},
    handshake::Keys,
    machine::Phase,
    material::{Ending, OwnInvite, Pact, Role},
    offer::ATTACHMENT_MAX,
    step::{Step, reopened},
    time::{CLOCK_SKEW_MS, INVITE_LIFETIME_MS, REMIND_AFTER_MS},
};
use crate::{
    crypto::kem::KemPublic,
    identity::{CardError, ContactCard, LogOrder},
    ids::{DeviceId, InviteId},
    text,
};

impl<R: CryptoRng> Step<'_, R> {
    pub(super) fn received(&mut self, frame: PairFrame) -> Result<(), ConsentError> {
        match frame {
            PairFrame::Invite(_) => Err(ConsentError::Payload("unopened invite")),
            PairFrame::Answer { id, message } => self.answered(id, &message),
            PairFrame::Confirm { id, message } => self.confirm(id, &message),
            PairFrame::Confirmed { id, tag } => self.confirmed(id, &tag),
            PairFrame::Cancel { id, device, signature } => self.cancelled(id, &device, &signature),
            PairFrame::Removed { id, notice } => self.removed(id, &notice),
            PairFrame::Received { id, of } => {
                self.acknowledged(id, of);
                Ok(())
            }
        }
    }

    /// Their invite. Every path replies the same, errors included (there the caller replies).
    pub(super) fn invited(&mut self, invite: OpenedInvite) -> Result<(), ConsentError> {
        if invite.from() != self.r.them {
            return Err(ConsentError::Payload("invite of another account"));
        }
        self.acknowledge(invite.id(), Slot::Invite);
        if !self.is_fresh(&invite) || matches!(self.r.state(), State::Blocked | State::Declined) {
            return Ok(());
        }
        if self.r.pact().is_some() {
            if self.r.renewable_at(self.now) > self.now {
                return Ok(());
            }
            // Who has the account's seed alone can make a log, but not one that goes on from the device's own operations
            // without showing a device that we do not know.
            if self.r.log.as_ref().is_some_and(|known| matches!(invite.log().compare(known), Ok(LogOrder::Behind))) {
                return Err(ConsentError::OlderLog);
            }
        }
        self.learn(invite.log(), &invite.signer())?;
        let (seen, theirs) = (invite.seen(), invite.into());
        match self.r.phase.clone() {
            Phase::Invited { mut own, crossing } => {
                if seen >= own.made_at {
                    self.close(own.id, Ending::Withdrawn);
                    self.pair_as_invitee(&theirs, None)?;
                } else if self.r.them < self.me.account.id() {
                    self.pair_as_invitee(&theirs, Some(own))?;
                } else {
                    crossing.iter().for_each(|older| self.spend(older.made_at()));
                    own.quiet_until = None;
                    self.r.phase = Phase::Invited { own, crossing: Some(theirs) };
                }
            }
            Phase::Paired(pact) => self.pair_again(pact, seen, &theirs)?,
            Phase::Pending(older) => {
                self.spend(older.made_at());
                self.r.phase = Phase::Pending(theirs);
            }
            _ => self.r.phase = Phase::Pending(theirs),
        }
        Ok(())
    }

    /// Whether this is a later offer than any we hold or are done with. One we hold is not opened twice; if the
    /// inviter repeats one that we accepted, the answer is repeated.
    fn is_fresh(&mut self, invite: &OpenedInvite) -> bool {
        let held = match &self.r.phase {
            Phase::Pending(theirs) | Phase::Invited { crossing: Some(theirs), .. } => theirs.made_at(),
            Phase::Paired(Pact { id, role: Role::Unconfirmed { .. }, .. }) if *id == invite.id() => {
                self.repeat(Slot::Answer, invite.id());
                return false;
            }
            _ => 0,
        };
        invite.made_at() > held.max(self.r.spent)
    }

    /// A contact invites us: they lost or ended the pact. Our consent stands and theirs is in the invite.
    fn pair_again(&mut self, pact: Pact, seen: u64, theirs: &super::invite::TheirInvite) -> Result<(), ConsentError> {
        let superseded = match pact.role {
            Role::Unconfirmed { superseded, .. } => superseded,
            Role::Inviter | Role::Invitee => None,
        };
        let (dead, alive) = match superseded {
            Some(own) if seen >= own.made_at => (Some(own), None),
            other => (None, other),
        };
        dead.iter().for_each(|own| self.close(own.id, Ending::Withdrawn));
        self.r.renewed_at = self.now;
        self.pair_as_invitee(theirs, alive)
    }

    /// Their answer to an invite of ours.
    fn answered(&mut self, id: InviteId, message: &[u8]) -> Result<(), ConsentError> {
        let own = match &self.r.phase {
            Phase::Invited { own, .. } => Some(own.as_ref()),
            Phase::Paired(_) => self.r.superseded(),
            _ => None,
        };
        let Some(own) = own.filter(|own| own.id == id).cloned() else {
            self.answered_before(id);
            return Ok(());
        };
        let (payload, keys) = own.finish(message, &self.r.them, &self.me)?;
        match Answer::decode(&payload)? {
            Answer::Accepted(acceptance) => self.accepted(&own, *acceptance, &keys),
            Answer::Declined => {
                self.refused(id);
                Ok(())
            }
        }
    }

    /// An answer to an invite that is no longer open: repeat what ended it.
    fn answered_before(&mut self, id: InviteId) {
        if self.r.pact().is_some_and(|pact| pact.id == id) {
            return self.repeat(Slot::Confirm, id);
        }
        match self.r.closed.iter().find(|closed| closed.id == id).map(|closed| closed.ending) {
            Some(Ending::Withdrawn) => {
                let frame = answer::cancel(id, &self.r.them, self.me.device);
                self.reply(frame.encode());
            }
            Some(Ending::Answered) => self.acknowledge(id, Slot::Answer),
            None => {}
        }
    }

    fn repeat(&mut self, slot: Slot, id: InviteId) {
        // [PAIR-89]
        let said = self.r.said.as_ref().filter(|_| slot == Slot::Confirm);
        if let Some(out) = self.r.out.get(&slot).or(said).filter(|out| out.id == id) {
            let frame = out.frame.to_vec();
            self.reply(frame);
        }
    }

    fn accepted(&mut self, own: &OwnInvite, acceptance: Acceptance, keys: &Keys) -> Result<(), ConsentError> {
        self.me.check_attachment()?;
        let card = ContactCard::open_of(&self.r.them, &acceptance.card, acceptance.at)?;
        let sealed_to = own.their_kem().map(KemPublic::hash);
        if card.log().dh() != own.their_dh || sealed_to.is_some_and(|key| card.content().kem != Some(key)) {
            return Err(CardError::Account.into());
        }
        if !text::is_name(&acceptance.name) || acceptance.attachment.len() > ATTACHMENT_MAX {
            return Err(ConsentError::Payload("answer"));
        }
        self.learn(card.log(), &card.signer())?;
        let kem = own.kem.decapsulate(&acceptance.kem).map_err(|_| ConsentError::Payload("KEM ciphertext"))?;
        let secret = PairSecret::derive(keys, &kem, &self.me.account.id(), &self.r.them);
        let (agreed_at, ours_at) = (self.believed(acceptance.at), self.now);
        let confirm = Confirmation::new(&secret, &own.id, self.me.answer_attachment, ours_at);
        let message = ByteBuf::from(confirm.seal(&keys.to_responder, acceptance.confirm, self.rng));
        self.end_older_pact();
        self.send(Slot::Confirm, &PairFrame::Confirm { id: own.id, message });
        if let Phase::Invited { crossing: Some(theirs), .. } = &self.r.phase {
            let at = theirs.made_at();
            self.spend(at);
        }
        // A clock further off than an invite lives is not believed: `newest` would outlast every forgetting.
        self.spend(acceptance.newest.min(self.now.saturating_add(INVITE_LIFETIME_MS)));
        self.learned(Effect::CardLearned(acceptance.card.into_vec()));
        self.learned(Effect::Attachment(acceptance.attachment.into_vec()));
        self.r.phase = Phase::Paired(Pact { id: own.id, secret, role: Role::Inviter, agreed_at, ours_at });
        Ok(())
    }

    /// A time by their clock, which is not far ahead of ours.
    fn believed(&self, at: u64) -> u64 {
        at.min(self.now.saturating_add(CLOCK_SKEW_MS))
    }

    fn refused(&mut self, id: InviteId) {
        self.close(id, Ending::Answered);
        self.acknowledge(id, Slot::Answer);
        match &mut self.r.phase {
            Phase::Invited { crossing, .. } => {
                self.r.phase = crossing.take().map_or(Phase::Refused, Phase::Pending);
            }
            Phase::Paired(Pact { role: Role::Unconfirmed { superseded, .. }, .. }) => *superseded = None,
            _ => {}
        }
    }

    /// Their confirm of our answer.
    fn confirm(&mut self, id: InviteId, message: &[u8]) -> Result<(), ConsentError> {
        // [PAIR-87]
        let held = self.r.pact().or(self.r.withdrawn.as_deref());
        // [PAIR-90] If we removed them meanwhile, it may answer another device of ours: not every answer of ours has arrived.
        let Some(pact) = held.filter(|pact| pact.id == id).cloned() else { return Ok(()) };
        if let Role::Unconfirmed { key, .. } = &pact.role {
            let confirm = Confirmation::open(key, message, &pact.secret, &id)?;
            if confirm.attachment.len() > ATTACHMENT_MAX {
                return Err(ConsentError::Payload("confirm"));
            }
            self.end_superseded(&pact);
            self.r.out.remove(&Slot::Answer);
            self.learned(Effect::Attachment(confirm.attachment.into_vec()));
            let agreed_at = if confirm.at == 0 { self.now } else { self.believed(confirm.at) };
            self.r.phase = Phase::Paired(Pact { role: Role::Invitee, agreed_at, ..pact.clone() });
        }
        if !matches!(pact.role, Role::Inviter) {
            self.reply(answer::confirmed(&pact.secret, id).encode());
        }
        Ok(())
    }

    /// Their acknowledgement of our confirm.
    fn confirmed(&mut self, id: InviteId, tag: &[u8; 32]) -> Result<(), ConsentError> {
        let Some(pact) = self.r.pact().filter(|pact| pact.id == id && pact.role == Role::Inviter) else {
            return Ok(());
        };
        if !answer::is_confirmed(&pact.secret, &id, tag) {
            return Err(ConsentError::Notice);
        }
        if let Some(out) = self.r.out.remove(&Slot::Confirm) {
            self.r.said = Some(out);
        }
        Ok(())
    }

    /// Their withdrawal of an invite.
    fn cancelled(&mut self, id: InviteId, device: &DeviceId, signature: &[u8; 64]) -> Result<(), ConsentError> {
        self.acknowledge(id, Slot::Cancel);
        let answered = self.r.out.get(&Slot::Answer).is_some_and(|out| out.id == id);
        let held = match &self.r.phase {
            Phase::Pending(theirs) | Phase::Invited { crossing: Some(theirs), .. } => theirs.id() == id,
            Phase::Paired(pact) => pact.id == id && matches!(pact.role, Role::Unconfirmed { .. }),
            _ => false,
        };
        let Some(log) = self.r.log.as_ref().filter(|_| held || answered) else { return Ok(()) };
        if !answer::is_cancel(&id, &self.me.account.id(), log, device, signature) {
            return Err(ConsentError::Notice);
        }
        if answered {
            self.r.out.remove(&Slot::Answer);
            self.drop_removal_of(id);
        }
        if held {
            self.drop_held();
        }
        Ok(())
    }

    fn drop_held(&mut self) {
        match std::mem::replace(&mut self.r.phase, Phase::Cancelled) {
            Phase::Pending(theirs) => self.spend(theirs.made_at()),
            Phase::Invited { own, crossing } => {
                crossing.iter().for_each(|theirs| self.spend(theirs.made_at()));
                self.r.phase = Phase::Invited { own, crossing: None };
            }
            Phase::Paired(mut pact) => {
                if let Role::Unconfirmed { superseded, .. } = &mut pact.role {
                    self.r.phase = reopened(superseded.take(), Phase::Cancelled);
                }
                self.r.withdrawn = Some(Box::new(pact));
            }
            other => self.r.phase = other,
        }
    }

    /// The invite was withdrawn before they had our answer: there is nothing to tell them any more.
    fn drop_removal_of(&mut self, id: InviteId) {
        if self.r.out.get(&Slot::Removed).is_some_and(|out| out.id == id) {
            self.r.out.remove(&Slot::Removed);
        }
    }

    /// Their notice that they removed us.
    fn removed(&mut self, id: InviteId, notice: &[u8]) -> Result<(), ConsentError> {
        // Before their answer came this cannot be opened. They send it again until they know that the answer arrived.
        self.acknowledge(id, Slot::Removed);
        if let Some(pact) = self.r.pact().filter(|pact| pact.id == id).cloned() {
            if !answer::is_removal(&pact.secret, &id, &self.r.them, notice) {
                return Err(ConsentError::Notice);
            }
            self.r.out.remove(&Slot::Answer);
            self.r.out.remove(&Slot::Confirm);
            self.end_pact(&pact);
            self.r.phase = Phase::Removed;
        }
        Ok(())
    }

    /// A frame of ours arrived.
    fn acknowledged(&mut self, id: InviteId, of: Slot) {
        let waits = |slot: Slot| self.r.out.get(&slot).is_some_and(|out| out.id == id);
        match of {
            Slot::Invite => {
                let quiet = Some(self.now.saturating_add(REMIND_AFTER_MS));
                if let Phase::Invited { own, .. } = &mut self.r.phase
                    && own.id == id
                {
                    own.quiet_until = own.quiet_until.or(quiet);
                }
            }
            Slot::Answer => self.answer_arrived(id),
            Slot::Cancel if waits(Slot::Cancel) => {
                self.r.out.remove(&Slot::Cancel);
            }
            // Without the answer they could not open the notice: acknowledged, it was not understood.
            Slot::Removed if waits(Slot::Removed) && !waits(Slot::Answer) => {
                self.r.out.remove(&Slot::Removed);
            }
            // A confirm is acknowledged by its own sealed reply.
            Slot::Confirm | Slot::Cancel | Slot::Removed => {}
        }
    }

    /// Our decline arrived, or our acceptance of a pact that we ended since. Of a pact that stands the confirm says so.
    fn answer_arrived(&mut self, id: InviteId) {
        let of_pact = self.r.pact().is_some_and(|pact| pact.id == id);
        if !of_pact && self.r.out.get(&Slot::Answer).is_some_and(|out| out.id == id) {
            self.r.out.remove(&Slot::Answer);
        }
    }
}
