//! Decides whom to dial, when and where. Pure: the worker does what it says and tells it what came of it.
//!
//! ```text
//! waiting ──due──> dialing (remembered addresses) ──failed──> looking up ──found──> dialing (found ones)
//!    ^                    │                                       │ nothing             │ failed
//!    └──── backoff ───────┴──connected──> connected               └──────── backoff <───┘
//! ```
//!
//! Addresses that it is told of meanwhile are dialled beside those: the ones before may be of a network that the peer has left, and a dial takes
//! seconds to fail.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use libp2p::{Multiaddr, PeerId};
use rand::Rng;
use tokio::time::Instant;

use crate::{
    Backoff, DialError,
    address::{PER_PEER, bare},
    backoff::jittered,
};

/// Dials and lookups in progress; the rest wait their turn. `[NET-DIAL-LIMIT]`
const AT_ONCE: usize = 16;
/// Dials of the node waiting for their outcome. `[NET-DIAL-LIMIT]`
const WANTED: usize = 128;
/// Longest time that one dial of the node may take.
const WANTED_FOR: Duration = Duration::from_secs(30);
/// A dial or lookup of which nothing is heard counts as failed.
const SILENCE: Duration = Duration::from_secs(60);
/// First retry after a connection that worked is lost: the other side may be back at once.
const QUICK: Duration = Duration::from_millis(250);

/// What the worker should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Dial(PeerId, Vec<Multiaddr>),
    LookUp(PeerId),
    /// The node's own dial has failed.
    GiveUp(PeerId, DialError),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Connected,
    Waiting(Instant),
    /// `dials`: of which nothing was heard yet.
    Dialing {
        since: Instant,
        looked_up: bool,
        dials: usize,
    },
    LookingUp {
        since: Instant,
    },
}

#[derive(Debug)]
struct Target {
    allowed: bool,
    /// The node waits for it until then.
    wanted: Option<Instant>,
    /// Best first, without the peer at their end.
    addresses: VecDeque<Multiaddr>,
    /// Dialled since it last waited.
    tried: Vec<Multiaddr>,
    state: State,
    failures: u32,
    error: Option<DialError>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Seeker {
    backoff: Backoff,
    targets: HashMap<PeerId, Target>,
}

impl Seeker {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self { backoff, targets: HashMap::new() }
    }

    /// Keeps the peer connected from now on.
    pub(crate) fn allow(&mut self, peer: PeerId, addresses: &[Multiaddr], connected: bool, now: Instant) {
        let target = self.target(peer, now);
        target.allowed = true;
        target.add(&peer, addresses);
        target.state = if connected { State::Connected } else { target.hurry(now) };
    }

