//! `pairing.required = false`: strangers may write at once, into a list of requests and nowhere else.

use serde_json::{Value, json};

use crate::harness::{Launch, Node, contact_of, invite};

fn open() -> Launch {
    Launch::default().set("pairing.required", "false")
}

/// Carol, a stranger, writes to Alice, who is open. Yields both.
fn stranger_writes() -> (Node, Node) {
    let (carol, alice) = (Node::start("carol"), Node::launch("alice", open()));
    invite(&carol, &alice);
    carol.until_contact(&alice.id, "paired");
    carol.json(&["send", "alice", "you do not know me"]);
    alice.event("a request", |event| {
        let channel = &event["data"];
        event["kind"] == "channel"
            && channel["request"] == true
            && channel["last_message"]["text"] == "you do not know me"
    });
    (carol, alice)
}

fn requests(node: &Node) -> Value {
    node.json(&["channel", "list", "--requests"])
}

#[test]
fn a_strangers_first_message_arrives_among_the_requests_and_never_in_the_inbox() {
    let (carol, mut alice) = stranger_writes();
    for _ in 0..2 {
        assert_eq!(alice.json(&["messages"]), json!([]), "the inbox is empty");
        assert_eq!(alice.json(&["channel", "list"]), json!([]));
        assert_eq!(alice.json(&["status"])["counts"]["unread"], 0);
        assert_eq!(contact_of(&alice, &carol.id).expect("listed")["state"], "pending");
        let requests = requests(&alice);
        assert_eq!((&requests[0]["contact"], &requests[0]["request"]), (&carol.id.clone().into(), &true.into()));
        assert_eq!(alice.json(&["messages", &carol.id])[0]["text"], "you do not know me");
        alice.restart();
    }

    alice.json(&["pair", "accept", &carol.id, "--alias", "carol"]);
    assert_eq!(requests(&alice), json!([]));
    assert_eq!(alice.json(&["messages"])[0]["text"], "you do not know me");
    alice.json(&["send", "carol", "now I do"]);
    carol.until_received("now I do");
}

#[test]
fn a_stranger_who_is_declined_writes_no_more() {
    let (carol, alice) = stranger_writes();
    alice.json(&["pair", "decline", &carol.id]);
    carol.until_contact(&alice.id, "removed");
    assert_eq!(carol.reason(&["send", "alice", "please"]), "not_paired");
    assert_eq!(alice.json(&["messages"]), json!([]));
    assert_eq!(requests(&alice), json!([]), "what was declined is no request any more");
}

#[test]
fn the_default_is_closed() {
    let (carol, alice) = (Node::start("carol"), Node::start("alice"));
    invite(&carol, &alice);
    alice.until_contact(&carol.id, "pending");
    assert_eq!(carol.reason(&["send", "alice", "let me in"]), "not_paired");
    assert_eq!(requests(&alice), json!([]));
}
