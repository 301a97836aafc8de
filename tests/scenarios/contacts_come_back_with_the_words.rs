//! A machine burns; the words bring the account back, and its keeper the list of its contacts.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Launch, Node, befriend, eventually, run, within};

/// A recovery is seen after half a minute, and the recovered account is sent nothing for a whole one.
const LONG: Duration = Duration::from_secs(180);

#[test]
fn the_list_of_contacts_comes_back_from_the_keeper() {
    let meeting = Node::start("meeting");
    let through = Launch::default().through(&meeting.address());
    let mut alice = Node::launch("alice", through.clone());
    let (mut bob, attic) = (Node::launch("bob", through.clone()), Node::launch("attic", through.clone()));
    befriend(&alice, &bob);
    alice.json(&["pair", "rename", &bob.id, "Bob from the lake"]);
    // The words are written down and erased, before there is a keeper.
    alice.stop();
    let words = alice.json(&["account", "phrase", "--yes"])["phrase"].as_str().expect("words").to_owned();
    alice.resume();
    let ticket = attic.json(&["keeper", "serve"]);
    assert_eq!(alice.json(&["keeper", "add", ticket["ticket"].as_str().expect("a ticket")])["state"], "keeps");
    alice.stop();
    bob.stop();

    // A new machine. Bob is away, so nobody else could tell it who he is.
    let mut anew = Node::prepare("anew", through);
    let mut command = anew.covey();
    command.env("COVEY_NETWORK__MDNS", "false");
    run(command, ["--json", "account", "recover", "--peer", &meeting.address(), "--yes"], &words).json();
    anew.resume();
    assert_eq!(anew.json(&["pair", "list"]), json!([]));
    let ticket = attic.json(&["keeper", "serve"]);
    assert_eq!(anew.json(&["keeper", "add", ticket["ticket"].as_str().expect("a ticket")])["state"], "keeps");
    let back = eventually("the list to be back", || {
        let list = anew.json(&["pair", "list"]);
        list.as_array().is_some_and(|list| !list.is_empty()).then_some(list)
    });
    assert_eq!((&back[0]["contact"], &back[0]["alias"]), (&json!(bob.id), &json!("Bob from the lake")));
    assert_eq!((&back[0]["state"], &back[0]["remembered"]), (&json!("stranger"), &json!(true)));

    // He asks by himself, and is known.
    bob.resume();
    within(LONG, "Bob to ask to pair again", || {
        (anew.json(&["pair", "list", "--state", "renewal"])[0]["remembered"] == true).then_some(())
    });
    anew.json(&["pair", "accept", "Bob from the lake"]);
    anew.until_confirmed(&bob.id);
    bob.json(&["send", "alice", "welcome back"]);
    anew.until_received("welcome back");
}
