//! Two who are never online together: what one writes waits at a keeper until the other fetches it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Launch, Node, befriend, contact_of, eventually, texts, within};

/// A keeper that does not answer is tried again after 15 s, then ever more rarely; its card is looked up after half a minute.
const LONG: Duration = Duration::from_secs(240);

/// `owner` has its mail kept by `keeper`; says so to its contacts.
fn keep(keeper: &Node, owner: &Node) {
    let ticket = keeper.json(&["keeper", "serve"]);
    let added = owner.json(&["keeper", "add", ticket["ticket"].as_str().expect("a ticket")]);
    assert_eq!((&added["state"], &added["role"]), (&json!("keeps"), &json!("mine")));
}

/// Waits until a node knows where mail for another one can be left.
fn until_told(node: &Node, other: &Node) {
    eventually("the keeper to be known", || (contact_of(node, &other.id)?["keepers"] == 1).then_some(()));
}

/// Waits until as many parcels lie at the keeper as `holds` wants.
fn until_lying(keeper: &Node, holds: impl Fn(u64) -> bool) {
    eventually("the parcels at the keeper to be as many", || {
        let list = keeper.json(&["keeper", "list"]);
        let parcels = |held: &Value| held["parcels"].as_u64().expect("a number");
        let all: u64 = list.as_array().expect("a list").iter().map(parcels).sum();
        holds(all).then_some(())
    });
}

/// Waits until a message is at a keeper, however long that takes to be reached.
fn until_kept(author: &Node, message: &Value) {
    let id = message["id"].as_str().expect("an id");
    within(LONG, "it to be kept", || (author.json(&["message", "show", id])["state"] == "kept").then_some(()));
}

/// Bob, whose mail `keeper` keeps, has all that Alice wrote, and goes.
fn goes_away(alice: &Node, bob: &mut Node, keeper: &Node) {
    keep(keeper, bob);
    until_told(alice, bob);
    alice.json(&["send", "bob", "before", "--wait", "delivered"]);
    bob.stop();
}

/// Alice writes a hundred messages to Bob, who is away, and is gone for good when he comes. His answer waits for her. `of_alice` and `of_bob` keep
/// their mail.
fn away(alice: &mut Node, bob: &mut Node, of_alice: &Node, of_bob: &Node) {
    keep(of_bob, bob);
    keep(of_alice, alice);
    until_told(alice, bob);
    until_told(bob, alice);
    alice.json(&["send", "bob", "before", "--wait", "delivered"]);
    bob.stop();
    let client = alice.client();
    let expected: Vec<String> = (0..100).map(|n| format!("while you were away {n}")).collect();
    let mut last = json!(null);
    for text in &expected {
        last = client.call("message.send", &json!({"to": "bob", "text": text})).expect("is accepted");
    }
    alice.until_state(&last["id"], "kept");
    let shown = alice.json(&["message", "show", last["id"].as_str().expect("an id")]);
    assert_eq!(shown["deliveries"][0]["kept"]["keepers"], 1);
    alice.stop();

    bob.resume();
    bob.until_received("while you were away 99");
    assert_eq!(texts(bob, "alice")[1..], expected);
    until_lying(of_bob, |parcels| parcels == 0);
    let answer = bob.json(&["send", "alice", "I have read it all"]);
    bob.until_state(&answer["id"], "kept");
    bob.stop();

    alice.resume();
    alice.until_received("I have read it all");
    alice.until_state(&last["id"], "delivered");
}

#[test]
fn what_was_written_to_somebody_away_is_read_though_its_author_is_gone_for_good() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let (attic, cellar) = (Node::start("attic"), Node::start("cellar"));
    befriend(&alice, &bob);
    away(&mut alice, &mut bob, &attic, &cellar);
}

#[test]
fn a_friend_of_both_keeps_the_mail_of_two_who_are_never_there_together() {
    let (mut alice, mut bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    befriend(&alice, &bob);
    befriend(&alice, &carol);
    befriend(&bob, &carol);
    away(&mut alice, &mut bob, &carol, &carol);
}

#[test]
fn a_keeper_that_is_killed_twenty_times_and_moves_is_found_by_its_card_and_loses_nothing() {
    let meeting = Node::start("meeting");
    let through = Launch::default().through(&meeting.address());
    let (mut alice, mut bob) = (Node::launch("alice", through.clone()), Node::launch("bob", through.clone()));
    let mut keeper = Node::launch("keeper", through.clone());
    befriend(&alice, &bob);
    goes_away(&alice, &mut bob, &keeper);
    let mut last = json!(null);
    for n in 0..20 {
        last = alice.json(&["send", "bob", &format!("part {n}")]);
        keeper.crash();
        if n == 9 {
            until_kept(&alice, &last);
            keeper.stop();
            // Nobody is told where to.
            keeper.resume_as(through.clone().listen("/ip4/127.0.0.2/tcp/0"));
        }
    }
    until_kept(&alice, &last);
    alice.stop();
    bob.resume();
    within(LONG, "all parts to arrive", || {
        let expected: Vec<String> = (0..20).map(|n| format!("part {n}")).collect();
        (texts(&bob, "alice").get(1..)? == expected).then_some(())
    });
    until_lying(&keeper, |parcels| parcels == 0);
}

#[test]
fn a_keeper_that_is_killed_again_and_again_loses_nothing() {
    let (alice, mut bob, mut keeper) = (Node::start("alice"), Node::start("bob"), Node::start("keeper"));
    befriend(&alice, &bob);
    goes_away(&alice, &mut bob, &keeper);
    let mut last = json!(null);
    for n in 0..3 {
        last = alice.json(&["send", "bob", &format!("part {n}")]);
        alice.until_state(&last["id"], "kept");
        keeper.kill();
        keeper.resume();
    }
    until_lying(&keeper, |parcels| parcels > 0);
    let mut alice = alice;
    alice.stop();
    bob.resume();
    bob.until_received("part 2");
    assert_eq!(texts(&bob, "alice"), ["before", "part 0", "part 1", "part 2"]);
    assert!(last["id"].is_string());
    until_lying(&keeper, |parcels| parcels == 0);
}
