//! One simulated process: engine, memory, disk, clock, and the points at which it can die.

use std::cell::RefCell;
use std::sync::Arc;

use covey_pairing::ids::AccountId;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::node::Node;
use crate::engine::check::{self, Findings};
use crate::engine::counters::Counter;
use crate::engine::group::load;
use crate::engine::{Cx, Effect, EngineError, Live, Me, PeerKey, Policy, input};
use crate::store::{Cache, MemoryStore, Reader, Store, StoreError, Tx};
use crate::vault::Vault;

/// Where in a transaction a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    /// The input was handled in memory, nothing of it is in the store.
    Unapplied,
    /// It is in the store and not flushed: the power cut loses it, unless the disk wrote it by chance.
    Unflushed {
        /// Whether the disk did.
        by_chance: bool,
    },
    /// It is durable; nobody was told, nothing was sent.
    Untold,
}

pub(super) const CRASHES: [Crash; 4] =
    [Crash::Unapplied, Crash::Unflushed { by_chance: false }, Crash::Unflushed { by_chance: true }, Crash::Untold];

/// How a transaction ended.
#[derive(Debug)]
pub(super) enum Ended<T, E> {
    /// Applied; durable with the next flush.
    Applied(T),
    /// The verb refused: nothing was written.
    Refused(E),
    /// The store failed: nothing was written, memory is ahead of it.
    Lost,
    /// The process died.
    Died,
}

/// A client's request whose answer waits for the flush.
pub(super) type Ticket = usize;

/// What the next flush releases.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) effects: Vec<Effect>,
    pub(super) answers: Vec<Ticket>,
}

pub(super) struct SimNode {
    pub(super) me: Arc<Me>,
    pub(super) policy: Policy,
    /// Kept: to derive it takes three multiplications on a curve.
    peer: PeerKey,
    pub(super) live: Live,
    pub(super) cache: RefCell<Cache>,
    pub(super) store: MemoryStore,
    vault: Vault,
    rng: StdRng,
    pub(super) up: bool,
    /// Counts the processes: what was meant for an earlier one does not reach this one.
    pub(super) life: u64,
    /// Its clock's difference from the world's, in milliseconds.
    pub(super) skew: i64,
    /// When it wants to be woken, world time.
    pub(super) wake: u64,
    /// Transactions that changed something.
    pub(super) commits: u64,
    /// At which of them it dies, and how.
    pub(super) crash: Option<(u64, Crash)>,
    pub(super) pending: Pending,
    /// Something was flushed since the start: a suspicion has done its work.
    pub(super) settled: bool,
    /// An old copy was put back without anybody noticing: until it finds out it may fork itself.
    pub(super) unnoticed: bool,
    /// Takes no notice of being revoked: somebody stole it.
    pub(super) defiant: bool,
    /// It was revoked, and never starts again.
    pub(super) ended: bool,
}

impl From<Node> for SimNode {
    fn from(node: Node) -> Self {
        let Node { me, policy, live, cache, store, vault, rng, .. } = node;
        Self {
            peer: PeerKey(me.device.keys().network),
            me,
            policy,
            live,
            cache,
            store,
            vault,
            rng,
            up: false,
            life: 0,
            skew: 0,
            wake: u64::MAX,
            commits: 0,
            crash: None,
            pending: Pending::default(),
            settled: false,
            unnoticed: false,
            defiant: false,
            ended: false,
        }
    }
}

impl SimNode {
    pub(super) fn new(seed: u64, policy: Policy) -> Self {
        Self::from(Node::new(seed, policy))
    }

    /// A machine with this identity and nothing else.
    pub(super) fn of(seed: u64, policy: Policy, me: Me) -> Self {
        Self::from(Node::of(seed, policy, me))
    }

    pub(super) fn account(&self) -> AccountId {
        self.me.account_id()
    }

    pub(super) fn peer(&self) -> PeerKey {
        self.peer
    }

