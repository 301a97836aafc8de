//! Acknowledged means durable: whatever is killed in between, each acknowledged message arrives once and in its order.

use std::{
    collections::BTreeMap,
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::harness::{Client, Node, Refused, befriend, eventually};

/// Messages in each direction.
const EACH: usize = 200;
/// SIGKILLs, to either side in turn as the seed says.
const KILLS: usize = 10;

/// SplitMix64: enough to vary when and whom.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// Writes all messages, each until it is acknowledged, and yields their ids. As a careful client does it: with an
/// idempotency key, because an answer may be lost with its daemon.
fn write_all(client: &Client, from: &str, to: &str, acknowledged: &AtomicUsize) -> Vec<Value> {
    (0..EACH)
        .map(|n| {
            let params = json!({"to": to, "text": format!("{from} {n}"), "client_id": format!("{from}-{n}")});
            let sent = eventually(&format!("an acknowledgement of {from} {n}"), || {
                match client.call("message.send", &params) {
                    Ok(sent) => Some(sent),
                    // It says that it is going, or it is gone.
                    Err(Refused::Error(error)) => {
                        assert_eq!(error["data"]["reason"], "shutting_down", "{error}");
                        None
                    }
                    Err(Refused::Gone { why }) => {
                        println!("{from} {n}: {why}");
                        None
                    }
                }
            });
            acknowledged.fetch_add(1, Ordering::SeqCst);
            sent["id"].clone()
        })
        .collect()
}

/// Checks that what `author` wrote is shown by `node` once each, in the order of writing, under the acknowledged ids.
#[track_caller]
fn arrived(node: &Node, with: &str, author: &Node, ids: &[Value]) {
    let list = node.json(&["messages", with, "--limit", "1000"]);
    let of_author = list.as_array().expect("a list").iter().filter(|message| message["author"] == author.id);
    let shown: Vec<&Value> = of_author.map(|message| &message["id"]).collect();
    assert_eq!(shown, ids.iter().collect::<Vec<_>>(), "what {} wrote, as {} shows it", author.name, node.name);
}

#[test]
fn each_acknowledged_message_arrives_once_and_in_order_through_ten_kills() {
    let seed = env::var("COVEY_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| std::process::id().into());
    println!("seed {seed} (repeat with COVEY_TEST_SEED={seed})");
    let mut dice = Dice(seed);

    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let writer = |from: &'static str, to: &'static str, node: &Node| {
        let (client, acknowledged) = (node.client(), Arc::clone(&acknowledged));
        thread::spawn(move || write_all(&client, from, to, &acknowledged))
    };
    let writing = [writer("alice", "bob", &alice), writer("bob", "alice", &bob)];

    for kill in 0..KILLS {
        let share = 2 * EACH / (KILLS + 1);
        let at = kill * share + usize::try_from(dice.roll(share as u64)).expect("small");
        eventually("the next kill", || {
            let over = writing.iter().all(thread::JoinHandle::is_finished);
            (over || acknowledged.load(Ordering::SeqCst) >= at).then_some(())
        });
        match dice.roll(3) {
            0 => alice.crash(),
            1 => bob.crash(),
            _ => {
                alice.kill();
                bob.crash();
                alice.resume();
            }
        }
    }
    let [from_alice, from_bob] = writing.map(|writer| writer.join().expect("no panic"));

    let everything = |events: &[Value]| {
        let received = events.iter().filter(|event| event["kind"] == "message.received");
        (received.count() >= EACH).then_some(())
    };
    alice.search("all messages of bob", everything);
    bob.search("all messages of alice", everything);
    for (node, with) in [(&alice, "bob"), (&bob, "alice")] {
        arrived(node, with, &alice, &from_alice);
        arrived(node, with, &bob, &from_bob);
        // The journal tells each of them once, too.
        let mut told: BTreeMap<String, usize> = BTreeMap::new();
        node.search("the journal", |events| {
            let received = events.iter().filter(|event| event["kind"] == "message.received");
            received.for_each(|event| *told.entry(event["data"]["id"].to_string()).or_default() += 1);
            Some(())
        });
        assert_eq!((told.len(), told.values().max()), (EACH, Some(&1)), "the journal of {}", node.name);
    }
    alice.until_state(&from_alice[EACH - 1], "delivered");
    bob.until_state(&from_bob[EACH - 1], "delivered");
    let shown = |node: &Node, with: &str| node.json(&["messages", with, "--limit", "1000"]).as_array().map(Vec::len);
    assert_eq!((shown(&alice, "bob"), shown(&bob, "alice")), (Some(2 * EACH), Some(2 * EACH)));
}
