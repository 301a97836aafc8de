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
    // The conversation that ended can still be read.
    let channels = alice.json(&["channel", "list"]);
    let ended = channels.as_array().expect("a list").iter().find(|channel| channel["open"] == false);
    let ended = ended.and_then(|channel| channel["channel"].as_str()).expect("is listed");
    assert_eq!(alice.json(&["messages", "--channel", ended])[0]["text"], "before");
}

#[test]
fn a_contact_who_was_away_learns_of_the_removal_and_what_they_wrote_meanwhile_does_not_arrive() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    bob.stop();
    alice.json(&["pair", "remove", "bob"]);
    alice.stop();
    bob.resume();
    let sent = bob.json(&["send", "alice", "still thinking that we are paired"]);
    alice.resume();
    bob.until_contact(&alice.id, "removed");
    let shown = bob.json(&["message", "show", sent["id"].as_str().expect("an id")]);
    assert_eq!(shown["state"], "failed", "and why: {}", shown["deliveries"][0]["why"]);
    settled(&alice);
    assert_eq!(texts(&alice, "bob"), [""; 0]);
}
