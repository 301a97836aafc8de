//! The journal: every event once, in order, whatever happens to the daemon or to who reads it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::harness::{Node, befriend, eventually};

/// A `covey tail --follow --json` that reads until a text arrived.
fn tail_until(node: &Node, args: &[&str], text: &str) -> Vec<Value> {
    let mut tail = spawn(node, args);
    let mut events = Vec::new();
    for line in BufReader::new(tail.stdout.take().expect("a pipe")).lines() {
        let event: Value = serde_json::from_str(&line.expect("text")).expect("every line is an event");
        let last = event["data"]["text"] == text;
        events.push(event);
        if last {
            break;
        }
    }
    tail.kill().expect("can be killed");
    tail.wait().expect("ends");
    assert_eq!(events.last().map(|event| event["data"]["text"].clone()), Some(text.into()), "it ended early");
    events
}

fn spawn(node: &Node, args: &[&str]) -> Child {
    let mut tail = node.covey();
    tail.args(["tail", "--follow", "--json"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    tail.spawn().expect("covey starts")
}

fn received(events: &[Value]) -> Vec<&str> {
    let received = events.iter().filter(|event| event["kind"] == "message.received");
    received.map(|event| event["data"]["text"].as_str().expect("a text")).collect()
}

#[test]
fn a_reader_who_goes_on_from_its_cursor_misses_nothing_over_a_restart() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.json(&["send", "alice", "one"]);
    let first = tail_until(&alice, &["--from", "0"], "one");
    let cursor = first.last().and_then(|event| event["cursor"].as_str()).expect("a cursor");

    let mut orphan = spawn(&alice, &["--from", cursor]);
    bob.json(&["send", "alice", "two"]);
    alice.until_received("two");
    alice.crash();
    let ended = eventually("tail to end with its daemon", || orphan.try_wait().expect("a child"));
    let mut told = String::new();
    orphan.stderr.take().expect("a pipe").read_to_string(&mut told).expect("text");
    assert_eq!(ended.code(), Some(3), "{told}");
    assert!(told.contains("--from "), "says how to go on: {told}");
    bob.json(&["send", "alice", "three"]);

    let rest = tail_until(&alice, &["--from", cursor], "three");
    assert_eq!([received(&first), received(&rest)].concat(), ["one", "two", "three"]);
    let cursors: Vec<u64> = [first.as_slice(), &rest]
        .concat()
        .iter()
        .map(|event| event["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).expect("a cursor"))
        .collect();
    assert!(cursors.windows(2).all(|pair| pair[1] == pair[0] + 1), "no gap, no repetition: {cursors:?}");
}

#[test]
fn a_consumer_is_remembered_by_the_daemon() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let as_bot = ["--consumer", "bot"];
    bob.json(&["send", "alice", "one"]);
    assert_eq!(received(&tail_until(&alice, &as_bot, "one")), ["one"]);
    bob.json(&["send", "alice", "two"]);
    alice.until_received("two");
    alice.restart();
    bob.json(&["send", "alice", "three"]);
    let rest = tail_until(&alice, &as_bot, "three");
    // At least once: the last event before the end may come again, nothing may be missing.
    let rest = received(&rest);
    assert!(rest.ends_with(&["two", "three"]), "{rest:?}");
    assert!(rest.len() <= 3, "{rest:?}");
}

#[test]
fn a_cursor_that_is_none_is_refused() {
    let alice = Node::start("alice");
    for cursor in ["99999999", "x", "-1"] {
        let cursor = format!("--from={cursor}");
        assert_eq!(alice.reason(&["tail", &cursor]), "invalid_cursor");
    }
}
