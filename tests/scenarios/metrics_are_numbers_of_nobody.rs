//! `/metrics`: every sample is described, counts move with what happens, and nobody stands in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use crate::harness::{Node, befriend, eventually};

/// The page, as whoever has the token gets it.
fn page(node: &Node, with_token: bool) -> (u16, String) {
    let endpoint = node.client().endpoint().expect("a running daemon");
    let host = endpoint["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("a URL").to_owned();
    let token = fs::read_to_string(node.data().join("rpc.cookie")).expect("a token");
    let token = if with_token { format!("Authorization: Bearer {}\r\n", token.trim()) } else { String::new() };
    let mut stream = TcpStream::connect(&host).expect("connects");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n{token}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

/// Samples by name and labels.
fn samples(node: &Node) -> BTreeMap<String, f64> {
    let (status, page) = page(node, true);
    assert_eq!(status, 200);
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
        .collect()
}

#[test]
fn counts_move_with_what_happens() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let sent = alice.json(&["send", "bob", "one"])["id"].clone();
    bob.until_received("one");
    alice.until_state(&sent, "delivered");
    let here = samples(&alice);
    for (name, value) in [
        ("covey_ready", 1.0),
        ("covey_messages_total{state=\"sent\"}", 1.0),
        ("covey_messages_total{state=\"delivered\"}", 1.0),
        ("covey_contacts{state=\"paired\"}", 1.0),
        ("covey_channels{kind=\"direct\"}", 1.0),
        ("covey_queue_messages", 0.0),
        ("covey_decrypt_failures_total", 0.0),
        ("covey_rpc_requests_total{method=\"message.send\",result=\"ok\"}", 1.0),
    ] {
        assert_eq!(here.get(name), Some(&value), "{name}: {here:#?}");
    }
    for name in [
        "covey_fsync_seconds_count",
        "covey_commit_inputs_sum",
        "covey_storage_bytes",
        "covey_storage_free_bytes",
        "covey_frames_total{direction=\"sent\"}",
        "covey_connections{kind=\"direct\"}",
        "covey_rpc_requests_total{method=\"events.subscribe\",result=\"ok\"}",
    ] {
        assert!(here.get(name).is_some_and(|value| *value > 0.0), "{name}: {here:#?}");
    }
    let there = samples(&bob);
    assert_eq!(there["covey_messages_total{state=\"received\"}"], 1.0);
    assert_eq!(there["covey_sync_lag_seconds_count"], 1.0);

    bob.stop();
    alice.json(&["send", "bob", "two"]);
    alice.refused(&["send", "nobody-of-that-name", "three"], 1);
    let here = eventually("a connection to end", || {
        let here = samples(&alice);
        (here["covey_peers"] == 0.0).then_some(here)
    });
    assert_eq!(here["covey_queue_messages"], 1.0);
    assert!(here["covey_queue_age_seconds"] > 0.0);
    let refused: Vec<&String> =
        here.keys().filter(|name| name.contains("message.send") && !name.contains("\"ok\"")).collect();
    assert!(refused.len() == 1 && refused[0].contains("result=\"no_such_"), "{refused:?}");
}

#[test]
fn every_sample_is_described_and_names_nobody() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["account", "rename", "Alice of the Lake"]);
    alice.json(&["send", "bob", "words"]);
    bob.until_received("words");
    assert_eq!(page(&alice, false).0, 401);
    let (_, text) = page(&alice, true);
    let (mut described, mut typed) = (BTreeSet::new(), BTreeMap::new());
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(_)) => {
                assert!(described.insert(name.to_owned()), "{name} twice");
            }
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                typed.insert(name.to_owned(), kind.to_owned());
            }
            _ => {
                let name = line.split(['{', ' ']).next().expect("a name");
                let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                    name.strip_suffix(end).filter(|name| typed.get(*name).is_some_and(|kind| kind == "histogram"))
                });
                let family = family.unwrap_or(name);
                assert!(described.contains(family) && typed.contains_key(family), "{line}");
            }
        }
    }
    assert!(described.len() > 30, "{}", described.len());
    let account = alice.json(&["account", "show"]);
    let ids = ["account", "device", "peer_id"].map(|id| account[id].as_str().expect("an id").to_owned());
    for kept in ids.iter().map(String::as_str).chain([bob.id.as_str(), "bob", "Lake", "words", "127.0.0.1"]) {
        assert!(!text.contains(kept), "{kept}: {text}");
    }
}
