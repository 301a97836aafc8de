//! Who is reached by a name: contacts and groups are looked up together, nothing is sent on a guess, and the answer says
//! where it went.

use crate::harness::{Node, befriend, bring_in, eventually, invite, lake_of, make_group, say_to_all};

/// The id of a message that went to `to`, from what `send` says to people.
#[track_caller]
fn went_to(node: &Node, name: &str, to: &str) -> String {
    let ran = node.run(&["send", name, "hello"]);
    let id = ran.stdout.strip_suffix(&format!(" to {to}, waiting to be delivered\n"));
    let id = id.unwrap_or_else(|| panic!("not to {to}: {ran:?}"));
    node.json(&["message", "show", id])["channel"].as_str().expect("a channel").to_owned()
}

#[test]
fn a_group_called_bob_is_not_the_contact_bobby() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["pair", "rename", "bob", "bobby"]);
    let group = make_group(&alice, "bob");
    let direct = alice.json(&["pair", "show", "bobby"])["channel"].as_str().expect("a channel").to_owned();
    assert_eq!(went_to(&alice, "bob", "bob"), group, "the group has exactly that name");
    assert_eq!(went_to(&alice, "BOB", "bob"), group, "names are the same whatever their case");
    assert_eq!(went_to(&alice, "bobby", "bobby"), direct);
    assert_eq!(went_to(&alice, &bob.id[..8], "bobby"), direct);
    assert_eq!(went_to(&alice, &group[..8], "bob"), group);
    // What only reads may take the start of a name, what sends or changes something may not.
    assert_eq!(alice.json(&["pair", "show", "bobb"])["contact"], bob.id.as_str());
    for args in [
        ["send", "bobb", "hello"].as_slice(),
        &["pair", "send", "bobb", "hello"],
        &["pair", "remove", "bobb"],
        &["pair", "block", "bobb"],
        &["pair", "rename", "bobb", "robert"],
        &["channel", "mark-read", "bobb"],
        &["channel", "archive", "bobb"],
        &["group", "invite", "bob", "bobb"],
        &["send", &bob.id[..7], "hello"],
        &["send", &group[..7], "hello"],
        &["group", "rename", &group[..7], "Lake"],
    ] {
        let reason = alice.reason(args);
        assert!(reason.starts_with("no_such_"), "{args:?}: {reason}");
    }
    let sentence = alice.refused(&["send", "bobb", "hello"], 1);
    assert!(sentence.contains("Did you mean bobby"), "{sentence}");
    let sentence = alice.refused(&["pair", "show", "bob"], 1);
    assert!(sentence.contains("is a group, not a contact"), "{sentence}");
    assert_eq!(alice.json(&["messages", &direct]).as_array().map(Vec::len), Some(2), "nothing else went to bobby");
}

#[test]
fn a_name_cannot_be_given_to_a_contact_and_a_group() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    make_group(&alice, "Lake");
    for alias in ["Lake", "LAKE", " lake "] {
        assert_eq!(alice.reason(&["pair", "rename", "bob", alias]), "alias_taken", "{alias}");
    }
    for args in [["group", "create", "Bob"].as_slice(), &["group", "rename", "Lake", "bob"]] {
        assert_eq!(alice.reason(args), "alias_taken");
    }
    // The daemon holds every client to it, not only this one.
    let refused = alice.client().call("group.create", &serde_json::json!({"name": "bob"})).expect_err("refused");
    assert!(format!("{refused:?}").contains("alias_taken"), "{refused:?}");
    alice.json(&["pair", "rename", "bob", "Pond"]);
    make_group(&alice, "bob");
}

#[test]
fn a_group_that_others_named_like_a_contact_makes_the_name_ambiguous() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let group = make_group(&bob, "BOB");
    bob.json(&["group", "invite", &group, "alice"]);
    alice.until_group(&group, "invited");
    // An invite does not stand in anybody's way: nothing could be sent there.
    let direct = alice.json(&["pair", "show", "bob"])["channel"].as_str().expect("a channel").to_owned();
    assert_eq!(went_to(&alice, "bob", "bob"), direct);
    alice.json(&["group", "accept", "bob"]);
    alice.until_group(&group, "joined");
    for args in [["send", "bob", "hello"].as_slice(), &["messages", "bob"], &["channel", "mark-read", "bob"]] {
        assert_eq!(alice.reason(args), "ambiguous_name", "{args:?}");
    }
    let ran = alice.run(&["send", "bob", "hello"]);
    let sentence = ran.sentence(1);
    assert!(sentence.contains("the contact bob") && sentence.contains("the group BOB"), "{sentence}");
    for id in [&bob.id, &group] {
        assert!(ran.stderr.lines().any(|line| line.starts_with("  ") && line.contains(&id[..13])), "{ran:?}");
    }
    // Where only one of them can be meant, it is.
    alice.json(&["pair", "show", "bob"]);
    alice.json(&["group", "show", "bob"]);
    eventually("the group to take the message", || alice.json(&["send", &group, "hello"])["id"].as_str().map(|_| ()));
}

