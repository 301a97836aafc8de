//! Clients that come in crowds, stop reading, or ask for what makes no sense: answered in kind, and nobody else notices.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::harness::{Node, PATIENCE, Refused, Socket, eventually};

fn host(node: &Node) -> String {
    node.client().endpoint().expect("runs")["url"].as_str().expect("a URL").replace("http://", "")
}

#[test]
fn a_thousand_connections_are_told_that_there_is_no_room_and_the_socket_still_answers() {
    let alice = Node::start("alice");
    let host = host(&alice);
    let mut crowd: Vec<TcpStream> = (0..1_000).map(|_| TcpStream::connect(&host).expect("listens")).collect();
    assert_eq!(alice.json(&["pair", "list"]), json!([]), "the Unix socket has places of its own");
    let mut late = TcpStream::connect(&host).expect("listens");
    late.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let _ = late.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    let mut answer = String::new();
    // It may be cut off with a reset.
    let _ = late.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.is_empty() || answer.contains("limit_reached"), "{answer}");
    crowd.clear();
    let client = alice.client();
    eventually("there is room again", || client.call("pair.list", &json!({})).ok());
}

#[test]
fn a_subscriber_that_stops_reading_slows_nobody_and_misses_nothing() {
    let alice = Node::start("alice");
    let client = alice.client();
    let mut lazy = Socket::connect(&alice);
    lazy.send(
        r#"{"jsonrpc":"2.0","id":1,"method":"events.subscribe","params":{"kinds":["account"],"transient":false}}"#,
    );
    assert!(lazy.next()["result"].is_u64(), "subscribed");
    let names: Vec<String> = (0..400).map(|number| format!("{number} {}", "x".repeat(50))).collect();
    for name in &names {
        client.call("account.rename", &json!({ "name": name })).expect("is answered");
    }
    let told: Vec<Value> = names.iter().map(|_| lazy.next()["params"]["result"]["data"]["name"].clone()).collect();
    assert_eq!(told, names);
}

#[test]
fn of_two_subscriptions_of_one_consumer_the_newer_one_goes_on() {
    let alice = Node::start("alice");
    let subscribe =
        r#"{"jsonrpc":"2.0","id":1,"method":"events.subscribe","params":{"consumer":"bot","kinds":["account"]}}"#;
    let (mut older, mut newer) = (Socket::connect(&alice), Socket::connect(&alice));
    older.send(subscribe);
    assert!(older.next()["result"].is_u64());
    newer.send(subscribe);
    assert!(newer.next()["result"].is_u64());
    let ended = older.next();
    assert!(ended["params"]["error"].as_str().is_some_and(|why| why.starts_with("consumer_taken: ")), "{ended}");
    alice.client().call("account.rename", &json!({ "name": "Alice" })).expect("is answered");
    assert_eq!(newer.next()["params"]["result"]["data"]["name"], "Alice");
}

#[test]
fn cursors_and_numbers_that_make_no_sense_are_refused_and_not_bent() {
    let alice = Node::start("alice");
    let client = alice.client();
    client.call("account.rename", &json!({ "name": "Alice" })).expect("is answered");
    for (method, params, reason) in [
        ("events.ack", json!({"consumer": "bot", "cursor": "1000000"}), "invalid_cursor"),
        ("events.ack", json!({"consumer": "", "cursor": "1"}), "invalid_params"),
        ("events.fetch", json!({"from": "yesterday"}), "invalid_cursor"),
        ("events.fetch", json!({"limit": 0}), "invalid_params"),
        ("events.fetch", json!({"limit": 1001}), "invalid_params"),
        ("events.fetch", json!({"kinds": ["message.lost"]}), "invalid_params"),
        ("events.fetch", json!({"channels": ["nobody"]}), "no_such_channel"),
        ("events.fetch", json!({"contacts": ["nobody"]}), "no_such_contact"),
        ("message.list", json!({"limit": 0}), "invalid_params"),
        ("message.list", json!({"limit": 5000}), "invalid_params"),
        ("account.ticket", json!({"uses": 0}), "invalid_params"),
        ("account.ticket", json!({"expires_in": 99_999_999_999_u64}), "invalid_params"),
        ("audit.list", json!({"limit": 0}), "invalid_params"),
    ] {
        let refused = client.call(method, &params);
        let Err(Refused::Error(error)) = refused else { panic!("{method} {params}: {refused:?}") };
        assert_eq!(error["data"]["reason"], reason, "{method} {params}: {error}");
    }
    let page = client.call("events.fetch", &json!({"last": 1, "kinds": ["account"]})).expect("is answered");
    assert_eq!(page["events"][0]["data"]["name"], "Alice");
}
