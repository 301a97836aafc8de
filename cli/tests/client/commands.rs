//! Every client command against a daemon: what it shows to people, what it prints for programs, how it ends.

use crate::mock::{ALICE, BOB, Daemon, Fate, ME, contact};
use covey_api::ContactState;
use serde_json::json;

#[tokio::test]
async fn json_is_the_bare_result_and_nothing_else() {
    let daemon = Daemon::start().await;
    let account = daemon.run(&["account", "show", "--json"]).await;
    assert_eq!(
        account.json(),
        json!({"account": ME, "device": "cvd1me", "peer_id": "12D3me", "addresses": ["/ip4/127.0.0.1/tcp/1"], "name": "Me"})
    );
    assert_eq!(account.err, "");

    let ticket = daemon.run(&["--json", "account", "ticket"]).await;
    assert_eq!(ticket.out, "{\"ticket\":\"covey:me\"}\n");

    let sent = daemon.run(&["send", "alice", "hi", "there", "--json"]).await;
    assert_eq!(sent.json(), json!({"id": "bbbbbbbb1", "channel": format!("ch-{ALICE}"), "state": "queued"}));

    let edited = daemon.run(&["edit", "bbbbbbbb1", "hi", "again", "--json"]).await;
    assert_eq!((&edited.json()["text"], &edited.json()["edited"]), (&json!("hi again"), &json!(true)));
    assert_eq!(daemon.run(&["edit", "bbbbbbbb1", "hi there"]).await.out, "bbbbbbbb was edited.\n");

    let pending = daemon.run(&["pair", "list", "--state", "pending", "--json"]).await.json();
    assert_eq!(pending.as_array().map(Vec::len), Some(1));
    for field in ["contact", "alias", "state", "since", "note", "direction", "verified", "confirmed", "expires_at"] {
        assert!(pending[0].get(field).is_some(), "{field} is missing");
    }
    assert_eq!(pending[0]["since"], "1970-01-01T00:00:00.000Z");

    let messages = daemon.run(&["messages", "alice", "--json"]).await.json();
    for field in
        ["id", "channel", "author", "text", "sent_at", "received_at", "order_key", "state", "reply_to", "edited"]
    {
        assert!(messages[1].get(field).is_some(), "{field} is missing");
    }
    assert_eq!(messages[1]["text"], "hi there");
}

#[tokio::test]
async fn people_see_tables_without_the_escape_sequences_of_others() {
    let daemon = Daemon::start().await;
    let list = daemon.run(&["pair", "list"]).await;
    assert_eq!(list.exit, 0);
    assert!(list.out.contains("alice"), "{}", list.out);
    assert!(list.out.contains("paired"));
    assert!(list.out.contains("\"from the lake\""));
    assert!(!list.out.contains('\x1b'), "{:?}", list.out);
    assert!(list.err.contains("covey pair accept cv1bob00"), "{}", list.err);

    let messages = daemon.run(&["messages"]).await;
    assert!(messages.out.contains("00:01 alice → me: hello\u{fffd}[31m you"), "{:?}", messages.out);
}

