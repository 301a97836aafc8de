//! No means no: to every further invite, after restarts, until the operator forgets it.

use crate::harness::{Launch, Node, contact_of, invite, settled};

/// The states of contacts in a node's journal.
fn states(node: &Node) -> Vec<String> {
    let past = node.run(&["tail", "--from", "0", "--json"]);
    let events = past.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an event"));
    let contacts = events.filter(|event| event["kind"] == "contact");
    let mut states: Vec<_> =
        contacts.map(|event| event["data"]["state"].as_str().expect("a state").to_owned()).collect();
    // An invite is told of when it waits for the key that it is sealed to, and when it is out.
    states.dedup();
    states
}

#[test]
fn declined_inviter_stays_out_also_after_restarts() {
    let (mut carol, mut bob) = (Node::start("carol"), Node::start("bob"));
    invite(&carol, &bob);
    bob.until_contact(&carol.id, "pending");
    bob.json(&["pair", "decline", &carol.id]);
    carol.until_contact(&bob.id, "refused");

    for round in 0..3 {
        invite(&carol, &bob);
        settled(&carol);
        assert_eq!(
            contact_of(&carol, &bob.id).expect("listed")["state"],
            "invited",
            "round {round}: she learns nothing"
        );
        assert_eq!(contact_of(&bob, &carol.id).expect("listed")["state"], "declined", "round {round}");
        assert_eq!(bob.json(&["pair", "list", "--state", "pending"]), serde_json::json!([]), "round {round}");
        assert_eq!(bob.reason(&["pair", "accept", &carol.id]), "declined");
        carol.json(&["pair", "cancel", "bob"]);
        match round {
            0 => bob.restart(),
            1 => {
                carol.restart();
                bob.crash();
            }
            _ => {}
        }
    }
    assert_eq!(states(&bob), ["pending", "declined"], "he was asked once");
}

#[test]
fn a_decline_that_is_forgotten_lets_them_ask_again() {
    let (carol, bob) = (Node::start("carol"), Node::start("bob"));
    invite(&carol, &bob);
    bob.until_contact(&carol.id, "pending");
    bob.json(&["pair", "decline", &carol.id]);
    carol.until_contact(&bob.id, "refused");
    bob.json(&["pair", "forget", &carol.id]);
    invite(&carol, &bob);
    bob.until_contact(&carol.id, "pending");
    bob.json(&["pair", "accept", &carol.id]);
    carol.until_confirmed(&bob.id);
}

#[test]
fn a_silent_decline_tells_nothing() {
    let carol = Node::start("carol");
    let bob = Node::launch("bob", Launch::default().set("pairing.decline_silently", "true"));
    invite(&carol, &bob);
    bob.until_contact(&carol.id, "pending");
    settled(&carol);
    bob.json(&["pair", "decline", &carol.id]);
    assert_eq!(contact_of(&carol, &bob.id).expect("listed")["state"], "invited");
    // Had an answer been sent, it would have come before the acknowledgement of this.
    carol.json(&["pair", "cancel", "bob"]);
    settled(&carol);
    assert_eq!(states(&carol), ["invited", "cancelled"]);
    assert_eq!(states(&bob), ["pending", "declined"]);
}
