//! Two who are never online together become contacts, and write to each other: invite, answer and mail wait at keepers.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Node, contact_of, texts, within};

/// Somebody is away for 10 s before something is left with a keeper, which is tried again after 15 s, then ever more rarely.
const LONG: Duration = Duration::from_secs(240);

fn ticket_of(node: &Node) -> String {
    node.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned()
}

/// `owner` has its mail kept by `keeper`, and its tickets say so: they are longer then.
fn keep(keeper: &Node, owner: &Node) {
    let before = ticket_of(owner).len();
    let ticket = keeper.json(&["keeper", "serve"]);
    let added = owner.json(&["keeper", "add", ticket["ticket"].as_str().expect("a ticket")]);
    assert_eq!(added["state"], json!("keeps"));
    within(LONG, "its tickets to name the keeper", || (ticket_of(owner).len() > before).then_some(()));
}

/// Waits until what `node` has to say to `other` of their pairing lies at a keeper.
fn until_left(node: &Node, other: &Node) {
    within(LONG, "it to lie at a keeper", || contact_of(node, &other.id)?["kept_until"].is_string().then_some(()));
}

fn until_state(node: &Node, other: &Node, state: &str) {
    within(LONG, state, || (contact_of(node, &other.id)?["state"] == state).then_some(()));
}

#[test]
fn strangers_who_are_never_there_together_become_contacts_and_write() {
    let (mut alice, mut bob, mut keeper) = (Node::start("alice"), Node::start("bob"), Node::start("keeper"));
    keep(&keeper, &alice);
    keep(&keeper, &bob);
    let ticket = ticket_of(&bob);
    bob.stop();
    let invited = alice.json(&["pair", "invite", &ticket, "--alias", "bob"]);
    assert_eq!((&invited["state"], &invited["keepers"]), (&json!("invited"), &json!(1)));
    until_left(&alice, &bob);
    alice.stop();
    keeper.kill();
    keeper.resume();

    bob.resume();
    until_state(&bob, &alice, "pending");
    bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    until_left(&bob, &alice);
    bob.stop();

    alice.resume();
    until_state(&alice, &bob, "paired");
    within(LONG, "Bob's keeper to be known", || (contact_of(&alice, &bob.id)?["keepers"] == 1).then_some(()));
    let sent = alice.json(&["send", "bob", "we have never met"]);
    alice.until_state(&sent["id"], "kept");
    alice.stop();

    bob.resume();
    bob.until_received("we have never met");
    assert_eq!(texts(&bob, "alice"), ["we have never met"]);
}
