//! A machine is lost with everything on it; what is left is a sheet of paper with 24 words.

use std::time::Duration;

use crate::harness::{Launch, Node, befriend, contact_of, eventually, run, texts, within};

/// A contact who is away is looked for after half a minute, and a recovered account is sent nothing for a whole one.
const LONG: Duration = Duration::from_secs(180);

/// The words of a node that is stopped, written in capitals and numbered as people do.
fn paper(node: &Node) -> String {
    let shown = node.json(&["account", "phrase", "--yes"]);
    let words = shown["phrase"].as_str().expect("words").to_uppercase();
    words.split(' ').enumerate().map(|(at, word)| format!("{}. {word}\n", at + 1)).collect()
}

#[test]
fn the_words_bring_the_account_back_and_contacts_pair_again_by_one_command() {
    let meeting = Node::start("meeting");
    let through = Launch::default().through(&meeting.address());
    let mut alice = Node::launch("alice", through.clone());
    let (bob, carol) = (Node::launch("bob", through.clone()), Node::launch("carol", through.clone()));
    befriend(&alice, &bob);
    befriend(&alice, &carol);
    bob.json(&["send", "alice", "before the fire"]);
    alice.until_received("before the fire");
    alice.stop();
    let words = paper(&alice);

    // The ashes are gone; a new machine.
    let mut anew = Node::prepare("anew", through);
    let mut command = anew.covey();
    command.env("COVEY_NETWORK__MDNS", "false");
    let args = ["--json", "account", "recover", "--peer", &meeting.address(), "--yes"];
    let recovered = run(command, args, &words).json();
    assert_eq!((recovered["account"].as_str(), &recovered["recoveries"]), (Some(alice.id.as_str()), &1.into()));
    anew.resume();
    assert_eq!(anew.id, alice.id);
    let status = anew.json(&["account", "status"]);
    assert_eq!((&status["sealed"], &status["backed_up"], &status["devices"]), (&true.into(), &true.into(), &1.into()));

    // Nobody does anything there.
    for contact in [&bob, &carol] {
        within(LONG, "the recovery is seen", || contact_of(contact, &alice.id)?["recovered_at"].as_str().map(drop));
        contact.event("that alice is back", |event| event["kind"] == "contact.recovered");
    }
    let waiting = || anew.json(&["pair", "list", "--state", "renewal"]).as_array().map_or(0, Vec::len);
    within(LONG, "both ask to pair again", || (waiting() == 2).then_some(()));
    let accepted = anew.json(&["pair", "accept", "--renewals", "--yes"]);
    assert_eq!(accepted.as_array().map(Vec::len), Some(2));
    for contact in [&bob, &carol] {
        contact.until_confirmed(&alice.id);
        anew.until_confirmed(&contact.id);
        contact.json(&["send", "alice", "welcome back"]);
    }
    anew.until_received("welcome back");
    anew.json(&["send", &bob.id, "it is good to be back"]);
    bob.until_received("it is good to be back");

    // Somebody finds the old machine, not burnt at all.
    alice.resume();
    eventually("it is no part of the account any more", || {
        let status = alice.json(&["account", "status"]);
        (status["second_history"]["what"] == "recovered").then_some(())
    });
    alice.json(&["send", "bob", "from the thief"]);
    anew.json(&["send", &bob.id, "the last word"]);
    bob.until_received("the last word");
    let texts = texts(&bob, &alice.id);
    assert!(!texts.contains(&"from the thief".to_owned()), "{texts:?}");
}

/// [KEYLOG-8]
#[test]
fn words_that_somebody_may_have_seen_are_replaced_by_others_which_bring_the_account_back_the_next_time() {
    let meeting = Node::start("meeting");
    let through = Launch::default().through(&meeting.address());
    let mut alice = Node::launch("alice", through.clone());
    let bob = Node::launch("bob", through.clone());
    befriend(&alice, &bob);
    alice.stop();
    let seen = paper(&alice);
    let recover = |node: &Node, words: &str, more: &[&str]| {
        let mut command = node.covey();
        command.env("COVEY_NETWORK__MDNS", "false");
        let peer = meeting.address();
        let args = ["--json", "account", "recover", "--peer", &peer, "--yes"];
        run(command, args.iter().chain(more).copied(), words)
    };

    let mut anew = Node::prepare("anew", through.clone());
    let recovered = recover(&anew, &seen, &["--new-phrase"]).json();
    assert_eq!((recovered["account"].as_str(), &recovered["new_phrase"]), (Some(alice.id.as_str()), &true.into()));
    anew.resume();
    let status = anew.json(&["account", "status"]);
    assert_eq!(
        (&status["sealed"], &status["backed_up"]),
        (&false.into(), &false.into()),
        "nobody has them on paper yet"
    );
    // Its card stands where the new words look for it.
    within(LONG, "the recovery is seen", || contact_of(&bob, &alice.id)?["recovered_at"].as_str().map(drop));
    anew.stop();
    let words = paper(&anew);
    assert_ne!(words, seen);

    let mut last = Node::prepare("last", through);
    let refused = recover(&last, &seen, &[]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("recovered with others since"), "{}", refused.stderr);
    let recovered = recover(&last, &words, &[]).json();
    assert_eq!((recovered["account"].as_str(), &recovered["recoveries"]), (Some(alice.id.as_str()), &2.into()));
    last.resume();
    assert_eq!(last.id, alice.id);
}
