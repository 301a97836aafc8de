//! One step of the machine: a copy that is worked on, and what follows from how it differs from the original.

use rand_core::CryptoRng;
use serde_bytes::ByteBuf;

use super::{
    ConsentError, Effect, Me, Outcome, PairFrame, PairSecret, Relationship, Slot,
    answer::{Acceptance, Answer, RANDOM_NONCE},
    handshake::Keys,
    invite::TheirInvite,
    machine::Phase,
    material::{Closed, Ending, Outgoing, OwnInvite, Pact, Role},
    time::{UNDELIVERED_LIFETIME_MS, replayable_until},
};
use crate::{
    crypto::dh::DhSecret,
    identity::{CardError, KeyLog},
    ids::{DeviceId, InviteId},
};

/// Ended invites of ours that are remembered. More than that within two months: the oldest late answers go
/// unanswered and lapse.
const MAX_CLOSED: usize = 8;

/// A step in progress.
pub(super) struct Step<'a, R> {
    pub(super) r: Relationship,
    pub(super) me: Me<'a>,
    pub(super) now: u64,
    pub(super) rng: &'a mut R,
    /// Effects that are not a difference of two values.
    learned: Vec<Effect>,
    replies: Vec<Effect>,
}

impl<'a, R: CryptoRng> Step<'a, R> {
    pub(super) fn new(r: Relationship, me: Me<'a>, now: u64, rng: &'a mut R) -> Self {
        Self { r, me, now, rng, learned: Vec::new(), replies: Vec::new() }
    }

    /// Applies what the passing of time does, so that no input ever meets something that ran out.
    pub(super) fn age(&mut self) {
        let now = self.now;
        self.r.out.retain(|_, out| now < out.until);
        self.r.closed.retain(|closed| now < closed.until);
        self.r.said.take_if(|out| now >= out.until);
        self.r.withdrawn.take_if(|pact| pact.lapses_at().is_none_or(|at| now >= at));
        match std::mem::replace(&mut self.r.phase, Phase::Stranger) {
            Phase::Invited { own, crossing } => self.age_invited(own, crossing),
            Phase::Pending(theirs) if theirs.is_over(now) => {
                self.spend(theirs.made_at());
                self.r.phase = Phase::Expired;
            }
            Phase::Paired(pact) => self.age_paired(pact),
            Phase::Stranger => self.become_stranger(),
            other => self.r.phase = other,
        }
    }

    fn age_invited(&mut self, mut own: Box<OwnInvite>, crossing: Option<TheirInvite>) {
        let crossing = self.unless_over(crossing);
        if own.is_over(self.now) {
            self.close(own.id, Ending::Withdrawn);
            self.r.phase = crossing.map_or(Phase::Expired, Phase::Pending);
        } else {
            own.quiet_until = own.quiet_until.filter(|until| self.now < *until);
            self.r.phase = Phase::Invited { own, crossing };
        }
    }

    fn unless_over(&mut self, theirs: Option<TheirInvite>) -> Option<TheirInvite> {
        let theirs = theirs?;
        if theirs.is_over(self.now) {
            self.spend(theirs.made_at());
            return None;
        }
        Some(theirs)
    }

    fn age_paired(&mut self, mut pact: Pact) {
        if let Role::Unconfirmed { lapses_at, superseded, .. } = &mut pact.role {
            if let Some(own) = superseded.take_if(|own| own.is_over(self.now)) {
                self.close(own.id, Ending::Withdrawn);
            }
            if self.now >= *lapses_at {
                let superseded = superseded.take();
                self.r.out.remove(&Slot::Answer);
                self.r.phase = reopened(superseded, Phase::Expired);
                return;
            }
        }
        self.r.phase = Phase::Paired(pact);
    }

    /// A stranger again: what is too old to be replayed need not be remembered.
    pub(super) fn become_stranger(&mut self) {
        self.r.phase = Phase::Stranger;
        if self.now >= replayable_until(self.r.spent) {
            self.r.spent = 0;
        }
        if self.now >= replayable_until(self.r.newest) {
            self.r.newest = 0;
        }
    }

    /// [PAIR-87] What they withdrew may be confirmed as long as nothing else came of them.
    pub(super) fn settle_withdrawn(&mut self) {
        let is_cancelled = self.r.phase == Phase::Cancelled;
        self.r.withdrawn = self.r.withdrawn.take().filter(|pact| is_cancelled && !self.r.has_ended(pact));
    }

    /// [PAIR-89] What we confirmed may be asked for again as long as that pact stands.
    pub(super) fn settle_said(&mut self) {
        let stands = self.r.pact().map(|pact| pact.id);
        self.r.said.take_if(|out| Some(out.id) != stands);
    }

    /// Marks every offer of theirs up to `at` as done with.
    pub(super) fn spend(&mut self, at: u64) {
        self.r.spent = self.r.spent.max(at);
    }

    /// Remembers how an invite of ours ended.
    pub(super) fn close(&mut self, id: InviteId, ending: Ending) {
        if self.r.closed.len() >= MAX_CLOSED {
            self.r.closed.remove(0);
        }
        self.r.closed.push(Closed { id, ending, until: self.undelivered() });
    }

    /// Who removes us right after accepting sends the answer until it is acknowledged, also if another pact came after this one.
    pub(super) fn close_answered(&mut self, pact: &Pact) {
        if pact.role == Role::Inviter && self.r.closed.iter().all(|closed| closed.id != pact.id) {
            self.close(pact.id, Ending::Answered);
        }
    }

    pub(super) fn undelivered(&self) -> u64 {
        self.now.saturating_add(UNDELIVERED_LIFETIME_MS)
    }

