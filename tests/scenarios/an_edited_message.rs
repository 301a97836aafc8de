//! The author edits a message; the other side shows the new text, also after both were restarted.

use crate::harness::{Node, befriend, texts};

#[test]
fn an_edited_message_says_the_new_text_on_both_sides_and_that_it_was_edited() {
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let sent = alice.json(&["send", "bob", "see you at eight"])["id"].as_str().expect("an id").to_owned();
    bob.until_received("see you at eight");
    bob.json(&["channel", "mark-read", "alice"]);
    alice.until_state(&sent.as_str().into(), "read");
    let edited = alice.json(&["edit", &sent[..8], "see", "you", "at", "nine"]);
    assert_eq!((&edited["id"], &edited["edited"]), (&sent.as_str().into(), &true.into()));
    bob.event("the edit", |event| event["kind"] == "message.changed" && event["data"]["text"] == "see you at nine");
    assert_eq!(bob.reason(&["edit", &sent, "not mine"]), "not_allowed");
    assert_eq!(alice.reason(&["edit", &sent, " "]), "empty_text");
    for restarted in [false, true] {
        for node in [&alice, &bob] {
            assert_eq!(texts(node, if node.name == "alice" { "bob" } else { "alice" }), ["see you at nine"]);
            let shown = node.json(&["message", "show", &sent]);
            assert!(shown["edited"] == true && shown["edited_at"].is_string() && shown["state"] == "read", "{shown}");
        }
        assert!(bob.run(&["messages", "alice"]).stdout.contains("(edited)"));
        assert_eq!(bob.json(&["channel", "show", "alice"])["unread"], 0);
        if !restarted {
            alice.restart();
            bob.restart();
        }
    }
}
