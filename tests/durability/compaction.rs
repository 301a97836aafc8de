//! `covey db compact` returns space and loses nothing, killed at whatever moment.

use std::{fs, process::Stdio, thread, time::Duration};

use serde_json::Value;

use crate::{
    disks::Mounted,
    harness::{Node, befriend, same_conversation},
    talk::{Dice, Writer, history, number, verify},
};

fn stats(node: &Node) -> Value {
    node.json(&["db", "stats"])
}

/// Two who have talked so much that the files of one of them are far larger than what is in them.
fn talked() -> (Node, Node) {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let messages = number("COVEY_TEST_MESSAGES", 150);
    let writer = Writer::start(&alice, "alice", "bob", messages);
    assert_eq!(writer.end().len(), messages);
    bob.until_received(&format!("alice {}", messages - 1));
    alice.stop();
    (alice, bob)
}

#[test]
fn a_compacted_node_has_everything_takes_less_room_and_goes_on() {
    let (mut alice, bob) = talked();
    let before = stats(&alice);
    let rows = |stats: &Value, table: &str| {
        let tables = stats["tables"].as_array().expect("a list");
        tables.iter().find(|of| of["table"] == table).map_or(0, |of| of["rows"].as_u64().expect("a number"))
    };
    assert!(rows(&before, "Entry") >= 150 && rows(&before, "Contact") == 1, "{before}");
    let made = alice.json(&["db", "compact"]);
    assert_eq!(made["records"], before["rows"]);
    let bytes = |name: &str| made[name].as_u64().expect("a number");
    assert!(bytes("bytes_after") < bytes("bytes_before"), "{made}");
    let after = stats(&alice);
    assert_eq!(rows(&after, "Entry"), rows(&before, "Entry"));
    assert_eq!(verify(&alice), None);
    let told = alice.run(&["db", "stats"]).stdout;
    assert!(told.contains("Entry") && told.contains("Files of the database"), "{told}");
    assert!(alice.run(&["db", "compact"]).stdout.contains("and now take"));
    alice.resume();
    assert!(alice.refused(&["db", "compact"], 5).contains("covey shutdown"));
    alice.json(&["send", "bob", "compacted"]);
    bob.until_received("compacted");
    bob.json(&["send", "alice", "good"]);
    alice.until_received("good");
    same_conversation(&alice, &bob);
    assert!(!alice.log().contains("older state"), "a compacted database is no copy: {}", alice.log());
    alice.stop();
    assert_eq!(verify(&alice), None);
}

#[test]
fn a_compaction_killed_at_any_moment_leaves_a_whole_database_that_the_next_start_goes_on_with() {
    let mut dice = Dice::thrown();
    let (mut alice, bob) = talked();
    let mut said = 0;
    for round in 0..number("COVEY_TEST_CYCLES", 12) {
        let mut command = alice.covey();
        command.args(["db", "compact"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        thread::sleep(Duration::from_millis(dice.roll(700)));
        let _ = child.kill();
        child.wait().expect("ends");
        if dice.roll(3) == 0 {
            assert_eq!(verify(&alice), None, "round {round}");
        }
        if dice.roll(3) == 0 {
            alice.resume();
            let text = format!("after round {round}");
            alice.json(&["send", "bob", &text]);
            bob.until_received(&text);
            said += 1;
            alice.stop();
            let left: Vec<_> =
                fs::read_dir(alice.data()).expect("lists").map_while(Result::ok).map(|e| e.file_name()).collect();
            assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".db")), "round {round}: {left:?}");
        }
    }
    alice.json(&["db", "compact"]);
    assert_eq!(verify(&alice), None);
    alice.resume();
    same_conversation(&alice, &bob);
    assert_eq!(history(&alice, "bob").len(), number("COVEY_TEST_MESSAGES", 150) + said);
}

#[test]
fn a_disk_without_room_for_a_copy_is_told_before_anything_is_done() {
    let (alice, _bob) = talked();
    let data = alice.data();
    let before = alice.base().join("before");
    fs::rename(&data, &before).expect("moves");
    let Some(_disk) = Mounted::on(&data, &["-t", "tmpfs", "-o", "size=6m", "covey-test"]) else { return };
    let copied = std::process::Command::new("cp").arg("-a").arg(format!("{}/.", before.display())).arg(&data).status();
    assert!(copied.expect("cp runs").success());
    let sentence = alice.run(&["db", "compact"]).sentence(1);
    assert!(sentence.contains("MiB are needed") && sentence.contains("free some space"), "{sentence}");
    assert!(!data.join(".db-compacting").exists());
}
