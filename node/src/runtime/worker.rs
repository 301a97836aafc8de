//! The engine's thread: takes the inputs that wait, gives each its transaction, makes them durable with one flush,
//! then releases their effects.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{error, warn};

use super::randomness::remix;
use super::{Commits, EngineHandle};
use crate::engine::{self, Cx, Effect, EngineError, Input, Live, Me, Policy};
use crate::store::{Batch, Reader, Store, StoreError, Tx};
use crate::vault::Vault;

/// Inputs that may wait before their senders do. Twice a group, so that one fills while one commits.
const QUEUE: usize = 512;
/// Inputs that share one flush. Beyond this the flush is no longer what costs.
const GROUP: usize = 256;

/// Least time between two ticks, in milliseconds: what is due is not made more due by looking more often.
const SHORTEST_WAIT: u64 = 100;
/// Most time between two ticks, in milliseconds.
const LONGEST_WAIT: u64 = 60_000;
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
    pub me: Me,
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
    let (journal, watching) = watch::channel(0);
    let commits = Commits::default();
    let counted = commits.clone();
    let engine = std::thread::Builder::new().name("engine".into());
    let thread = engine.spawn(move || worker.run(queue, &journal, &counted))?;
    Ok((EngineHandle::new(inputs, watching, commits), thread))
}

/// How long the next tick has time, in milliseconds; the last one was at `ticked`.
fn until_tick(live: &Live, ticked: u64) -> u64 {
    let now = now();
    // A clock that was set back must not hold ticks up.
    let since = now.checked_sub(ticked).unwrap_or(LONGEST_WAIT);
    let due = live.next_wake().saturating_sub(now).min(LONGEST_WAIT.saturating_sub(since));
    due.max(SHORTEST_WAIT.saturating_sub(since))
}

type Reply = Box<dyn FnOnce(Result<(), EngineError>) + Send>;

/// What a group of inputs leaves to be released after the flush.
#[derive(Default)]
struct Pending {
    effects: Vec<Effect>,
    replies: Vec<Reply>,
    /// Something was applied that is not durable yet.
    dirty: bool,
    /// Something could not be kept: what is in memory is ahead of the store.
    lost: bool,
    /// A start is among them.
    started: bool,
    /// How many inputs were applied.
    inputs: u64,
}

impl<S: Store, N: Network> Worker<S, N> {
    fn run(mut self, mut queue: mpsc::Receiver<Input>, journal: &watch::Sender<u64>, commits: &Commits) {
        let mut live = Live::new(&self.policy);
        let mut intact = self.group([Input::Start], &mut live, journal, commits);
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
            intact = self.group(inputs, &mut live, journal, commits) && usable;
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

    /// Inputs that share one flush. Whether all that they changed in memory is in the store too.
    fn group(
        &mut self,
        inputs: impl IntoIterator<Item = Input>,
        live: &mut Live,
        journal: &watch::Sender<u64>,
        commits: &Commits,
    ) -> bool {
        let mut pending = Pending::default();
        for input in inputs {
            self.one(input, live, &mut pending, commits);
        }
        let kept = !pending.lost;
        self.release(pending, journal, commits) && kept
    }

    /// One input, one transaction.
    fn one(&mut self, input: Input, live: &mut Live, pending: &mut Pending, commits: &Commits) {
        let input = match input {
            Input::Policy(policy) => {
                // What the store is suspected of is no setting.
                let policy = Policy { suspect_rollback: self.policy.suspect_rollback, ..*policy };
                live.adopt(&self.policy, &policy);
                self.policy = policy;
                return;
            }
            other => other,
        };
        remix(&mut self.rng);
        let mut tx = Tx::new(&self.store, &self.vault);
        let mut cx = Cx {
            me: &self.me,
            policy: &self.policy,
            live,
            tx: &mut tx,
            now: now(),
            rng: &mut self.rng,
            asker: engine::Asker::default(),
            effects: Vec::new(),
        };
        let start = matches!(input, Input::Start);
        let (handled, reply) = match input {
            Input::Command(command) => {
                let verdict = command.run(&mut cx);
                (Ok(verdict.commit), Some(verdict.reply))
            }
            other => (engine::handle(other, &mut cx).map(|()| true), None),
        };
        let effects = std::mem::take(&mut cx.effects);
        let ahead = cx.live.take_ahead();
        let batch = tx.into_batch(&mut self.rng);
        let committed = match handled {
            Ok(true) => self.commit(batch, pending).map_err(EngineError::from),
            Ok(false) => {
                // Refused: nothing is written, nothing has to be waited for.
                pending.lost |= ahead;
                if let Some(reply) = reply {
                    reply(Ok(()));
                }
                return;
            }
            Err(error) => Err(error),
        };
        match committed {
            Ok(()) => {
                pending.inputs += 1;
                pending.started |= start;
                pending.effects.extend(effects);
                pending.replies.extend(reply);
            }
            Err(error) => {
                error!(%error, "an input was not handled; nothing of it is kept");
                commits.failed.inc();
                // Starting over cannot make good what made a start fail, unless it was the disk.
                pending.lost |= !start || error.is_transient();
                if let Some(reply) = reply {
                    reply(Err(error));
                }
            }
        }
    }

    fn commit(&mut self, batch: Batch, pending: &mut Pending) -> Result<(), StoreError> {
        if !batch.is_empty() {
            self.store.apply(batch)?;
            pending.dirty = true;
        }
        Ok(())
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
    fn release(&mut self, pending: Pending, journal: &watch::Sender<u64>, commits: &Commits) -> bool {
        let began = Instant::now();
        if pending.dirty
            && let Err(error) = self.flush()
        {
            commits.failed.inc_by(pending.inputs);
            error!(%error, "the store could not be flushed; {} inputs stay unacknowledged", pending.replies.len());
            let error = Arc::new(error);
            for reply in pending.replies {
                reply(Err(EngineError::NotDurable(Arc::clone(&error))));
            }
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
                Effect::Journal(cursor) => {
                    journal.send_if_modified(|newest| {
                        let newer = cursor > *newest;
                        *newest = cursor.max(*newest);
                        newer
                    });
                }
                other => self.network.apply(other),
            }
        }
        for reply in pending.replies {
            reply(Ok(()));
        }
        true
    }
}

/// Unix milliseconds. A clock before 1970 counts as 1970: times are for display and expiry, never for order.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_else(|_| {
        warn!("the system clock is before 1970");
        Duration::ZERO
    });
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
