//! The main job: a ticket, an invite, a yes, and words both ways. The JSON is what scripts rely on.

use serde_json::Value;

use crate::harness::{Launch, Node, befriend, same_conversation};

/// The names of an object's fields, sorted.
fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn two_nodes_pair_by_ticket_and_talk() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));

    let ticket = bob.json(&["account", "ticket"]);
    assert_eq!(fields(&ticket), ["ticket"], "a ticket without a token is nothing but a ticket");
    assert!(text(&ticket["ticket"]).starts_with("covey:"));
    let account = alice.json(&["account", "show"]);
    assert_eq!(fields(&account), ["account", "addresses", "device", "name", "peer_id"]);
    assert_eq!(account["account"], alice.id);
    assert!(text(&account["device"]).starts_with("cvd1"));
    assert!(text(&account["addresses"][0]).ends_with(text(&account["peer_id"])));

    let note = "It is Alice, from the lake";
    let invited = alice.json(&["pair", "invite", text(&ticket["ticket"]), "--alias", "bob", "--note", note]);
    assert_eq!(
        (&invited["state"], &invited["contact"], &invited["alias"]),
        (&"invited".into(), &bob.id.clone().into(), &"bob".into())
    );

    let asked = bob.until_contact(&alice.id, "pending");
    assert_eq!((text(&asked["note"]), &asked["direction"]), (note, &"incoming".into()));
    let pending = bob.json(&["pair", "list", "--state", "pending"]);
    assert_eq!(pending.as_array().map(Vec::len), Some(1));
    assert_eq!(
        fields(&pending[0]),
        [
            "alias",
            "channel",
            "confirmed",
            "contact",
            "direction",
            "expires_at",
            "keepers",
            "name",
            "note",
            "online",
            "since",
            "state",
            "verified"
        ]
    );
    assert_eq!(bob.reason(&["send", &alice.id, "too early"]), "not_paired");
    assert_eq!(alice.reason(&["send", "bob", "too early"]), "not_paired");

    let accepted = bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    assert_eq!(accepted["state"], "paired");
    assert_eq!(alice.until_confirmed(&bob.id)["channel"], bob.until_confirmed(&alice.id)["channel"]);

    let sent = alice.json(&["send", "bob", "Shall", "we", "meet?"]);
    assert_eq!(fields(&sent), ["channel", "id", "state"]);
    assert_eq!(bob.until_received("Shall we meet?")["id"], sent["id"]);
    let answer = bob.json(&["pair", "send", "alice", "At eight, gladly"]);
    assert_eq!(alice.until_received("At eight, gladly")["id"], answer["id"]);
    let third =
        alice.json(&["send", "bob", "Gut! \u{1f40c}\nBring the umbrella.", "--reply-to", &text(&answer["id"])[..8]]);
    bob.until_received("Gut! \u{1f40c}\nBring the umbrella.");
    alice.until_state(&third["id"], "delivered");

    let order = ["Shall we meet?", "At eight, gladly", "Gut! \u{1f40c}\nBring the umbrella."];
    assert_eq!(same_conversation(&alice, &bob), order);
    let list = bob.json(&["messages", "alice"]);
    let ids: Vec<&Value> = list.as_array().expect("a list").iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, [&sent["id"], &answer["id"], &third["id"]]);
    for message in list.as_array().expect("a list") {
        assert_eq!(
            fields(message),
            [
                "author",
                "author_alias",
                "author_name",
                "channel",
                "clock_suspect",
                "edited",
                "expires_at",
                "id",
                "order_key",
                "own",
                "received_at",
                "reply_to",
                "sent_at",
                "state",
                "text"
            ]
        );
        assert_eq!(message["channel"], sent["channel"]);
        for time in ["sent_at", "received_at"] {
            let time = text(&message[time]);
            assert!(time.len() >= 20 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "RFC 3339: {time}");
        }
    }
    let seen: Vec<_> = [0, 1, 2].map(|n| (text(&list[n]["author"]), text(&list[n]["state"]), &list[n]["own"])).into();
    let (hers, his) = (Value::Bool(false), Value::Bool(true));
    assert_eq!(
        seen,
        [
            (alice.id.as_str(), "received", &hers),
            (bob.id.as_str(), "delivered", &his),
            (alice.id.as_str(), "received", &hers)
        ]
    );
    assert_eq!(list[2]["reply_to"], answer["id"]);
}

#[test]
fn a_conversation_is_the_same_after_both_restarted() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    for n in 0..6 {
        let (from, to) = if n % 3 == 0 { (&bob, &alice) } else { (&alice, &bob) };
        let said = format!("before {n}");
        from.json(&["send", to.name, &said]);
        to.until_received(&said);
    }
    let before = same_conversation(&alice, &bob);
    alice.restart();
    bob.restart();
    assert_eq!(same_conversation(&alice, &bob), before);
    alice.json(&["send", "bob", "after"]);
    bob.until_received("after");
    bob.json(&["send", "alice", "after, too"]);
    alice.until_received("after, too");
    assert_eq!(same_conversation(&alice, &bob)[6..], ["after", "after, too"]);
}

#[test]
fn two_nodes_pair_and_talk_over_quic() {
    let quic = || Launch::default().listen("/ip4/127.0.0.1/udp/0/quic-v1");
    let (alice, bob) = (Node::launch("alice", quic()), Node::launch("bob", quic()));
    befriend(&alice, &bob);
    alice.json(&["send", "bob", "over UDP"]);
    bob.until_received("over UDP");
    let peers = alice.json(&["peers"]);
    assert!(text(&peers[0]["address"]).contains("/quic-v1"), "{peers}");
    assert_eq!(peers[0]["alias"], "bob");
}
