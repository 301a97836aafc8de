//! Three friends: invites into a group, a yes from each, and words from all to all.

use serde_json::json;

use crate::harness::{Node, befriend, lake_of, make_group, same_group, say_to_all, texts, until_converged};

#[test]
fn three_friends_come_in_by_invite_and_all_read_what_each_writes() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let all = [&alice, &bob, &carol];
    let group = lake_of(&alice, &[&bob, &carol]);
    for author in all {
        say_to_all(author, &group, &format!("Hello from {}", author.name), &all);
    }
    let hellos = ["Hello from alice", "Hello from bob", "Hello from carol"];
    assert_eq!(same_group(&all, &group), hellos);
    until_converged(&all, &group);
    // By its name, and by the start of its id.
    for name in ["Lake", &group[..8]] {
        assert_eq!(bob.json(&["messages", name]).as_array().map(Vec::len), Some(3));
    }
}

#[test]
fn who_has_not_said_yes_is_not_in_it() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let group = make_group(&alice, "Lake");
    let invited = alice.json(&["group", "invite", "Lake", "bob", "--note", "We row on Sunday"]);
    assert_eq!((&invited["account"], &invited["state"]), (&json!(bob.id), &json!("invited")));
    let asked = bob.until_group(&group, "invited");
    assert_eq!(
        (&asked["note"], &asked["name"], &asked["by"]),
        (&json!("We row on Sunday"), &json!("Lake"), &json!(alice.id))
    );
    alice.json(&["send", "Lake", "before he came"]);
    assert_eq!(bob.reason(&["send", &group, "may I?"]), "not_a_member");
    assert_eq!(bob.reason(&["group", "members", &group]), "not_a_member");
    bob.json(&["group", "accept", "Lake"]);
    bob.until_group(&group, "joined");
    say_to_all(&alice, &group, "after he came", &[&bob]);
    assert_eq!(
        texts(&bob, &group),
        ["after he came"],
        "what was written before he came in is not opened by what he is given"
    );
}

#[test]
fn members_who_are_no_contacts_meet_in_the_group_and_nowhere_else() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&bob, &group, "Carol, do you hear me?", &[&alice, &carol]);
    assert_eq!(bob.reason(&["send", &carol.id, "in private"]), "no_such_contact");
    let others = |node: &Node| node.json(&["pair", "list"]).as_array().map(Vec::len);
    assert_eq!((others(&bob), others(&carol)), (Some(1), Some(1)), "each knows alice alone");
}
