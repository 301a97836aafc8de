//! The local port: nobody gets in without the operator's token, no web page of somebody else does.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
};

use crate::harness::Node;

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
