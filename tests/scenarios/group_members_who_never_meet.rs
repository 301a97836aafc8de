//! Two members who are never there at the same time talk through a third, who is.

use crate::harness::{Launch, Node, lake_of, same_group, until_converged};

#[test]
fn two_who_are_never_online_together_talk_through_a_third() {
    let (alice, mut bob, mut carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    let mut said = Vec::new();
    carol.stop();
    for round in 0..3 {
        let (question, answer) = (format!("question {round}"), format!("answer {round}"));
        bob.json(&["send", &group, &question]);
        alice.until_reads(&group, &question);
        bob.stop();
        carol.resume();
        carol.until_reads(&group, &question);
        carol.json(&["send", &group, &answer]);
        alice.until_reads(&group, &answer);
        carol.stop();
        bob.resume();
        bob.until_reads(&group, &answer);
        said.extend([question, answer]);
    }
    assert_eq!(same_group(&[&alice, &bob], &group), said);
    carol.resume();
    until_converged(&[&alice, &bob, &carol], &group);
    assert_eq!(same_group(&[&alice, &bob, &carol], &group), said);
}

#[test]
fn two_who_never_met_at_all_read_each_other() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let group = lake_of(&alice, &[&bob]);
    bob.stop();
    // She comes in while he is away, so that neither has ever spoken to the other.
    let mut carol = Node::launch("carol", Launch::default().through(&alice.address()));
    let ticket = alice.json(&["group", "ticket", "Lake"]);
    carol.json(&["group", "join", ticket["ticket"].as_str().expect("a ticket")]);
    carol.until_group(&group, "joined");
    carol.json(&["send", &group, "Who is Bob?"]);
    alice.until_reads(&group, "Who is Bob?");
    carol.stop();
    bob.resume();
    bob.until_reads(&group, "Who is Bob?");
    bob.json(&["send", &group, "I am"]);
    alice.until_reads(&group, "I am");
    bob.stop();
    carol.resume();
    carol.until_reads(&group, "I am");
    assert_eq!(same_group(&[&alice, &carol], &group), ["Who is Bob?", "I am"]);
}