#[tokio::test]
async fn a_token_is_printed_by_itself_so_that_scripts_can_take_it() {
    let daemon = Daemon::start().await;
    let made = daemon.run(&["token", "create", "weather", "--scope", "read,send"]).await;
    assert_eq!(made.out, "cvt_secret\n");
    assert!(made.err.contains("only this once"), "{}", made.err);
    let listed = daemon.run(&["token", "list"]).await;
    assert!(listed.out.contains("weather  read,send  all       never  never    5f1c2a90"), "{}", listed.out);
    assert_eq!(daemon.run(&["token", "revoke", "weather"]).await.out, "The token weather is revoked.\n");
    assert_eq!(daemon.run(&["token", "revoke", "other"]).await.exit, 1);
    for wrong in [vec!["token", "create", "weather"], vec!["token", "create", "weather", "--scope", "everything"]] {
        assert_eq!(daemon.run(&wrong).await.exit, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn keepers_are_added_by_a_ticket_that_is_printed_by_itself() {
    let daemon = Daemon::start().await;
    let made = daemon.run(&["keeper", "serve", "--for", "alice", "--limit", "256"]).await;
    assert_eq!(made.out, "covey-keeper:afmca\n");
    assert!(made.err.contains("covey keeper add TICKET"), "{}", made.err);
    let added = daemon.run(&["keeper", "add", "covey-keeper:afmca"]).await;
    assert_eq!(added.out, "It keeps your mail while you are away; your contacts are told.\n");
    let used = daemon.run(&["keeper", "add", "covey-keeper:used"]).await;
    assert!(used.out.contains("does not keep your mail") && used.err.contains("covey keeper serve"), "{}", used.out);
    let listed = daemon.run(&["keeper", "list"]).await;
    for told in ["attic", "keeps yours", "you keep theirs", "3 of 64 MiB", "full"] {
        assert!(listed.out.contains(told), "{told}: {}", listed.out);
    }
    let asked = daemon.run(&["keeper", "ask", "attic"]).await;
    assert!(asked.out.contains("You asked attic") && asked.err.contains("covey keeper accept"), "{}", asked.out);
    let accepted = daemon.run(&["keeper", "accept", "attic", "--limit", "8"]).await;
    assert_eq!(accepted.out, "This node keeps the mail of attic, as soon as they are there.\n");
    let status = daemon.run(&["keeper", "status"]).await;
    for told in ["2, 1 of them without an answer", "1; 1 more ask", "7, 3 MiB", "6, 2 MiB: not the same"] {
        assert!(status.out.contains(told), "{told}: {}", status.out);
    }
    assert_eq!(daemon.run(&["keeper", "remove", "attic"]).await.out, "attic keeps no more mail for you.\n");
    assert_eq!(daemon.run(&["keeper", "remove", "nobody"]).await.exit, 1);
}

#[tokio::test]
async fn the_address_of_the_page_is_printed_by_itself() {
    let daemon = Daemon::start().await;
    let web = daemon.run(&["web"]).await;
    assert_eq!(web.out, "http://127.0.0.1:7420/#code=c0de\n");
    assert!(web.err.contains("once; the code expires in 10 min"), "{}", web.err);
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_with_the_newest_last() {
    let daemon = Daemon::start().await;
    let log = daemon.run(&["audit"]).await.out;
    let lines: Vec<&str> = log.lines().skip(1).collect();
    assert!(lines[0].contains("socket") && lines[0].ends_with("message.send  done"), "{log}");
    assert!(lines[1].contains("token   weather  message.send  refused: not_allowed (3 times)"), "{log}");
    assert_eq!(daemon.run(&["audit", "-n", "0"]).await.exit, 2);
}

#[tokio::test]
async fn quiet_commands_give_no_hints() {
    let daemon = Daemon::start().await;
    assert!(!daemon.run(&["account", "ticket"]).await.err.is_empty());
    let quiet = daemon.run(&["-q", "account", "ticket"]).await;
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("covey:me\n", ""));
}

#[tokio::test]
async fn pairing_commands_say_what_was_done_and_what_comes_next() {
    let daemon = Daemon::start().await;
    let invited = daemon.run(&["pair", "invite", "covey:carol", "--alias", "carol", "--note", "hi"]).await;
    assert!(invited.out.contains("The invite to carol is on its way."), "{}", invited.out);
    assert!(invited.err.contains("covey pair list"), "{}", invited.err);

    let accepted = daemon.run(&["pair", "accept", "cv1bob0000", "--alias", "bob the builder"]).await;
    assert_eq!(accepted.out, "You and bob the builder are paired.\n");
    assert!(accepted.err.contains("covey send 'bob the builder'"), "{}", accepted.err);

    let declined = daemon.run(&["pair", "decline", "carol"]).await;
    assert!(declined.err.contains("covey pair forget carol"), "{}", declined.err);

    for verb in ["cancel", "forget", "remove", "block", "unblock", "show"] {
        let ran = daemon.run(&["pair", verb, "carol"]).await;
        assert_eq!((ran.exit, ran.out.is_empty()), (0, false), "{verb}: {}", ran.err);
    }
}

#[tokio::test]
async fn verifying_shows_the_number_and_then_takes_it_with_or_without_quotes() {
    let daemon = Daemon::start().await;
    let shown = daemon.run(&["pair", "verify", "alice"]).await;
    assert_eq!(shown.out.lines().count(), 3);
    assert!(shown.err.contains("covey pair verify alice '12345"));
    let number = "12345 ".repeat(12);
    assert_eq!(daemon.run(&["pair", "verify", "alice", &number]).await.exit, 0);
    let mut words = vec!["pair", "verify", "alice"];
    words.extend(["12345"; 12]);
    assert_eq!(daemon.run(&words).await.exit, 0);
    let wrong = daemon.run(&["pair", "verify", "alice", &"00000 ".repeat(12)]).await;
    assert_eq!(wrong.exit, 1);
    assert!(wrong.err.contains("differ"));
}

#[tokio::test]
async fn a_message_can_come_from_stdin() {
    let daemon = Daemon::start().await;
    let sent = daemon.run_with(&["pair", "send", "alice", "-"], "one\ntwo\n").await;
    assert_eq!(sent.exit, 0, "{}", sent.err);
    let shown = daemon.run(&["message", "show", "bbbb", "--json"]).await.json();
    assert_eq!(shown["text"], "one\ntwo");
    let long = daemon.run_with(&["send", "alice", "-"], &"x".repeat(600_000)).await;
    assert_eq!(long.exit, 1);
}

#[tokio::test]
async fn waiting_ends_when_the_message_is_there() {
    let daemon = Daemon::start().await;
    let sent = daemon.run(&["send", "alice", "hi", "--wait", "delivered", "--json"]).await;
    assert_eq!(sent.json()["state"], "delivered");
    assert_eq!(sent.exit, 0);
}

#[tokio::test]
async fn waiting_for_a_message_that_fails_is_a_refusal_that_says_why() {
    let daemon = Daemon::start().await;
    daemon.mock.set_fate(Fate::Failed);
    let sent = daemon.run(&["send", "alice", "hi", "--wait", "delivered"]).await;
    assert_eq!(sent.exit, 1);
    assert!(sent.err.contains("Alice ended the pairing."), "{}", sent.err);
}

#[tokio::test]
async fn waiting_too_long_is_a_timeout_that_says_the_message_is_safe() {
    let daemon = Daemon::start().await;
    daemon.mock.set_fate(Fate::Stuck);
    let sent = daemon.run(&["--timeout", "0.2", "send", "alice", "hi", "--wait", "delivered"]).await;
    assert_eq!(sent.exit, 4, "{}", sent.err);
    assert!(sent.err.contains("covey message show bbbbbbbb"), "{}", sent.err);
}

#[tokio::test]
async fn shutdown_returns_when_another_daemon_may_start() {
    let daemon = Daemon::start().await;
    let dir = daemon.dir.path().to_owned();
    let lock = std::fs::File::create(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    daemon.mock.allow_stop(&dir, daemon.handle.clone());
    let late = daemon.run(&["shutdown", "--timeout", "0.3"]).await;
    assert_eq!((late.exit, late.out.as_str()), (0, "The daemon is stopping.\n"), "{}", late.err);

    let daemon = Daemon::start().await;
    daemon.mock.allow_stop(&dir, daemon.handle.clone());
    lock.unlock().unwrap();
    let done = daemon.run(&["shutdown"]).await;
    assert_eq!((done.exit, done.out.as_str()), (0, "The daemon has stopped.\n"), "{}", done.err);
}

#[tokio::test]
async fn a_locked_node_is_shown_as_such_and_a_command_without_a_passphrase_unlocks_nothing() {
    let daemon = Daemon::start().await;
    let ran = daemon.run(&["lock"]).await;
    assert_eq!(
        (ran.exit, ran.out.as_str()),
        (0, "The node is locked. Unlock it with `covey unlock`.\n"),
        "{}",
        ran.err
    );
    let status = daemon.run(&["status"]).await;
    assert!(status.exit == 0 && status.out.starts_with("covey 0.1.0 is locked\n"), "{status:?}");
    assert!(!status.out.contains("messages"), "{status:?}");
    assert_eq!(daemon.run(&["unlock"]).await.exit, 2);
}

#[tokio::test]
async fn the_rest_of_the_commands_show_something_and_end_well() {
    let daemon = Daemon::start().await;
    for line in [
        "status",
        "peers",
        "doctor",
        "account show",
        "account tickets",
        "account safety-number alice",
        "account rename Me",
        "channel list",
        "channel show alice",
        "channel archive alice",
        "channel archive alice --undo",
        "channel mute alice",
        "channel mark-read alice --up-to aaaa",
        "message show aaaa",
        "pair rename alice al",
        "rpc version",
        "rpc spec",
        "rpc call pair.list {\"state\":\"paired\"}",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = daemon.run(&words).await;
        assert_eq!(ran.exit, 0, "{line}: {}", ran.err);
        assert!(!ran.out.is_empty(), "{line} shows nothing");
        assert!(!ran.out.contains('\x1b'), "{line}: {:?}", ran.out);
    }
}

#[tokio::test]
async fn what_was_removed_or_waits_is_told_of_each() {
    let daemon = Daemon::start().await;
    let carol = contact("cv1carol0000000", None, ContactState::Pending);
    daemon.mock.add(carol);
    daemon.mock.add(covey_api::Contact {
        ended_by: Some(covey_api::Party::Them),
        ..contact("cv1dave00000000", Some("dave"), ContactState::Removed)
    });
    let list = daemon.run(&["pair", "list"]).await;
    for asker in ["cv1bob0000000", "cv1carol00000"] {
        assert!(
            list.err.contains(&format!("covey pair accept {asker}, or covey pair decline {asker}")),
            "{}",
            list.err
        );
    }
    assert!(list.out.lines().any(|line| line.contains("dave") && line.contains("by them")), "{}", list.out);
}

#[tokio::test]
async fn who_types_is_shown_who_asks_before_a_name_is_taken() {
    let daemon = Daemon::start().await;
    daemon.mock.claim("Bob", BOB);
    let no = daemon.run_typing(&["pair", "accept", "Bob"], "n\n").await;
    assert_eq!((no.exit, no.out.as_str()), (1, ""), "{}", no.err);
    assert!(no.err.contains(BOB) && no.err.contains("from the lake") && no.err.contains("[y/N]"), "{}", no.err);
    let yes = daemon.run_typing(&["pair", "accept", "Bob", "--alias", "bob"], "yes\n").await;
    assert_eq!((yes.exit, yes.out.as_str()), (0, "You and bob are paired.\n"), "{}", yes.err);
}

#[tokio::test]
async fn messages_of_one_conversation_say_whose_they_are_as_well() {
    let daemon = Daemon::start().await;
    daemon.run(&["send", "alice", "hi"]).await;
    let shown = daemon.run(&["messages", "alice"]).await.out;
    assert!(shown.contains(" alice → me: hello") && shown.contains(" me → alice: hi  (delivered)"), "{shown}");
}

#[tokio::test]
async fn a_safety_number_that_is_not_whole_is_no_alarm() {
    let daemon = Daemon::start().await;
    for (number, words) in [("123", "this has 3"), ("12345 abc", "60 digits and nothing else")] {
        let ran = daemon.run(&["pair", "verify", "alice", number]).await;
        assert_eq!(ran.exit, 1, "{}", ran.err);
        assert!(ran.err.contains(words) && !ran.err.contains("in between"), "{}", ran.err);
    }
}

#[tokio::test]
async fn what_is_no_text_or_too_long_on_stdin_is_refused_in_the_words_of_the_daemon() {
    let daemon = Daemon::start().await;
    let long = "x".repeat(600_000);
    let ran = daemon.run_typing(&["send", "alice", "-"], &long).await;
    assert!(ran.err.contains("may have 16384; send it in parts"), "{}", ran.err);
}
