//! The local port: nobody gets in without the operator's token, no web page of somebody else does.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
};

use serde_json::{Value, json};

use crate::harness::{Node, Refused};

/// The status line that a request gets.
fn ask(node: &Node, path: &str, headers: &[(&str, &str)]) -> String {
    let url = node.client().endpoint().expect("runs")["url"].as_str().expect("a URL").replace("http://", "");
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"account.show","params":{}}"#;
    let mut head =
        format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head.push_str(&format!("Host: {url}\r\n"));
    }
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    let mut stream = TcpStream::connect(&url).expect("listens");
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).expect("sends");
    let mut answer = Vec::new();
    // It may be cut off with a reset.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(!answer.contains("peer_id") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split("\r\n").next().unwrap_or_default().to_owned()
}

#[test]
fn only_who_can_read_the_cookie_gets_in() {
    let mut alice = Node::start("alice");
    let cookie = fs::read_to_string(alice.data().join("rpc.cookie")).expect("readable").trim().to_owned();
    let bearer = format!("Bearer {cookie}");
    let right = ("Authorization", bearer.as_str());
    assert_eq!(ask(&alice, "/rpc", &[right]), "HTTP/1.1 200 OK");
    assert_eq!(ask(&alice, "/rpc", &[]), "HTTP/1.1 401 Unauthorized");
    let wrong = format!("Bearer {}", cookie.replace(|c: char| c.is_ascii_digit(), "a"));
    assert_eq!(ask(&alice, "/rpc", &[("Authorization", &wrong)]), "HTTP/1.1 401 Unauthorized");
    // A page of somebody else, and a name that was made to point here.
    for header in [("Origin", "https://evil.example"), ("Host", "evil.example"), ("Host", "evil.example:80")] {
        let refused = ask(&alice, "/rpc", &[right, header]);
        assert!(refused.starts_with("HTTP/1.1 403"), "{header:?}: {refused}");
    }
    for name in ["rpc.cookie", "rpc.json", "rpc.sock"] {
        let mode = fs::metadata(alice.data().join(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    alice.restart();
    assert_eq!(ask(&alice, "/rpc", &[right]), "HTTP/1.1 401 Unauthorized", "a cookie is of one run");
}

#[test]
fn on_the_socket_the_kernel_says_who_calls_and_no_token_is_needed() {
    let alice = Node::start("alice");
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"pair.list","params":{"state":"pending"}}"#;
    let request = format!(
        "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = UnixStream::connect(alice.data().join("rpc.sock")).expect("listens");
    stream.write_all(request.as_bytes()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(r#"{"jsonrpc":"2.0","id":1,"result":[]}"#),
        "{answer}"
    );
}

#[test]
fn a_request_that_makes_no_sense_is_told_why_and_harms_nobody() {
    let alice = Node::start("alice");
    let client = alice.client();
    let refused = |method: &str, params: Value| match client.call(method, &params) {
        Err(Refused::Error(error)) => error,
        other => panic!("{method}: {other:?}"),
    };
    for (method, params, code) in [
        ("pair.frobnicate", json!({}), -32601),
        ("message.send", json!({"to": "bob"}), -32602),
        ("message.send", json!({"to": "bob", "text": "x", "colour": "red"}), -32602),
        ("message.send", json!({"to": 7, "text": []}), -32602),
        ("message.send", json!(["bob", "x"]), -32602),
        ("events.fetch", json!({"limit": -1}), -32602),
        ("pair.list", json!({"state": "happy"}), -32602),
    ] {
        let error = refused(method, params.clone());
        assert_eq!(error["code"], code, "{method} {params}: {error}");
        assert!(error["data"]["reason"].is_string() || code == -32601, "{method}: {error}");
    }
    assert_eq!(client.call("pair.list", &json!({})).expect("answers"), json!([]));
}
