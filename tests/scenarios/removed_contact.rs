//! Ending it: on both sides, with the history kept, and open to a new beginning by consent.

use crate::harness::{Node, befriend, invite, settled, texts};

#[test]
fn a_removed_contact_is_gone_on_both_sides_and_the_history_stays() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["send", "bob", "before"]);
    bob.until_received("before");

    assert_eq!(alice.json(&["pair", "remove", "bob"])["state"], "removed");
    bob.until_contact(&alice.id, "removed");
    assert_eq!(alice.reason(&["send", "bob", "again"]), "not_paired");
    assert_eq!(bob.reason(&["send", "alice", "again"]), "not_paired");
    for (node, with) in [(&alice, "bob"), (&bob, "alice")] {
        assert_eq!(texts(node, with), ["before"]);
        assert_eq!(node.json(&["channel", "show", with])["open"], false);
    }

    invite(&bob, &alice);
    alice.until_contact(&bob.id, "pending");
    alice.json(&["pair", "accept", "bob"]);
    bob.until_confirmed(&alice.id);
    alice.until_confirmed(&bob.id);
    bob.json(&["send", "alice", "a new beginning"]);
    alice.until_received("a new beginning");
    assert_eq!(texts(&alice, "bob"), texts(&bob, "alice"));
}

#[test]
fn a_contact_who_was_away_learns_of_the_removal_and_what_they_wrote_meanwhile_does_not_arrive() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.stop();
    alice.json(&["pair", "remove", "bob"]);
    alice.stop();
    bob.resume();
    bob.json(&["send", "alice", "still thinking that we are paired"]);
    alice.resume();
    bob.until_contact(&alice.id, "removed");
    settled(&alice);
    assert_eq!(texts(&alice, "bob"), [""; 0]);
}
