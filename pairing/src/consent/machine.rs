//! The consent machine: one [`Relationship`] per other account, one input at a time.
//!
//! ```text
//!                                  Invite                                     their invite
//!        ┌──────────────────────────────────────────── STRANGER ───────────────────────────────────────┐
//!        │                                                 ▲ Forget                                    │
//!        ▼                      their invite wins          │                       Accept, Invite      ▼
//!     INVITED ──────────────────────────────────┐          │           ┌──────────────────────────  PENDING
//!      │ │ │ │  their answer: yes               ▼          │           ▼                            │ │ │ │
//!      │ │ │ └──────────────────────────▶ ┌──────────────────────────────┐                          │ │ │ │
//!      │ │ │                              │            PAIRED            │  unconfirmed until their │ │ │ │
//!      │ │ │                              │ their fresh invite: re-pair  │  confirm, if we accepted │ │ │ │
//!      │ │ │                              └──────────────────────────────┘                          │ │ │ │
//!      │ │ │                 Remove, their notice │   │ their withdrawal, lapse (only unconfirmed)  │ │ │ │
//!      │ │ │                                      ▼   ▼                                             │ │ │ │
//!      │ │ │                                REMOVED   CANCELLED, EXPIRED                            │ │ │ │
//!      │ │ └─ their answer: no ──────────▶ REFUSED                              DECLINED ◀─ Decline ┘ │ │ │
//!      │ └─── Cancel ────────────────────▶ CANCELLED                            CANCELLED ◀─ withdrawn┘ │ │
//!      └───── 14 days ───────────────────▶ EXPIRED                              EXPIRED ◀──── 14 days ──┘ │
//!                                                                  their newer invite replaces the older ─┘
//!     any state ── Block ──▶ BLOCKED ── Unblock ──▶ PAIRED if a pact was kept, else STRANGER
//!     REFUSED, EXPIRED, CANCELLED, REMOVED behave like STRANGER: Invite and their fresh invite leave them.
//!     DECLINED, BLOCKED drop every invite of theirs; only the operator leaves them (Forget, Unblock).
//!     INVITED holding their invite too (ours wins): Cancel, their no, and 14 days lead to PENDING instead.
//! ```
//!
//! Rules behind the picture (`pairing/SPEC.md`, section Machine):
//! - *Fresh* means: made later than every offer of theirs that we are done with. So nothing is ever opened twice
//!   by a replay, and frames that cross or come late cannot pair us with a handshake the other side gave up.
//! - A pair secret exists only with an accepted offer: our consent and theirs.
//! - A block keeps the pact. Frames about it are answered as before, so they do not tell; nothing is sent unasked.
//! - What must reach the other side stays in an outbox slot until acknowledged; effects are the difference of two
//!   values, so an outbox, sessions and routes can be rebuilt from the stored value alone.

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{
    ConsentError, Input, Me, Outcome, PairSecret, Request, Slot, State,
    invite::TheirInvite,
    material::{Closed, Outgoing, OwnInvite, Pact, Role},
    reconcile::Ended,
    step::Step,
    time::{RENEW_EVERY_MS, replayable_until},
};
use crate::{
    crypto::{dh::DhPublic, kem::KemPublic},
    identity::{Fork, KeyLog, keylog},
    ids::{AccountId, InviteId},
    version::Version,
};

/// Everything between this account and one other. Stored after every step, sealed: it holds secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    v: Version<1>,
    pub(super) them: AccountId,
    pub(super) phase: Phase,
    pub(super) since: u64,
    /// The longest key log of theirs that we verified.
    #[serde(deserialize_with = "keylog::stored::deserialize")]
    pub(super) log: Option<KeyLog>,
    /// Time of the newest offer of theirs that we are done with.
    pub(super) spent: u64,
    /// Time of the newest offer we made.
    pub(super) newest: u64,
    pub(super) closed: Vec<Closed>,
    pub(super) out: BTreeMap<Slot, Outgoing>,
    /// When a pact last took the place of one that stood, by their invite alone, Unix milliseconds.
    #[serde(default)]
    pub(super) renewed_at: u64,
    /// Blocked while a pact stands: only beside [`Phase::Paired`]. The pact is kept for the day the block is lifted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) blocked: bool,
    /// How often a block was set or lifted: between devices of ours the last such decision counts.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) blocks: u64,
    /// Pacts that ended, the oldest first: another device of ours may hold one of them still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ended: Vec<Ended>,
    /// Our confirm of the pact that stands, which a device of theirs acknowledged: another one may not have heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) said: Option<Outgoing>,
    /// Only beside [`Phase::Cancelled`]: what we accepted before they withdrew it. Another device of theirs may have taken our answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) withdrawn: Option<Box<Pact>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// The state with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Stranger,
    Invited {
        own: Box<OwnInvite>,
        /// Their invite, which ours wins over.
        crossing: Option<TheirInvite>,
    },
    Pending(TheirInvite),
    Paired(Pact),
    Declined,
    Refused,
    Expired,
    Cancelled,
    /// Blocked without a pact.
    Blocked,
    Removed,
}

