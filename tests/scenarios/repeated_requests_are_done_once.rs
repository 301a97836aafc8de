//! `--client-id`: a script that does not know whether it was heard may ask again.

use crate::harness::{Node, befriend, texts};

#[test]
fn a_message_sent_twice_under_one_client_id_is_one_message() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let send = ["send", "bob", "only once", "--client-id", "job-1"];
    let first = alice.json(&send);
    bob.until_received("only once");
    assert_eq!(alice.json(&send)["id"], first["id"]);
    alice.crash();
    assert_eq!(alice.json(&send)["id"], first["id"], "it is remembered over a crash");
    assert_eq!(alice.reason(&["send", "bob", "something else", "--client-id", "job-1"]), "client_id_reused");
    alice.json(&["send", "bob", "the end", "--client-id", "job-2"]);
    bob.until_received("the end");
    assert_eq!(texts(&bob, "alice"), ["only once", "the end"]);
    assert_eq!(texts(&alice, "bob"), ["only once", "the end"]);
}

#[test]
fn every_change_may_be_asked_for_twice() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    let ticket = |id| alice.json(&["account", "ticket", "--uses", "1", "--client-id", id]);
    let made = ticket("t");
    assert_eq!(ticket("t"), made);
    assert_ne!(ticket("u"), made);
    assert_eq!(alice.json(&["account", "tickets"]).as_array().map(Vec::len), Some(2));

    let invite = ["pair", "invite", made["ticket"].as_str().expect("a ticket"), "--alias", "alice", "--client-id", "i"];
    let invited = bob.json(&invite);
    assert_eq!(bob.json(&invite), invited);
    alice.until_contact(&bob.id, "pending");
    let accept = ["pair", "accept", &bob.id, "--alias", "bob", "--client-id", "a"];
    let accepted = alice.json(&accept);
    assert_eq!(alice.json(&accept), accepted);
    assert_eq!(alice.reason(&["pair", "accept", "bob"]), "wrong_state", "without one it is a second request");
    bob.until_confirmed(&alice.id);
}
