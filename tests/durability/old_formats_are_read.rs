//! Frozen data of earlier versions: what was written once is read for good.

use std::path::Path;

use serde_json::Value;

use crate::{
    harness::{Node, texts},
    talk::verify,
};

/// A node of version 1 that talked with another: kept as `covey db backup` wrote it then, never made anew.
#[test]
fn a_node_of_version_one_opens_verifies_and_runs() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let fixture = |name: &str| fixtures.join(name).to_str().expect("UTF-8").to_owned();
    let mut node = Node::start("alice");
    node.stop();
    std::fs::remove_dir_all(node.data()).expect("removable");
    let restored = node.json(&["db", "restore", &fixture("node-v1.backup"), "--vault-key", &fixture("node-v1.key")]);
    assert_eq!(restored["records"], 51);
    assert_eq!(verify(&node), None);
    node.resume();
    assert_eq!(node.id, "cv1jegm9tzwx5uzv9nwzuct6yxz0kz25kx6puxu7tlwgxavhqfg54dqjxq5uf");
    let texts = texts(&node, "bob");
    assert_eq!(texts[..2], ["the first", "an answer"]);
    assert!(texts[2].len() > 6_000 && texts.len() == 3);
    assert_eq!(node.json(&["account", "show"])["name"], "Alice of old");
    assert_eq!(node.json(&["account", "tickets"]).as_array().map(Vec::len), Some(1));
    assert_eq!(node.json(&["pair", "show", "bob"])["state"], "paired");
    node.json(&["send", "bob", "and it goes on"]);
    node.stop();
    assert_eq!(verify(&node), None);
}

/// The fields of an object, or of each object in a list, that the old node told of.
fn like(told: &Value, now: &Value) -> Value {
    match (told, now) {
        (Value::Array(told), Value::Array(now)) if !told.is_empty() => {
            now.iter().map(|now| like(&told[0], now)).collect()
        }
        (Value::Object(told), Value::Object(now)) => {
            let field = |name: &String| now.get(name).cloned().unwrap_or(Value::Bool(false));
            Value::Object(told.keys().map(|name| (name.clone(), field(name))).collect())
        }
        (_, now) => now.clone(),
    }
}

fn sorted(list: &Value, by: &str) -> Value {
    let mut list = list.as_array().expect("a list").clone();
    list.sort_by_key(|one| one[by].as_str().unwrap_or_default().to_owned());
    Value::Array(list)
}

/// A data directory as a daemon of commit 5b097df left it, which `tests/fixtures/make-node-5b097df.sh` made: everything that it told
/// of itself is there, and it goes on.
///
/// What does not go on are its sessions, as the changelog says: they are of the suite before, and a data directory that was copied
/// begins new ones anyway. What was queued stays queued, with its state told as it is.
#[test]
fn a_data_directory_of_commit_5b097df_opens_with_everything_that_its_node_told_of() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node-5b097df");
    let said: Value = serde_json::from_slice(&std::fs::read(fixture.join("said.json")).expect("reads")).expect("JSON");
    let mut alice = Node::start("alice");
    alice.stop();
    std::fs::remove_dir_all(alice.data()).expect("removable");
    let copied = std::process::Command::new("cp").arg("-r").arg(&fixture).arg(alice.data()).status();
    assert!(copied.expect("cp runs").success());
    // A clone of the repository does not keep that nobody else reads them.
    let private = std::process::Command::new("chmod").args(["-R", "go="]).arg(alice.data()).status();
    assert!(private.is_ok_and(|status| status.success()), "they become private");
    std::fs::remove_file(alice.data().join("said.json")).expect("removable");
    let told = |node: &Node, part: &str, args: &[&str], by: &str| {
        let now = node.json(args);
        let now = if by.is_empty() { now } else { sorted(&now, by) };
        assert_eq!(like(&said[part], &now), said[part], "{part}");
    };
    let all = |node: &Node| {
        told(node, "account", &["account", "show"], "");
        told(node, "contacts", &["pair", "list"], "contact");
        told(node, "group", &["group", "show", "Lake"], "");
        told(node, "members", &["group", "members", "Lake"], "account");
        told(node, "channels", &["channel", "list"], "channel");
        told(node, "tickets", &["account", "tickets"], "id");
        for (of, messages) in said["messages"].as_object().expect("an object") {
            let now = node.json(&["messages", of, "--limit", "1000"]);
            let before = messages.as_array().expect("a list").len();
            let now = now.as_array().expect("a list").iter().take(before).cloned().collect();
            assert_eq!(like(messages, &now), *messages, "{of}");
        }
    };
    assert_eq!(verify(&alice), None);
    alice.resume();
    alice.forget_journal();
    assert_eq!(alice.id, said["account"]["account"]);
    all(&alice);
    let next = r#"{"consumer": "bot", "limit": 3}"#;
    let next = alice.json(&["rpc", "call", "events.fetch", next]);
    assert_eq!(like(&said["consumer"]["next"], &next["events"]), said["consumer"]["next"]);

    let sent = alice.json(&["send", "bob", "by today's covey"]);
    assert_eq!(sent["state"], "queued");
    alice.json(&["send", "Lake", "by today's covey, to all"]);
    alice.restart();
    all(&alice);
    assert_eq!(texts(&alice, "bob").last().map(String::as_str), Some("by today's covey"));
    assert_eq!(texts(&alice, "Lake").last().map(String::as_str), Some("by today's covey, to all"));
    assert_eq!(alice.json(&["message", "show", sent["id"].as_str().expect("an id")])["state"], "queued");
    alice.stop();
    assert_eq!(verify(&alice), None);
    let rows = alice.json(&["db", "stats"])["rows"].clone();
    assert_eq!(alice.json(&["db", "compact"])["records"], rows);
    assert_eq!(verify(&alice), None);
    alice.resume();
    all(&alice);
}
