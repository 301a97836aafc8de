//! Coming in with a ticket: as a stranger, at once or when somebody has said yes.

use serde_json::{Value, json};

use crate::harness::{
    Launch, Node, bring_in, eventually, lake_of, make_group, same_group, say_to_all, until_converged,
};

fn ticket(node: &Node, args: &[&str]) -> Value {
    node.json(&[&["group", "ticket", "Lake"], args].concat())
}

fn text(ticket: &Value) -> &str {
    ticket["ticket"].as_str().expect("a ticket")
}

fn until_asked(node: &Node, who: &Node) -> Value {
    eventually(&format!("{} to be asked by {}", node.name, who.name), || {
        let requests = node.json(&["group", "requests", "Lake"]);
        requests.as_array().expect("a list").iter().find(|request| request["account"] == who.id).cloned()
    })
}

#[test]
fn a_stranger_asks_with_a_ticket_and_is_in_when_approved() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    let group = lake_of(&alice, &[&bob]);
    let dave = Node::launch("dave", Launch::default().through(&alice.address()));
    let made = ticket(&alice, &["--uses", "1", "--approve"]);
    assert!(text(&made).starts_with("covey-group:"));
    assert_eq!((&made["uses"], &made["approve"], &made["group"]), (&json!(1), &json!(true), &json!(group)));
    let joined = dave.json(&["group", "join", text(&made), "--note", "Dave, with the boat"]);
    assert_eq!((&joined["state"], &joined["name"]), (&json!("requested"), &json!("Lake")));
    let asked = until_asked(&alice, &dave);
    assert_eq!((&asked["note"], &asked["state"]), (&json!("Dave, with the boat"), &json!("waiting")));
    assert_eq!(dave.reason(&["send", &group, "in yet?"]), "not_a_member");
    let approved = alice.json(&["group", "approve", "Lake", &dave.id]);
    assert_eq!(approved["state"], "approved");
    dave.until_group(&group, "joined");
    let all = [&alice, &bob, &dave];
    for node in all {
        node.until_members(&group, 3);
    }
    say_to_all(&dave, &group, "I bring the boat", &all);
    say_to_all(&bob, &group, "And I the oars", &all);
    assert_eq!(same_group(&all, &group), ["I bring the boat", "And I the oars"]);
    until_converged(&all, &group);
    assert_eq!(alice.json(&["group", "tickets", "Lake"])[0]["state"], "used");
    assert_eq!(alice.json(&["group", "requests"]), json!([]));
    assert_eq!(alice.json(&["pair", "list"]).as_array().map(Vec::len), Some(1), "he is nobody's contact");
}

#[test]
fn a_ticket_without_approval_lets_in_at_once_as_often_as_it_has_uses() {
    let alice = Node::start("alice");
    let group = make_group(&alice, "Lake");
    let made = ticket(&alice, &["--uses", "1", "--role", "reader"]);
    let (bob, carol) = (Node::start("bob"), Node::start("carol"));
    bob.json(&["group", "join", text(&made)]);
    let joined = bob.until_group(&group, "joined");
    assert_eq!(joined["role"], "reader");
    carol.json(&["group", "join", text(&made)]);
    carol.until_group(&group, "declined");
    alice.until_members(&group, 2);
    assert_eq!(alice.json(&["group", "tickets", "Lake"])[0]["state"], "used");
}

#[test]
fn a_revoked_ticket_and_a_rejected_request_lead_nowhere() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = make_group(&alice, "Lake");
    let revoked = ticket(&alice, &["--uses", "5"]);
    let id = revoked["id"].as_str().expect("an id");
    assert_eq!(alice.json(&["group", "ticket", "Lake", "--revoke", id])["state"], "revoked");
    bob.json(&["group", "join", text(&revoked)]);
    bob.until_group(&group, "declined");

    let asks = ticket(&alice, &["--approve"]);
    carol.json(&["group", "join", text(&asks)]);
    until_asked(&alice, &carol);
    assert_eq!(alice.json(&["group", "reject", "Lake", &carol.id])["state"], "rejected");
    carol.until_group(&group, "declined");
    assert_eq!(alice.json(&["group", "members", "Lake"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn an_admin_lets_in_while_the_owner_is_away() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    let group = lake_of(&alice, &[&bob]);
    alice.json(&["group", "role", "Lake", "bob", "admin"]);
    bob.until_role(&group, &bob.id, "admin");
    let made = ticket(&bob, &["--approve"]);
    alice.stop();
    let dave = Node::launch("dave", Launch::default().through(&bob.address()));
    dave.json(&["group", "join", text(&made)]);
    until_asked(&bob, &dave);
    bob.json(&["group", "approve", "Lake", &dave.id]);
    dave.until_group(&group, "joined");
    say_to_all(&dave, &group, "while alice is away", &[&bob]);
    alice.resume();
    alice.until_reads(&group, "while alice is away");
    alice.until_members(&group, 3);
}

#[test]
fn one_who_declined_an_invite_can_still_come_by_ticket() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    let group = lake_of(&alice, &[]);
    crate::harness::befriend(&alice, &bob);
    alice.json(&["group", "invite", "Lake", "bob"]);
    bob.until_group(&group, "invited");
    bob.json(&["group", "decline", "Lake"]);
    bob.json(&["group", "join", text(&ticket(&alice, &[]))]);
    bob.until_group(&group, "joined");
    say_to_all(&bob, &group, "on my own terms", &[&alice]);
    let carol = Node::start("carol");
    crate::harness::befriend(&alice, &carol);
    bring_in(&alice, &group, &carol);
    say_to_all(&carol, &group, "me too", &[&alice, &bob]);
}

#[test]
fn who_asks_or_is_a_member_is_named_by_what_they_call_themselves_only_by_who_says_that_they_mean_it() {
    let (alice, carol) = (Node::start("alice"), Node::start("carol"));
    let group = make_group(&alice, "Lake");
    carol.json(&["account", "rename", "Bob"]);
    let asks = ticket(&alice, &["--approve"]);
    carol.json(&["group", "join", text(&asks), "--note", "You know me"]);
    until_asked(&alice, &carol);
    let waiting = carol.refused(&["send", &group, "in yet?"], 1);
    assert!(waiting.contains("nobody there has answered"), "{waiting}");
    for verb in ["approve", "reject"] {
        let sentence = alice.refused(&["group", verb, "Lake", "bob"], 1);
        assert!(sentence.contains(&carol.id[..13]) && sentence.contains("--yes"), "{sentence}");
    }
    assert_eq!(alice.reason(&["group", "approve", "Lake", "bob"]), "no_such_request");
    assert_eq!(alice.json(&["group", "approve", "Lake", "Bob", "--yes"])["account"], carol.id.as_str());
    carol.until_group(&group, "joined");

    assert_eq!(alice.reason(&["group", "role", "Lake", "Bob", "admin"]), "not_a_member");
    assert_eq!(alice.json(&["group", "role", "Lake", "Bob", "admin", "--yes"])["role"], "admin");
    assert_eq!(alice.json(&["group", "remove", "Lake", &carol.id[..13]])["state"], "removed");
}
