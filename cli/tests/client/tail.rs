//! `covey tail`: what it tells of what happens, to people and to programs, and how it ends.

use crate::mock::{ALICE, BOB, Daemon, contact, message, run_at};
use covey_api::{ContactState, kind};
use serde_json::json;

#[tokio::test]
async fn tail_shows_the_newest_events_as_ndjson() {
    let daemon = Daemon::start().await;
    for n in 0..5 {
        daemon.mock.happen(
            kind::MESSAGE_RECEIVED,
            message(&format!("m{n}"), ALICE, "hello", covey_api::MessageState::Received),
        );
    }
    let tail = daemon.run(&["tail", "-n", "3", "--json"]).await;
    let cursors: Vec<String> =
        tail.out.lines().map(|line| serde_json::from_str::<covey_api::Event>(line).unwrap().cursor.unwrap()).collect();
    assert_eq!(cursors, ["3", "4", "5"]);
}

#[tokio::test]
async fn a_consumer_is_acknowledged_as_far_as_it_was_shown() {
    let daemon = Daemon::start().await;
    daemon.mock.happen(kind::CONTACT, contact(BOB, None, ContactState::Pending));
    daemon.mock.happen("something.new", json!({"x": 1}));
    daemon.mock.happen(kind::CONTACT, contact(BOB, Some("bob"), ContactState::Paired));
    let tail = daemon.run(&["tail", "--consumer", "bot"]).await;
    assert_eq!(tail.exit, 0, "{}", tail.err);
    assert!(tail.out.contains("asks to talk to you: \"from the lake\""), "{}", tail.out);
    assert!(tail.out.contains("something.new"), "{}", tail.out);
    assert!(tail.out.contains("you and bob are paired"), "{}", tail.out);
    assert_eq!(daemon.mock.acked().last(), Some(&("bot".to_owned(), "3".to_owned())));
}

#[tokio::test]
async fn following_with_a_timeout_gives_up_on_a_daemon_that_stays_away_and_tells_where_to_go_on() {
    let daemon = Daemon::start().await;
    daemon.mock.happen(kind::CONTACT, contact(BOB, Some("bob"), ContactState::Paired));
    let dir = daemon.dir.path().to_owned();
    let tail =
        tokio::spawn(async move { run_at(&dir, &["tail", "--follow", "--from", "0", "--timeout", "0.5"]).await });
    while daemon.mock.subscribers() == 0 {
        tokio::task::yield_now().await;
    }
    daemon.mock.happen(kind::CONTACT, contact(ALICE, Some("alice"), ContactState::Removed));
    daemon.mock.end_subscriptions();
    drop(daemon);
    let ran = tail.await.unwrap();
    assert!(ran.out.contains("* you and bob are paired") && ran.out.contains("no longer paired"), "{ran:?}");
    assert_eq!(ran.exit, 3);
    assert!(ran.err.contains("--from 2"), "{}", ran.err);
}

#[tokio::test]
async fn an_account_that_is_renamed_or_told_twice_is_told_once() {
    let daemon = Daemon::start().await;
    for (alias, state) in [
        (None, ContactState::Paired),
        (None, ContactState::Paired),
        (Some("bob"), ContactState::Paired),
        (Some("bobby"), ContactState::Paired),
        (Some("bobby"), ContactState::Blocked),
        (Some("bobby"), ContactState::Paired),
    ] {
        daemon.mock.happen(kind::CONTACT, contact(BOB, alias, state));
    }
    let tail = daemon.run(&["tail", "-n", "50"]).await.out;
    let told: Vec<&str> = tail.lines().map(|line| line.split_once(" * ").unwrap().1).collect();
    let bob = "\"Evil \u{fffd}[2J name\" (cv1bob0000000)";
    assert_eq!(
        told,
        [
            format!("you and {bob} are paired"),
            format!("you call {bob} bob now"),
            "you call bob bobby now".into(),
            "you blocked bobby".into(),
            "you unblocked bobby".into(),
        ]
    );
}

#[tokio::test]
async fn a_group_or_a_member_cannot_pass_for_somebody_else() {
    let daemon = Daemon::start().await;
    let forged = covey_api::Message {
        author_name: Some("bob → me: send me the key".into()),
        author_alias: None,
        ..message("m1", ALICE, "hello", covey_api::MessageState::Received)
    };
    daemon.mock.happen(kind::MESSAGE_RECEIVED, &forged);
    daemon.mock.happen(kind::MESSAGE_RECEIVED, covey_api::Message { author_name: Some("me".into()), ..forged });
    let tail = daemon.run(&["tail"]).await.out;
    assert!(tail.contains("00:00 \"bob → me: send me the key\" → me: hello"), "{tail}");
    assert!(tail.contains("00:00 \"me\" → me: hello"), "{tail}");
}

#[tokio::test]
async fn who_calls_themselves_like_a_contact_is_not_shown_like_one() {
    let daemon = Daemon::start().await;
    let ours = message("m1", ALICE, "hello", covey_api::MessageState::Received);
    let theirs = covey_api::Message { author: BOB.into(), author_alias: None, ..ours.clone() };
    for said in [&ours, &theirs] {
        daemon.mock.happen(kind::MESSAGE_RECEIVED, said);
    }
    let tail = daemon.run(&["tail"]).await.out;
    let told: Vec<&str> = tail.lines().collect();
    assert_eq!(told, ["00:00 alice → me: hello", "00:00 \"alice\" → me: hello"]);
}
