//! `covey config show | set`: what is in effect, and changes that take effect at once and outlive the daemon.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Launch, Node, Refused, befriend};

const FILE: &str = "# mine, not yours\n[receipts] # of reading\nread = false # for now\n";

fn setting(node: &Node, key: &str) -> Value {
    let shown = node.json(&["config", "show", key]);
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
    shown[0].clone()
}

#[test]
fn a_setting_changes_at_once_in_the_file_too_and_comments_stay() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let file = bob.data().join("config.toml");
    fs::write(&file, FILE).expect("a configuration");
    bob.json(&["config", "reload"]);
    assert_eq!(setting(&bob, "receipts.read")["source"], "file");

    let set = bob.json(&["config", "set", "receipts.read", "true"]);
    assert_eq!((&set["value"], &set["live"], &set["pending"]), (&json!(true), &json!(true), &Value::Null), "{set}");
    assert_eq!(fs::read_to_string(&file).expect("a file"), FILE.replace("read = false", "read = true"));
    let heard = alice.json(&["send", "bob", "read this"])["id"].clone();
    bob.until_received("read this");
    bob.json(&["channel", "mark-read", "alice"]);
    alice.until_state(&heard, "read");

    bob.json(&["config", "set", "network.discoverable", "false"]);
    bob.restart();
    assert_eq!(bob.json(&["status"])["discoverable"], false, "it outlives the daemon");
    bob.json(&["config", "set", "network.discoverable", "--default"]);
    assert_eq!(bob.json(&["status"])["discoverable"], true);
    assert_eq!(setting(&bob, "network.discoverable")["source"], "default");
}

#[test]
fn what_cannot_change_is_refused_with_what_to_do_and_nothing_changes() {
    let alice = Node::launch("alice", Launch::default().set("groups.max_members", "9"));
    let file = alice.data().join("config.toml");
    fs::write(&file, FILE).expect("a configuration");
    for (args, code, part) in [
        (["rpc.max_connections", "7"], 1, "restart the daemon"),
        (["network.listen", "[\"/ip4/127.0.0.1/tcp/1\"]"], 1, "restart the daemon"),
        (["groups.max_members", "7"], 1, "COVEY_GROUPS__MAX_MEMBERS"),
        (["receipts.red", "true"], 2, "receipts.read"),
        (["colour", "blue"], 2, "config show"),
        (["receipts.read", "perhaps"], 2, "boolean"),
        (["groups.rotation_delay", "soon"], 2, "length of time"),
        (["storage.journal_max_mib", "0"], 2, "at least 1"),
        (["log.level", "loud"], 2, "\"loud\" is no level"),
        (["log.level", "covey=loud"], 2, "\"covey=loud\" is no log level"),
    ] {
        let sentence = alice.refused(&[&["config", "set"], &args[..]].concat(), code);
        assert!(sentence.contains(part), "{args:?}: {sentence}");
        assert_eq!(fs::read_to_string(&file).expect("a file"), FILE, "{args:?}");
    }
    let client = alice.client();
    for value in [json!({"deep": 1}), json!([1]), json!(1.5)] {
        match client.call("config.set", &json!({"key": "receipts.read", "value": value})) {
            Err(Refused::Error(error)) => assert_eq!(error["data"]["reason"], "invalid_config", "{error}"),
            other => panic!("{value}: {other:?}"),
        }
    }
    fs::write(&file, "[receipts]\nread = \"perhaps\"\n[log]\n").expect("a configuration");
    let sentence = alice.refused(&["config", "set", "log.level", "debug"], 2);
    assert!(sentence.contains("config.toml:2"), "a file with a mistake is mended first: {sentence}");
    assert_eq!(setting(&alice, "receipts.read")["value"], true, "what is in effect stays");
}

#[test]
fn settings_are_shown_with_where_they_come_from_and_what_a_restart_brings() {
    let mut alice = Node::start("alice");
    let all = alice.json(&["config", "show"]);
    let all = all.as_array().expect("settings").clone();
    assert!(all.len() > 25, "{}", all.len());
    assert!(all.iter().all(|setting| setting["about"].as_str().is_some_and(|about| about.len() > 8)));
    assert_eq!(setting(&alice, "network.mdns")["source"], "flag");
    fs::write(alice.data().join("config.toml"), "[rpc]\nmax_connections = 7\n").expect("a configuration");
    let shown = setting(&alice, "rpc.max_connections");
    assert_eq!((&shown["value"], &shown["pending"], &shown["live"]), (&json!(128), &json!(7), &json!(false)));
    assert!(alice.run(&["config", "show", "rpc"]).stdout.contains("after a restart 7"));

    // Without a daemon anything can be changed, and the same is shown.
    alice.stop();
    assert_eq!(alice.json(&["config", "set", "rpc.max_connections", "9"])["value"], 9);
    assert_eq!(setting(&alice, "rpc.max_connections")["value"], 9);
    alice.refused(&["config", "set", "rpc.listen", "0.0.0.0:1"], 2);
    alice.resume();
    assert_eq!(setting(&alice, "rpc.max_connections")["value"], 9);
}
