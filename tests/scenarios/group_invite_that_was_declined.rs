//! A no is a no: a declined invite stays declined, however often it is repeated.

use crate::harness::{Node, befriend, bring_in, eventually, make_group, settled};

#[test]
fn a_declined_invite_stays_declined() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let group = make_group(&alice, "Lake");
    alice.json(&["group", "invite", "Lake", "bob"]);
    bob.until_group(&group, "invited");
    assert_eq!(bob.json(&["group", "decline", "Lake"])["state"], "declined");
    eventually("alice's node to take the invite back", || {
        let invited = alice.json(&["group", "members", "Lake", "--state", "invited"]);
        invited.as_array().expect("a list").is_empty().then_some(())
    });
    alice.json(&["group", "invite", "Lake", "bob"]);
    settled(&alice);
    // A round through bob's node: the invite has been dealt with by its end.
    alice.json(&["send", "bob", "please?"]);
    bob.until_received("please?");
    assert_eq!(bob.json(&["group", "list", "--state", "invited"]), serde_json::json!([]));
    assert_eq!(bob.json(&["group", "show", &group])["state"], "declined");
    assert_eq!(bob.reason(&["group", "accept", "Lake"]), "wrong_state");
    bob.restart();
    assert_eq!(bob.json(&["group", "show", &group])["state"], "declined");
    alice.until_members(&group, 1);
}

#[test]
fn an_invite_that_was_taken_back_cannot_be_accepted() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let group = make_group(&alice, "Lake");
    alice.json(&["group", "invite", "Lake", "bob"]);
    bob.until_group(&group, "invited");
    alice.json(&["group", "remove", "Lake", "bob"]);
    bob.run(&["group", "accept", "Lake"]);
    bob.until_group(&group, "declined");
    alice.until_members(&group, 1);
}

#[test]
fn an_invite_waits_for_who_is_away_and_a_yes_for_who_invited() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let group = make_group(&alice, "Lake");
    bob.stop();
    alice.json(&["group", "invite", "Lake", "bob"]);
    alice.crash();
    bob.resume();
    bob.until_group(&group, "invited");
    alice.kill();
    bob.json(&["group", "accept", "Lake"]);
    bob.crash();
    alice.resume();
    bob.until_group(&group, "joined");
    crate::harness::say_to_all(&bob, &group, "in at last", &[&alice]);
    let carol = Node::start("carol");
    befriend(&alice, &carol);
    bring_in(&alice, &group, &carol);
}
