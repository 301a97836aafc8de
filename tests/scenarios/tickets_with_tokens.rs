//! Tickets with a token: so many uses, so long, until revoked. The token passes the limits on strangers, nothing else.

use serde_json::{Value, json};

use crate::harness::{Launch, Node, contact_of, eventually, settled};

/// Alice, who has as many strangers waiting as may, and the one who waits: nobody else gets in without a token.
fn full_house() -> (Node, Node) {
    let (alice, eve) = (Node::launch("alice", Launch::default().set("pairing.max_pending", "1")), Node::start("eve"));
    invite_with(&eve, &ticket(&alice, &[]));
    alice.until_contact(&eve.id, "pending");
    (alice, eve)
}

fn ticket(node: &Node, args: &[&str]) -> Value {
    node.json(&[&["account", "ticket"], args].concat())
}

fn invite_with(who: &Node, ticket: &Value) {
    who.json(&["pair", "invite", ticket["ticket"].as_str().expect("a ticket"), "--alias", "alice"]);
}

fn listed(node: &Node) -> Value {
    node.json(&["account", "tickets"])[0].clone()
}

/// The invite has been dealt with, and nobody was asked.
#[track_caller]
fn stays_out(who: &Node, alice: &Node) {
    settled(who);
    assert_eq!(contact_of(alice, &who.id), None);
    assert_eq!(contact_of(who, &alice.id).expect("listed")["state"], "invited", "they learn nothing");
}

#[test]
fn a_ticket_lets_in_as_many_as_it_has_uses() {
    let (alice, _eve) = full_house();
    let (bob, carol, dora) = (Node::start("bob"), Node::start("carol"), Node::start("dora"));
    let twice = ticket(&alice, &["--uses", "2", "--expires-in", "1h"]);
    assert_eq!(twice["uses"], 2);
    assert_eq!((&listed(&alice)["state"], &listed(&alice)["used"]), (&json!("active"), &json!(0)));
    for (who, used) in [(&bob, 1), (&carol, 2)] {
        invite_with(who, &twice);
        alice.until_contact(&who.id, "pending");
        assert_eq!(listed(&alice)["used"], used);
    }
    assert_eq!(listed(&alice)["state"], "used");
    invite_with(&dora, &twice);
    stays_out(&dora, &alice);
    // The operator is asked all the same: a token is no consent.
    assert_eq!(contact_of(&alice, &bob.id).expect("listed")["state"], "pending");
    alice.json(&["pair", "accept", &bob.id]);
    bob.until_confirmed(&alice.id);
}

#[test]
fn a_revoked_ticket_lets_nobody_in() {
    let ((alice, _eve), bob) = (full_house(), Node::start("bob"));
    let made = ticket(&alice, &["--uses", "5"]);
    let id = made["id"].as_str().expect("an id");
    assert_eq!(alice.json(&["account", "revoke-ticket", id])["state"], "revoked");
    invite_with(&bob, &made);
    stays_out(&bob, &alice);
    assert_eq!(alice.reason(&["account", "revoke-ticket", "0123456789"]), "no_such_ticket");
}

#[test]
fn an_expired_ticket_is_refused_where_it_is_used_and_lets_nobody_in() {
    let ((alice, _eve), bob) = (full_house(), Node::start("bob"));
    let made = ticket(&alice, &["--expires-in", "1"]);
    eventually("the ticket to expire", || (listed(&alice)["state"] == "expired").then_some(()));
    let text = made["ticket"].as_str().expect("a ticket");
    assert_eq!(bob.reason(&["pair", "invite", text, "--alias", "alice"]), "ticket_expired");
    let sentence = bob.refused(&["pair", "invite", text], 1);
    assert!(sentence.contains("expired") && sentence.contains("new"), "says what to do: {sentence}");
    assert_eq!((contact_of(&alice, &bob.id), contact_of(&bob, &alice.id)), (None, None));
}

#[test]
fn without_a_token_no_more_strangers_wait_than_may() {
    let (alice, eve) = full_house();
    let bob = Node::start("bob");
    invite_with(&bob, &ticket(&alice, &[]));
    stays_out(&bob, &alice);
    alice.json(&["pair", "decline", &eve.id]);
    bob.json(&["pair", "cancel", "alice"]);
    invite_with(&bob, &ticket(&alice, &[]));
    alice.until_contact(&bob.id, "pending");
}

#[test]
fn somebody_whose_token_is_used_up_is_a_stranger_like_any_other() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let once = ticket(&alice, &["--uses", "1"]);
    for who in [&bob, &carol] {
        invite_with(who, &once);
        alice.until_contact(&who.id, "pending");
    }
    assert_eq!(listed(&alice)["used"], 1);
}
