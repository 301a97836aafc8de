//! Whether the node does its work: the store writes, the overlay listens, and what is received reaches the engine.
//!
//! Each is tried, not assumed: a record is written and synced, and a probe is sent through the queue by which frames of
//! peers come. `/readyz`, `node.status`, `node.doctor` and the watchdog of the service manager ask here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use covey_api::{ApiError, Reason};
use covey_overlay::Handle;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::runtime::{Echoes, EngineHandle};
use crate::store::{Key, Table};

/// A finding is good for this long, unless a write fails meanwhile: whoever asks all the time makes no more writes than this.
const FRESH: Duration = Duration::from_secs(2);
/// A part that takes longer than this to answer does not work.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// A record was written durably, or why not.
    pub store: Result<(), String>,
    /// The engine answered, if only that it cannot write.
    pub answers: bool,
    /// The overlay listens, or why not.
    pub network: Result<(), String>,
    /// A probe came through the queue of received frames, or why not.
    pub receiving: Result<(), String>,
}

impl Condition {
    /// Of a node whose core is not there. A locked one waits for its owner: a new start would change nothing.
    pub(crate) fn without_core(why: &ApiError) -> Self {
        let waits = why.reason == Reason::Locked;
        let trouble =
            if waits { "the node is locked; unlock it with `covey unlock`" } else { "the daemon is shutting down" };
        Self { store: Err(trouble.to_owned()), answers: waits, network: Ok(()), receiving: Ok(()) }
    }

    /// Whether a new start would change nothing: all parts answer. On a full disk a node still delivers what it has.
    pub fn alive(&self) -> bool {
        self.answers && self.network.is_ok() && self.receiving.is_ok()
    }

    /// Whether the node does all of its work, or all that is in the way.
    ///
    /// # Errors
    /// The reasons.
    pub fn ready(&self) -> Result<(), String> {
        let parts = [&self.store, &self.network, &self.receiving];
        let troubles: Vec<&str> =
            parts.into_iter().filter_map(|part| part.as_ref().err().map(String::as_str)).collect();
        if troubles.is_empty() { Ok(()) } else { Err(troubles.join("; ")) }
    }
}

/// Looks after a running node.
pub struct Health {
    engine: EngineHandle,
    overlay: Handle,
    echoes: Echoes,
    probes: AtomicU64,
    last: Mutex<Option<Finding>>,
}

struct Finding {
    at: Instant,
    /// Inputs of the engine that had failed by then.
    failed: u64,
    condition: Condition,
}

impl Health {
    /// `echoes` are those of the driver that takes the overlay's events.
    pub fn new(engine: EngineHandle, overlay: Handle, echoes: Echoes) -> Self {
        Self { engine, overlay, echoes, probes: AtomicU64::new(0), last: Mutex::default() }
    }

    /// The condition now, or a moment ago. One look at a time: others wait for what it finds.
    pub async fn check(&self) -> Condition {
        let mut last = self.last.lock().await;
        if let Some(Finding { at, failed, condition }) = last.as_ref()
            && at.elapsed() < FRESH
            && (*failed == self.failed() || condition.ready().is_err())
        {
            return condition.clone();
        }
        let (store, network, receiving) = tokio::join!(self.store(), self.network(), self.receiving());
        let (store, answers) = match store {
            Some(written) => (written, true),
            None => (Err(format!("the database did not write within {} s", PATIENCE.as_secs())), false),
        };
        let condition = Condition { store, answers, network, receiving };
        let found = Finding { at: Instant::now(), failed: self.failed(), condition: condition.clone() };
        let before = last.replace(found);
        match (before.map(|before| before.condition.ready()), condition.ready()) {
            (Some(Err(_)), Ok(())) => info!("the node is ready again"),
            (None | Some(Ok(())), Err(trouble)) => warn!(trouble, "the node is not ready"),
            _ => {}
        }
        condition
    }

    fn failed(&self) -> u64 {
        self.engine.commits().failed.get()
    }

    /// None if there is no answer.
    async fn store(&self) -> Option<Result<(), String>> {
        let write = self.engine.call(|cx| Ok(cx.tx.put(&Key::table(Table::Meta).raw("probe"), &cx.now)?));
        Some(timeout(PATIENCE, write).await.ok()?.map_err(|error| error.message))
    }

    async fn network(&self) -> Result<(), String> {
        match timeout(PATIENCE, self.overlay.status()).await {
            Ok(Ok(status)) if status.listen.is_empty() => Err("the node listens on no address".to_owned()),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err("the network layer has stopped".to_owned()),
            Err(_) => Err(format!("the network layer did not answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn receiving(&self) -> Result<(), String> {
        let number = self.probes.fetch_add(1, Ordering::Relaxed) + 1;
        let mut heard = self.echoes.watch();
        let probe = async {
            self.overlay.probe(number).await.is_ok() && heard.wait_for(|newest| *newest >= number).await.is_ok()
        };
        match timeout(PATIENCE, probe).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("received frames are not processed: the network layer has stopped".to_owned()),
            Err(_) => {
                Err(format!("received frames are not processed: a probe got no answer within {} s", PATIENCE.as_secs()))
            }
        }
    }
}
