//! A backup is one file, refuses to take another's place, and goes on where it is put back.

use std::fs;

use serde_json::Value;

use crate::{
    harness::{Node, befriend, covey, lake_of, run, same_conversation, same_group, say_to_all, until_converged},
    talk::verify,
};

#[test]
fn a_backup_put_into_an_empty_directory_goes_on_and_gets_back_what_came_after_it() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["send", "bob", "before the backup"]);
    bob.until_received("before the backup");
    let file = alice.base().join("alice.backup");
    let file = file.to_str().expect("UTF-8");
    assert!(alice.refused(&["db", "backup", file], 5).contains("in use"));
    alice.stop();
    let made = alice.json(&["db", "backup", file]);
    assert_eq!(made["needs_key_file"], true);
    assert!(alice.refused(&["db", "backup", file], 1).contains("exists already"));
    assert!(alice.refused(&["db", "restore", file], 1).contains("There is a node"));
    alice.resume();
    alice.json(&["send", "bob", "after the backup"]);
    bob.until_received("after the backup");
    alice.stop();

    // The disk dies; what is left is the backup and, from elsewhere, the key.
    let key = alice.base().join("vault.key");
    fs::copy(alice.data().join("vault.key"), &key).expect("copies");
    fs::remove_dir_all(alice.data()).expect("removable");
    assert_eq!(alice.run(&["db", "restore", file]).code, 2, "without its key");
    let key = key.to_str().expect("UTF-8");
    let restored = alice.json(&["db", "restore", file, "--vault-key", key]);
    assert_eq!(restored["records"], made["records"]);
    assert_eq!(verify(&alice), None);
    alice.resume();
    alice.forget_journal();
    alice.until_shows("bob", 2);
    alice.json(&["send", "bob", "back again"]);
    bob.until_received("back again");
    assert_eq!(same_conversation(&alice, &bob), ["before the backup", "after the backup", "back again"]);
    alice.stop();
    assert_eq!(verify(&alice), None);
}

#[test]
fn the_owner_of_a_group_goes_on_from_a_backup_and_can_still_remove_somebody() {
    let (mut alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&alice, &group, "before the backup", &[&bob, &carol]);
    alice.stop();
    let file = alice.base().join("alice.backup");
    let file = file.to_str().expect("UTF-8");
    alice.json(&["db", "backup", file]);
    alice.resume();
    say_to_all(&alice, &group, "after the backup", &[&bob, &carol]);
    say_to_all(&bob, &group, "I heard you", &[&alice, &carol]);
    alice.stop();

    let key = alice.base().join("vault.key");
    fs::copy(alice.data().join("vault.key"), &key).expect("copies");
    fs::remove_dir_all(alice.data()).expect("removable");
    alice.json(&["db", "restore", file, "--vault-key", key.to_str().expect("UTF-8")]);
    assert_eq!(verify(&alice), None);
    alice.resume();
    alice.forget_journal();
    alice.until_reads(&group, "I heard you");
    say_to_all(&alice, &group, "back again", &[&bob, &carol]);
    let all = ["before the backup", "after the backup", "I heard you", "back again"];
    assert_eq!(same_group(&[&alice, &bob, &carol], &group), all);
    until_converged(&[&alice, &bob, &carol], &group);

    alice.json(&["group", "remove", "Lake", "carol"]);
    carol.until_group(&group, "removed");
    bob.until_members(&group, 2);
    say_to_all(&alice, &group, "for two", &[&bob]);
    say_to_all(&bob, &group, "good", &[&alice]);
    until_converged(&[&alice, &bob], &group);
    alice.stop();
    assert_eq!(verify(&alice), None);
}

#[test]
fn a_file_that_is_no_backup_or_a_damaged_one_is_refused_and_leaves_nothing() {
    let mut alice = Node::start("alice");
    alice.stop();
    let file = alice.base().join("backup");
    alice.json(&["db", "backup", file.to_str().expect("UTF-8")]);
    let key = alice.data().join("vault.key");
    let whole = fs::read(&file).expect("reads");
    let empty = alice.base().join("empty");
    let restore = |bytes: &[u8]| {
        let file = alice.base().join("bad");
        fs::write(&file, bytes).expect("writes");
        let mut command = covey(&alice.home());
        command.arg("--data-dir").arg(&empty).args(["db", "restore"]).arg(&file).arg("--vault-key").arg(&key);
        let sentence = run(command, [] as [&str; 0], "").sentence(5);
        let left: Vec<_> = fs::read_dir(&empty).expect("lists").map_while(Result::ok).map(|e| e.file_name()).collect();
        assert_eq!(left, ["lock"], "{sentence}");
        sentence
    };
    assert!(restore(b"hello").contains("no backup"));
    assert!(restore(&whole[..whole.len() / 2]).contains("damaged or not complete"));
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    restore(&damaged);
    let mut without = covey(&alice.home());
    without.arg("--data-dir").arg(&empty).args(["db", "restore"]).arg(&file);
    let sentence = run(without, [] as [&str; 0], "").sentence(2);
    assert!(sentence.contains("--vault-key") && !sentence.contains(".restore-"), "{sentence}");
    alice.resume();
    let status: Value = alice.json(&["status"]);
    assert!(status.is_object());
}