    pub(crate) fn revoke(&mut self, peer: &PeerId) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.allowed = false;
        }
        self.forget_unneeded(peer);
    }

    /// Dials once for the node. False when too many such dials wait.
    pub(crate) fn want(&mut self, peer: PeerId, addresses: &[Multiaddr], now: Instant) -> bool {
        if self.targets.values().filter(|t| t.wanted.is_some()).count() >= WANTED {
            return false;
        }
        let target = self.target(peer, now);
        target.wanted = Some(now + WANTED_FOR);
        // What the node says now is newer than what was remembered.
        for address in addresses.iter().rev() {
            target.promote(bare(address, &peer));
        }
        target.state = target.hurry(now);
        true
    }

    /// Addresses that discovery came across; an allowed peer is tried there soon.
    pub(crate) fn discovered(&mut self, peer: &PeerId, addresses: &[Multiaddr], now: Instant) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.add(peer, addresses);
            target.state = target.hurry(now);
        }
    }

    /// This node is somewhere else, or has a network again: nobody waits for their turn any more.
    pub(crate) fn hurry(&mut self, now: Instant) {
        for target in self.targets.values_mut() {
            target.state = target.hurry(now);
            target.failures = 0;
        }
    }

    /// `dialed` = the direct address at which this node reached the peer.
    pub(crate) fn connected(&mut self, peer: &PeerId, dialed: Option<&Multiaddr>) {
        if let Some(target) = self.targets.get_mut(peer) {
            if let Some(address) = dialed {
                target.promote(bare(address, peer));
            }
            target.state = State::Connected;
            target.failures = 0;
            target.wanted = None;
        }
        self.forget_unneeded(peer);
    }

    /// The last connection is gone.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, now: Instant, rng: &mut impl Rng) {
        let quick = QUICK.min(self.backoff.first);
        // Whoever is dialled again already is told of the end of the old connection late.
        if let Some(target) = self.targets.get_mut(peer).filter(|t| t.state == State::Connected) {
            target.failures = 0;
            target.state = State::Waiting(now + jittered(quick, rng));
        }
    }

    /// A dial of the peer failed.
    pub(crate) fn failed(&mut self, peer: &PeerId, error: DialError, now: Instant, rng: &mut impl Rng) -> Option<Step> {
        let target = self.targets.get_mut(peer)?;
        target.error = Some(error);
        let State::Dialing { looked_up, dials, .. } = &mut target.state else { return None };
        *dials = dials.saturating_sub(1);
        if *dials > 0 {
            return None;
        }
        let looked_up = *looked_up;
        match target.dial(*peer, looked_up, now) {
            Some(step) => Some(step),
            None if looked_up => self.retreat(peer, now, rng),
            None => {
                target.state = State::LookingUp { since: now };
                Some(Step::LookUp(*peer))
            }
        }
    }

    /// A lookup of the peer ended with these addresses.
    pub(crate) fn found(
        &mut self,
        peer: &PeerId,
        addresses: &[Multiaddr],
        now: Instant,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        let target = self.targets.get_mut(peer)?;
        if !matches!(target.state, State::LookingUp { .. }) {
            return None;
        }
        target.add(peer, addresses);
        let step = target.dial(*peer, true, now);
        if step.is_some() { step } else { self.retreat(peer, now, rng) }
    }

    /// Whether the peer is being dialled because of what was told here.
    pub(crate) fn is_dialing(&self, peer: &PeerId) -> bool {
        self.targets.get(peer).is_some_and(|target| matches!(target.state, State::Dialing { .. }))
    }

    /// What is due now.
    pub(crate) fn steps(&mut self, now: Instant, rng: &mut impl Rng) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let peers: Vec<PeerId> = self.targets.keys().copied().collect();
        for peer in &peers {
            steps.extend(self.expire(peer, now, rng));
        }
        let free = AT_ONCE.saturating_sub(self.targets.values().filter(|t| t.is_busy()).count());
        for (peer, target) in &mut self.targets {
            steps.extend(target.dial_news(*peer, now));
        }
        let due = self.targets.iter().filter_map(|(peer, t)| Some((t.due().filter(|at| *at <= now)?, *peer)));
        let mut due: Vec<(Instant, PeerId)> = due.collect();
        due.sort_unstable();
        for (_, peer) in due.into_iter().take(free) {
            steps.extend(self.targets.get_mut(&peer).map(|target| target.start(peer, now)));
        }
        steps
    }

    /// When [`Seeker::steps`] has something to do next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let full = self.targets.values().filter(|t| t.is_busy()).count() >= AT_ONCE;
        let times = self.targets.values().flat_map(|t| {
            let due = t.due().filter(|_| !full);
            [due, t.news_since(), t.silent_at(), t.wanted]
        });
        times.flatten().min()
    }

    fn target(&mut self, peer: PeerId, now: Instant) -> &mut Target {
        self.targets.entry(peer).or_insert_with(|| Target {
            allowed: false,
            wanted: None,
            addresses: VecDeque::new(),
            tried: Vec::new(),
            state: State::Waiting(now),
            failures: 0,
            error: None,
        })
    }

    fn expire(&mut self, peer: &PeerId, now: Instant, rng: &mut impl Rng) -> Option<Step> {
        let target = self.targets.get_mut(peer)?;
        if target.wanted.is_some_and(|until| until <= now) {
            target.wanted = None;
            self.forget_unneeded(peer);
            return Some(Step::GiveUp(*peer, DialError::TimedOut));
        }
        if target.silent_at().is_some_and(|at| at <= now) { self.retreat(peer, now, rng) } else { None }
    }

    /// Nothing helped: an allowed peer is tried again later, the node's own dial is given up.
    fn retreat(&mut self, peer: &PeerId, now: Instant, rng: &mut impl Rng) -> Option<Step> {
        let target = self.targets.get_mut(peer)?;
        target.failures = target.failures.saturating_add(1);
        target.state = State::Waiting(now + jittered(self.backoff.pause(target.failures), rng));
        let error = target.error.take().unwrap_or(DialError::NoAddress);
        let given_up = target.wanted.take().map(|_| Step::GiveUp(*peer, error));
        self.forget_unneeded(peer);
        given_up
    }

    fn forget_unneeded(&mut self, peer: &PeerId) {
        if self.targets.get(peer).is_some_and(|t| !t.allowed && t.wanted.is_none()) {
            self.targets.remove(peer);
        }
    }
}

