//! What the operator decides.

use rand_core::CryptoRng;

use super::{
    Command, ConsentError, Slot, State,
    answer::{self, Answer},
    machine::Phase,
    material::{Ending, NewInvite, OwnInvite, Pact, Role},
    step::Step,
    time::CLOCK_SKEW_MS,
};
use crate::{
    crypto::{dh::DhPublic, kem::KemPublic},
    identity::Token,
};

/// What an invite says.
struct Said {
    note: String,
    token: Option<Token>,
    renewal: bool,
}

impl<R: CryptoRng> Step<'_, R> {
    pub(super) fn invite(
        &mut self,
        their_dh: DhPublic,
        their_kem: Option<KemPublic>,
        note: String,
        token: Option<Token>,
    ) -> Result<(), ConsentError> {
        match self.r.state() {
            State::Stranger | State::Refused | State::Expired | State::Cancelled | State::Removed => {}
            State::Pending => return self.accept(),
            State::Invited => return self.ask_again(their_dh, their_kem, note, token),
            State::Paired | State::Declined | State::Blocked => {
                return Err(self.not_allowed(Command::Invite));
            }
        }
        let own = self.new_invite(their_dh, their_kem, Said { note, token, renewal: false })?;
        self.r.phase = Phase::Invited { own: Box::new(own), crossing: None };
        Ok(())
    }

    /// [PAIR-85] The recovered account has none of the secrets of the pact; who stole a machine of before may have them. So it ends,
    /// without a notice, and they are asked for another.
    pub(super) fn renew(&mut self, their_dh: DhPublic, their_kem: Option<KemPublic>) -> Result<(), ConsentError> {
        let Phase::Paired(pact) = self.r.phase.clone() else { return Err(self.not_allowed(Command::Renew)) };
        if self.r.blocked {
            return Err(self.not_allowed(Command::Renew));
        }
        let said = Said { note: String::new(), token: None, renewal: true };
        let own = self.new_invite(their_dh, their_kem, said)?;
        self.end_older_pact();
        self.end_pact(&pact);
        self.r.phase = Phase::Invited { own: Box::new(own), crossing: None };
        Ok(())
    }

    fn new_invite(
        &mut self,
        their_dh: DhPublic,
        their_kem: Option<KemPublic>,
        Said { note, token, renewal }: Said,
    ) -> Result<OwnInvite, ConsentError> {
        let at = self.next_offer_time();
        let new = NewInvite { their_dh, their_kem, note, token, renewal, at, seen: self.r.spent };
        let own = OwnInvite::new(new, &self.r.them, &self.me, self.rng)?;
        self.r.newest = at;
        Ok(own)
    }

    /// Our invite is out. It is left once more, now, or another one takes its place if there is something new to say.
    fn ask_again(
        &mut self,
        their_dh: DhPublic,
        their_kem: Option<KemPublic>,
        note: String,
        token: Option<Token>,
    ) -> Result<(), ConsentError> {
        let Phase::Invited { mut own, crossing } = self.r.phase.clone() else {
            return Err(self.not_allowed(Command::Invite));
        };
        let their_kem = their_kem.or_else(|| own.their_kem().cloned());
        let says_the_same = note.is_empty() || own.note().is_some_and(|said| said == note);
        let same_keys = own.their_dh == their_dh && own.their_kem() == their_kem.as_ref();
        if same_keys && token.is_none() && says_the_same {
            own.quiet_until = None;
        } else {
            let old = own.id;
            *own = self.new_invite(their_dh, their_kem, Said { note, token, renewal: own.is_renewal() })?;
            self.close(old, Ending::Withdrawn);
        }
        self.r.phase = Phase::Invited { own, crossing };
        Ok(())
    }

    /// Later than every offer before it, whatever the clock does, unless that would be refused as being from the
    /// future.
    fn next_offer_time(&self) -> u64 {
        if self.r.newest <= self.now.saturating_add(CLOCK_SKEW_MS / 2) {
            self.now.max(self.r.newest.saturating_add(1))
        } else {
            self.now
        }
    }

    pub(super) fn accept(&mut self) -> Result<(), ConsentError> {
        let Phase::Pending(theirs) = self.r.phase.clone() else { return Err(self.not_allowed(Command::Accept)) };
        self.pair_as_invitee(&theirs, None)
    }

    pub(super) fn decline(&mut self) -> Result<(), ConsentError> {
        let Phase::Pending(theirs) = self.r.phase.clone() else { return Err(self.not_allowed(Command::Decline)) };
        if !self.me.decline_silently {
            let (frame, _) = self.answer(&theirs, &Answer::Declined)?;
            self.send(Slot::Answer, &frame);
            self.spend(theirs.made_at());
        }
        self.r.phase = Phase::Declined;
        Ok(())
    }

    pub(super) fn cancel(&mut self) -> Result<(), ConsentError> {
        let Phase::Invited { own, crossing } = self.r.phase.clone() else {
            return Err(self.not_allowed(Command::Cancel));
        };
        self.withdraw(&own);
        self.r.phase = crossing.map_or(Phase::Cancelled, Phase::Pending);
        Ok(())
    }

    fn withdraw(&mut self, own: &OwnInvite) {
        self.close(own.id, Ending::Withdrawn);
        let frame = answer::cancel(own.id, &self.r.them, self.me.device);
        self.send(Slot::Cancel, &frame);
    }

    pub(super) fn forget(&mut self) -> Result<(), ConsentError> {
        match self.r.state() {
            State::Invited | State::Pending | State::Paired => Err(self.not_allowed(Command::Forget)),
            // To forget the pact would end it without telling them.
            State::Blocked if self.r.blocked => Err(self.not_allowed(Command::Forget)),
            _ => {
                self.become_stranger();
                Ok(())
            }
        }
    }

    pub(super) fn remove(&mut self) -> Result<(), ConsentError> {
        let Phase::Paired(pact) = self.r.phase.clone() else { return Err(self.not_allowed(Command::Remove)) };
        let notice = answer::removal(&pact.secret, pact.id, &self.me.account.id(), self.rng);
        self.r.out.remove(&Slot::Confirm);
        self.send(Slot::Removed, &notice);
        // They cannot open the notice before they have our answer, so that one stays in its slot as well.
        self.end_pact(&pact);
        self.r.phase = Phase::Removed;
        Ok(())
    }

    /// Silent: an open invite is withdrawn like any other, a pact is kept, everything else just stops.
    pub(super) fn block(&mut self) -> Result<(), ConsentError> {
        if self.r.state() == State::Blocked {
            return Err(self.not_allowed(Command::Block));
        }
        self.r.blocks = self.r.blocks.saturating_add(1);
        self.r.blocked = true;
        self.settle_block();
        Ok(())
    }

    /// A block without a pact to keep is a phase of its own.
    pub(super) fn settle_block(&mut self) {
        if !self.r.blocked || matches!(self.r.phase, Phase::Paired(_)) {
            return;
        }
        if let Phase::Invited { own, .. } = std::mem::replace(&mut self.r.phase, Phase::Blocked) {
            self.withdraw(&own);
        }
        self.r.blocked = false;
    }

    pub(super) fn unblock(&mut self) -> Result<(), ConsentError> {
        if self.r.state() != State::Blocked {
            return Err(self.not_allowed(Command::Unblock));
        }
        self.r.blocks = self.r.blocks.saturating_add(1);
        self.lift_block();
        Ok(())
    }

    pub(super) fn lift_block(&mut self) {
        if !std::mem::take(&mut self.r.blocked) {
            self.become_stranger();
        }
    }

    /// A pact ends: what else could be answered is closed.
    pub(super) fn end_pact(&mut self, pact: &Pact) {
        self.over(pact);
        self.close_answered(pact);
        self.end_superseded(pact);
    }

    pub(super) fn end_superseded(&mut self, pact: &Pact) {
        if let Role::Unconfirmed { superseded: Some(own), .. } = &pact.role {
            self.close(own.id, Ending::Withdrawn);
        }
    }

    fn not_allowed(&self, command: Command) -> ConsentError {
        ConsentError::NotAllowed { command, state: self.r.state() }
    }
}
