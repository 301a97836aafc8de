//! What is written while the other is away arrives when both are there, in order, once.

use std::{process::Stdio, thread};

use serde_json::{Value, json};

use crate::harness::{Node, befriend, eventually, same_conversation, texts};

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

#[test]
fn each_of_several_messages_is_told_to_be_delivered_and_whoever_waits_hears_of_it() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.stop();
    let mut waiting: Vec<_> = (0..3)
        .map(|n| {
            let mut send = alice.covey();
            send.args(["--timeout", "60", "send", "bob", &format!("wait {n}"), "--wait", "delivered"]);
            send.stdout(Stdio::null()).spawn().expect("covey starts")
        })
        .collect();
    eventually("all of them to be sent", || (texts(&alice, "bob").len() == 3).then_some(()));
    bob.resume();
    let ended: Vec<_> = waiting.iter_mut().map(|child| child.wait().expect("ends").code()).collect();
    assert_eq!(ended, [Some(0); 3]);
    for message in alice.json(&["messages", "bob"]).as_array().expect("a list") {
        alice.until_state(&message["id"], "delivered");
    }
}

#[test]
fn a_message_is_told_to_be_delivered_although_a_receipt_was_written_after_it() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.json(&["send", "alice", "first"]);
    alice.until_received("first");
    bob.stop();
    let sent = alice.json(&["send", "bob", "second"]);
    alice.json(&["channel", "mark-read", "bob"]);
    bob.resume();
    alice.until_state(&sent["id"], "delivered");
}

#[test]
fn a_message_that_expired_is_given_up() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.stop();
    let sent = alice.json(&["send", "bob", "quickly!", "--expires-in", "1"]);
    let id = sent["id"].as_str().expect("an id");
    eventually("it to expire", || (alice.json(&["message", "show", id])["state"] == "expired").then_some(()));
    let next = alice.json(&["send", "bob", "no hurry"]);
    bob.resume();
    alice.until_state(&next["id"], "delivered");
}

#[test]
fn a_contact_who_froze_for_a_while_gets_everything() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.signal("STOP");
    let expected: Vec<String> = (0..40).map(|n| format!("into the void {n}")).collect();
    for text in &expected {
        alice.client().call("message.send", &json!({"to": "bob", "text": text})).expect("is accepted");
    }
    bob.signal("CONT");
    bob.until_received("into the void 39");
    assert_eq!(same_conversation(&alice, &bob), expected);
}

#[test]
fn twenty_who_write_at_once_through_one_node_are_all_heard() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let writers: Vec<_> = (0..20)
        .map(|n| {
            let client = alice.client();
            thread::spawn(move || {
                for m in 0..5 {
                    let sent = client.call("message.send", &json!({"to": "bob", "text": format!("{n} {m}")}));
                    sent.expect("is accepted");
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().expect("no panic"));
    let all = |events: &[Value]| {
        let received = events.iter().filter(|event| event["kind"] == "message.received");
        (received.count() == 100).then_some(())
    };
    bob.search("all of them", all);
    let texts = same_conversation(&alice, &bob);
    for n in 0..20 {
        let of_one: Vec<&String> = texts.iter().filter(|text| text.starts_with(&format!("{n} "))).collect();
        assert_eq!(of_one, (0..5).map(|m| format!("{n} {m}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    }
}
