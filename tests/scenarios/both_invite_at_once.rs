//! Both ask: that is consent, and there is one pairing, not two.

use std::thread;

use serde_json::json;

use crate::harness::{Node, same_conversation};

fn paired_once(alice: &Node, bob: &Node) {
    let one = alice.until_confirmed(&bob.id);
    let other = bob.until_confirmed(&alice.id);
    assert_eq!(one["channel"], other["channel"]);
    for (from, to, said) in [(alice, bob, "one"), (bob, alice, "two")] {
        from.json(&["send", to.name, said]);
        to.until_received(said);
    }
    assert_eq!(same_conversation(alice, bob), ["one", "two"]);
    assert_eq!(alice.json(&["channel", "list"]).as_array().map(Vec::len), Some(1));
    assert_eq!(bob.json(&["channel", "list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn invites_that_cross_make_one_pairing() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    let asks = |who: &Node, whom: &Node| {
        let ticket = whom.json(&["account", "ticket"])["ticket"].clone();
        let (client, params) = (who.client(), json!({"to": ticket, "alias": whom.name}));
        move || client.call("pair.invite", &params)
    };
    let asking = [thread::spawn(asks(&alice, &bob)), thread::spawn(asks(&bob, &alice))];
    for asked in asking {
        // Whoever comes second may have been asked already: then asking is saying yes.
        asked.join().expect("no panic").expect("may ask");
    }
    paired_once(&alice, &bob);
}

#[test]
fn invites_that_cross_while_either_was_away_make_one_pairing() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let tickets = [&alice, &bob].map(|node| node.json(&["account", "ticket"])["ticket"].clone());
    bob.stop();
    alice.json(&["pair", "invite", tickets[1].as_str().expect("a text"), "--alias", "bob"]);
    alice.stop();
    bob.resume();
    bob.json(&["pair", "invite", tickets[0].as_str().expect("a text"), "--alias", "alice"]);
    alice.resume();
    paired_once(&alice, &bob);
}
