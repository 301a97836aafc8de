//! Whatever one asks of a group that cannot be: one sentence that says what is wrong and what to do, and the exit code.

use serde_json::Value;

use crate::harness::{Node, befriend, lake_of, make_group, say_to_all};

/// Refused, and told so by a sentence with these words in it.
#[track_caller]
fn refused(node: &Node, args: &[&str], words: &[&str]) {
    told(node, args, 1, words);
}

#[track_caller]
fn told(node: &Node, args: &[&str], code: i32, words: &[&str]) {
    let sentence = node.refused(&[&["group"], args].concat(), code);
    for word in words {
        assert!(sentence.contains(word), "no \"{word}\" in: {sentence}");
    }
}

/// Not allowed, with the right that is missing.
#[track_caller]
fn lacks(node: &Node, args: &[&str], right: &str, words: &str) {
    let args = [&["group"], args].concat();
    let ran = node.run(&[&["--json"], args.as_slice()].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    let told: Value = serde_json::from_str(&ran.stderr).expect("one JSON object");
    let error = &told["error"];
    assert_eq!(
        (error["reason"].as_str(), error["data"]["right"].as_str()),
        (Some("not_allowed"), Some(right)),
        "{told}"
    );
    let sentence = node.refused(&args, 1);
    assert!(sentence.contains(words), "no \"{words}\" in: {sentence}");
}

#[test]
fn no_such_group() {
    let alice = Node::start("alice");
    for args in [
        ["show", "Pond"].as_slice(),
        &["members", "Pond"],
        &["doctor", "Pond"],
        &["accept", "Pond"],
        &["decline", "Pond"],
        &["leave", "Pond"],
        &["invite", "Pond", "bob"],
        &["remove", "Pond", "bob"],
        &["ban", "Pond", "bob"],
        &["role", "Pond", "bob", "admin"],
        &["rename", "Pond", "Lake"],
        &["policy", "Pond", "--write", "admin"],
        &["ticket", "Pond"],
        &["tickets", "Pond"],
        &["requests", "Pond"],
        &["approve", "Pond", "bob"],
        &["report", "Pond", "1f2e3d4c"],
        &["delete", "Pond", "1f2e3d4c"],
    ] {
        refused(&alice, args, &["Pond", "covey group list"]);
        assert_eq!(alice.reason(&[&["group"], args].concat()), "no_such_group", "{args:?}");
    }
    assert_eq!(alice.reason(&["send", "Pond", "hello"]), "no_such_channel");
    let twice = [make_group(&alice, "Lake"), make_group(&alice, "Lake")];
    assert_eq!(alice.reason(&["group", "show", "Lake"]), "ambiguous_group");
    assert_eq!(alice.json(&["group", "show", &twice[1]])["group"], twice[1].as_str());
}

#[test]
fn a_member_is_told_which_right_is_missing() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    befriend(&bob, &carol);
    let dora = Node::start("dora");
    befriend(&bob, &dora);
    let hers = say_to_all(&alice, &group, "Read this", &[&bob]);
    lacks(&bob, &["invite", "Lake", "dora"], "invite", "invite");
    lacks(&bob, &["ticket", "Lake"], "ticket", "tickets");
    lacks(&bob, &["remove", "Lake", "carol"], "remove", "remove them");
    lacks(&bob, &["ban", "Lake", "carol"], "ban", "ban them");
    lacks(&bob, &["role", "Lake", "carol", "reader"], "role", "that role");
    lacks(&bob, &["role", "Lake", "carol", "owner"], "transfer", "hand it over");
    lacks(&bob, &["rename", "Lake", "Pond"], "rename", "rename it");
    lacks(&bob, &["policy", "Lake", "--write", "admin"], "policy", "its policy");
    lacks(&bob, &["delete", "Lake", &hers], "delete", "delete messages of others");
    alice.json(&["group", "role", "Lake", "bob", "admin"]);
    bob.until_role(&group, &bob.id, "admin");
    lacks(&bob, &["role", "Lake", "carol", "admin"], "role", "Ask an owner");
    lacks(&bob, &["remove", "Lake", &alice.id], "remove", "is the owner");
    bob.json(&["group", "invite", "Lake", "dora"]);
}