impl Relationship {
    /// Nothing between us and `them` yet.
    pub fn new(them: AccountId) -> Self {
        Self {
            v: Version,
            them,
            phase: Phase::Stranger,
            since: 0,
            log: None,
            spent: 0,
            newest: 0,
            closed: Vec::new(),
            out: BTreeMap::new(),
            renewed_at: 0,
            blocked: false,
            blocks: 0,
            ended: Vec::new(),
            said: None,
            withdrawn: None,
        }
    }

    /// Takes one input at `now` (Unix milliseconds).
    ///
    /// # Errors
    /// [`ConsentError`]; nothing changed. If the input was a frame, reply with [`super::acknowledge`] all the same: the
    /// sender must not learn what became of it.
    pub fn handle(
        &self,
        input: Input,
        me: &Me<'_>,
        now: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Outcome, ConsentError> {
        if self.them == me.account.id() {
            return Err(ConsentError::OwnAccount);
        }
        let mut step = Step::new(self.clone(), *me, now, rng);
        step.age();
        match input {
            Input::Invite { their_dh, their_kem, note, token } => step.invite(their_dh, their_kem, note, token)?,
            Input::Accept => step.accept()?,
            Input::Decline => step.decline()?,
            Input::Cancel => step.cancel()?,
            Input::Forget => step.forget()?,
            Input::Remove => step.remove()?,
            Input::Block => step.block()?,
            Input::Unblock => step.unblock()?,
            Input::Renew { their_dh, their_kem } => step.renew(their_dh, their_kem)?,
            Input::Invited(invite) => step.invited(*invite)?,
            Input::Received(frame) => step.received(frame)?,
            Input::Tick => {}
        }
        Ok(step.finish(self))
    }

    /// The other account.
    pub fn them(&self) -> AccountId {
        self.them
    }

    /// The state to show.
    pub fn state(&self) -> State {
        match self.phase {
            _ if self.blocked => State::Blocked,
            Phase::Stranger => State::Stranger,
            Phase::Invited { .. } => State::Invited,
            Phase::Pending(_) => State::Pending,
            Phase::Paired(_) => State::Paired,
            Phase::Declined => State::Declined,
            Phase::Refused => State::Refused,
            Phase::Expired => State::Expired,
            Phase::Cancelled => State::Cancelled,
            Phase::Blocked => State::Blocked,
            Phase::Removed => State::Removed,
        }
    }

    /// When the state was entered, Unix milliseconds.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Paired, and the other side is known to hold the pair secret (always so for the inviter).
    pub fn confirmed(&self) -> bool {
        self.pact().is_some_and(|pact| !matches!(pact.role, Role::Unconfirmed { .. }))
    }

    /// The pair secret while a pact stands, also while it is blocked.
    pub fn pair_secret(&self) -> Option<&PairSecret> {
        self.pact().map(|pact| &pact.secret)
    }

    /// The invite that the pact came from, while it stands.
    pub fn pact_id(&self) -> Option<InviteId> {
        self.pact().map(|pact| pact.id)
    }

    /// Their request while [`State::Pending`].
    pub fn request(&self) -> Option<&Request> {
        match &self.phase {
            Phase::Pending(theirs) => Some(&theirs.request),
            _ => None,
        }
    }

    /// Their account key, as the ticket or card said that our open invite was made with.
    pub fn invited_key(&self) -> Option<DhPublic> {
        match &self.phase {
            Phase::Invited { own, .. } => Some(own.their_dh),
            _ => None,
        }
    }

    /// The KEM key of their account that our open invite is sealed to.
    pub fn invited_kem(&self) -> Option<&KemPublic> {
        match &self.phase {
            Phase::Invited { own, .. } => own.their_kem(),
            _ => None,
        }
    }

    /// When a fresh invite of theirs may take the place of the pact, Unix milliseconds; now, if that was long ago.
    pub fn renewable_at(&self, now: u64) -> u64 {
        // A clock that was set back holds nobody up for longer.
        if now.abs_diff(self.renewed_at) < RENEW_EVERY_MS {
            self.renewed_at.saturating_add(RENEW_EVERY_MS)
        } else {
            now
        }
    }

    /// From when on our open invite cannot be accepted any more, Unix milliseconds.
    pub fn own_invite_expires_at(&self) -> Option<u64> {
        match &self.phase {
            Phase::Invited { own, .. } => Some(own.expires_at()),
            _ => None,
        }
    }

    /// The newest key log of theirs that consent frames or [`Relationship::learn_log`] brought.
    pub fn log(&self) -> Option<&KeyLog> {
        self.log.as_ref()
    }

    /// Says which key log of theirs counts: the longest that is known by all ways, as far as it does.
    pub fn set_log(&mut self, log: Option<KeyLog>) {
        self.log = log.filter(|log| log.account() == self.them);
    }

    /// Takes a key log of theirs that came another way (a refreshed card). True if it was news.
    ///
    /// # Errors
    /// The [`Fork`] when it contradicts the one we know: keep the proof, take neither it nor its card.
    pub fn learn_log(&mut self, log: &KeyLog) -> Result<bool, Box<Fork>> {
        if log.account() != self.them {
            return Ok(false);
        }
        let is_news = match &self.log {
            Some(known) => log.compare(known)?.outranks(),
            None => true,
        };
        if is_news {
            self.log = Some(log.clone());
        }
        Ok(is_news)
    }

    /// The frames that still have to reach the other side: what an outbox is rebuilt from.
    pub fn outstanding(&self) -> Vec<(Slot, Vec<u8>)> {
        if self.blocked {
            // What is left to say about the pact is said once the block is lifted.
            return Vec::new();
        }
        let invite = match &self.phase {
            Phase::Invited { own, .. } if own.quiet_until.is_none() => Some((Slot::Invite, own.frame.to_vec())),
            _ => None,
        };
        invite.into_iter().chain(self.out.iter().map(|(slot, out)| (*slot, out.frame.to_vec()))).collect()
    }

    /// Whether this is the invite that waits, or the one that the pact came from.
    pub fn holds(&self, id: &InviteId) -> bool {
        match &self.phase {
            Phase::Invited { own, crossing } => {
                own.id == *id || crossing.as_ref().is_some_and(|theirs| theirs.id() == *id)
            }
            Phase::Pending(theirs) => theirs.id() == *id,
            Phase::Paired(pact) => pact.id == *id,
            _ => false,
        }
    }

    /// Ids whose frames belong to this relationship: what a routing index (id -> account) is made of.
    pub fn invite_ids(&self) -> Vec<InviteId> {
        let mut ids: Vec<InviteId> = match &self.phase {
            Phase::Invited { own, crossing } => {
                [Some(own.id), crossing.as_ref().map(TheirInvite::id)].into_iter().flatten().collect()
            }
            Phase::Pending(theirs) => vec![theirs.id()],
            Phase::Paired(pact) => [Some(pact.id), self.superseded().map(|own| own.id)].into_iter().flatten().collect(),
            _ => Vec::new(),
        };
        ids.extend(self.closed.iter().map(|closed| closed.id));
        ids.extend(self.withdrawn.iter().map(|pact| pact.id));
        ids.extend(self.out.values().map(|out| out.id));
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// When [`Input::Tick`] next has something to do, Unix milliseconds.
    pub fn next_deadline(&self) -> Option<u64> {
        let mut times: Vec<u64> = match &self.phase {
            Phase::Invited { own, crossing } => {
                let crossing = crossing.as_ref().map(|theirs| theirs.request.expires_at);
                [Some(own.expires_at()), own.quiet_until, crossing].into_iter().flatten().collect()
            }
            Phase::Pending(theirs) => vec![theirs.request.expires_at],
            Phase::Paired(Pact { role: Role::Unconfirmed { lapses_at, superseded, .. }, .. }) => {
                [Some(*lapses_at), superseded.as_ref().map(|own| own.expires_at())].into_iter().flatten().collect()
            }
            Phase::Stranger => {
                [self.spent, self.newest].into_iter().filter(|at| *at > 0).map(replayable_until).collect()
            }
            _ => Vec::new(),
        };
        times.extend(self.closed.iter().map(|closed| closed.until));
        times.extend(self.said.iter().map(|out| out.until));
        times.extend(self.withdrawn.iter().filter_map(|pact| pact.lapses_at()));
        times.extend(self.out.values().map(|out| out.until));
        times.into_iter().min()
    }

    /// Nothing worth storing is left: the caller may delete it.
    pub fn is_blank(&self) -> bool {
        let times = self.spent == 0 && self.newest == 0;
        times && self.phase == Phase::Stranger && self.closed.is_empty() && self.out.is_empty()
    }

    pub(super) fn pact(&self) -> Option<&Pact> {
        match &self.phase {
            Phase::Paired(pact) => Some(pact),
            _ => None,
        }
    }

    pub(super) fn superseded(&self) -> Option<&OwnInvite> {
        match &self.phase {
            Phase::Paired(Pact { role: Role::Unconfirmed { superseded, .. }, .. }) => superseded.as_deref(),
            _ => None,
        }
    }
}
