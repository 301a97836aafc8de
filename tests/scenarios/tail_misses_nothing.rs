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

/// Reads the lines of a `tail` until one has a text in it.
fn lines_until(lines: &mut impl Iterator<Item = std::io::Result<String>>, text: &str) -> Vec<String> {
    let mut read = Vec::new();
    for line in lines {
        read.push(line.expect("text"));
        if read.last().is_some_and(|line| line.contains(text)) {
            return read;
        }
    }
    panic!("it ended before \"{text}\": {read:#?}");
}

#[test]
fn a_reader_goes_on_by_itself_over_a_crash_of_the_daemon_and_misses_nothing() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.json(&["send", "alice", "one"]);
    let (mut programs, mut people) = (spawn(&alice, &["--from", "0"]), people(&alice));
    let mut lines = BufReader::new(programs.stdout.take().expect("a pipe")).lines();
    let mut told = BufReader::new(people.stdout.take().expect("a pipe")).lines();
    let mut read = lines_until(&mut lines, "\"one\"");
    lines_until(&mut told, "bob → me: one");
    for text in ["two", "three"] {
        alice.crash();
        bob.json(&["send", "alice", text]);
        read.extend(lines_until(&mut lines, &format!("\"{text}\"")));
        let told = lines_until(&mut told, &format!("bob → me: {text}"));
        assert!(told.iter().all(|line| !line.contains("one")), "told again: {told:?}");
    }
    let events: Vec<Value> = read.iter().map(|line| serde_json::from_str(line).expect("an event")).collect();
    assert_eq!(received(&events), ["one", "two", "three"]);
    let cursors: Vec<u64> = events
        .iter()
        .filter_map(|event| event["cursor"].as_str())
        .map(|cursor| cursor.parse().expect("a cursor"))
        .collect();
    assert!(cursors.windows(2).all(|pair| pair[1] == pair[0] + 1), "no gap, no repetition: {cursors:?}");
    for tail in [&mut programs, &mut people] {
        tail.kill().expect("can be killed");
        tail.wait().expect("ends");
    }
    let mut said = String::new();
    people.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(said.matches("The daemon went away.").count(), 2, "{said}");
    assert_eq!(said.matches("The daemon is back.").count(), 2, "{said}");
}

#[test]
fn a_reader_with_a_timeout_ends_and_says_how_to_go_on() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let mut tail = spawn(&alice, &["--from", "0", "--timeout", "0.5"]);
    let mut lines = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
    lines_until(&mut lines, "\"paired\"");
    alice.kill();
    let ended = eventually("tail to end with its daemon", || tail.try_wait().expect("a child"));
    let mut told = String::new();
    tail.stderr.take().expect("a pipe").read_to_string(&mut told).expect("text");
    assert_eq!(ended.code(), Some(3), "{told}");
    assert!(told.contains("--from "), "says how to go on: {told}");
}

/// A `covey tail --follow` for people.
fn people(node: &Node) -> Child {
    let mut tail = node.covey();
    tail.args(["tail", "--follow"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    tail.spawn().expect("covey starts")
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

#[test]
fn a_reader_who_selects_events_gets_these_and_no_others() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["group", "create", "Lake"]);
    alice.json(&["send", "Lake", "to the lake"]);
    bob.json(&["send", "alice", "from bob"]);
    alice.until_received("from bob");
    alice.json(&["send", "bob", "to bob"]);
    let tail = |args: &[&str]| -> Vec<(String, String)> {
        let ran = alice.run(&[&["tail", "--json", "--from", "0"], args].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let event = |line: &str| -> (String, String) {
            let event: Value = serde_json::from_str(line).expect("every line is an event");
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&event["kind"]), text(&event["data"]["text"]))
        };
        ran.stdout.lines().map(event).collect()
    };
    let sent = |texts: &[&str]| texts.iter().map(|text| ("message.sent".into(), (*text).into())).collect::<Vec<_>>();
    assert_eq!(tail(&["--kind", "message.sent"]), sent(&["to the lake", "to bob"]));
    assert_eq!(tail(&["--kind", "message.sent", "--channel", "Lake"]), sent(&["to the lake"]));
    assert_eq!(tail(&["--kind", "message.sent", "--contact", "bob"]), sent(&["to bob"]));
    let of_bob = tail(&["--contact", "bob"]);
    let has = |kind: &str| of_bob.iter().any(|(known, _)| known == kind);
    assert!(has("contact") && has("message.received") && !has("group.joined"), "{of_bob:?}");
    let newest = alice.run(&["tail", "--json", "-n", "1", "--kind", "message.received", "--no-transient"]);
    assert!(newest.stdout.contains("from bob") && newest.stdout.lines().count() == 1, "{newest:?}");
    for wrong in [["--kind", "message.lost"], ["--channel", "nobody"], ["--contact", "nobody"]] {
        let ran = alice.run(&[&["tail"], &wrong[..]].concat());
        assert!(matches!(ran.code, 1 | 2), "{ran:?}");
    }
}
