//! A second machine becomes a device of an account, by a link and six digits; what goes wrong is said; a lost one is revoked.

use serde_json::Value;

use crate::harness::{NewMachine, Node, befriend, eventually, link, texts};

/// Names and states of the devices that a node lists.
fn devices(node: &Node) -> Vec<(String, String, String)> {
    let listed = node.json(&["device", "list"]);
    let text = |device: &Value, field: &str| device[field].as_str().expect("a text").to_owned();
    let row = |device: &Value| (text(device, "name"), text(device, "role"), text(device, "state"));
    listed.as_array().expect("a list").iter().map(row).collect()
}

fn row(name: &str, role: &str, state: &str) -> (String, String, String) {
    (name.to_owned(), role.to_owned(), state.to_owned())
}

#[test]
fn a_server_is_linked_as_holder_and_both_machines_list_both() {
    let laptop = Node::start("laptop");
    laptop.json(&["device", "rename", "this", "laptop"]);
    let server = link(&laptop, "server", &["--holder"]);
    assert_eq!(server.id, laptop.id, "one account");
    let both = [row("laptop", "holder", "active"), row("server", "holder", "active")];
    for node in [&laptop, &server] {
        assert_eq!(devices(node), both);
    }
    let this = server.json(&["device", "show", "this"]);
    assert_eq!((&this["name"], &this["this"]), (&"server".into(), &true.into()));
    assert_eq!(server.reason(&["device", "revoke", "server", "--yes"]), "own_device");
    // The words stay where they were made.
    server.run(&["shutdown"]);
    laptop.event("the device", |event| event["kind"] == "device.linked" && event["data"]["name"] == "server");
    for command in ["link", "confirm", "rename", "revoke", "show", "list"] {
        assert!(laptop.run(&["device", command, "--help"]).stdout.contains("Example"), "{command}");
    }
}

#[test]
fn wrong_digits_three_times_end_the_link_on_both_machines() {
    let laptop = Node::start("laptop");
    let machine = NewMachine::start("server");
    laptop.json(&["device", "link", &machine.ticket]);
    let right = machine.digits();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    assert_eq!(laptop.reason(&["device", "confirm", wrong]), "wrong_digits");
    assert_eq!(laptop.reason(&["device", "link", &machine.ticket, "--yes", wrong]), "wrong_digits");
    let sentence = laptop.refused(&["device", "confirm", wrong], 1);
    assert!(sentence.contains("three times"), "{sentence}");
    assert_eq!(laptop.reason(&["device", "confirm", &right]), "link_ended");
    let (node, code, said) = machine.ended();
    assert_eq!(code, 1);
    assert!(said.contains("three times") && said.contains("init --link"), "{said}");
    assert_eq!(devices(&laptop).len(), 1);
    // The directory can be used again, with another link.
    let again = NewMachine::on(node);
    laptop.json(&["device", "link", &again.ticket]);
    laptop.json(&["device", "confirm", &again.digits()]);
    assert_eq!(again.ended().1, 0);
    assert_eq!(devices(&laptop).len(), 2);
}

#[test]
fn a_link_goes_on_after_both_machines_were_killed() {
    let mut laptop = Node::start("laptop");
    let machine = NewMachine::start("server");
    let ticket = machine.ticket.clone();
    laptop.json(&["device", "link", &ticket]);
    let digits = machine.digits();
    let node = machine.kill();
    laptop.crash();
    let again = NewMachine::on(node);
    assert_eq!((again.ticket.clone(), again.digits()), (ticket.clone(), digits.clone()), "the same link");
    let linked = laptop.json(&["device", "link", &ticket, "--yes", &digits]);
    assert_eq!(linked["name"], "server");
    assert_eq!(again.ended().1, 0);
    assert_eq!(devices(&laptop).len(), 2);
}

