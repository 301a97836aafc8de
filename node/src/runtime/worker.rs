//! The engine's thread: takes the inputs that wait, handles them in one transaction, each behind a savepoint, makes it
//! durable with one flush, then releases their effects.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{error, warn};

use super::clock::now;
use super::randomness::remix;
use super::recent::Recent;
use super::{Commits, EngineHandle};
use crate::engine::{self, Appended, Cx, Effect, EngineError, Input, Live, Me, Policy};
use crate::store::{Batch, Cache, Decoded, Reader, Store, StoreError, Tx};
use crate::vault::Vault;

/// Inputs that may wait before their senders do. Twice a group, so that one fills while one commits.
const QUEUE: usize = 512;
/// Inputs that share one flush. Beyond this the flush is no longer what costs.
const GROUP: usize = 256;
/// Bytes that one transaction of a group writes, about: beyond this another one follows.
const PART: usize = 4 << 20;

/// Least time between two ticks, in milliseconds: what is due is not made more due by looking more often.
const SHORTEST_WAIT: u64 = 100;
/// Most time between two ticks, in milliseconds.
const LONGEST_WAIT: u64 = 60_000;
/// What may wait for company waits so long.
const PATIENCE: Duration = Duration::from_millis(5);
/// The store's upkeep gets a turn this often while there is any.
const TEND_EVERY: Duration = Duration::from_millis(50);

/// Where effects on the network go. Never blocks: a frame that finds no room is lost and sent again by the protocol.
pub trait Network: Send {
    /// Carries one effect out.
    fn apply(&mut self, effect: Effect);
}

/// Everything the engine's thread owns.
pub struct Worker<S, N> {
    /// The store, already open.
    pub store: S,
    /// Seals what goes into it.
    pub vault: Vault,
    /// Our identities.
    pub me: Arc<Me>,
    /// What the operator configured.
    pub policy: Policy,
    /// The way to the peers.
    pub network: N,
    /// Seeded from the system, which adds to it before every transaction.
    pub rng: StdRng,
    /// The runtime whose timers the engine waits on.
    pub clock: tokio::runtime::Handle,
}

/// Starts the engine's thread. It ends, having handled what was queued, when every handle is dropped or one of them says [`Input::Stop`].
///
/// # Errors
/// When the system gives no thread.
pub fn spawn<S: Store + 'static, N: Network + 'static>(
    worker: Worker<S, N>,
) -> std::io::Result<(EngineHandle, std::thread::JoinHandle<()>)> {
    let (inputs, queue) = mpsc::channel(QUEUE);
    let (recent, journal) = Recent::new();
    let commits = Commits::default();
    let counted = commits.clone();
    let engine = std::thread::Builder::new().name("engine".into());
    let thread = engine.spawn(move || worker.run(queue, &recent, &counted))?;
    Ok((EngineHandle::new(inputs, journal, commits), thread))
}

/// How long the next tick has time, in milliseconds; the last one was at `ticked`.
fn until_tick(live: &Live, ticked: u64) -> u64 {
    let now = now();
    // A clock that was set back must not hold ticks up.
    let since = now.checked_sub(ticked).unwrap_or(LONGEST_WAIT);
    let due = engine::next_wake(live).saturating_sub(now).min(LONGEST_WAIT.saturating_sub(since));
    due.max(SHORTEST_WAIT.saturating_sub(since))
}

type Reply = Box<dyn FnOnce(Result<(), EngineError>) + Send>;

/// What a group of inputs leaves to be released after the flush.
#[derive(Default)]
struct Pending {
    effects: Vec<Effect>,
    replies: Vec<Reply>,
    /// What the inputs of this part have appended to feeds of our own.
    appended: Appended,
    /// Something was applied that is not durable yet.
    dirty: bool,
    /// Something could not be kept: what is in memory is ahead of the store.
    lost: bool,
    /// A start is among them.
    started: bool,
    /// How many inputs were handled.
    inputs: u64,
    /// How many were not, though nobody refused them.
    failed: u64,
}

