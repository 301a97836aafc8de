//! As the kernel sees it: a message is on disk before its sender is told so, and before a byte of it leaves.

use std::{fs, process::Command};

use serde_json::json;

use crate::harness::{Launch, Node, befriend, eventually};

/// Larger than anything else that goes over the wire meanwhile: so is its entry.
const SIZE: usize = 16 * 1024;
const LARGE: i64 = 8 * 1024;

/// Whether this system lets us look. `None` says why not.
fn tracing_is_possible() -> Result<(), String> {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let tried = tried.expect("strace is needed for this test: apt-get install strace");
    if tried.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&tried.stderr).into_owned()) }
}

/// One system call: the line in the trace where it began, the line where it ended.
#[derive(Clone, Debug)]
struct Call {
    began: usize,
    ended: usize,
    name: String,
    text: String,
    result: i64,
}

/// Puts calls together that others interrupted.
fn parse(trace: &str) -> Vec<Call> {
    let mut unfinished: Vec<(String, usize, String)> = Vec::new();
    let mut calls = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let (began, text) = if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some(index) = unfinished.iter().position(|(of, ..)| of == pid) else { continue };
            let (_, began, head) = unfinished.swap_remove(index);
            (began, head + resumed.split_once("resumed>").map_or("", |(_, tail)| tail))
        } else if let Some(head) = rest.strip_suffix("<unfinished ...>") {
            unfinished.push((pid.to_owned(), at, head.to_owned()));
            continue;
        } else {
            (at, rest.to_owned())
        };
        let (Some((name, _)), Some((_, result))) = (text.split_once('('), text.rsplit_once(" = ")) else { continue };
        let result = result.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(-1);
        calls.push(Call { began, ended: at, name: name.to_owned(), text: text.clone(), result });
    }
    calls
}

#[test]
fn a_message_is_on_disk_before_it_is_acknowledged_and_before_it_leaves() {
    if let Err(why) = tracing_is_possible() {
        eprintln!("SKIPPED: this system does not let strace attach: {why}");
        return;
    }
    let bob = Node::start("bob");
    let mut alice = Node::start("alice");
    befriend(&alice, &bob);
    alice.stop();
    let trace = alice.base().join("trace");
    let calls = "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg,read,readv,recvfrom,recvmsg";
    let strace = ["strace", "-D", "-f", "-yy", "-s", "1000", "-e", calls, "-o", &trace.display().to_string()];
    alice.resume_as(Launch::default().run_by(&strace));
    eventually("a connection", || (alice.json(&["pair", "show", "bob"])["online"] == true).then_some(()));
    // One through the same way before, so that nothing but the message is new.
    let first = alice.json(&["send", "bob", "first"]);
    alice.until_state(&first["id"], "delivered");

    let text = "x".repeat(SIZE);
    let sent = alice.client().call("message.send", &json!({"to": "bob", "text": text})).expect("is accepted");
    let id = sent["id"].as_str().expect("an id").to_owned();
    alice.until_state(&sent["id"], "delivered");
    let (port, of_bob) = (alice.port(), bob.port());
    alice.stop();

    let calls = parse(&fs::read_to_string(&trace).expect("a trace"));
    let is = |call: &Call, names: &[&str]| names.contains(&call.name.as_str());
    let reads = ["read", "readv", "recvfrom", "recvmsg"];
    let writes = ["write", "writev", "sendto", "sendmsg"];
    let asked = calls.iter().find(|call| is(call, &reads) && call.text.contains("\"message.send\\\""));
    let asked = asked.expect("the request was read").ended;
    let answered = calls
        .iter()
        .find(|call| is(call, &writes) && call.text.contains(&format!("\\\"{id}\\\"")) && call.began > asked);
    let answered = answered.expect("the answer was written").began;
    let of_network = |call: &Call| [port, of_bob].iter().any(|port| call.text.contains(&format!(":{port}")));
    let left =
        calls.iter().find(|call| is(call, &writes) && of_network(call) && call.result > LARGE && call.began > asked);
    let left = left.expect("the entry went to bob").began;
    let synced: Vec<&Call> = calls
        .iter()
        .filter(|call| is(call, &["fsync", "fdatasync"]) && call.text.contains("/db/db>") && call.result == 0)
        .collect();
    let written = calls
        .iter()
        .filter(|call| is(call, &["pwrite64", "write"]) && call.text.contains("/db/db>"))
        .filter(|call| call.began > asked && call.ended < answered.min(left))
        .map(|call| call.ended)
        .max()
        .expect("it was written to the database before");
    let durable = synced.iter().find(|call| call.began > written).expect("and synced");
    assert!(durable.ended < answered, "acknowledged (line {answered}) before it was durable (line {})", durable.ended);
    assert!(durable.ended < left, "sent (line {left}) before it was durable (line {})", durable.ended);
}
