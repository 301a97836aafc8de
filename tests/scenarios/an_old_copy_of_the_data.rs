//! Backups are put back, directories are copied: nothing is forked, nobody falls silent, what is known elsewhere returns.

use std::{fs, path::Path, process::Command};

use crate::harness::{Node, befriend, same_conversation, texts};

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success());
}

fn say(from: &Node, to: &Node, text: &str) {
    from.json(&["send", to.name, text]);
    to.until_received(text);
}

#[test]
fn a_backup_that_is_put_back_goes_on_and_gets_back_what_others_know() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    say(&alice, &bob, "before the backup");
    alice.stop();
    let (data, backup) = (alice.data(), alice.base().join("backup"));
    copy(&data, &backup);

    alice.resume();
    for n in 0..5 {
        say(&alice, &bob, &format!("after the backup {n}"));
        say(&bob, &alice, &format!("answer {n}"));
    }
    alice.stop();
    fs::remove_dir_all(&data).expect("removable");
    copy(&backup, &data);
    alice.resume();
    // Her journal is the old one: what happened after the backup happens again.
    alice.forget_journal();

    alice.json(&["send", "bob", "back again"]);
    bob.until_received("back again");
    bob.json(&["send", "alice", "welcome back"]);
    alice.until_received("welcome back");
    alice.until_shows("bob", 13);
    let texts = same_conversation(&alice, &bob);
    for n in 0..5 {
        assert!(
            texts.contains(&format!("after the backup {n}")) && texts.contains(&format!("answer {n}")),
            "{texts:?}"
        );
    }
    say(&alice, &bob, "all is well");
    say(&bob, &alice, "indeed");
    assert_eq!(same_conversation(&alice, &bob).len(), 15);
}

#[test]
fn a_backup_that_writes_before_it_meets_anybody_loses_nothing_and_repeats_nothing() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    say(&alice, &bob, "before the backup");
    alice.stop();
    let (data, backup) = (alice.data(), alice.base().join("backup"));
    copy(&data, &backup);
    alice.resume();
    say(&alice, &bob, "known to bob only");
    alice.stop();
    bob.stop();

    fs::remove_dir_all(&data).expect("removable");
    copy(&backup, &data);
    alice.resume();
    alice.forget_journal();
    alice.json(&["send", "bob", "written by the copy"]);
    assert_eq!(texts(&alice, "bob"), ["before the backup", "written by the copy"]);
    bob.resume();
    bob.until_received("written by the copy");
    alice.until_shows("bob", 3);
    let mut texts = same_conversation(&alice, &bob);
    texts.sort_unstable();
    assert_eq!(texts, ["before the backup", "known to bob only", "written by the copy"]);
}
