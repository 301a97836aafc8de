//! Invites end: taken back by who made them, or by time.

use crate::harness::{Node, contact_of, invite, settled};

#[test]
fn a_cancelled_invite_cannot_be_accepted_any_more() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    invite(&alice, &bob);
    bob.until_contact(&alice.id, "pending");
    assert_eq!(alice.json(&["pair", "cancel", "bob"])["state"], "cancelled");
    bob.until_contact(&alice.id, "cancelled");
    assert_eq!(bob.reason(&["pair", "accept", &alice.id]), "wrong_state");
    assert_eq!(alice.reason(&["pair", "cancel", "bob"]), "wrong_state");
    // And can be made anew.
    invite(&alice, &bob);
    bob.until_contact(&alice.id, "pending");
    bob.json(&["pair", "accept", &alice.id]);
    alice.until_confirmed(&bob.id);
}

#[test]
fn an_invite_cancelled_while_they_were_away_is_withdrawn_when_they_come_back() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    invite(&alice, &bob);
    bob.until_contact(&alice.id, "pending");
    bob.stop();
    alice.json(&["pair", "cancel", "bob"]);
    alice.restart();
    bob.resume();
    bob.until_contact(&alice.id, "cancelled");
    settled(&alice);
}

#[test]
fn an_invite_cancelled_before_it_arrived_never_shows() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let ticket = bob.json(&["account", "ticket"]);
    bob.stop();
    alice.json(&["pair", "invite", ticket["ticket"].as_str().expect("a ticket"), "--alias", "bob"]);
    alice.json(&["pair", "cancel", "bob"]);
    bob.resume();
    settled(&alice);
    assert_eq!(contact_of(&bob, &alice.id), None);
}

#[test]
fn an_invite_to_an_account_not_found_yet_can_be_cancelled() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    alice.json(&["pair", "invite", &bob.id, "--alias", "bob"]);
    assert_eq!(alice.json(&["pair", "cancel", "bob"])["state"], "stranger", "nobody was asked");
    settled(&alice);
    assert_eq!(alice.json(&["pair", "list"]), serde_json::json!([]));
}
