//! A proof that a member wrote a message: another member's node believes it, and nothing that was changed.

use std::fs;

use crate::harness::{Node, befriend, lake_of, say_to_all};

#[test]
fn a_report_is_verified_by_another_members_node() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    let rude = say_to_all(&carol, &group, "something rude", &[&alice, &bob]);
    let file = bob.base().join("proof.txt");
    let path = file.to_str().expect("a path in UTF-8");
    let made = bob.json(&["group", "report", "Lake", &rude, "--out", path]);
    assert_eq!((&made["message"], &made["author"]), (&rude.clone().into(), &carol.id.clone().into()));
    let verdict = alice.json(&["group", "report", "--verify", path]);
    assert_eq!((&verdict["valid"], &verdict["text"]), (&true.into(), &"something rude".into()), "{verdict}");
    assert_eq!((&verdict["author"], &verdict["group"]), (&carol.id.clone().into(), &group.clone().into()));
    assert_eq!((&verdict["message"], &verdict["member"]), (&rude.into(), &true.into()));
    let shown = alice.run(&["group", "report", "--verify", path]);
    assert!(shown.code == 0 && shown.stdout.contains("something rude") && shown.stdout.contains("carol"), "{shown:?}");

    // It holds whatever becomes of its author.
    alice.json(&["group", "remove", "Lake", "carol"]);
    assert_eq!(alice.json(&["group", "report", "--verify", path])["valid"], true);

    let proof = fs::read_to_string(&file).expect("a proof");
    for place in [20, proof.len() / 2, proof.len() - 5] {
        let mut changed = proof.trim().to_owned().into_bytes();
        changed[place] = if changed[place] == b'a' { b'b' } else { b'a' };
        fs::write(&file, changed).expect("can be written");
        let ran = alice.run(&["--json", "group", "report", "--verify", path]);
        let verdict: serde_json::Value = serde_json::from_str(&ran.stdout).expect("a verdict");
        assert_eq!(
            (ran.code, &verdict["valid"], &verdict["text"]),
            (1, &false.into(), &().into()),
            "at {place}: {ran:?}"
        );
    }
}

#[test]
fn who_is_not_in_the_group_can_tell_nothing_by_a_proof() {
    let (alice, bob, eve) = (Node::start("alice"), Node::start("bob"), Node::start("eve"));
    let group = lake_of(&alice, &[&bob]);
    befriend(&bob, &eve);
    let id = say_to_all(&alice, &group, "among us", &[&bob]);
    let proof = bob.json(&["group", "report", "Lake", &id])["proof"].as_str().expect("a proof").to_owned();
    let ran = eve.run_with(&["--json", "group", "report", "--verify", "-"], &proof);
    let verdict: serde_json::Value = serde_json::from_str(&ran.stdout).expect("a verdict");
    assert_eq!((ran.code, &verdict["valid"], &verdict["text"]), (1, &false.into(), &().into()), "{ran:?}");
    assert!(verdict["why"].as_str().is_some_and(|why| why.contains("not in")), "{verdict}");
}
