//! An account on two machines loses one to a thief and the other one to a fire. Its words bring it back, to its contacts and its groups.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Launch, Node, befriend, bring_in, contact_of, link_on, make_group, run, within};

/// A contact who is away is looked for after half a minute, and a recovered account is sent nothing for a whole one.
const LONG: Duration = Duration::from_secs(180);

/// Whether a node lists an account in a state.
fn stands(node: &Node, id: &str, state: &str) -> Option<()> {
    (contact_of(node, id)?["state"] == state).then_some(())
}

/// The words of a node that is stopped, which forgets them.
fn words(node: &Node) -> String {
    node.json(&["account", "phrase", "--yes"])["phrase"].as_str().expect("words").to_owned()
}

/// A ticket that `node` makes with these words.
fn ticket(node: &Node, args: &[&str]) -> String {
    node.json(args)["ticket"].as_str().expect("a ticket").to_owned()
}

fn devices(node: &Node) -> usize {
    let is_active = |device: &&Value| device["state"] == "active";
    node.json(&["device", "list"]).as_array().expect("a list").iter().filter(is_active).count()
}

#[test]
fn contacts_and_groups_talk_on_after_one_accept_of_renewals() {
    let meeting = Node::start("meeting");
    let through = Launch::default().through(&meeting.address());
    let mut laptop = Node::launch("alice", through.clone());
    let [bob, carol, dave] = ["bob", "carol", "dave"].map(|name| Node::launch(name, through.clone()));
    laptop.json(&["device", "rename", "this", "laptop"]);
    laptop.stop();
    let words = words(&laptop);
    laptop.resume();
    let server = link_on(&laptop, Node::prepare("server", through.clone()), &["--holder"]);

    // Bob is a contact; Carol only shares the group; Dave is nobody.
    befriend(&laptop, &bob);
    let group = make_group(&laptop, "Lake");
    bring_in(&laptop, &group, &bob);
    carol.json(&["group", "join", &ticket(&laptop, &["group", "ticket", &group])]);
    for node in [&laptop, &server, &bob, &carol] {
        node.until_group(&group, "joined");
        node.until_members(&group, 3);
    }
    dave.json(&["pair", "invite", &ticket(&laptop, &["account", "ticket"])]);
    within(LONG, "both machines are asked", || {
        stands(&laptop, &dave.id, "pending").and_then(|()| stands(&server, &dave.id, "pending"))
    });
    server.json(&["pair", "decline", &dave.id]);
    within(LONG, "the laptop declined as well", || stands(&laptop, &dave.id, "declined"));

    // A thief has the laptop, and everybody talks on.
    bob.json(&["send", &group, "who has the boat?"]);
    server.until_reads(&group, "who has the boat?");
    server.json(&["device", "revoke", "laptop", "--yes"]);
    bob.json(&["send", &group, "anybody?"]);
    assert_eq!(laptop.ended().code(), Some(1));
    server.until_reads(&group, "anybody?");
    server.json(&["send", &group, "it is in the shed"]);
    for node in [&bob, &carol] {
        node.until_reads(&group, "it is in the shed");
    }
    assert_eq!(devices(&server), 1);

    // The server burns.
    let (server_id, data) = (server.id.clone(), server.data());
    drop(server);
    assert!(!data.exists());
    let mut anew = Node::prepare("anew", through);
    let mut command = anew.covey();
    command.env("COVEY_NETWORK__MDNS", "false");
    run(command, ["--json", "account", "recover", "--peer", &meeting.address(), "--yes"], &words).json();
    anew.resume();
    assert_eq!(anew.id, server_id);
    let waiting = || anew.json(&["pair", "list", "--state", "renewal"]).as_array().map_or(0, Vec::len);
    within(LONG, "bob asks to pair again", || (waiting() == 1).then_some(()));
    anew.json(&["pair", "accept", "--renewals", "--yes"]);

    bob.until_confirmed(&anew.id);
    anew.until_group(&group, "joined");
    anew.until_members(&group, 3);
    anew.json(&["send", &bob.id, "I am back"]);
    bob.until_received("I am back");
    anew.json(&["send", &group, "and the boat is gone"]);
    for node in [&bob, &carol] {
        node.until_reads(&group, "and the boat is gone");
    }
    for (node, text) in [(&bob, "we have mine"), (&carol, "welcome back")] {
        node.json(&["send", &group, text]);
        anew.until_reads(&group, text);
    }
    // The owner as before.
    carol.until_role(&group, &anew.id, "owner");
    anew.json(&["group", "rename", &group, "By the lake"]);
    within(LONG, "the new name", || (carol.json(&["group", "show", &group])["name"] == "By the lake").then_some(()));
}
