//! A bot with a token of its own: it does its work, nothing else, and no longer than it may.

use serde_json::{Value, json};

use crate::harness::{Node, Refused, befriend};

fn reason(called: Result<Value, Refused>) -> String {
    match called {
        Err(Refused::Error(error)) => error["data"]["reason"].as_str().expect("a reason").to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bot_reads_and_writes_where_its_token_says_until_it_is_revoked() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.json(&["group", "create", "Lake"]);
    let made = alice.run(&["token", "create", "bot", "--scope", "read,send", "--channel", "bob"]);
    let bot = made.stdout.trim().to_owned();
    assert!(bot.starts_with("cvt_") && made.code == 0, "{made:?}");
    let metrics = alice.json(&["token", "create", "prometheus", "--scope", "metrics"]);
    let metrics = metrics["token"].as_str().expect("a token").to_owned();

    let client = alice.client();
    let send = |to: &str| client.call_as(&bot, "message.send", &json!({"to": to, "text": "from the bot"}));
    send("bob").expect("is sent");
    bob.until_received("from the bot");
    assert_eq!(reason(send("Lake")), "no_such_channel");
    assert_eq!(reason(client.call_as(&bot, "pair.list", &json!({}))), "not_allowed");
    assert_eq!(reason(client.call_as(&bot, "token.create", &json!({"name": "x", "scopes": ["read"]}))), "not_allowed");
    assert_eq!(reason(client.call_as(&metrics, "node.status", &json!({}))), "not_allowed");
    client.call_as(&metrics, "rpc.version", &json!({})).expect("every token may");
    let page = client.call_as(&bot, "events.fetch", &json!({})).expect("is told");
    let events = page["events"].as_array().expect("events");
    let sees = |kind: &str| events.iter().any(|event| event["kind"] == kind);
    assert!(sees("message.sent") && !sees("contact") && !sees("group.joined"), "{events:#?}");

    let listed = alice.json(&["token", "list"]);
    let used = listed.as_array().expect("a list").iter().find(|token| token["name"] == "bot").expect("is listed");
    assert!(used["last_used_at"].is_string(), "{used}");
    alice.json(&["token", "revoke", "bot"]);
    assert_eq!(reason(send("bob")), "token_revoked");
    alice.restart();
    let client = alice.client();
    assert_eq!(reason(client.call_as(&bot, "message.list", &json!({}))), "token_revoked", "after a restart as well");
    assert_eq!(reason(client.call_as("cvt_0", "message.list", &json!({}))), "unauthorized");
    client.call_as(&metrics, "rpc.version", &json!({})).expect("this one stays");

    let log = alice.json(&["audit"]);
    let has = |caller: &str, method: &str, reason: Value| {
        log.as_array()
            .expect("a list")
            .iter()
            .any(|entry| entry["caller"] == caller && entry["method"] == method && entry["reason"] == reason)
    };
    assert!(has("token", "message.send", Value::Null), "{log:#}");
    assert!(has("token", "pair.list", json!("not_allowed")), "{log:#}");
    assert!(has("socket", "token.revoke", Value::Null), "{log:#}");
    assert!(has("nobody", "/rpc", json!("token_revoked")), "{log:#}");
    assert!(!log.to_string().contains("from the bot"), "what was said is not kept");
}