impl Target {
    /// New addresses come after the one that worked last and before older ones, of which the last are forgotten.
    fn add(&mut self, peer: &PeerId, addresses: &[Multiaddr]) {
        let mut place = usize::from(!self.addresses.is_empty());
        for address in addresses.iter().map(|a| bare(a, peer)).take(PER_PEER) {
            if !self.addresses.contains(&address) {
                self.addresses.insert(place.min(self.addresses.len()), address);
                place += 1;
            }
        }
        self.addresses.truncate(PER_PEER);
    }

    fn promote(&mut self, address: Multiaddr) {
        self.addresses.retain(|a| *a != address);
        self.addresses.push_front(address);
        self.addresses.truncate(PER_PEER);
    }

    /// The state of a target that waits no longer.
    fn hurry(&self, now: Instant) -> State {
        match &self.state {
            State::Waiting(_) => State::Waiting(now),
            other => other.clone(),
        }
    }

    fn start(&mut self, peer: PeerId, now: Instant) -> Step {
        self.tried.clear();
        self.dial(peer, false, now).unwrap_or_else(|| {
            self.state = State::LookingUp { since: now };
            Step::LookUp(peer)
        })
    }

    /// Dials what has not been tried in this round, if there is any.
    fn dial(&mut self, peer: PeerId, looked_up: bool, now: Instant) -> Option<Step> {
        let untried: Vec<Multiaddr> = self.untried().cloned().collect();
        if untried.is_empty() {
            return None;
        }
        self.tried.extend_from_slice(&untried);
        let before = if let State::Dialing { dials, .. } = self.state { dials } else { 0 };
        self.state = State::Dialing { since: now, looked_up, dials: before + 1 };
        Some(Step::Dial(peer, untried))
    }

    /// [NET-DIAL-NEWS] Dials what it was told of while it is looked for, beside what is being dialled.
    fn dial_news(&mut self, peer: PeerId, now: Instant) -> Option<Step> {
        self.news_since()?;
        let looked_up = matches!(self.state, State::Dialing { looked_up: true, .. });
        self.dial(peer, looked_up, now)
    }

    fn untried(&self) -> impl Iterator<Item = &Multiaddr> {
        self.addresses.iter().filter(|address| !self.tried.contains(address))
    }

    /// Since when it has been looked for, if there are addresses at which it was not.
    fn news_since(&self) -> Option<Instant> {
        match self.state {
            State::Dialing { since, .. } | State::LookingUp { since } => self.untried().next().map(|_| since),
            State::Connected | State::Waiting(_) => None,
        }
    }

    fn due(&self) -> Option<Instant> {
        if let State::Waiting(at) = self.state { Some(at) } else { None }
    }

    fn silent_at(&self) -> Option<Instant> {
        match self.state {
            State::Dialing { since, .. } | State::LookingUp { since } => Some(since + SILENCE),
            State::Connected | State::Waiting(_) => None,
        }
    }

    fn is_busy(&self) -> bool {
        matches!(self.state, State::Dialing { .. } | State::LookingUp { .. })
    }
}

#[cfg(test)]
mod tests;
