//! A disk that takes no more: nothing is acknowledged that is not kept, and all is well once there is room again.

use serde_json::{Value, json};

use crate::harness::{Launch, Node, Refused, befriend, same_conversation};

/// Bytes of a segment of the database's log.
const SEGMENT: u64 = 512 * 1024;

#[test]
fn what_does_not_fit_is_refused_and_what_was_acknowledged_is_kept() {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.stop();
    let size = alice.data().join("db/db").metadata().expect("a database").len();
    // Files may not grow beyond this: writes fail as on a full disk, without one being filled. A start writes zeros up to the
    // end of the log's last segment, wherever in it the log ended.
    let limit = format!("--fsize={}", size.next_multiple_of(SEGMENT) + 400_000);
    let limited = ["env", "--ignore-signal=XFSZ", "prlimit", &limit];
    alice.resume_as(Launch::default().run_by(&limited));

    let client = alice.client();
    let mut acknowledged = Vec::new();
    let refusal = (0..500).find_map(|n| {
        let text = format!("{n} {}", "x".repeat(8_000));
        match client.call("message.send", &json!({"to": "bob", "text": text})) {
            Ok(sent) => {
                acknowledged.push((sent["id"].clone(), text));
                None
            }
            Err(refused) => Some(refused),
        }
    });
    match refusal.expect("less than 1 MB does not hold 4 MB") {
        Refused::Error(error) => {
            assert_eq!(error["data"]["reason"], "storage", "{error}");
            let sentence = error["message"].as_str().expect("a sentence");
            assert!(sentence.contains("db") || sentence.contains("disk"), "{sentence}");
        }
        Refused::Gone { why } => panic!("the daemon did not survive it: {why}"),
    }
    assert!(acknowledged.len() > 3, "{} fitted", acknowledged.len());
    alice.kill();

    alice.resume_as(Launch::default());
    let (_, last) = acknowledged.last().expect("some").clone();
    bob.until_received(&last);
    let list = alice.json(&["messages", "bob", "--limit", "1000"]);
    let kept: Vec<&Value> = list.as_array().expect("a list").iter().map(|message| &message["id"]).collect();
    for (id, _) in &acknowledged {
        assert!(kept.contains(&id), "{id} was acknowledged and is gone");
    }
    alice.json(&["send", "bob", "room again"]);
    bob.until_received("room again");
    same_conversation(&alice, &bob);
}
