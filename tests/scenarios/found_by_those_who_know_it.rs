//! A machine is lost, and the network has no trace of its account: its card ran out, or was never published. Those who know the account do.

use std::time::Duration;

use crate::harness::{Launch, Node, Ran, befriend, contact_of, run, within};

/// A contact who is away is looked for after half a minute.
const LONG: Duration = Duration::from_secs(180);

fn recover(node: &Node, words: &str, peer: &str) -> Ran {
    let mut command = node.covey();
    command.env("COVEY_NETWORK__MDNS", "false");
    run(command, ["--json", "account", "recover", "--peer", peer, "--yes"], words)
}

/// [FOUND-1]
#[test]
fn an_account_that_is_published_nowhere_comes_back_by_a_ticket_of_a_contact_or_of_a_keeper() {
    let meeting = Node::start("meeting");
    let through = Launch::default().through(&meeting.address());
    let mut alice = Node::launch("alice", through.clone().set("network.discoverable", "false"));
    let (bob, keeper) = (Node::launch("bob", through.clone()), Node::launch("keeper", through.clone()));
    befriend(&alice, &bob);
    let served = |to: &Node| to.json(&["keeper", "serve"])["ticket"].as_str().expect("a ticket").to_owned();
    alice.json(&["keeper", "add", &served(&keeper)]);
    let keeps = || (alice.json(&["keeper", "list"])[0]["state"] == "keeps").then_some(());
    within(LONG, "the keeper keeps", keeps);
    alice.stop();
    let words = alice.json(&["account", "phrase", "--yes"])["phrase"].as_str().expect("words").to_owned();

    // Strangers know nothing of it.
    let lost = Node::prepare("lost", through.clone());
    let refused = recover(&lost, &words, "bob");
    assert!(refused.code == 2 && refused.stderr.contains("nor a ticket that names one"), "{refused:?}");
    let ticket = bob.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned();
    for (name, peer) in [("by a contact", ticket), ("by a keeper", served(&keeper))] {
        let anew = Node::prepare("anew", through.clone());
        let recovered = recover(&anew, &words, &peer).json();
        assert_eq!(recovered["account"].as_str(), Some(alice.id.as_str()), "{name}");
        assert_eq!(recovered["recoveries"], 1, "{name}");
    }
    // It counts as any other.
    let mut anew = Node::prepare("anew", through);
    recover(&anew, &words, &bob.address()).json();
    anew.resume();
    within(LONG, "the recovery is seen", || contact_of(&bob, &alice.id)?["recovered_at"].as_str().map(drop));
}
