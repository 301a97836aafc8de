//! Somebody is removed, or banned: the very next message is not for them, and nothing of theirs is taken.

use crate::harness::{Node, lake_of, same_group, say_to_all, texts, until_converged};

/// A round through a contact's node: whatever was sent to it before has been dealt with by its end.
fn round_through(node: &Node, other: &Node, word: &str) {
    node.json(&["send", other.name, word]);
    other.until_received(word);
    let answer = format!("{word}, yes");
    other.json(&["send", node.name, &answer]);
    node.until_received(&answer);
}

#[test]
fn a_removed_member_neither_reads_nor_writes() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&carol, &group, "while I was in", &[&alice, &bob]);
    let removed = alice.json(&["group", "remove", "Lake", "carol"]);
    assert_eq!((&removed["account"], &removed["state"]), (&carol.id.clone().into(), &"removed".into()));
    bob.until_members(&group, 2);
    let next = say_to_all(&alice, &group, "the very next", &[&bob]);
    say_to_all(&bob, &group, "and the one after", &[&alice]);
    carol.until_group(&group, "removed");
    round_through(&alice, &carol, "still friends?");

    assert_eq!(texts(&carol, &group), ["while I was in"]);
    assert_eq!(carol.reason(&["message", "show", &next]), "no_such_message");
    assert_eq!(carol.reason(&["send", &group, "can you hear me?"]), "group_left");
    assert_eq!(carol.reason(&["group", "doctor", &group]), "group_left");
    assert_eq!(carol.reason(&["group", "rename", &group, "Mine"]), "group_left");
    let all = ["while I was in", "the very next", "and the one after"];
    assert_eq!(same_group(&[&alice, &bob], &group), all);
    until_converged(&[&alice, &bob], &group);
}

#[test]
fn one_who_was_removed_while_away_reads_nothing_of_what_came_after() {
    let (alice, bob, mut carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&alice, &group, "for all three", &[&bob, &carol]);
    carol.kill();
    alice.json(&["group", "remove", "Lake", "carol"]);
    bob.until_members(&group, 2);
    say_to_all(&alice, &group, "for two", &[&bob]);
    carol.resume();
    carol.until_group(&group, "removed");
    round_through(&alice, &carol, "back?");
    assert_eq!(texts(&carol, &group), ["for all three"]);
}

#[test]
fn what_a_removed_member_writes_before_hearing_of_it_is_not_taken() {
    let (mut alice, mut bob, mut carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&carol, &group, "early", &[&alice, &bob]);
    carol.stop();
    alice.json(&["group", "remove", "Lake", "carol"]);
    bob.until_members(&group, 2);
    alice.stop();
    bob.stop();
    carol.resume();
    carol.json(&["send", &group, "late"]);
    alice.resume();
    bob.resume();
    carol.until_group(&group, "removed");
    round_through(&alice, &carol, "gone?");
    until_converged(&[&alice, &bob], &group);
    assert_eq!(same_group(&[&alice, &bob], &group), ["early"]);
}

#[test]
fn a_removed_member_can_be_invited_again_and_a_banned_one_cannot() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    alice.json(&["group", "remove", "Lake", "carol"]);
    carol.until_group(&group, "removed");
    crate::harness::bring_in(&alice, &group, &carol);
    say_to_all(&alice, &group, "welcome back", &[&bob, &carol]);
    say_to_all(&carol, &group, "thanks", &[&alice, &bob]);

    assert_eq!(alice.json(&["group", "ban", "Lake", "carol"])["state"], "banned");
    carol.until_group(&group, "removed");
    assert_eq!(alice.reason(&["group", "invite", "Lake", "carol"]), "banned");
    let ticket = alice.json(&["group", "ticket", "Lake"]);
    carol.json(&["group", "join", ticket["ticket"].as_str().expect("a ticket")]);
    carol.until_group(&group, "declined");
    bob.until_members(&group, 2);
    alice.json(&["group", "unban", "Lake", &carol.id]);
    crate::harness::bring_in(&alice, &group, &carol);
    say_to_all(&carol, &group, "at last", &[&alice, &bob]);
}
