//! A block is silent: the other side learns nothing, and nothing of it comes through.

use crate::harness::{Node, befriend, contact_of, invite, settled, texts};

#[test]
fn an_account_blocked_before_it_asked_hears_nothing() {
    let (mallory, mut alice) = (Node::start("mallory"), Node::start("alice"));
    alice.json(&["pair", "block", &mallory.id]);
    invite(&mallory, &alice);
    settled(&mallory);
    for _ in 0..2 {
        assert_eq!(contact_of(&mallory, &alice.id).expect("listed")["state"], "invited");
        assert_eq!(contact_of(&alice, &mallory.id).expect("listed")["state"], "blocked");
        assert_eq!(alice.json(&["pair", "list", "--state", "pending"]), serde_json::json!([]));
        alice.restart();
    }
    assert_eq!(alice.reason(&["pair", "accept", &mallory.id]), "blocked");

    alice.json(&["pair", "unblock", &mallory.id]);
    mallory.json(&["pair", "cancel", "alice"]);
    settled(&mallory);
    invite(&mallory, &alice);
    alice.until_contact(&mallory.id, "pending");
}

#[test]
fn a_contact_who_is_blocked_can_neither_write_nor_ask_again() {
    let (mut mallory, alice, carol) = (Node::start("mallory"), Node::start("alice"), Node::start("carol"));
    befriend(&mallory, &alice);
    befriend(&carol, &alice);
    mallory.json(&["send", "alice", "before"]);
    alice.until_received("before");

    alice.json(&["pair", "block", "mallory"]);
    let after = mallory.json(&["send", "alice", "after"]);
    assert_eq!(alice.reason(&["send", "mallory", "no"]), "blocked");
    mallory.crash();
    mallory.json(&["send", "alice", "after a restart"]);
    // Something that did come through, from somebody else, later.
    carol.json(&["send", "alice", "from carol"]);
    alice.until_received("from carol");
    assert_eq!(contact_of(&mallory, &alice.id).expect("listed")["state"], "paired", "she is not told");
    assert_eq!(mallory.json(&["message", "show", after["id"].as_str().expect("an id")])["state"], "queued");
    assert_eq!(texts(&alice, "mallory"), ["before"], "the history stays, nothing is added");
    assert_eq!(contact_of(&mallory, &alice.id).expect("listed")["online"], false, "as if the node were off");

    // A block is a switch: the conversation goes on where it stopped.
    alice.json(&["pair", "unblock", "mallory"]);
    assert_eq!(contact_of(&alice, &mallory.id).expect("listed")["state"], "paired");
    alice.until_received("after a restart");
    assert_eq!(texts(&alice, "mallory"), ["before", "after", "after a restart"]);
}