    /// Puts a frame into an outbox slot.
    pub(super) fn send(&mut self, slot: Slot, frame: &PairFrame) {
        let out = Outgoing { id: frame.invite_id(), frame: ByteBuf::from(frame.encode()), until: self.undelivered() };
        self.r.out.insert(slot, out);
    }

    pub(super) fn reply(&mut self, frame: Vec<u8>) {
        self.replies.push(Effect::Reply(frame));
    }

    pub(super) fn acknowledge(&mut self, id: InviteId, of: Slot) {
        self.reply(PairFrame::Received { id, of }.encode());
    }

    pub(super) fn learned(&mut self, effect: Effect) {
        self.learned.push(effect);
    }

    /// Takes their key log and makes sure that `signer` is one of their devices by the longest log we know.
    pub(super) fn learn(&mut self, log: &KeyLog, signer: &DeviceId) -> Result<(), ConsentError> {
        self.r.learn_log(log).map_err(ConsentError::Forked)?;
        let active = self.r.log.as_ref().is_some_and(|log| log.is_active(signer));
        if active { Ok(()) } else { Err(CardError::Signer.into()) }
    }

    /// Says yes to an invite of theirs. `superseded`: our own invite that theirs overtakes.
    pub(super) fn pair_as_invitee(
        &mut self,
        theirs: &TheirInvite,
        superseded: Option<Box<OwnInvite>>,
    ) -> Result<(), ConsentError> {
        self.me.check(self.now)?;
        let (them, us) = (self.r.them, self.me.account.id());
        let (offer, signer) = theirs.offer(&them, self.me.account)?;
        // [PAIR-88] It may have waited for our operator while the account lost that device.
        if self.r.log.as_ref().is_some_and(|log| !log.is_active(&signer)) {
            return Err(ConsentError::InviterGone);
        }
        let (kem, shared) = offer.kem.encapsulate(self.rng).map_err(|_| ConsentError::Payload("KEM key"))?;
        let answer = Answer::Accepted(Box::new(Acceptance {
            at: self.now,
            newest: self.r.newest,
            name: self.me.name.to_owned(),
            card: ByteBuf::from(self.me.card),
            kem: ByteBuf::from(kem),
            attachment: ByteBuf::from(self.me.answer_attachment),
            confirm: RANDOM_NONCE,
        }));
        let (frame, keys) = self.answer(theirs, &answer)?;
        let secret = PairSecret::derive(&keys, &shared, &them, &us);
        self.end_older_pact();
        self.send(Slot::Answer, &frame);
        self.spend(theirs.made_at());
        self.learned(Effect::CardLearned(offer.card.into_vec()));
        let role = Role::Unconfirmed { key: keys.to_responder, lapses_at: self.undelivered(), superseded };
        self.r.phase = Phase::Paired(Pact { id: theirs.id(), secret, role, agreed_at: 0, ours_at: self.now });
        Ok(())
    }

    /// The answer to an invite of theirs, under a fresh ephemeral key.
    pub(super) fn answer(&mut self, theirs: &TheirInvite, answer: &Answer) -> Result<(PairFrame, Keys), ConsentError> {
        let ephemeral = DhSecret::random(self.rng);
        let responder = theirs.responder(&self.r.them, self.me.account)?;
        let (message, keys) = responder.respond(&ephemeral, &answer.encode()).map_err(|_| ConsentError::Handshake)?;
        Ok((PairFrame::Answer { id: theirs.id(), message: ByteBuf::from(message) }, keys))
    }

    /// What was still to be said about a pact before this one is said no more.
    pub(super) fn end_older_pact(&mut self) {
        if let Some(pact) = self.r.pact().cloned() {
            self.over(&pact);
            self.close_answered(&pact);
        }
        for slot in [Slot::Answer, Slot::Confirm, Slot::Removed] {
            self.r.out.remove(&slot);
        }
    }

    /// The next value and the effects that lead to it from `before`.
    pub(super) fn finish(mut self, before: &Relationship) -> Outcome {
        self.settle_block();
        self.settle_withdrawn();
        self.settle_said();
        let (from, to) = (before.state(), self.r.state());
        let mut effects = self.learned;
        let (old, new) = (before.pact(), self.r.pact());
        let is_new_pact = old.map(|pact| pact.id) != new.map(|pact| pact.id);
        if old.is_some() && is_new_pact {
            effects.insert(0, Effect::Unpaired);
        }
        if let Some(pact) = new.filter(|_| is_new_pact) {
            effects.push(Effect::Paired { secret: pact.secret.clone() });
        }
        if self.r.confirmed() && (is_new_pact || !before.confirmed()) {
            effects.push(Effect::Confirmed);
        }
        if from != to {
            self.r.since = self.now;
            effects.push(Effect::Changed { from, to });
        }
        effects.extend(outbox_changes(before, &self.r));
        effects.extend(self.replies);
        Outcome { next: self.r, effects }
    }
}

/// What becomes of a pact that ended before it was confirmed: our own invite is open again, if there was one.
pub(super) fn reopened(superseded: Option<Box<OwnInvite>>, otherwise: Phase) -> Phase {
    superseded.map_or(otherwise, |mut own| {
        own.quiet_until = None;
        Phase::Invited { own, crossing: None }
    })
}

fn outbox_changes(before: &Relationship, after: &Relationship) -> Vec<Effect> {
    let (before, after) = (before.outstanding(), after.outstanding());
    let gone = before.iter().filter(|(slot, _)| after.iter().all(|(s, _)| s != slot));
    let news = after.iter().filter(|entry| !before.contains(entry));
    gone.map(|(slot, _)| Effect::Unsend(*slot))
        .chain(news.map(|(slot, frame)| Effect::Send { slot: *slot, frame: frame.clone() }))
        .collect()
}
