//! Members are killed in the middle of it all: what was acknowledged is there, once, for everybody.

use serde_json::json;

use crate::harness::{Node, lake_of, same_group, say_to_all, until_converged};

#[test]
fn members_who_are_killed_in_turn_lose_nothing() {
    let (mut alice, mut bob, mut carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    let mut said = Vec::new();
    for round in 0..4 {
        for node in [&mut alice, &mut bob, &mut carol] {
            let text = format!("{} {round}", node.name);
            node.client().call("message.send", &json!({"to": group, "text": text})).expect("is accepted");
            // Acknowledged, and gone before anybody need have got it.
            node.crash();
            said.push(text);
        }
    }
    for node in [&alice, &bob, &carol] {
        for text in &said {
            node.until_reads(&group, text);
        }
    }
    let mut texts = same_group(&[&alice, &bob, &carol], &group);
    for name in ["alice", "bob", "carol"] {
        let of_one: Vec<_> = texts.iter().filter(|text| text.starts_with(name)).cloned().collect();
        assert_eq!(of_one, (0..4).map(|round| format!("{name} {round}")).collect::<Vec<_>>(), "in the author's order");
    }
    texts.sort();
    said.sort();
    assert_eq!(texts, said);
    until_converged(&[&alice, &bob, &carol], &group);
}

#[test]
fn a_removal_survives_the_remover_being_killed() {
    let (mut alice, mut bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    bob.kill();
    alice.json(&["group", "remove", "Lake", "carol"]);
    alice.crash();
    alice.until_members(&group, 2);
    bob.resume();
    bob.until_members(&group, 2);
    carol.until_group(&group, "removed");
    say_to_all(&alice, &group, "the key is new", &[&bob]);
    say_to_all(&bob, &group, "mine, too", &[&alice]);
    assert_eq!(same_group(&[&alice, &bob], &group), ["the key is new", "mine, too"]);
    until_converged(&[&alice, &bob], &group);
}

#[test]
fn a_group_is_the_same_after_all_restarted() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let group = lake_of(&alice, &[&bob]);
    for n in 0..3 {
        say_to_all(&alice, &group, &format!("alice {n}"), &[&bob]);
        say_to_all(&bob, &group, &format!("bob {n}"), &[&alice]);
    }
    let before = same_group(&[&alice, &bob], &group);
    let roster = alice.json(&["group", "show", &group])["roster_hash"].clone();
    alice.restart();
    bob.restart();
    assert_eq!(same_group(&[&alice, &bob], &group), before);
    assert_eq!(bob.json(&["group", "show", &group])["roster_hash"], roster);
    say_to_all(&alice, &group, "after", &[&bob]);
    say_to_all(&bob, &group, "after, too", &[&alice]);
    until_converged(&[&alice, &bob], &group);
}
