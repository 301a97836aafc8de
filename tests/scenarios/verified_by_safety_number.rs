//! Two people compare a number, and know that nobody is in between.

use crate::harness::{Node, befriend};

#[test]
fn both_see_the_same_number_and_only_the_right_one_verifies() {
    let (mut alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    befriend(&alice, &bob);
    befriend(&alice, &carol);
    let shown = alice.json(&["account", "safety-number", "bob"]);
    let number = shown["safety_number"].as_str().expect("a number").to_owned();
    assert_eq!(number, bob.json(&["pair", "verify", "alice"])["safety_number"]);
    let groups: Vec<&str> = number.split(' ').collect();
    assert!(groups.len() == 12 && groups.iter().all(|group| group.len() == 5), "{number}");
    assert!(number.bytes().all(|byte| byte == b' ' || byte.is_ascii_digit()));

    let of_carol = alice.json(&["account", "safety-number", "carol"])["safety_number"].clone();
    let wrong = [of_carol.as_str().expect("a number"), "12345", &number[..number.len() - 1]];
    for number in wrong {
        assert_eq!(alice.reason(&["pair", "verify", "bob", number]), "safety_number_mismatch");
    }
    assert_eq!(alice.json(&["pair", "show", "bob"])["verified"], false);

    // As one types it: in groups, or in one.
    assert_eq!(bob.json(&[&["pair", "verify", "alice"], groups.as_slice()].concat())["verified"], true);
    assert_eq!(alice.json(&["pair", "verify", "bob", &number.replace(' ', "")])["verified"], true);
    alice.restart();
    assert_eq!(alice.json(&["pair", "show", "bob"])["verified"], true);
    assert_eq!(alice.json(&["account", "safety-number", "bob"])["verified"], true);
    assert_eq!(alice.json(&["pair", "show", "carol"])["verified"], false);
}
