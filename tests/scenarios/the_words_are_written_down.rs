//! Until its owner has written down the words, a node says that the account is not backed up; then it does not have them any more.

use crate::harness::Node;

const NOT_BACKED_UP: &str = "your account is not backed up";

/// What the doctor says of the backup: its state, and its message.
fn doctor(node: &Node) -> (String, String) {
    let report = node.json(&["doctor"]);
    let check =
        report["checks"].as_array().expect("a list").iter().find(|check| check["name"] == "backup").expect("one");
    let text = |part: &str| check[part].as_str().expect("a text").to_owned();
    (text("state"), text("message"))
}

#[test]
fn a_sealed_node_works_on_and_never_shows_the_words_again() {
    let mut alice = Node::start("alice");
    let id = alice.id.clone();
    assert_eq!(alice.json(&["status"])["backed_up"], false);
    assert!(alice.run(&["status"]).stdout.contains(NOT_BACKED_UP));
    assert_eq!(doctor(&alice), ("warn".to_owned(), NOT_BACKED_UP.to_owned()));
    alice.stop();

    let shown = alice.json(&["account", "phrase"]);
    assert_eq!(shown["sealed"], false, "nobody said that they have them");
    let sealed = alice.json(&["account", "phrase", "--yes"]);
    assert_eq!((&sealed["phrase"], &sealed["sealed"]), (&shown["phrase"], &true.into()));
    let sentence = alice.refused(&["account", "phrase", "--yes"], 1);
    assert!(sentence.contains("is sealed"), "{sentence}");

    alice.resume();
    assert_eq!(alice.id, id);
    assert_eq!(alice.json(&["status"])["backed_up"], true);
    assert!(!alice.run(&["status"]).stdout.contains(NOT_BACKED_UP));
    assert_eq!(doctor(&alice).0, "ok");
    let mut bob = Node::start("bob");
    crate::harness::befriend(&alice, &bob);
    alice.restart();
    bob.stop();
    assert_eq!(bob.json(&["account", "phrase", "--yes", "--keep"])["sealed"], false);
    assert_eq!(bob.json(&["account", "phrase"])["phrase"].as_str().map(|words| words.split(' ').count()), Some(24));
    bob.resume();
    assert_eq!(bob.json(&["status"])["backed_up"], true);
}

#[test]
fn a_mistyped_word_is_told_with_the_nearest_of_the_list() {
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let words = ["abandon"; 23].join(" ") + " zebar";
    let sentence = crate::harness::run(crate::harness::covey(home.path()), ["account", "recover"], &words).sentence(2);
    assert!(sentence.contains("word 24") && sentence.contains("zebra"), "{sentence}");
}
