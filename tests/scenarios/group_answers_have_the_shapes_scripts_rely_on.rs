//! The JSON of `covey group`, field by field; and what people read.

use serde_json::Value;

use crate::harness::{Node, befriend, bring_in, say_to_all, until_converged};

/// The object has at least these fields.
#[track_caller]
fn has(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value.get(name).is_some(), "no {name} in {value}");
    }
}

#[test]
fn groups_members_and_findings_have_their_shapes() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let made = alice.json(&["group", "create", "Lake"]);
    let fields: Vec<&String> = made.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["channel", "group"]);
    assert_eq!(made["group"], made["channel"]);
    let group = made["group"].as_str().expect("an id");
    assert!(group.len() == 64 && group.bytes().all(|byte| byte.is_ascii_hexdigit()), "{group}");

    bring_in(&alice, group, &bob);
    alice.until_members(group, 2);
    let list = bob.json(&["group", "list"]);
    has(
        &list[0],
        &["group", "channel", "name", "state", "role", "members", "since", "founder", "policy", "roster_hash"],
    );
    let told = ["group", "name", "state", "role", "founder"].map(|name| list[0][name].as_str().unwrap_or_default());
    assert_eq!(told, [group, "Lake", "joined", "member", &alice.id]);
    assert_eq!(list[0]["members"], 2);
    assert_eq!(bob.json(&["group", "show", "Lake"]), list[0]);
    assert_eq!(bob.json(&["group", "list", "--state", "left"]), serde_json::json!([]));

    let members = alice.json(&["group", "members", "Lake"]);
    let mut told: Vec<_> = members.as_array().expect("a list").iter().collect();
    told.sort_by_key(|member| member["role"] != "owner");
    has(told[0], &["account", "alias", "name", "role", "state", "invisible", "own", "since", "online"]);
    assert_eq!((&told[0]["account"], &told[0]["own"]), (&alice.id.clone().into(), &true.into()));
    assert_eq!((&told[1]["account"], &told[1]["alias"]), (&bob.id.clone().into(), &"bob".into()));
    assert_eq!((&told[1]["role"], &told[1]["state"]), (&"member".into(), &"joined".into()));

    let id = say_to_all(&bob, group, "hello", &[&alice]);
    let read = alice.json(&["messages", "--channel", "Lake"]);
    has(&read[0], &["id", "channel", "author", "author_name", "text", "sent_at", "received_at", "order_key", "state"]);
    assert_eq!((&read[0]["id"], &read[0]["channel"]), (&id.clone().into(), &group.into()));
    bob.until_state(&id.clone().into(), "delivered");
    let shown = bob.json(&["message", "show", &id]);
    assert_eq!(shown["deliveries"][0]["recipient"], alice.id.as_str(), "{shown}");
    assert_eq!(bob.json(&["channel", "show", "Lake"])["group"], group);

    until_converged(&[&alice, &bob], group);
    let health = alice.json(&["group", "doctor", "Lake"]);
    has(&health, &["group", "converged", "roster_hash", "heads_hash", "reached", "members", "checks"]);
    let member = &health["members"][0];
    has(member, &["account", "alias", "device", "reached", "converged", "roster_hash", "heads_hash", "difference"]);
    assert_eq!((&member["account"], &member["difference"]), (&bob.id.clone().into(), &Value::Null));

    let ticket = alice.json(&["group", "ticket", "Lake", "--uses", "3", "--expires-in", "1h"]);
    has(&ticket, &["ticket", "id", "group", "uses", "expires_at", "approve", "role"]);
    let tickets = bob.json(&["group", "tickets", "Lake"]);
    has(&tickets[0], &["id", "state", "uses", "used", "approve", "role", "made_by", "created_at", "expires_at"]);
    assert!(tickets[0].get("ticket").is_none(), "the secret stays where it was made");
}

#[test]
fn every_event_of_a_group_is_told_in_the_journal() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let made = alice.json(&["group", "create", "Lake"]);
    let group = made["group"].as_str().expect("an id");
    bring_in(&alice, group, &bob);
    say_to_all(&alice, group, "hello", &[&bob]);
    alice.json(&["group", "rename", "Lake", "Pond"]);
    bob.event("the new name", |event| event["kind"] == "group.changed" && event["data"]["name"] == "Pond");
    alice.json(&["group", "remove", "Pond", "bob"]);
    let removed = bob.event("the removal", |event| event["kind"] == "group.removed" && event["data"]["group"] == group);
    assert_eq!((&removed["state"], &removed["actor"]), (&"removed".into(), &alice.id.clone().into()), "{removed}");
    let invited = bob.event("the invite", |event| event["kind"] == "group.invited");
    assert_eq!((&invited["group"], &invited["state"]), (&group.into(), &"invited".into()));
    bob.event("coming in", |event| event["kind"] == "group.joined" && event["data"]["state"] == "joined");
    let received = bob.until_received("hello");
    assert_eq!(received["channel"], group);
}

#[test]
fn what_people_read_of_groups_has_names_and_says_what_to_do_next() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let told = |node: &Node, args: &[&str], words: &[&str]| {
        let ran = node.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        for word in words {
            assert!(ran.stdout.contains(word) || ran.stderr.contains(word), "no \"{word}\": {ran:?}");
        }
    };
    told(&alice, &["group", "list"], &["covey group create"]);
    told(&alice, &["group", "create", "Lake"], &["Lake", "owner", "covey group invite"]);
    told(&alice, &["group", "invite", "Lake", "bob"], &["bob", "on its way"]);
    let group = alice.json(&["group", "show", "Lake"])["group"].as_str().expect("an id").to_owned();
    bob.until_group(&group, "invited");
    told(&bob, &["group", "list"], &["Lake", "invited", "covey group accept Lake"]);
    told(&bob, &["group", "accept", "Lake"], &["Lake"]);
    bob.until_group(&group, "joined");
    told(&bob, &["group", "members", "Lake"], &["owner", "alice", "you"]);
    told(&bob, &["group", "show", "Lake"], &["Lake", "joined", "member"]);
    told(&bob, &["channel", "list"], &["Lake"]);
    say_to_all(&bob, &group, "hello", &[&alice]);
    told(&alice, &["messages", "Lake"], &["bob", "hello"]);
    told(&alice, &["tail", "-n", "20"], &["Lake"]);
}
