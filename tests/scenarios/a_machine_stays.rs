//! The laptop is lost, the server at home is not: the words on a new machine keep it, and it gives the new machine all that it has.

use std::time::Duration;

use crate::harness::{Launch, Node, befriend, contact_of, eventually, link_on, run, texts, within};

/// A contact who is away is looked for after half a minute, and a recovered account is sent nothing for a whole one.
const LONG: Duration = Duration::from_secs(240);

#[test]
fn a_server_that_is_kept_gives_the_new_machine_everything_once_its_operator_typed_the_digits() {
    let meeting = Node::start("meeting");
    let through = Launch::default().through(&meeting.address());
    let (mut laptop, bob) = (Node::launch("laptop", through.clone()), Node::launch("bob", through.clone()));
    befriend(&laptop, &bob);
    for n in 0..5 {
        laptop.json(&["send", &bob.id, &format!("laptop {n}")]);
        bob.json(&["send", &laptop.id, &format!("bob {n}")]);
    }
    laptop.until_shows(&bob.id, 10);
    laptop.stop();
    let words = laptop.json(&["account", "phrase", "--yes", "--keep"])["phrase"].as_str().expect("words").to_owned();
    laptop.resume();
    let server = link_on(&laptop, Node::prepare("server", through.clone()), &[]);
    server.until_contact(&bob.id, "paired");
    server.until_shows(&bob.id, 10);
    let kept = server.json(&["account", "show"])["device"].as_str().expect("an id").to_owned();

    // The laptop is stolen. On a new machine:
    let mut anew = Node::prepare("anew", through);
    let recover = |more: &[&str]| {
        let mut command = anew.covey();
        command.env("COVEY_NETWORK__MDNS", "false");
        let peer = meeting.address();
        let args = ["--json", "account", "recover", "--peer", &peer, "--yes"];
        run(command, [&args, more].concat(), &words)
    };
    let none = within(LONG, "the card with the server is published", || {
        let none = recover(&["--keep", "cvd1nothing"]);
        assert_eq!(none.code, 1, "{none:?}");
        none.stderr.contains(&kept[..8]).then_some(none)
    });
    assert!(none.stderr.contains("these are its devices"), "{none:?}");
    let recovered = recover(&["--keep", &kept, "--holder"]).json();
    laptop.kill();
    assert_eq!(recovered["devices_kept"][0], kept.as_str());
    let digits = recovered["digits"].as_str().expect("16 digits").to_owned();
    anew.resume();
    assert_eq!(anew.id, laptop.id);

    // The server says so, does nothing, and takes no other digits.
    let alarm = within(LONG, "the alarm", || {
        let status = server.json(&["account", "status"]);
        (status["second_history"]["what"] == "kept").then_some(status)
    });
    assert_eq!(alarm["recoveries"], 0);
    let said = server.run(&["account", "status"]).stdout;
    assert!(said.contains("recovered with its words on another machine, which keeps this device"), "{said}");
    assert_eq!(server.reason(&["account", "accept", "0000 0000 0000 0000"]), "wrong_digits");
    assert!(server.refused(&["account", "accept", "12"], 2).contains("16 digits"));
    assert!(contact_of(&anew, &bob.id).is_none());
    let shown = anew.json(&["device", "show", &kept]);
    assert_eq!(shown["state"], "kept");

    server.json(&["account", "accept", &digits]);
    within(LONG, "the account is one again", || (server.json(&["account", "status"])["recoveries"] == 1).then_some(()));
    assert_eq!(server.reason(&["account", "accept", &digits]), "wrong_state");
    within(LONG, "the contact comes", || (contact_of(&anew, &bob.id)?["state"] == "paired").then_some(()));
    within(LONG, "the history comes", || (texts(&anew, &bob.id).len() == 10).then_some(()));
    assert_eq!(texts(&anew, &bob.id), texts(&server, &bob.id));
    // Nobody has to pair again.
    within(LONG, "the recovery is seen", || contact_of(&bob, &laptop.id)?["recovered_at"].as_str().map(drop));
    assert_eq!(contact_of(&bob, &laptop.id).expect("a contact")["state"], "paired");
    anew.json(&["send", &bob.id, "from the new machine"]);
    within(LONG, "it arrives", || texts(&bob, &laptop.id).contains(&"from the new machine".to_owned()).then_some(()));
    bob.json(&["send", &laptop.id, "welcome back"]);
    for node in [&anew, &server] {
        within(LONG, "both have it", || texts(node, &bob.id).contains(&"welcome back".to_owned()).then_some(()));
    }
    // It is a holder now, as was said, and the laptop is out.
    eventually("the list to say so", || {
        let listed = server.json(&["device", "list"]);
        let all = listed.as_array().expect("a list").clone();
        let revoked = all.iter().filter(|device| device["state"] == "revoked").count();
        let holders = all.iter().filter(|device| device["state"] == "active" && device["role"] == "holder").count();
        (revoked == 1 && holders == 2).then_some(())
    });
}