#[test]
fn who_is_in_already_not_in_banned_or_oneself() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    lake_of(&alice, &[&bob]);
    befriend(&alice, &carol);
    refused(&alice, &["invite", "Lake", "bob"], &["bob", "already"]);
    refused(&alice, &["invite", "Lake", "nobody"], &["nobody", "covey pair list"]);
    refused(&alice, &["remove", "Lake", "nobody"], &["nobody", "not a member", "covey group members"]);
    refused(&alice, &["remove", "Lake", "carol"], &["carol", "not a member"]);
    refused(&alice, &["role", "Lake", "carol", "admin"], &["carol", "not a member"]);
    refused(&alice, &["remove", "Lake", &alice.id], &["covey group leave"]);
    alice.json(&["group", "invite", "Lake", "carol"]);
    // The same invite once more is sent again; another one is not made beside it.
    alice.json(&["group", "invite", "Lake", "carol"]);
    refused(&alice, &["invite", "Lake", "carol", "--role", "admin"], &["carol", "already"]);
    alice.json(&["group", "ban", "Lake", "carol"]);
    refused(&alice, &["invite", "Lake", "carol"], &["carol", "banned", "covey group unban"]);
    refused(&alice, &["ban", "Lake", "carol"], &["carol", "banned"]);
    refused(&alice, &["unban", "Lake", "bob"], &["bob", "not banned"]);
    refused(&alice, &["leave", "Lake"], &["owner", "--transfer-to"]);
    refused(&alice, &["leave", "Lake", "--transfer-to", "carol"], &["carol", "not a member"]);
    refused(&alice, &["accept", "Lake"], &["Lake", "covey group list --state invited"]);
    refused(&alice, &["approve", "Lake", "carol"], &["carol", "covey group requests"]);
    refused(&alice, &["revoke-ticket", "Lake", "ffff"], &["ffff", "covey group tickets"]);
    let list = alice.json(&["group", "list"]);
    assert_eq!((&list[0]["state"], &list[0]["members"]), (&"joined".into(), &2.into()), "nothing was half done");
}

#[test]
fn what_is_no_ticket_no_proof_and_no_message() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    lake_of(&alice, &[&bob]);
    let made = alice.json(&["group", "ticket", "Lake", "--expires-in", "1"]);
    let ticket = made["ticket"].as_str().expect("a ticket");
    let account = alice.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned();
    let mistyped = ticket.replacen(&ticket[30..32], if &ticket[30..32] == "aa" { "bb" } else { "aa" }, 1);
    let carol = Node::start("carol");
    for wrong in ["hello", "covey-group:", "covey-group:abc", &ticket[..ticket.len() - 9], &mistyped, &account] {
        refused(&carol, &["join", wrong], &["group ticket", "covey-group:"]);
    }
    let lasting = alice.json(&["group", "ticket", "Lake"]);
    refused(&bob, &["join", lasting["ticket"].as_str().expect("a ticket")], &["already"]);
    crate::harness::eventually("the ticket to expire", || {
        let tickets = alice.json(&["group", "tickets", "Lake"]);
        tickets.as_array().expect("a list").iter().any(|one| one["state"] == "expired").then_some(())
    });
    refused(&carol, &["join", ticket], &["cannot be used any more"]);
    assert_eq!(carol.json(&["group", "list"]), serde_json::json!([]), "nothing came of it");
    refused(&alice, &["report", "Lake", "ffffffff"], &["ffffffff"]);
    refused(&alice, &["delete", "Lake", "ffffffff"], &["ffffffff"]);
    told(&alice, &["report", "--verify", "/nonexistent/proof"], 2, &["/nonexistent/proof"]);
    let none = alice.run_with(&["group", "report", "--verify", "-"], "I swear it").sentence(2);
    assert!(none.contains("covey-proof:"), "{none}");
}

#[test]
fn names_and_policies_that_cannot_be() {
    let alice = Node::start("alice");
    make_group(&alice, "Lake");
    for name in ["", " ", &"n".repeat(65), "two\nlines"] {
        told(&alice, &["create", name], 2, &["1 to 64"]);
        told(&alice, &["rename", "Lake", name], 2, &["1 to 64"]);
    }
    told(&alice, &["policy", "Lake", "--write", "reader"], 2, &["readers"]);
    for args in [
        ["group"].as_slice(),
        &["group", "create"],
        &["group", "role", "Lake", "bob", "king"],
        &["group", "list", "--state", "happy"],
        &["group", "ticket", "Lake", "--uses", "0"],
        &["group", "report", "Lake"],
    ] {
        let ran = alice.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        ran.no_panic();
    }
    assert_eq!(alice.json(&["group", "list"]).as_array().map(Vec::len), Some(1));
}
