//! Whatever one asks of a daemon: one sentence that says what is wrong and what to do, and an exit code that says whose
//! turn it is. Nothing on stdout, nothing of the machinery.

use serde_json::{Value, json};

use crate::harness::{Node, befriend, covey, invite, run};

/// Refused, and told so by a sentence with these words in it.
#[track_caller]
fn refused(node: &Node, args: &[&str], words: &[&str]) {
    told(node, args, 1, words);
}

#[track_caller]
fn told(node: &Node, args: &[&str], code: i32, words: &[&str]) {
    let sentence = node.refused(args, code);
    for word in words {
        assert!(sentence.contains(word), "no \"{word}\" in: {sentence}");
    }
}

#[test]
fn who_is_unknown_or_ambiguous() {
    let (alice, bob, bobby) = (Node::start("alice"), Node::start("bob"), Node::start("bobby"));
    for args in [
        ["send", "nobody", "hello"].as_slice(),
        &["pair", "send", "nobody", "hello"],
        &["pair", "show", "nobody"],
        &["pair", "accept", "nobody"],
        &["pair", "remove", "nobody"],
        &["pair", "block", "nobody"],
        &["pair", "verify", "nobody"],
        &["messages", "nobody"],
        &["channel", "mark-read", "nobody"],
    ] {
        refused(&alice, args, &["nobody", "covey pair list"]);
    }
    refused(&alice, &["send", &bob.id, "hello"], &["covey pair invite"]);
    refused(&alice, &["message", "show", "0123456789abcdef"], &["covey messages"]);

    invite(&alice, &bob);
    invite(&alice, &bobby);
    let ran = alice.run(&["send", "bo", "hello"]);
    let sentence = ran.sentence(1);
    assert!(sentence.contains("bob") && sentence.contains("bobby") && sentence.contains("Did you mean"), "{sentence}");
    let candidates: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(candidates.len(), 2, "{ran:?}");
    assert!(
        [&bob, &bobby].iter().all(|node| candidates.iter().any(|line| line.contains(&node.id[..13]))),
        "{candidates:?}"
    );
    // The whole alias is not ambiguous.
    refused(&alice, &["send", "bob", "hello"], &["not paired with bob"]);
}

#[test]
fn who_did_not_say_yes() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    invite(&alice, &bob);
    bob.until_contact(&alice.id, "pending");
    refused(&alice, &["send", "bob", "hello"], &["not paired with bob", "not answered"]);
    refused(&bob, &["send", &alice.id, "hello"], &["covey pair accept"]);
    bob.json(&["pair", "decline", &alice.id]);
    alice.until_contact(&bob.id, "refused");
    refused(&alice, &["send", "bob", "hello"], &["declined your invite"]);
    refused(&bob, &["send", &alice.id, "hello"], &["You declined", "covey pair forget"]);
    refused(&bob, &["pair", "accept", &alice.id], &["covey pair forget"]);
    bob.json(&["pair", "block", &alice.id]);
    refused(&bob, &["send", &alice.id, "hello"], &["You blocked", "covey pair unblock"]);
    refused(&bob, &["pair", "remove", &alice.id], &["covey pair unblock"]);
}

#[test]
fn what_is_no_ticket() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    let ticket = bob.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned();
    let mistyped = ticket.replacen(&ticket[20..22], if &ticket[20..22] == "aa" { "bb" } else { "aa" }, 1);
    for wrong in ["covey:", "covey:abc", &ticket[..ticket.len() - 9], &mistyped, &"covey:a".repeat(3_000)] {
        refused(&alice, &["pair", "invite", wrong], &["ticket", "covey account ticket"]);
    }
    for wrong in ["hello", "cv1abc", &bob.id[..bob.id.len() - 2], "bob@example.org", " "] {
        refused(&alice, &["pair", "invite", wrong], &["covey:…", "cv1…"]);
    }
    refused(&bob, &["pair", "invite", &ticket], &["your own account"]);
    refused(&bob, &["pair", "invite", &bob.id], &["your own account"]);
    // Upper case, and broken into lines by a mail program: that is fine.
    let folded: Vec<String> =
        ticket.to_uppercase().as_bytes().chunks(60).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    assert_eq!(alice.json(&["pair", "invite", &folded.join("\n")])["contact"], bob.id);
    assert_eq!(alice.json(&["pair", "list"]).as_array().map(Vec::len), Some(1), "nothing else came of it");
}