impl Pending {
    /// One input. Whether what it wrote is to be kept.
    fn handle(&mut self, input: Input, cx: &mut Cx<'_, '_>) -> bool {
        let start = matches!(input, Input::Start);
        let (handled, reply) = match input {
            Input::Command(command) => {
                let verdict = command.run(cx);
                (Ok(verdict.commit), Some(verdict.reply))
            }
            other => (engine::handle(other, cx).map(|()| true), None),
        };
        let ahead = cx.live.take_ahead();
        match handled {
            Ok(true) => {
                self.inputs += 1;
                self.started |= start;
                self.effects.append(&mut cx.effects);
                self.replies.extend(reply);
                true
            }
            Ok(false) => {
                // Refused: nothing is written, nothing has to be waited for.
                self.lost |= ahead;
                if let Some(reply) = reply {
                    reply(Ok(()));
                }
                false
            }
            Err(error) => {
                error!(%error, "an input was not handled; nothing of it is kept");
                self.failed += 1;
                // Starting over cannot make good what made a start fail, unless it was the disk.
                self.lost |= !start || error.is_transient();
                if let Some(reply) = reply {
                    reply(Err(error));
                }
                false
            }
        }
    }

    fn add(&mut self, other: Self) {
        let Self { effects, replies, appended: _, dirty, lost, started, inputs, failed } = other;
        self.effects.extend(effects);
        self.replies.extend(replies);
        self.dirty |= dirty;
        self.lost |= lost;
        self.started |= started;
        self.inputs += inputs;
        self.failed += failed;
    }

    /// Nothing of it is durable.
    fn refuse(self, error: EngineError) {
        let error = match error {
            EngineError::Store(error) => Ok(Arc::new(error)),
            EngineError::NotDurable(error) => Ok(error),
            EngineError::Bug(what) => Err(what),
        };
        for reply in self.replies {
            reply(Err(error.clone().map_or_else(EngineError::Bug, EngineError::NotDurable)));
        }
    }
}

impl<S: Store, N: Network> Worker<S, N> {
    fn run(mut self, mut queue: mpsc::Receiver<Input>, recent: &Recent, commits: &Commits) {
        let mut live = Live::new(&self.policy);
        let cache = RefCell::default();
        let mut intact = self.group([Input::Start], &mut live, &cache, recent, commits);
        let mut tended = Some(Instant::now());
        let mut ticked = 0;
        loop {
            if tended.is_some_and(|at| at.elapsed() >= TEND_EVERY) {
                tended = self.tend().then(Instant::now);
            }
            let wait = until_tick(&live, ticked);
            let pause = Duration::from_millis(wait).min(tended.map_or(Duration::MAX, |_| TEND_EVERY));
            let next = self.clock.block_on(async { timeout(pause, queue.recv()).await });
            let first = match next {
                Ok(Some(Input::Stop)) => {
                    queue.close();
                    continue;
                }
                Ok(Some(input)) => Some(input),
                Ok(None) => return,
                Err(_elapsed) => None,
            };
            let mut inputs = Vec::with_capacity(2);
            // Also when inputs come so fast that there is never a pause.
            if until_tick(&live, ticked) == 0 {
                ticked = now();
                inputs.push(Input::Tick);
            } else if first.is_none() {
                continue;
            }
            let mut usable = intact;
            if !intact {
                cache.borrow_mut().clear();
                match self.store.recover() {
                    Ok(()) => {
                        inputs.insert(0, Input::Start);
                        tended = Some(Instant::now());
                        usable = true;
                    }
                    Err(error) => warn!(%error, "the store is still not usable"),
                }
            }
            inputs.extend(first);
            while inputs.len() < GROUP
                && let Ok(next) = queue.try_recv()
            {
                if matches!(next, Input::Stop) {
                    queue.close();
                } else {
                    inputs.push(next);
                }
            }
            self.wait_for_company(&mut inputs, &mut queue);
            intact = self.group(inputs, &mut live, &cache, recent, commits) && usable;
        }
    }