#[test]
fn what_is_no_link_is_said_and_a_machine_with_an_account_is_not_linked() {
    let (laptop, other) = (Node::start("laptop"), Node::start("other"));
    assert_eq!(laptop.reason(&["device", "link", "covey-link:abc"]), "bad_link");
    let ticket = other.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned();
    let sentence = laptop.refused(&["device", "link", &ticket], 1);
    assert!(sentence.contains("covey init --link"), "{sentence}");
    assert_eq!(laptop.reason(&["device", "confirm", "123456"]), "link_ended");
    assert_eq!(laptop.run(&["device", "confirm", "12345"]).code, 2);
    assert_eq!(laptop.reason(&["device", "show", "phone"]), "no_such_device");
    let mut other = other;
    other.stop();
    let ran = other.run(&["init", "--link"]);
    assert_eq!(ran.code, 1);
    assert!(ran.sentence(1).contains("has an account already"), "{ran:?}");
}

#[test]
fn a_revoked_device_stops_says_so_and_never_starts_again() {
    let laptop = Node::start("laptop");
    let mut server = link(&laptop, "server", &[]);
    assert_eq!(server.reason(&["device", "revoke", "device 1", "--yes"]), "not_holder");
    assert_eq!(
        laptop.refused(&["device", "revoke", "server"], 2),
        "A revoked device never comes back. Say --yes if you mean it."
    );
    laptop.json(&["device", "revoke", "server", "--yes"]);
    assert_eq!(server.ended().code(), Some(1));
    let mut again = server.daemon();
    let ran = again.output().expect("covey starts");
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("was revoked"), "{said}");
    eventually("the list to say so", || {
        (devices(&laptop).last().map(|device| device.2.clone()) == Some("revoked".into())).then_some(())
    });
}

/// How far a machine is with the history, as one of the account's says.
fn phase(node: &Node, of: &str) -> Option<String> {
    node.json(&["device", "show", of])["transfer"]["phase"].as_str().map(str::to_owned)
}

#[test]
fn a_linked_machine_reads_what_was_said_before_as_far_as_it_may() {
    let (laptop, bob) = (Node::start("laptop"), Node::start("bob"));
    befriend(&laptop, &bob);
    for n in 0..20 {
        laptop.json(&["send", &bob.id, &format!("laptop {n}")]);
        bob.json(&["send", &laptop.id, &format!("bob {n}")]);
    }
    laptop.until_shows(&bob.id, 40);
    let server = link(&laptop, "server", &[]);
    let phone = link(&laptop, "phone", &["--history", "none"]);
    for (node, name) in [(&server, "server"), (&phone, "phone")] {
        eventually("it has its history", || (phase(node, "this")? == "done").then_some(()));
        let done = |event: &Value| event["kind"] == "transfer.progress" && event["data"]["phase"] == "done";
        laptop.event("the end of it", |event| done(event) && event["data"]["name"] == name);
        assert_eq!(phase(&laptop, name).as_deref(), Some("done"));
    }
    server.until_shows(&bob.id, 40);
    assert_eq!(texts(&server, &bob.id), texts(&laptop, &bob.id));
    assert!(server.run(&["device", "list"]).stdout.contains("complete"));
    let followed = server.json(&["device", "show", "this", "--follow"]);
    assert_eq!(followed["transfer"]["done"], followed["transfer"]["total"]);
    bob.json(&["send", &laptop.id, "to all of you"]);
    phone.until_received("to all of you");
    assert_eq!(texts(&phone, &bob.id), ["to all of you"], "nothing of before");
    server.until_received("to all of you");
    // Old messages are no news.
    let is_old = |event: &Value| event["data"]["text"].as_str().is_some_and(|text| text.starts_with("bob "));
    let is_news = |event: &Value| event["kind"] == "message.received" && is_old(event);
    assert!(!server.search("its events", |events| Some(events.iter().any(is_news))));
    assert_eq!(laptop.run(&["device", "link", "covey-link:abc", "--history", "week"]).code, 2);
}
