//! What a reader knows of another account's key log, and what it makes of logs that contradict each other.
//!
//! The rules decide by rank alone, not by clocks and not by order of arrival, so readers that have seen the same operations compute
//! the same state. The one exception is the root: it is trusted on first use, like the account id.
//!
//! | a log that | is | effect |
//! |---|---|---|
//! | extends the known log | taken | |
//! | has a further rotation, by the committed key | taken | ordinary operations it lacks no longer count |
//! | is shorter, or lacks a rotation | refused | none: it is old |
//! | has a different ordinary operation at some place | refused | *split*: only operations before that place count, until a rotation |
//! | has a different rotation at some place | refused | *contested*: nothing counts until people have compared |
//! | has a different root | refused | none: it is forged |
//!
//! A [`Contest`] makes the account contested as well. A refusal of a contradiction carries the proof. `pairing/SPEC.md`, section Key log.

mod refused;

use serde::{Deserialize, Serialize};

pub use refused::{NotTaken, Refusal};

use super::keylog::{Contest, Fork, KeyLog, LogOrder, Parting, RotationId, stored};
use crate::version::Version;

/// How long after a reader has first seen a rotation a device of before may object to it.
pub const CONTEST_WINDOW_MS: u64 = 72 * 60 * 60 * 1000;

/// Why an account is contested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dispute {
    /// It was rotated twice from the same place.
    Rotations(Box<Fork>),
    /// A device of before objected to the rotation.
    Contest(Box<Contest>),
}

