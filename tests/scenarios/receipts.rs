//! What the sender learns: that it is there, and, if the reader does not mind, that it was read.

use crate::harness::{Launch, Node, befriend};

#[test]
fn the_sender_learns_what_was_delivered_and_what_was_read() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let sent = alice.json(&["send", "bob", "have you seen this?"]);
    let id = sent["id"].as_str().expect("an id");
    alice.until_state(&sent["id"], "delivered");
    let shown = alice.json(&["message", "show", id]);
    assert_eq!((&shown["state"], &shown["deliveries"][0]["alias"]), (&"delivered".into(), &"bob".into()));
    assert_eq!(bob.json(&["channel", "show", "alice"])["unread"], 1);
    assert_eq!(bob.json(&["status"])["counts"]["unread"], 1);

    assert_eq!(bob.json(&["channel", "mark-read", "alice"])["unread"], 0);
    alice.until_state(&sent["id"], "read");
    assert_eq!(alice.json(&["message", "show", id])["deliveries"][0]["state"], "read");
    assert_eq!(bob.json(&["messages", "alice"])[0]["state"], "read");
    assert_eq!(alice.json(&["messages", "bob"]).as_array().map(Vec::len), Some(1), "a receipt is no message");
}

#[test]
fn a_receipt_reaches_a_sender_who_was_away() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let sent = alice.json(&["send", "bob", "later"]);
    bob.until_received("later");
    alice.kill();
    bob.json(&["channel", "mark-read", "alice"]);
    alice.resume();
    alice.until_state(&sent["id"], "read");
}

#[test]
fn a_reader_who_switched_receipts_off_tells_nothing() {
    let alice = Node::start("alice");
    let bob = Node::launch("bob", Launch::default().set("receipts.read", "false"));
    befriend(&alice, &bob);
    let sent = alice.json(&["send", "bob", "did you read this?"]);
    alice.until_state(&sent["id"], "delivered");
    assert_eq!(bob.json(&["channel", "mark-read", "alice"])["unread"], 0);
    // A receipt would have been written before this, and would have arrived before it.
    bob.json(&["send", "alice", "none of your business"]);
    alice.until_received("none of your business");
    let state = alice.json(&["message", "show", sent["id"].as_str().expect("an id")])["state"].clone();
    assert_eq!(state, "delivered");
}