    /// What can wait does so for a moment: a commit costs more than all that is done in it, and who sends message after
    /// message hears of the last one while the next is on its way.
    fn wait_for_company(&self, inputs: &mut Vec<Input>, queue: &mut mpsc::Receiver<Input>) {
        let until = Instant::now() + PATIENCE;
        while inputs.len() < GROUP && inputs.iter().all(Input::may_wait) {
            let left = until.saturating_duration_since(Instant::now());
            match self.clock.block_on(async { timeout(left, queue.recv()).await }) {
                Ok(Some(Input::Stop)) => queue.close(),
                Ok(Some(input)) => inputs.push(input),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// What the suspicion of a rollback calls for is durable: the suspicion ends.
    fn settle(&mut self) {
        if self.policy.suspect_rollback {
            match self.store.settled() {
                Ok(()) => self.policy.suspect_rollback = false,
                Err(error) => warn!(%error, "the next start will begin anew once more"),
            }
        }
    }

    /// Lets the store do a little of its upkeep. Whether there is more of it.
    fn tend(&mut self) -> bool {
        self.store.tend().unwrap_or_else(|error| {
            error!(%error, "damage was found while the database is in use");
            false
        })
    }

    /// Inputs that share one transaction and one flush. Whether all that they changed in memory is in the store too.
    fn group(
        &mut self,
        inputs: impl IntoIterator<Item = Input>,
        live: &mut Live,
        cache: &RefCell<Cache>,
        recent: &Recent,
        commits: &Commits,
    ) -> bool {
        live.followed = recent.is_followed();
        let mut pending = Pending::default();
        let mut inputs = inputs.into_iter().peekable();
        while inputs.peek().is_some() {
            let mut part = Pending::default();
            let changes = self.part(&mut inputs, live, cache, &mut part);
            match changes.and_then(|(batch, decoded)| Ok((self.commit(batch)?, decoded))) {
                Ok((applied, decoded)) => {
                    cache.borrow_mut().applied(decoded);
                    pending.dirty |= applied;
                    pending.add(part);
                }
                Err(error) => {
                    error!(%error, "{} inputs could not be stored; nothing of them is kept", part.replies.len());
                    // Starting over cannot make good what made a start fail, unless it was the disk.
                    pending.lost |= !part.started || error.is_transient();
                    pending.failed += part.failed + part.inputs;
                    part.refuse(error);
                }
            }
        }
        let kept = !pending.lost;
        commits.failed.inc_by(pending.failed);
        self.release(pending, recent, commits) && kept
    }

    /// Handles inputs until there are no more or what they write is much, each behind a savepoint of its own.
    fn part(
        &mut self,
        inputs: &mut impl Iterator<Item = Input>,
        live: &mut Live,
        cache: &RefCell<Cache>,
        pending: &mut Pending,
    ) -> Result<(Batch, Decoded), EngineError> {
        let Self { store, vault, me, policy, rng, .. } = self;
        remix(rng);
        let mut tx = Tx::with_cache(store, vault, cache);
        while tx.size() < PART
            && let Some(input) = inputs.next()
        {
            let input = match input {
                Input::Policy(new) => {
                    // What the store is suspected of is no setting.
                    let new = Policy { suspect_rollback: policy.suspect_rollback, ..*new };
                    live.adopt(policy, &new);
                    *policy = new;
                    continue;
                }
                other => other,
            };
            // Of an input that is refused nothing is appended.
            let (now, appended) = (now(), pending.appended.clone());
            let mut cx = Cx { appended, ..Cx::new(me, policy, live, &mut tx, now, rng) };
            if pending.handle(input, &mut cx) {
                pending.appended = cx.appended;
                *me = cx.me;
                tx.keep();
            } else {
                tx.undo();
            }
        }
        if !pending.appended.is_empty() {
            let appended = std::mem::take(&mut pending.appended);
            let mut cx = Cx { appended, ..Cx::new(me, policy, live, &mut tx, now(), rng) };
            engine::settle(&mut cx)?;
            pending.effects.append(&mut cx.effects);
        }
        Ok(tx.into_parts(rng)?)
    }

    /// Whether there was anything to apply.
    fn commit(&mut self, batch: Batch) -> Result<bool, StoreError> {
        if batch.is_empty() {
            return Ok(false);
        }
        self.store.apply(batch)?;
        Ok(true)
    }

    /// Makes everything applied durable.
    fn flush(&mut self) -> Result<(), StoreError> {
        match engine::floors(&Reader::new(&self.store, &self.vault)) {
            Ok(floors) => self.store.floors(floors),
            Err(error) => error!(%error, "the counters cannot be read"),
        }
        self.store.flush()
    }

    /// Makes the group durable, then lets its effects out. Whether it is durable.
    fn release(&mut self, pending: Pending, recent: &Recent, commits: &Commits) -> bool {
        let began = Instant::now();
        if pending.dirty
            && let Err(error) = self.flush()
        {
            commits.failed.inc_by(pending.inputs);
            error!(%error, "the store could not be flushed; {} inputs stay unacknowledged", pending.replies.len());
            pending.refuse(error.into());
            return false;
        }
        if pending.dirty {
            commits.sync_seconds.observe(began.elapsed().as_secs_f64());
            commits.inputs.observe(f64::from(u32::try_from(pending.inputs).unwrap_or(u32::MAX)));
        }
        if pending.started {
            self.settle();
        }
        for effect in pending.effects {
            match effect {
                Effect::Journal(cursor) => recent.begin(cursor),
                Effect::Written(written) => recent.add(*written),
                Effect::Unwritten => recent.forget(),
                other => self.network.apply(other),
            }
        }
        for reply in pending.replies {
            reply(Ok(()));
        }
        true
    }
}
