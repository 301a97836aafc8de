//! Roles say who may do what; a new name is a new name for everybody.

use serde_json::json;

use crate::harness::{Node, eventually, lake_of, say_to_all, until_converged};

fn until_called(node: &Node, group: &str, name: &str) {
    eventually(&format!("{} to see the name {name}", node.name), || {
        (node.json(&["group", "show", group])["name"] == name).then_some(())
    });
}

#[test]
fn an_admin_may_rename_and_a_member_may_not_and_all_see_the_name() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let all = [&alice, &bob, &carol];
    let group = lake_of(&alice, &[&bob, &carol]);
    let sentence = bob.refused(&["group", "rename", "Lake", "Pond"], 1);
    assert!(sentence.contains("a member") && sentence.contains("rename it"), "{sentence}");
    let changed = alice.json(&["group", "role", "Lake", "bob", "admin"]);
    assert_eq!((&changed["account"], &changed["role"]), (&json!(bob.id), &json!("admin")));
    for node in all {
        node.until_role(&group, &bob.id, "admin");
    }
    assert_eq!(bob.json(&["group", "rename", "Lake", "Pond"])["name"], "Pond");
    for node in all {
        until_called(node, &group, "Pond");
    }
    say_to_all(&carol, "Pond", "a smaller water", &[&alice, &bob]);
    assert_eq!(carol.reason(&["send", "Lake", "hello?"]), "no_such_channel");
    until_converged(&all, &group);
}

#[test]
fn a_reader_reads_and_does_not_write_until_made_a_member() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    alice.json(&["group", "role", "Lake", "bob", "reader"]);
    bob.until_role(&group, &bob.id, "reader");
    let sentence = bob.refused(&["send", "Lake", "hello"], 1);
    assert!(sentence.contains("a reader") && sentence.contains("write to it"), "{sentence}");
    say_to_all(&carol, &group, "Bob only reads", &[&alice, &bob]);
    alice.json(&["group", "role", "Lake", "bob", "member"]);
    bob.until_role(&group, &bob.id, "member");
    say_to_all(&bob, &group, "Bob writes again", &[&alice, &carol]);
    until_converged(&[&alice, &bob, &carol], &group);
}

#[test]
fn in_a_group_to_read_only_admins_write() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    crate::harness::befriend(&alice, &bob);
    let made = alice.json(&["group", "create", "News", "--write", "admin", "--reader-default"]);
    let group = made["group"].as_str().expect("an id");
    crate::harness::bring_in(&alice, group, &bob);
    assert_eq!(bob.json(&["group", "show", "News"])["role"], "reader");
    assert_eq!(bob.reason(&["send", "News", "hello"]), "not_allowed");
    say_to_all(&alice, group, "The news", &[&bob]);
}

#[test]
fn who_may_invite_is_the_groups_policy() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob]);
    crate::harness::befriend(&bob, &carol);
    assert_eq!(bob.reason(&["group", "invite", "Lake", "carol"]), "not_allowed");
    assert_eq!(alice.json(&["group", "policy", "Lake", "--invite", "member"])["policy"]["invite"], "member");
    eventually("bob to hear of the policy", || {
        (bob.json(&["group", "show", "Lake"])["policy"]["invite"] == "member").then_some(())
    });
    crate::harness::bring_in(&bob, &group, &carol);
    say_to_all(&carol, &group, "Bob asked me in", &[&alice, &bob]);
    until_converged(&[&alice, &bob, &carol], &group);
}
