//! A directory from many messages ago is put back: both talk again at once, and nothing is lost, doubled or reordered.
//! That no key is used twice is seen where the wire can be read: `engine/tests/rollback.rs`.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Instant};

use serde_json::Value;

use crate::{
    disks::does,
    harness::{Node, befriend, eventually},
    talk::{Dice, Writer, history, number, verify, written_by},
};

/// Both write at the same time, until everything is everywhere. What each was told, in its order.
fn converse(alice: &Node, bob: &Node, label: &str, count: usize, before: usize) -> [Vec<Value>; 2] {
    let from_alice = Writer::start(alice, format!("alice {label}"), "bob", count);
    let from_bob = Writer::start(bob, format!("bob {label}"), "alice", count).end();
    let told = [from_alice.end(), from_bob];
    for (node, with) in [(alice, "bob"), (bob, "alice")] {
        eventually("everything to arrive", || (history(node, with).len() == before + 2 * count).then_some(()));
    }
    told
}

/// Puts back what `copy` holds, in one of two ways.
fn put_back(copy: &Path, data: &Path, in_place: bool) {
    let [copy, data] = [copy, data].map(|path| path.to_str().expect("UTF-8").to_owned());
    if in_place {
        // As a file system that is rolled back does it: the same files, what is in them is older.
        assert!(does("cp", &["-a", &format!("{copy}/."), &data]));
        let all = |of: &str| {
            let list = Command::new("find").args([of, "-type", "f", "-printf", "%P\\n"]).output().expect("find runs");
            String::from_utf8(list.stdout).expect("UTF-8").lines().map(str::to_owned).collect::<BTreeSet<_>>()
        };
        for newer in all(&data).difference(&all(&copy)) {
            fs::remove_file(Path::new(&data).join(newer)).expect("removable");
        }
    } else {
        fs::remove_dir_all(&data).expect("removable");
        assert!(does("cp", &["-a", &copy, &data]));
    }
}

#[test]
fn a_copy_from_many_messages_ago_talks_again_and_gets_back_what_its_contact_has() {
    goes_on(false);
}

#[test]
fn so_does_one_that_only_its_contact_can_tell_from_the_original() {
    goes_on(true);
}

fn goes_on(in_place: bool) {
    let messages = number("COVEY_TEST_MESSAGES", 50);
    let mut dice = Dice::thrown();
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let early = converse(&alice, &bob, "early", 10, 0);
    alice.stop();
    let (data, copy) = (alice.data(), alice.base().join("copy"));
    assert!(does("cp", &["-a", data.to_str().expect("UTF-8"), copy.to_str().expect("UTF-8")]));
    alice.resume();
    let later = converse(&alice, &bob, "later", messages, 20);

    if dice.roll(2) == 0 {
        alice.stop();
    } else {
        alice.kill();
    }
    put_back(&copy, &data, in_place);
    let began = Instant::now();
    alice.resume();
    alice.forget_journal();
    alice.json(&["send", "bob", "back again"]);
    bob.until_received("back again");
    bob.json(&["send", "alice", "welcome back"]);
    alice.until_received("welcome back");
    let talking = began.elapsed();
    let all = 20 + 2 * messages + 2;
    for (node, with) in [(&alice, "bob"), (&bob, "alice")] {
        eventually("everything to be back", || (history(node, with).len() >= all).then_some(()));
    }
    println!("{messages} messages of each ago: talking after {talking:?}, everything back after {:?}", began.elapsed());

    let last = converse(&alice, &bob, "last", 10, all);
    let shown = [history(&alice, "bob"), history(&bob, "alice")];
    let ids = |shown: &[Value]| shown.iter().map(|message| message["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&shown[0]), ids(&shown[1]));
    let texts: BTreeSet<String> = shown[0].iter().map(|message| message["text"].to_string()).collect();
    assert_eq!(texts.len(), all + 20, "nothing twice");
    for (side, author) in [&alice.id, &bob.id].into_iter().enumerate() {
        let told = [&early[side][..], &later[side], &last[side]].concat();
        let mut written = written_by(&shown[0], author);
        // The copy's own first words stand where it could place them, knowing nothing of the rest.
        written.retain(|id| told.contains(id));
        assert_eq!(written, told, "the order of {author}");
    }
    alice.stop();
    assert_eq!(verify(&alice), None);
}
