//! Ending well: nothing is left behind that says there is a daemon, and the next one starts at once.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
};

use serde_json::json;

use crate::harness::{Node, befriend, eventually};

/// What a daemon that runs leaves for its clients.
const LEFT: [&str; 3] = ["rpc.sock", "rpc.json", "rpc.cookie"];

fn left(data: &Path) -> Vec<&'static str> {
    LEFT.into_iter().filter(|name| data.join(name).exists()).collect()
}

#[test]
fn sigterm_ends_a_daemon_and_leaves_nothing_of_its_rpc() {
    let mut alice = Node::start("alice");
    assert_eq!(left(&alice.data()), LEFT);
    alice.stop();
    assert_eq!(left(&alice.data()), [""; 0]);
    let sentence = alice.refused(&["status"], 3);
    assert!(sentence.contains("covey daemon"), "says what to do: {sentence}");
    alice.resume();
    assert_eq!(alice.json(&["status"])["ready"], true);
}

#[test]
fn ctrl_c_ends_it_as_well() {
    let mut alice = Node::start("alice");
    alice.signal("INT");
    assert!(alice.ended().success());
    assert_eq!(left(&alice.data()), [""; 0]);
}

#[test]
fn after_shutdown_the_next_daemon_starts_at_once() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    for round in 0..3 {
        alice.json(&["send", "bob", &format!("round {round}")]);
        assert_eq!(alice.json(&["shutdown"]), json!({"ok": true}));
        // The command has said that it is over: then it is.
        alice.succeed();
    }
    bob.until_received("round 2");
}

#[test]
fn a_client_that_listens_does_not_hold_the_end_up() {
    let mut alice = Node::start("alice");
    alice.json(&["account", "rename", "Alice"]);
    let mut tail = alice.covey();
    // It would wait for the daemon to come back, and is told for how long.
    tail.args(["tail", "--follow", "--json", "--timeout", "5"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tail = tail.spawn().expect("covey starts");
    let mut told = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
    assert!(told.next().expect("an event").expect("text").contains("Alice"), "it is connected");
    alice.stop();
    let ended = eventually("tail to end", || tail.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(3), "it says that the daemon is gone");
}
