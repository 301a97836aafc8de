//! A disk that is full, or read-only, is told with its reason; nothing acknowledged is lost, and when it is as before so
//! is the node.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    disks::Mounted,
    harness::{Node, befriend, eventually, same_conversation},
    talk::{history, number, verify, written_by},
};

/// Enough for a database and little more, in MiB. `COVEY_TEST_DISK_MIB` for others.
const SIZE: usize = 6;

/// Moves the data of a node that does not run to a disk of its own. Nothing if this process may not mount one.
pub(crate) fn move_to(node: &Node, args: &[&str]) -> Option<Mounted> {
    let data = node.data();
    let before = node.base().join("before");
    fs::rename(&data, &before).expect("moves");
    let mounted = Mounted::on(&data, args)?;
    let all = format!("{}/.", before.display());
    let copied = Command::new("cp").arg("-a").arg(all).arg(&data).status().expect("cp runs");
    assert!(copied.success());
    Some(mounted)
}

/// Takes all space but a little.
pub(crate) fn fill(disk: &Path) {
    let file = disk.join("ballast");
    let mut length: usize = 64 << 20;
    let mut ballast = Vec::new();
    while length >= 4_096 {
        ballast.resize(ballast.len() + length, 7);
        if fs::write(&file, &ballast).is_err() {
            ballast.truncate(ballast.len() - length);
            length /= 2;
        }
    }
    let _ = fs::write(&file, &ballast);
}

/// Writes until it fails. The ids that were acknowledged, and the error object of the refusal.
fn write_until_refused(node: &Node, acknowledged: &mut Vec<Value>) -> Value {
    for number in 0..2_000 {
        let text = format!("{} {number} {}", acknowledged.len(), "x".repeat(2_000));
        let ran = node.run(&["--json", "send", "bob", &text]);
        if ran.code == 0 {
            acknowledged.push(ran.json()["id"].clone());
            continue;
        }
        assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{ran:?}");
        return serde_json::from_str::<Value>(&ran.stderr).expect("an error object")["error"].clone();
    }
    panic!("the disk is never full");
}

#[test]
fn a_full_disk_refuses_with_its_reason_and_service_resumes_when_there_is_space() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.stop();
    let size = format!("size={}m", number("COVEY_TEST_DISK_MIB", SIZE));
    let Some(disk) = move_to(&alice, &["-t", "tmpfs", "-o", &size, "covey-test"]) else { return };
    alice.resume();
    let mut acknowledged = Vec::new();
    for round in 0..2 {
        fill(disk.place());
        let refusal = write_until_refused(&alice, &mut acknowledged);
        assert_eq!(refusal["reason"], "storage", "{refusal}");
        assert!(refusal["message"].as_str().expect("a sentence").contains("full"), "{refusal}");
        // It says so again and again, reads go on, and nothing ends.
        assert_eq!(alice.run(&["--json", "send", "bob", "no room"]).code, 5, "round {round}");
        println!("round {round}: {} messages were acknowledged before \"{}\"", acknowledged.len(), refusal["message"]);
        fs::remove_file(disk.place().join("ballast")).expect("removable");
        let sent = eventually("service to resume", || {
            let ran = alice.run(&["--json", "send", "bob", &format!("there is room again {round}")]);
            (ran.code == 0).then(|| ran.json()["id"].clone())
        });
        acknowledged.push(sent);
        bob.until_received(&format!("there is room again {round}"));
    }
    bob.json(&["send", "alice", "heard"]);
    alice.until_received("heard");
    assert_eq!(written_by(&history(&alice, "bob"), &alice.id), acknowledged);
    assert_eq!(written_by(&history(&bob, "alice"), &alice.id), acknowledged);
    same_conversation(&alice, &bob);
    alice.stop();
    assert_eq!(verify(&alice), None);
    assert!(!alice.log().contains("panic"), "{}", alice.log());
}

#[test]
fn a_disk_that_messages_filled_is_told_and_service_resumes_when_it_grows() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.stop();
    let size = number("COVEY_TEST_DISK_MIB", SIZE);
    let before = format!("size={size}m");
    let Some(disk) = move_to(&alice, &["-t", "tmpfs", "-o", &before, "covey-test"]) else { return };
    alice.resume();
    let mut acknowledged = Vec::new();
    let refusal = write_until_refused(&alice, &mut acknowledged);
    println!("{} messages were acknowledged before {}", acknowledged.len(), refusal["message"]);
    assert_eq!(refusal["reason"], "storage", "{refusal}");
    // Killed in that state, it has everything when it can start again.
    alice.kill();
    assert!(disk.remount(&format!("size={}m", size + 16)));
    alice.resume();
    let sent = alice.json(&["send", "bob", "there is room again"])["id"].clone();
    bob.until_received("there is room again");
    acknowledged.push(sent);
    assert_eq!(written_by(&history(&alice, "bob"), &alice.id), acknowledged);
    assert_eq!(written_by(&history(&bob, "alice"), &alice.id), acknowledged);
    alice.stop();
    assert_eq!(verify(&alice), None);
}

#[test]
fn a_disk_that_turns_read_only_is_told_and_nothing_acknowledged_is_lost() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.stop();
    let Some(disk) = move_to(&alice, &["-t", "tmpfs", "-o", "size=32m", "covey-test"]) else { return };
    alice.resume();
    alice.json(&["send", "bob", "before"]);
    bob.until_received("before");
    // An open file that is written keeps a file system from being made read-only: then there is nothing to see.
    if disk.remount("ro") {
        let ran = alice.run(&["--json", "send", "bob", "during"]);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(disk.remount("rw"));
        eventually("service to resume", || (alice.run(&["send", "bob", "after"]).code == 0).then_some(()));
        bob.until_received("after");
    } else {
        println!("SKIPPED: the disk cannot be made read-only while it is in use");
        alice.kill();
        assert!(disk.remount("ro"));
        assert!(alice.run(&["db", "verify"]).sentence(5).to_lowercase().contains("read-only"));
        let mut child = alice.daemon().spawn().expect("covey starts");
        assert_eq!(child.wait().expect("ends").code(), Some(5));
        assert!(disk.remount("rw"));
        alice.resume();
        alice.json(&["send", "bob", "after"]);
        bob.until_received("after");
    }
    same_conversation(&alice, &bob);
    alice.stop();
    assert_eq!(verify(&alice), None);
}
