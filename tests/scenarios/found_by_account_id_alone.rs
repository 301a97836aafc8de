//! Discovery: a third node that both know, and nothing else but an account id.

use crate::harness::{Launch, Node, contact_of, same_conversation};

#[test]
fn somebody_is_found_by_account_id_alone_through_a_bootstrap_node() {
    let bootstrap = Node::start("bootstrap");
    let through = Launch::default().through(&bootstrap.address());
    let alice = Node::launch("alice", through.clone());
    let bob = Node::launch("bob", through);

    alice.json(&["pair", "invite", &bob.id, "--alias", "bob"]);
    assert_eq!(contact_of(&alice, &bob.id).expect("is listed")["state"], "invited");
    bob.until_contact(&alice.id, "pending");
    bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    alice.until_confirmed(&bob.id);
    bob.until_confirmed(&alice.id);
    alice.json(&["send", "bob", "found you"]);
    bob.until_received("found you");
    assert_eq!(contact_of(&bootstrap, &alice.id), None, "who carries records learns nothing of them");
}

#[test]
fn somebody_who_is_not_there_yet_is_found_when_they_come() {
    let bootstrap = Node::start("bootstrap");
    let through = Launch::default().through(&bootstrap.address());
    let alice = Node::launch("alice", through.clone());
    let mut bob = Node::launch("bob", Launch::default());
    bob.stop();

    alice.json(&["pair", "invite", &bob.id, "--alias", "bob"]);
    bob.resume_as(through);
    bob.until_contact(&alice.id, "pending");
}

#[test]
fn paired_contacts_need_no_bootstrap_node_to_meet_again() {
    let mut bootstrap = Node::start("bootstrap");
    let through = Launch::default().through(&bootstrap.address());
    let mut alice = Node::launch("alice", through.clone());
    let mut bob = Node::launch("bob", through);
    alice.json(&["pair", "invite", &bob.id, "--alias", "bob"]);
    bob.until_contact(&alice.id, "pending");
    bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    bob.until_confirmed(&alice.id);
    alice.until_confirmed(&bob.id);

    bootstrap.kill();
    alice.stop();
    bob.stop();
    alice.resume_as(Launch::default());
    bob.resume_as(Launch::default());
    bob.json(&["send", "alice", "without help"]);
    alice.until_received("without help");
    assert_eq!(same_conversation(&alice, &bob), ["without help"]);
}
