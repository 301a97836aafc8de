//! Tickets with a token: so many uses, so long, until revoked. The token passes the limits on strangers, nothing else.

use serde_json::{Value, json};

use crate::harness::{Launch, Node, contact_of, eventually, settled};

/// Nobody gets in without a token.
fn closed_to_strangers() -> Node {
    Node::launch("alice", Launch::default().set("pairing.max_invites_per_hour", "0"))
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
    let alice = closed_to_strangers();
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
    let (alice, bob) = (closed_to_strangers(), Node::start("bob"));
    let made = ticket(&alice, &["--uses", "5"]);
    let id = made["id"].as_str().expect("an id");
    assert_eq!(alice.json(&["account", "revoke-ticket", id])["state"], "revoked");
    invite_with(&bob, &made);
    stays_out(&bob, &alice);
    assert_eq!(alice.reason(&["account", "revoke-ticket", "0123456789"]), "no_such_ticket");
}

#[test]
fn an_expired_ticket_lets_nobody_in() {
    let (alice, bob) = (closed_to_strangers(), Node::start("bob"));
    let made = ticket(&alice, &["--expires-in", "1"]);
    eventually("the ticket to expire", || (listed(&alice)["state"] == "expired").then_some(()));
    let ran = bob.run(&["--json", "pair", "invite", made["ticket"].as_str().expect("a ticket"), "--alias", "alice"]);
    if ran.code == 0 {
        stays_out(&bob, &alice);
    } else {
        assert!(ran.stderr.contains("\"ticket_expired\""), "{ran:?}");
        assert_eq!(contact_of(&alice, &bob.id), None);
    }
}

#[test]
fn without_a_token_only_so_many_strangers_of_one_network_may_ask() {
    let alice = Node::launch("alice", Launch::default().set("pairing.max_invites_per_hour", "1"));
    let (bob, carol) = (Node::start("bob"), Node::start("carol"));
    let plain = ticket(&alice, &[]);
    invite_with(&bob, &plain);
    alice.until_contact(&bob.id, "pending");
    invite_with(&carol, &plain);
    stays_out(&carol, &alice);
}
