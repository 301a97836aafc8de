//! What begins with a dash and is meant as a text is sent; nothing is taken for help and ends well.

use crate::harness::{Node, befriend};

#[test]
fn a_text_that_begins_with_a_dash_is_sent() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    for (args, text) in [
        (["send", "bob", "-hello"].as_slice(), "-hello"),
        (&["pair", "send", "bob", "-vhq-5"], "-vhq-5"),
        (&["send", "bob", "minus", "-5", "degrees", "--wait", "delivered"], "minus -5 degrees"),
        (&["send", "bob", "--", "-h"], "-h"),
    ] {
        let sent = alice.json(args);
        assert_eq!(alice.json(&["message", "show", sent["id"].as_str().expect("an id")])["text"], text);
        bob.until_received(text);
    }
    // What may be a mistyped flag is not sent, and says how it would be.
    let ran = alice.run(&["send", "bob", "--dashes", "first"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("-- --dashes"), "{ran:?}");
    let help = alice.run(&["send", "bob", "-h"]);
    assert!(help.code == 0 && help.stdout.contains("Usage"), "{help:?}");
}

#[test]
fn no_other_command_takes_a_word_for_help() {
    let alice = Node::start("alice");
    for args in [
        ["account", "rename", "-hugo"].as_slice(),
        &["group", "create", "-hikers"],
        &["pair", "rename", "bob", "-hugo"],
        &["-hello"],
    ] {
        let ran = alice.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(args[args.len() - 1]), "{ran:?}");
    }
    let messages = alice.run(&["messages", "-n5"]);
    assert_eq!(messages.code, 0, "a value may stand at its flag: {messages:?}");
}
