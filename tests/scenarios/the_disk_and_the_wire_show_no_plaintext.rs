//! What people say, and who they are to each other, is nowhere to be read: not in the files, not on the wire, not in the
//! log of a daemon that tells everything it can.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Launch, Node, Wire, contains, eventually, files_below, settled};

/// What must not be found. Names, notes and aliases are somebody's business, too.
const SECRETS: [&str; 6] = [
    "the lighthouse at midnight",
    "bring the red umbrella",
    "It is Alice from the lake",
    "bobby-the-pirate",
    "alice-my-love",
    "Alice Pleasance Liddell",
];

fn assert_nothing_in(what: &str, bytes: &[u8], more: &[String]) {
    for secret in SECRETS.iter().copied().chain(more.iter().map(String::as_str)) {
        assert!(!contains(bytes, secret.as_bytes()), "\"{secret}\" can be read in {what}");
    }
}

#[test]
fn nothing_that_was_said_can_be_read_on_disk_on_the_wire_or_in_the_log() {
    let mut bob = Node::launch("bob", Launch::default().arg("-vv"));
    let wire = Wire::to(bob.port());
    let peer = bob.json(&["account", "show"])["peer_id"].as_str().expect("a peer id").to_owned();
    let through = format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", wire.port());
    let mut alice = Node::launch("alice", Launch::default().arg("-vv").through(&through));
    // Once they are connected over the wire that remembers, they open no second connection.
    eventually("a connection over the wire", || (alice.json(&["status"])["peers"] == 1).then_some(()));

    alice.json(&["account", "rename", SECRETS[5]]);
    let ticket = bob.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned();
    alice.json(&["pair", "invite", &ticket, "--alias", SECRETS[3], "--note", SECRETS[2]]);
    let asked = bob.until_contact(&alice.id, "pending");
    assert_eq!((asked["note"].as_str(), asked["name"].as_str()), (Some(SECRETS[2]), Some(SECRETS[5])));
    bob.json(&["pair", "accept", &alice.id, "--alias", SECRETS[4]]);
    alice.until_confirmed(&bob.id);
    alice.json(&["send", SECRETS[3], SECRETS[0]]);
    bob.until_received(SECRETS[0]);
    bob.json(&["send", SECRETS[4], SECRETS[1]]);
    alice.until_received(SECRETS[1]);
    settled(&alice);
    assert!(alice.json(&["peers"])[0]["address"].as_str().expect("an address").contains(&wire.port().to_string()));

    let recorded = wire.recorded();
    assert!(contains(&recorded, b"/multistream/1.0.0"), "the wire recorded the connection");
    assert!(recorded.len() > 10_000, "and all that was said: {} bytes", recorded.len());
    let ids = [alice.id.clone(), bob.id.clone()];
    assert_nothing_in("what went over the wire", &recorded, &ids);

    for node in [&mut alice, &mut bob] {
        let log = node.log();
        assert!(log.contains("DEBUG") || log.contains("TRACE"), "the log tells much");
        assert_nothing_in(&format!("the log of {}", node.name), log.as_bytes(), &[]);
        for running in [true, false] {
            let files = files_below(&node.data());
            assert!(files.iter().any(|(path, bytes)| path.ends_with("db/db") && bytes.len() > 10_000), "{files:?}");
            for (path, bytes) in files {
                assert_nothing_in(&path.display().to_string(), &bytes, &ids);
                let mode = path.metadata().map(|meta| meta.permissions().mode() & 0o777);
                assert!(mode.as_ref().is_ok_and(|mode| mode & 0o077 == 0), "{}: {mode:?}", path.display());
            }
            if running {
                node.stop();
            }
        }
    }
}