#[test]
fn a_pending_invite_is_accepted_by_what_it_calls_itself_only_after_it_was_shown() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    for node in [&bob, &carol] {
        node.json(&["account", "rename", "Bob"]);
    }
    let ticket = alice.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned();
    bob.json(&["pair", "invite", &ticket, "--note", "from the lake"]);
    alice.until_contact(&bob.id, "pending");
    // A script is not asked; it says that it means it.
    let sentence = alice.refused(&["pair", "accept", "bob"], 1);
    assert!(sentence.contains(&bob.id[..13]) && sentence.contains("--yes"), "{sentence}");
    assert_eq!(alice.json(&["pair", "list"])[0]["state"], "pending");
    assert_eq!(alice.reason(&["send", "Bob", "hello"]), "no_such_channel");
    // Two of that name: neither.
    invite(&carol, &alice);
    alice.until_contact(&carol.id, "pending");
    let ran = alice.run(&["pair", "accept", "Bob", "--yes"]);
    ran.sentence(1);
    assert!([&bob, &carol].iter().all(|node| ran.stderr.contains(&node.id[..13])), "{ran:?}");
    assert!(ran.stderr.contains("from the lake"), "the notes tell them apart: {ran:?}");
    alice.json(&["pair", "decline", &carol.id]);
    let accepted = alice.json(&["pair", "accept", "bob", "--yes"]);
    assert_eq!((accepted["contact"].as_str(), &accepted["state"]), (Some(bob.id.as_str()), &"paired".into()));
}

#[test]
fn names_that_cannot_be_seen_or_typed_are_refused_by_the_daemon() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    make_group(&alice, "Lake");
    let client = alice.client();
    for bad in ["Al\u{200b}ice", "\u{202e}txt.exe", "bob\u{200b}", "-rf", "-", "bob\u{3164}", "bob\u{fe0f}"] {
        for (method, params) in [
            ("account.rename", serde_json::json!({"name": bad})),
            ("pair.rename", serde_json::json!({"contact": "bob", "alias": bad})),
            ("pair.invite", serde_json::json!({"to": bob.id, "alias": bad})),
            ("group.create", serde_json::json!({"name": bad})),
            ("group.rename", serde_json::json!({"group": "Lake", "name": bad})),
        ] {
            let refused = format!("{:?}", client.call(method, &params).expect_err("refused"));
            assert!(refused.contains("invalid_"), "{method} {bad:?}: {refused}");
        }
    }
    assert_eq!(alice.json(&["pair", "list"])[0]["alias"], "bob");
    assert_eq!(alice.json(&["account", "rename", "Ada 🏳️‍🌈"])["name"], "Ada 🏳️‍🌈");
}

#[test]
fn two_groups_of_one_name_are_told_apart_by_who_is_in_them_and_what_was_said_last() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let (first, second) = (make_group(&alice, "Lake"), make_group(&alice, "Lake"));
    bring_in(&alice, &first, &bob);
    alice.until_members(&first, 2);
    alice.json(&["send", &first, "We meet at eight"]);
    let ran = alice.run(&["send", "Lake", "hello"]);
    ran.sentence(1);
    let line = |id: &str| ran.stderr.lines().find(|line| line.starts_with("  ") && line.contains(&id[..13]));
    let (first, second) = (line(&first).expect("the first"), line(&second).expect("the second"));
    assert!(first.contains("2 members") && first.contains("me: We meet at eight"), "{first}");
    assert!(second.contains("1 member") && second.contains("no messages"), "{second}");
}

#[test]
fn a_stranger_in_a_group_who_takes_the_name_of_a_contact_is_shown_in_quotes() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob]);
    carol.json(&["account", "rename", "bob"]);
    let ticket = alice.json(&["group", "ticket", "Lake"])["ticket"].as_str().expect("a ticket").to_owned();
    carol.json(&["group", "join", &ticket]);
    carol.until_group(&group, "joined");
    say_to_all(&bob, &group, "from the friend", &[&alice]);
    say_to_all(&carol, &group, "from the stranger", &[&alice]);
    let shown = alice.run(&["messages", "Lake"]).stdout;
    assert!(
        shown.contains(" Lake bob: from the friend") && shown.contains(" Lake \"bob\": from the stranger"),
        "{shown}"
    );
    let list = alice.json(&["messages", "Lake"]);
    let by = |id: &str| list.as_array().expect("a list").iter().find(|one| one["author"] == id).cloned();
    assert_eq!(by(&bob.id).expect("of bob")["author_alias"], "bob");
    assert_eq!(by(&carol.id).expect("of carol")["author_alias"], serde_json::Value::Null);
}