#[test]
fn what_is_too_long_empty_or_taken() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let most = "x".repeat(16 * 1024);
    let sentence = alice.run_with(&["send", "bob", "-"], &format!("{most}x")).sentence(1);
    assert!(sentence.contains("16385") && sentence.contains("16384"), "{sentence}");
    for empty in ["", " ", "\n\t"] {
        refused(&alice, &["send", "bob", empty], &["empty"]);
    }
    assert_eq!(alice.run_with(&["--json", "send", "bob", "-"], &format!("{most}\n")).json()["state"], "queued");
    assert_eq!(bob.until_received(&most)["text"], most);
    // Sixteen kilobytes, not characters.
    refused(&alice, &["send", "bob", &"ü".repeat(8 * 1024 + 1)], &["16386"]);

    let carol = Node::start("carol");
    let ticket = carol.json(&["account", "ticket"])["ticket"].as_str().expect("a ticket").to_owned();
    refused(&alice, &["pair", "invite", &ticket, "--note", &"n".repeat(281)], &["281", "280"]);
    refused(&alice, &["pair", "invite", &ticket, "--alias", "bob"], &["bob", "another alias"]);
    for alias in ["", "cv1abc", "covey:x", &"a".repeat(65)] {
        told(&alice, &["pair", "invite", &ticket, "--alias", alias], 2, &["alias"]);
    }
    assert_eq!(alice.json(&["pair", "list"]).as_array().map(Vec::len), Some(1), "nothing was half invited");
    let name = alice.refused(&["account", "rename", &"n".repeat(1_000)], 2);
    assert!(name.contains("characters"), "{name}");
    refused(&alice, &["send", "bob", "hello", "--reply-to", "ffffffffff"], &["ffffffffff"]);
}

#[test]
fn no_daemon_or_another_or_one_that_does_not_answer() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    let url = bob.client().endpoint().expect("runs")["url"].as_str().expect("a URL").to_owned();
    told(&alice, &["--rpc", &url, "status"], 3, &["token", "--data-dir"]);
    told(&alice, &["--rpc", "unix:/nonexistent/rpc.sock", "status"], 3, &["/nonexistent/rpc.sock", "covey daemon"]);
    told(&alice, &["--rpc", "http://10.0.0.7:7420", "status"], 2, &["another machine"]);
    told(&alice, &["--rpc", "seven", "status"], 2, &["http://127.0.0.1:7420"]);

    alice.signal("STOP");
    let mut status = alice.covey();
    status.args(["--timeout", "0.5"]);
    let sentence = run(status, ["status"], "").sentence(4);
    assert!(sentence.contains("in time"), "{sentence}");
    alice.signal("CONT");
    assert_eq!(alice.json(&["status"])["ready"], true);

    alice.kill();
    // Its socket and its rpc.json are still there.
    assert!(alice.data().join("rpc.sock").exists());
    for args in [["status"].as_slice(), &["send", "bob", "hello"], &["tail", "--follow"], &["pair", "list"]] {
        told(&alice, args, 3, &["covey daemon", "--data-dir"]);
    }
    let nowhere = run(covey(&alice.home()), ["status"], "").sentence(3);
    assert!(nowhere.contains("covey daemon"), "{nowhere}");
}

#[test]
fn a_wrong_command_line_is_code_2_with_help() {
    let alice = Node::start("alice");
    for args in [
        ["--frobnicate", "status"].as_slice(),
        &["frobnicate"],
        &["send", "bob"],
        &["pair", "list", "--state", "happy"],
        &["--timeout", "soon", "status"],
        &["account", "ticket", "--uses", "0"],
        &["messages", "--limit", "0"],
        &["-q", "-v", "status"],
    ] {
        let ran = alice.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
        ran.no_panic();
    }
    let help = alice.run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
}

#[test]
fn an_error_is_an_object_for_programs() {
    let alice = Node::start("alice");
    let ran = alice.run(&["--json", "send", "nobody", "hello"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    let told: Value = serde_json::from_str(&ran.stderr).expect("one JSON object");
    let error = &told["error"];
    assert_eq!((&error["code"], &error["exit"]), (&json!(1), &json!(1)));
    assert!(error["reason"].as_str().expect("a reason").starts_with("no_such_"));
    assert!(error["message"].as_str().expect("a sentence").contains("nobody"));
}
