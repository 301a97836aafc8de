//! Leaving: a member goes; the owner names the next one first, or is the last.

use crate::harness::{Node, lake_of, make_group, say_to_all, texts, until_converged};

#[test]
fn a_member_leaves_and_keeps_what_was_written() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&alice, &group, "all three", &[&bob, &carol]);
    assert_eq!(carol.json(&["group", "leave", "Lake"])["state"], "left");
    for node in [&alice, &bob] {
        node.until_members(&group, 2);
        assert_eq!(node.member(&group, &carol.id).expect("is known")["state"], "left");
    }
    assert_eq!(texts(&carol, &group), ["all three"]);
    let sentence = carol.refused(&["send", "Lake", "wait"], 1);
    assert!(sentence.contains("no longer in Lake"), "{sentence}");
    say_to_all(&bob, &group, "two of us", &[&alice]);
    until_converged(&[&alice, &bob], &group);
    // They may come back.
    crate::harness::bring_in(&alice, &group, &carol);
    say_to_all(&carol, &group, "three again", &[&alice, &bob]);
}

#[test]
fn the_owner_names_the_next_one_before_leaving() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    assert_eq!(alice.reason(&["group", "leave", "Lake"]), "last_owner");
    let sentence = alice.refused(&["group", "leave", "Lake"], 1);
    assert!(sentence.contains("--transfer-to"), "{sentence}");
    assert_eq!(alice.reason(&["group", "leave", "Lake", "--transfer-to", "nobody"]), "not_a_member");
    alice.until_group(&group, "joined");
    assert_eq!(alice.json(&["group", "leave", "Lake", "--transfer-to", "bob"])["state"], "left");
    for node in [&bob, &carol] {
        node.until_role(&group, &bob.id, "owner");
        node.until_members(&group, 2);
    }
    assert_eq!(bob.json(&["group", "rename", "Lake", "Bob's lake"])["name"], "Bob's lake");
    say_to_all(&bob, &group, "mine now", &[&carol]);
    until_converged(&[&bob, &carol], &group);
}

#[test]
fn the_owner_hands_over_and_stays_as_an_admin() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    let group = lake_of(&alice, &[&bob]);
    assert_eq!(bob.reason(&["group", "remove", "Lake", &alice.id]), "not_allowed");
    alice.json(&["group", "role", "Lake", "bob", "owner"]);
    for node in [&alice, &bob] {
        node.until_role(&group, &bob.id, "owner");
        node.until_role(&group, &alice.id, "admin");
    }
    assert_eq!(alice.reason(&["group", "role", "Lake", "bob", "member"]), "not_allowed");
    alice.json(&["group", "leave", "Lake"]);
    bob.until_members(&group, 1);
}

#[test]
fn one_who_is_alone_in_a_group_just_leaves() {
    let alice = Node::start("alice");
    let group = make_group(&alice, "Empty");
    assert_eq!(alice.json(&["group", "leave", "Empty"])["state"], "left");
    assert_eq!(alice.reason(&["send", &group, "echo?"]), "group_left");
}