    pub(super) fn clock(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.skew)
    }

    /// What `covey db verify` says of it.
    pub(super) fn verify(&self) -> Findings {
        let rows = u64::try_from(self.store.rows().len()).unwrap();
        check::verify(&Reader::new(&self.store, &self.vault), rows, &mut |_, _, _| {}).unwrap()
    }

    /// Its prekeys as stored.
    pub(super) fn prekeys(&self) -> Option<covey_pairing::session::PrekeyStore> {
        Tx::with_cache(&self.store, &self.vault, &self.cache).get(&crate::engine::tables::prekeys()).unwrap()
    }

    /// One transaction up to the flush, which is [`SimNode::flush`].
    pub(super) fn transact<T, E>(
        &mut self,
        now: u64,
        answer: Option<Ticket>,
        run: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, E>,
    ) -> Ended<T, E> {
        let now = self.clock(now);
        let mut tx = Tx::with_cache(&self.store, &self.vault, &self.cache);
        let mut cx = Cx::new(&self.me, &self.policy, &mut self.live, &mut tx, now, &mut self.rng);
        let value = match run(&mut cx) {
            Ok(value) => value,
            Err(error) => return Ended::Refused(error),
        };
        input::settle(&mut cx).unwrap_or_else(|error| panic!("what was appended: {error}"));
        let effects = std::mem::take(&mut cx.effects);
        self.me = cx.me;
        let (batch, decoded) = tx.into_parts(&mut self.rng).expect("encodes");
        if !batch.is_empty() {
            self.commits += 1;
            if self.dies(Crash::Unapplied) {
                return Ended::Died;
            }
            match self.store.apply(batch) {
                Ok(()) => self.cache.borrow_mut().applied(decoded),
                Err(StoreError::Injected(_)) => return Ended::Lost,
                Err(error) => panic!("the store: {error}"),
            }
            if self.dies(Crash::Unflushed { by_chance: false }) || self.dies(Crash::Unflushed { by_chance: true }) {
                return Ended::Died;
            }
        }
        self.pending.effects.extend(effects);
        self.pending.answers.extend(answer);
        Ended::Applied(value)
    }

    /// Makes everything durable; `None` if it died, `Err` if the store failed.
    pub(super) fn flush(&mut self) -> Option<Result<Pending, StoreError>> {
        let pending = std::mem::take(&mut self.pending);
        if self.store.unflushed() > 0 {
            if let Err(error) = self.store.flush() {
                return Some(Err(error));
            }
            self.settled = true;
        }
        if self.dies(Crash::Untold) {
            return None;
        }
        Some(Ok(pending))
    }

    fn dies(&self, how: Crash) -> bool {
        self.crash.is_some_and(|(commit, crash)| crash == how && self.commits >= commit)
    }

    /// The process ends and with it all that was not flushed.
    pub(super) fn die(&mut self) {
        let by_chance = matches!(self.crash, Some((_, Crash::Unflushed { by_chance: true })));
        let kept = if by_chance { self.store.unflushed() } else { 0 };
        self.store.power_cut(kept);
        self.crash = None;
        self.pending = Pending::default();
        self.up = false;
        self.life += 1;
        self.wake = u64::MAX;
    }

    /// A look without a trace.
    pub(super) fn read<T>(&self, now: u64, look: impl FnOnce(&mut Cx<'_, '_>) -> T) -> T {
        self.read_of(&self.store, now, look)
    }

    /// A look into another state of this node's store.
    pub(super) fn read_of<T>(&self, store: &MemoryStore, now: u64, look: impl FnOnce(&mut Cx<'_, '_>) -> T) -> T {
        let mut live = Live::new(&self.policy);
        let mut tx = Tx::new(store, &self.vault);
        let mut rng = StdRng::seed_from_u64(0);
        let now = self.clock(now);
        look(&mut Cx::new(&self.me, &self.policy, &mut live, &mut tx, now, &mut rng))
    }
}

impl SimNode {
    /// The same look with the rosters of groups in memory, as a process that has just begun has them.
    pub(super) fn read_awake<T>(&self, now: u64, look: impl FnOnce(&mut Cx<'_, '_>) -> T) -> T {
        self.read(now, |cx| {
            load::load(cx).unwrap();
            look(cx)
        })
    }

    /// The number of the newest card of the account, before the first start.
    pub(super) fn begins_with(&mut self, sequence: u64) {
        let mut tx = Tx::new(&self.store, &self.vault);
        Counter::Card.set(&mut tx, sequence).unwrap();
        let batch = tx.into_batch(&mut self.rng).expect("encodes");
        self.store.apply(batch).unwrap();
        self.store.flush().unwrap();
    }
}

/// Engine errors are never a peer's or a user's doing: only the store's.
pub(super) fn allowed(error: &EngineError) -> bool {
    matches!(error, EngineError::Store(StoreError::Injected(_)))
}
