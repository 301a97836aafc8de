//! With `--json` a program reads one value (or one a line for streams) and nothing else; without, a person is not attacked
//! by what others wrote.

use serde_json::Value;

use crate::harness::{Node, befriend};

/// Everything that only looks.
const LOOKS: [&[&str]; 17] = [
    &["status"],
    &["peers"],
    &["doctor"],
    &["account", "show"],
    &["account", "ticket"],
    &["account", "tickets"],
    &["account", "safety-number", "bob"],
    &["pair", "list"],
    &["pair", "show", "bob"],
    &["pair", "verify", "bob"],
    &["messages"],
    &["messages", "bob"],
    &["channel", "list"],
    &["channel", "show", "bob"],
    &["config", "check"],
    &["config", "show"],
    &["rpc", "spec"],
];

const HOSTILE: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m red \u{202e}gnp.exe\r\nsecond line\ttab \"quote\" \\ \u{0} end";

fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || c == '\t' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)))
}

#[test]
fn every_answer_is_one_json_value_on_one_line_and_stderr_is_empty() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["account", "ticket", "--uses", "3"]);
    let sent = bob.json(&["send", "alice", "hello"]);
    alice.until_received("hello");
    for args in LOOKS {
        let ran = alice.run(&[&["--json"], args].concat());
        ran.json();
        assert_eq!(ran.stdout.lines().count(), 1, "{args:?}: {}", ran.stdout);
        assert!(ran.stdout.ends_with('\n'));
    }
    assert_eq!(alice.json(&["message", "show", sent["id"].as_str().expect("an id")])["text"], "hello");
    let past = alice.run(&["tail", "--json", "-n", "2"]);
    assert_eq!((past.code, past.stderr.as_str(), past.stdout.lines().count()), (0, "", 2));
    for line in past.stdout.lines() {
        let event: Value = serde_json::from_str(line).expect("a value on every line");
        let mut fields: Vec<&str> = event.as_object().expect("an object").keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["at", "cursor", "data", "kind"]);
    }
}

#[test]
fn what_people_read_has_no_colours_in_a_pipe_and_ids_they_can_use() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["send", "bob", "hello"]);
    bob.until_received("hello");
    for args in LOOKS {
        let ran = alice.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.stdout.trim().is_empty() || args == ["account", "tickets"], "{args:?} says nothing");
        assert!(is_harmless(&ran.stdout) && is_harmless(&ran.stderr), "{ran:?}");
    }
    let list = bob.run(&["pair", "list"]).stdout;
    let short = list.split_whitespace().find(|word| word.starts_with("cv1")).expect("an id");
    assert_eq!(bob.json(&["pair", "show", short])["contact"], alice.id);
}

#[test]
fn text_of_others_cannot_steer_a_terminal() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    // A zero byte cannot be an argument.
    let sent = bob.run_with(&["--json", "send", "alice", "-"], HOSTILE);
    assert_eq!(sent.code, 0, "{sent:?}");
    let received = alice.until_received(HOSTILE);
    let id = received["id"].as_str().expect("an id");
    for args in [["messages", "bob"].as_slice(), &["message", "show", id], &["tail"], &["channel", "list"]] {
        let ran = alice.run(args);
        assert!(ran.stdout.contains("gnp.exe") && is_harmless(&ran.stdout), "{ran:?}");
    }
    let ran = alice.run(&["--json", "messages", "bob"]);
    assert!(is_harmless(&ran.stdout) && ran.stdout.lines().count() == 1, "{ran:?}");
    assert_eq!(ran.json()[0]["text"], HOSTILE, "programs get it as it was written");
}
