//! The handshake needs both sides, but never at the same time.

use crate::harness::{Node, befriend, contact_of, same_conversation};

fn talk(alice: &Node, bob: &Node) {
    alice.json(&["send", "bob", "hello"]);
    bob.until_received("hello");
    bob.json(&["send", "alice", "hello, too"]);
    alice.until_received("hello, too");
    assert_eq!(same_conversation(alice, bob), ["hello", "hello, too"]);
}

#[test]
fn an_invitee_who_was_away_is_asked_when_they_come_back() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let ticket = bob.json(&["account", "ticket"]);
    bob.stop();
    alice.json(&["pair", "invite", ticket["ticket"].as_str().expect("a ticket"), "--alias", "bob"]);
    bob.resume();
    bob.until_contact(&alice.id, "pending");
    bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    alice.until_confirmed(&bob.id);
    talk(&alice, &bob);
}

#[test]
fn an_inviter_who_was_away_gets_the_answer_when_they_come_back() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    let ticket = bob.json(&["account", "ticket"]);
    alice.json(&["pair", "invite", ticket["ticket"].as_str().expect("a ticket"), "--alias", "bob"]);
    bob.until_contact(&alice.id, "pending");
    alice.stop();
    let accepted = bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    assert_eq!((&accepted["state"], &accepted["confirmed"]), (&"paired".into(), &false.into()));
    bob.json(&["send", "alice", "written before she knows"]);
    alice.resume();
    alice.until_confirmed(&bob.id);
    bob.until_confirmed(&alice.id);
    alice.until_received("written before she knows");
}

#[test]
fn a_lost_answer_is_sent_again_after_both_restarted() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let ticket = bob.json(&["account", "ticket"]);
    alice.json(&["pair", "invite", ticket["ticket"].as_str().expect("a ticket"), "--alias", "bob"]);
    bob.until_contact(&alice.id, "pending");
    // Frozen, not gone: the answer goes out into a connection that nobody reads, and is lost with it.
    alice.signal("STOP");
    bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    alice.kill();
    bob.kill();
    alice.resume();
    assert_eq!(contact_of(&alice, &bob.id).expect("listed")["state"], "invited");
    bob.resume();
    alice.until_confirmed(&bob.id);
    bob.until_confirmed(&alice.id);
    talk(&alice, &bob);
}

#[test]
fn they_meet_again_though_each_moved_while_the_other_was_away() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let move_to = |node: &mut Node| {
        let before = node.port();
        node.stop();
        // Another host of the loopback network is another address.
        node.resume_as(crate::harness::Launch::default().listen("/ip4/127.0.0.2/tcp/0"));
        assert!(node.address().contains("127.0.0.2"), "moved away from {before}");
    };
    move_to(&mut alice);
    alice.json(&["send", "bob", "from a new place"]);
    bob.until_received("from a new place");
    move_to(&mut bob);
    bob.json(&["send", "alice", "me, too"]);
    alice.until_received("me, too");
}
