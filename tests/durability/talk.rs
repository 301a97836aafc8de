//! Streams of messages, and what there must be of them in the end.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};

use crate::harness::{Client, Node, Refused};

/// SplitMix64: enough to vary when and what.
pub(crate) struct Dice(u64);

impl Dice {
    /// Those of `COVEY_TEST_SEED`, or others; says which.
    pub(crate) fn thrown() -> Self {
        let seed = env::var("COVEY_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| std::process::id().into());
        println!("seed {seed} (repeat with COVEY_TEST_SEED={seed})");
        Self(seed)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll(u64::try_from(bound).unwrap_or(u64::MAX))).expect("below a usize")
    }
}

/// A number from the environment, for the scripts that run longer.
pub(crate) fn number(name: &str, otherwise: usize) -> usize {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Somebody who writes, one message after the other, each until it is acknowledged. As a careful client does it: with
/// an idempotency key, because an answer may be lost with its daemon.
pub(crate) struct Writer {
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Value>>,
}

impl Writer {
    /// Writes `count` messages from `node` to its contact `to`. No two writers have the same `label`.
    pub(crate) fn start(node: &Node, label: impl Into<String>, to: &'static str, count: usize) -> Self {
        let label = label.into();
        let (acknowledged, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (client, told, ended) = (node.client(), Arc::clone(&acknowledged), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut ids = Vec::new();
            while ids.len() < count && !ended.load(Ordering::SeqCst) {
                if let Some(id) = write(&client, &label, to, ids.len()) {
                    ids.push(id);
                    told.store(ids.len(), Ordering::SeqCst);
                } else {
                    thread::sleep(Duration::from_millis(20));
                }
            }
            ids
        });
        Self { acknowledged, stop, thread }
    }

    /// Messages acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// The ids of all that were acknowledged, in the order of writing.
    pub(crate) fn end(self) -> Vec<Value> {
        self.thread.join().expect("no panic")
    }

    /// The same, without writing all.
    pub(crate) fn stop(self) -> Vec<Value> {
        self.stop.store(true, Ordering::SeqCst);
        self.end()
    }
}

/// One message. Nothing if the daemon is not there or could not keep it.
fn write(client: &Client, label: &str, to: &str, number: usize) -> Option<Value> {
    let text = format!("{label} {number}");
    let params = json!({"to": to, "text": text, "client_id": text});
    match client.call("message.send", &params) {
        Ok(sent) => Some(sent["id"].clone()),
        Err(Refused::Gone { .. }) => None,
        Err(Refused::Error(error)) => {
            let reason = error["data"]["reason"].as_str().unwrap_or_default();
            assert!(["shutting_down", "storage"].contains(&reason), "{error}");
            None
        }
    }
}

/// Everything in a conversation, oldest first, however much it is.
pub(crate) fn history(node: &Node, with: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let mut args = vec!["messages", with, "--limit", "1000"];
        let oldest = all.first().map(|message| message["id"].as_str().expect("an id").to_owned());
        if let Some(oldest) = &oldest {
            args.extend(["--before", oldest]);
        }
        let mut page = node.json(&args).as_array().expect("a list").clone();
        let ended = page.is_empty();
        page.extend(all);
        all = page;
        if ended {
            return all;
        }
    }
}

/// The ids of what `author` wrote, in the order shown.
pub(crate) fn written_by(history: &[Value], author: &str) -> Vec<Value> {
    history.iter().filter(|message| message["author"] == author).map(|message| message["id"].clone()).collect()
}

/// Checks a database whose daemon is not running: `None` if all is well, else what is said about it.
#[track_caller]
pub(crate) fn verify(node: &Node) -> Option<Value> {
    let ran = node.run(&["--json", "db", "verify"]);
    ran.no_panic();
    let found: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    match (ran.code, &found["ok"]) {
        (0, Value::Bool(true)) => None,
        (5, Value::Bool(false)) => Some(found),
        _ => panic!("{ran:?}"),
    }
}
