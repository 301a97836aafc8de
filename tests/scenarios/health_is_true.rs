//! What a node says about itself is so: whether it can be reached, whether it works, and what its log tells.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use crate::harness::{Launch, Node, befriend, eventually};

/// Bytes of a segment of the database's log.
const SEGMENT: u64 = 512 * 1024;

/// The status and the body of a page that needs no token.
fn get(node: &Node, path: &str) -> (u16, String) {
    let endpoint = node.client().endpoint().expect("a running daemon");
    let host = endpoint["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("a URL").to_owned();
    let mut stream = TcpStream::connect(&host).expect("connects");
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
        .expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[test]
fn a_node_on_loopback_never_says_that_it_is_reached_from_the_internet() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    // A neighbour dials back and confirms the address, which is first of those that the node names then.
    for node in [&alice, &bob] {
        let status = node.json(&["status"]);
        assert_eq!((&status["reachability"], &status["ready"]), (&"local".into(), &true.into()), "{status}");
        assert!(!node.run(&["status"]).stdout.contains("internet"));
        let report = node.json(&["doctor"]);
        let reachability = check(&report, "reachability");
        assert!(reachability["message"].as_str().is_some_and(|said| said.contains("this machine only")), "{report}");
        assert_eq!(report["ok"], true);
    }
}

#[test]
fn a_node_whose_disk_is_full_is_not_ready_says_why_and_still_tells_its_status() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    assert_eq!(get(&alice, "/readyz"), (200, "ready\n".to_owned()));
    alice.stop();
    let size = alice.data().join("db/db").metadata().expect("a database").len();
    // Files may not grow beyond this: writes fail as on a full disk, without one being filled.
    let limit = format!("--fsize={}", size.next_multiple_of(SEGMENT) + 400_000);
    alice.resume_as(Launch::default().run_by(&["env", "--ignore-signal=XFSZ", "prlimit", &limit]));
    let before = alice.json(&["status"]);
    assert_eq!((&before["ready"], &before["trouble"]), (&true.into(), &Value::Null), "{before}");
    let text = "x".repeat(8_000);
    eventually("the disk to be full", || (alice.run(&["--json", "send", "bob", &text]).code == 5).then_some(()));

    // At once, although it was ready a moment ago.
    let (code, why) = get(&alice, "/readyz");
    assert_eq!(code, 503, "{why}");
    assert!(why.contains("db") || why.contains("disk"), "{why}");
    let status = alice.json(&["status"]);
    assert_eq!((&status["ready"], &status["account"]), (&false.into(), &before["account"]), "{status}");
    assert!(status["trouble"].as_str().is_some_and(|trouble| why.contains(trouble)), "{status}");
    assert_eq!(status["counts"]["paired"], 1);
    let doctor = alice.run(&["--json", "doctor"]);
    assert_eq!(doctor.code, 1);
    let report: Value = serde_json::from_str(&doctor.stdout).expect("a report");
    assert_eq!(check(&report, "storage")["state"], "fail", "{report}");
    assert_eq!(get(&alice, "/healthz").0, 200, "the process lives");
    assert!(alice.log().contains("the node is not ready"), "{}", alice.log());

    alice.kill();
    alice.resume_as(Launch::default());
    assert_eq!(get(&alice, "/readyz"), (200, "ready\n".to_owned()));
}

#[test]
fn the_log_tells_the_life_of_a_node_in_a_few_lines_and_no_id_in_full() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&bob, &alice);
    alice.json(&["send", "bob", "a secret of ours"]);
    bob.until_received("a secret of ours");
    alice.stop();
    let log = alice.log();
    for said in
        ["ready", "the addresses of this node", "an invite arrived", "a contact connected", "stopping", "stopped"]
    {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert!(log.lines().count() < 20, "{log}");
    for kept in [alice.id.as_str(), bob.id.as_str(), "a secret of ours"] {
        assert!(!log.contains(kept), "{kept}: {log}");
    }
}

#[test]
fn a_json_log_is_nothing_but_json_also_when_the_daemon_does_not_start() {
    let mut alice = Node::launch("alice", Launch::default().set("log.format", "json"));
    alice.signal("USR1");
    eventually("a status in the log", || alice.log().contains("paired").then_some(()));
    let second = alice.daemon().output().expect("covey runs");
    assert_eq!(second.status.code(), Some(5));
    alice.stop();
    let logs = [alice.log(), String::from_utf8(second.stderr).expect("UTF-8")];
    for log in &logs {
        assert!(!log.is_empty());
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(line["level"].is_string(), "{line}");
        }
    }
    assert!(logs[1].contains("ERROR"), "{}", logs[1]);
}

#[test]
fn a_contact_who_removed_us_is_not_shown_as_online() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    eventually("bob to be online", || (alice.json(&["pair", "show", &bob.id])["online"] == true).then_some(()));
    bob.json(&["pair", "remove", "alice"]);
    alice.until_contact(&bob.id, "removed");
    let shown = alice.json(&["pair", "show", &bob.id]);
    assert_eq!((&shown["online"], &shown["ended_by"]), (&false.into(), &"them".into()), "{shown}");
}