/// How an account stands with a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Its log counts.
    Sound,
    /// Its operational key signed two histories: what stands before they part counts.
    Split(&'a Fork),
    /// Nothing counts until people have compared the safety number.
    Contested(&'a Dispute),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Split {
    /// The first place at which histories part.
    place: u64,
    proof: Box<Fork>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Contested {
    /// The first rotation that is in dispute.
    index: u32,
    proof: Dispute,
}

/// The key log of another account as one reader knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownLog {
    v: Version<1>,
    #[serde(deserialize_with = "stored::always")]
    log: KeyLog,
    /// When each of its rotations was first seen, Unix milliseconds.
    seen: Vec<u64>,
    split: Option<Split>,
    contested: Option<Contested>,
    /// The rotation that people found to be the owner's, by its number and id.
    settled: Option<(u32, RotationId)>,
}

impl KnownLog {
    /// A log of an account that the reader knew nothing of before.
    pub fn new(log: &KeyLog, now: u64) -> Self {
        let seen = vec![now; log.rotations().len()];
        Self { v: Version, log: log.clone(), seen, split: None, contested: None, settled: None }
    }

    /// The log that is held. What counts of it is in [`KnownLog::in_force`].
    pub fn log(&self) -> &KeyLog {
        &self.log
    }

    /// How the account stands.
    pub fn standing(&self) -> Standing<'_> {
        match (&self.contested, &self.split) {
            (Some(contested), _) => Standing::Contested(&contested.proof),
            (None, Some(split)) => Standing::Split(&split.proof),
            (None, None) => Standing::Sound,
        }
    }

    /// The log as far as it counts. None while nothing does.
    pub fn in_force(&self) -> Option<KeyLog> {
        if self.contested.is_some() || self.awaits_settled() {
            return None;
        }
        match &self.split {
            Some(split) => self.log.before(split.place).ok(),
            None => Some(self.log.clone()),
        }
    }

    /// When the newest rotation was first seen, Unix milliseconds. None if the account was never rotated.
    pub fn rotated_at(&self) -> Option<u64> {
        self.seen.last().copied()
    }

    /// Takes a log of the account that arrived at the time `now`, if it is news. Gives what it was to the one known before.
    ///
    /// # Errors
    /// [`Refusal`]: why it was not taken, with the proof. A refused log may change how the account stands.
    pub fn learn(&mut self, log: &KeyLog, now: u64) -> Result<LogOrder, Refusal> {
        if log.account() != self.log.account() {
            return Err(Refusal::new(NotTaken::OtherAccount));
        }
        if let Some((index, id)) = self.settled {
            if log.rotation(index).is_some_and(|other| other != id) {
                return Err(Refusal::new(NotTaken::Rejected));
            }
            if self.awaits_settled() && log.rotation(index) == Some(id) {
                self.take(log, now, index as usize);
                return Ok(LogOrder::Rotates);
            }
        }
        match log.part(&self.log) {
            Ok(order @ LogOrder::Rotates) => {
                self.take(log, now, self.seen.len());
                Ok(order)
            }
            Ok(order @ LogOrder::Extends) => {
                self.log = log.clone();
                Ok(order)
            }
            Ok(LogOrder::Same) => Ok(LogOrder::Same),
            Ok(LogOrder::Behind) => Err(Refusal::new(NotTaken::Older)),
            Err((parting, fork)) => Err(self.contradicted(parting, fork)),
        }
    }

    /// Takes the contest of a device that arrived at the time `now`.
    ///
    /// # Errors
    /// [`Refusal`]: why it does not count.
    pub fn contest(&mut self, contest: &Contest, now: u64) -> Result<(), Refusal> {
        let index = contest.index();
        if self.settled.is_some_and(|(settled, _)| settled >= index) {
            return Err(Refusal::new(NotTaken::Settled));
        }
        // The log that the device stood in may be news, or a proof of its own.
        match self.learn(contest.before(), now) {
            Err(refusal) if !refusal.why.is_of_the_account() => return Err(refusal),
            _ => {}
        }
        if let Some(fork) = contest.against(&self.log) {
            self.dispute(index, Dispute::Rotations(Box::new(fork)));
            return Ok(());
        }
        let late = |seen: &u64| now > seen.saturating_add(CONTEST_WINDOW_MS);
        if self.seen.get(index as usize).is_some_and(late) {
            return Err(Refusal::new(NotTaken::Late));
        }
        self.dispute(index, Dispute::Contest(Box::new(contest.clone())));
        Ok(())
    }

    /// People compared the safety number of the account as it is after its rotation number `index`, and that one, `id`, is the owner's.
    /// The account counts again, at once or from the next log on that has the rotation. Nothing happens if it is not in dispute.
    pub fn settle(&mut self, index: u32, id: RotationId) {
        let disputed = self.contested.as_ref().is_some_and(|contested| contested.index <= index);
        if disputed {
            self.contested = None;
            self.settled = Some((index, id));
        }
    }

    /// Whether people chose a rotation whose log did not arrive yet.
    fn awaits_settled(&self) -> bool {
        self.settled.is_some_and(|(index, id)| self.log.rotation(index) != Some(id))
    }

    /// Takes a log of which the first `known` rotations were seen before.
    fn take(&mut self, log: &KeyLog, now: u64, known: usize) {
        self.seen.truncate(known);
        self.seen.resize(log.rotations().len(), now);
        self.log = log.clone();
        self.split = None;
    }

    fn contradicted(&mut self, parting: Parting, fork: Box<Fork>) -> Refusal {
        match parting {
            Parting::Root => Refusal::proven(NotTaken::OtherRoot, fork),
            Parting::Rotation(index) => {
                self.dispute(index, Dispute::Rotations(fork.clone()));
                Refusal::proven(NotTaken::Contested, fork)
            }
            Parting::Operation(place) => {
                if self.split.as_ref().is_none_or(|split| place < split.place) {
                    self.split = Some(Split { place, proof: fork.clone() });
                }
                Refusal::proven(NotTaken::Forked, fork)
            }
        }
    }

    fn dispute(&mut self, index: u32, proof: Dispute) {
        if self.contested.as_ref().is_none_or(|contested| index < contested.index) {
            self.contested = Some(Contested { index, proof });
        }
    }
}

#[cfg(test)]
mod tests;
