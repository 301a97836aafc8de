//! What is written while the other is away arrives when both are there, in order, once.

use serde_json::json;

use crate::harness::{Node, befriend, same_conversation, texts};

#[test]
fn messages_written_while_the_other_is_away_arrive_in_order() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.stop();
    let client = alice.client();
    let expected: Vec<String> = (0..150).map(|n| format!("while you were away {n}")).collect();
    let mut last = json!(null);
    for text in &expected {
        last = client.call("message.send", &json!({"to": "bob", "text": text})).expect("is accepted");
    }
    assert_eq!(last["state"], "queued");
    bob.resume();
    alice.until_state(&last["id"], "delivered");
    assert_eq!(same_conversation(&alice, &bob), expected);
}

#[test]
fn each_writes_while_the_other_is_away_and_both_see_one_order() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.stop();
    for n in 0..5 {
        alice.json(&["send", "bob", &format!("alice {n}")]);
    }
    alice.stop();
    bob.resume();
    for n in 0..5 {
        bob.json(&["send", "alice", &format!("bob {n}")]);
    }
    assert_eq!(texts(&bob, "alice").len(), 5, "hers are not there yet");
    alice.resume();
    alice.until_received("bob 4");
    bob.until_received("alice 4");
    assert_eq!(same_conversation(&alice, &bob).len(), 10);
}

#[test]
fn a_sender_can_wait_until_it_is_delivered_or_give_up_waiting() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let sent = alice.json(&["send", "bob", "there?", "--wait", "delivered"]);
    assert_eq!(sent["state"], "delivered");
    bob.stop();
    let waited = alice.covey().args(["--timeout", "1", "send", "bob", "still there?", "--wait", "delivered"]).output();
    let waited = waited.expect("runs");
    assert_eq!((waited.status.code(), waited.stdout.as_slice()), (Some(4), b"".as_slice()));
    bob.resume();
    bob.until_received("still there?");
}
