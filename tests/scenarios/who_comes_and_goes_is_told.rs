//! Devices that connect and disconnect: told to whoever listens, written down nowhere.

use serde_json::{Value, json};

use crate::harness::{Node, Socket, befriend};

/// Reads until the contact is told to be there, or not: one connection more or less does not change that.
fn until_connected(socket: &mut Socket, id: &str, connected: bool) {
    loop {
        let event: Value = socket.next()["params"]["result"].take();
        assert_eq!((&event["kind"], &event["cursor"]), (&json!("peer"), &Value::Null), "{event}");
        assert_eq!((&event["data"]["contact"], &event["data"]["alias"]), (&json!(id), &json!("bob")), "{event}");
        if event["data"]["connected"] == connected {
            return;
        }
    }
}

#[test]
fn a_contact_that_goes_and_comes_back_is_told_to_those_who_want_to_hear_it() {
    let (alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let (mut all, mut lasting) = (Socket::connect(&alice), Socket::connect(&alice));
    all.send(r#"{"jsonrpc":"2.0","id":1,"method":"events.subscribe","params":{"kinds":["peer"]}}"#);
    assert!(all.next()["result"].is_u64());
    let without = r#"{"kinds":["peer","account"],"transient":false}"#;
    lasting.send(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"events.subscribe","params":{without}}}"#));
    assert!(lasting.next()["result"].is_u64());
    bob.stop();
    until_connected(&mut all, &bob.id, false);
    bob.resume();
    until_connected(&mut all, &bob.id, true);
    alice.json(&["account", "rename", "Alice"]);
    assert_eq!(lasting.next()["params"]["result"]["kind"], "account", "what passes was not told");
}
