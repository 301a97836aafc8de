//! A message is deleted for everyone: by who wrote it, or by an admin.

use crate::harness::{Node, eventually, lake_of, same_group, say_to_all, texts, until_converged};

fn until_gone(node: &Node, group: &str, text: &str) {
    eventually(&format!("{} to erase \"{text}\"", node.name), || {
        (!texts(node, group).iter().any(|shown| shown == text)).then_some(())
    });
}

#[test]
fn the_author_or_an_admin_deletes_a_message_for_everyone() {
    let (alice, mut bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&alice, &group, "stays", &[&bob, &carol]);
    let own = say_to_all(&bob, &group, "a slip", &[&alice, &carol]);
    let rude = say_to_all(&carol, &group, "something rude", &[&alice, &bob]);
    assert_eq!(bob.reason(&["group", "delete", "Lake", &rude]), "not_allowed");
    assert_eq!(bob.json(&["group", "delete", "Lake", &own])["id"], own.as_str());
    bob.stop();
    alice.json(&["group", "delete", "Lake", &rude[..8]]);
    until_gone(&carol, &group, "something rude");
    // He was away, and had read it before.
    bob.resume();
    let all = [&alice, &bob, &carol];
    for node in all {
        until_gone(node, &group, "a slip");
        until_gone(node, &group, "something rude");
    }
    until_converged(&all, &group);
    assert_eq!(same_group(&all, &group), ["stays"]);
    assert_eq!(alice.reason(&["group", "report", "Lake", &rude]), "no_such_message");
}

#[test]
fn a_deleted_message_stays_deleted_after_a_restart() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    let group = lake_of(&alice, &[&bob]);
    let id = say_to_all(&alice, &group, "not meant for you", &[&bob]);
    alice.json(&["group", "delete", "Lake", &id]);
    until_gone(&bob, &group, "not meant for you");
    for node in [&mut alice, &mut bob] {
        node.crash();
        assert_eq!(texts(node, &group), [""; 0]);
        let journal = node.run(&["--json", "tail", "-n", "1000"]);
        assert_eq!(journal.code, 0, "{journal:?}");
        assert!(!journal.stdout.contains("not meant for you"), "{} tells it still: {}", node.name, journal.stdout);
    }
    say_to_all(&bob, &group, "Never mind", &[&alice]);
    until_converged(&[&alice, &bob], &group);
}
