//! SIGKILL not between steps but anywhere: at the first start, and while a request is on its way.

use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::harness::{Node, Refused, covey, eventually, run};

#[test]
fn a_first_start_that_is_killed_anywhere_is_a_first_start_or_has_an_account() {
    for milliseconds in [5, 15, 25, 35, 45, 60, 80, 120] {
        let dir = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        let command = || {
            let mut command = covey(dir.path());
            command.arg("--data-dir").arg(&data);
            command
        };
        let daemon = || -> Command {
            let mut daemon = command();
            daemon.args([
                "daemon",
                "--no-mdns",
                "--no-upnp",
                "--rpc-listen",
                "off",
                "--listen",
                "/ip4/127.0.0.1/tcp/0",
            ]);
            daemon.stdout(Stdio::null()).stderr(Stdio::null());
            daemon
        };
        let mut first = daemon().spawn().expect("covey starts");
        thread::sleep(Duration::from_millis(milliseconds));
        first.kill().expect("can be killed");
        first.wait().expect("ends");

        let mut second = daemon().spawn().expect("covey starts");
        let account = eventually("the second start", || {
            assert!(
                second.try_wait().expect("a child").is_none(),
                "killed after {milliseconds} ms, it does not start again"
            );
            let shown = run(command(), ["--json", "account", "show"], "");
            (shown.code == 0).then(|| shown.json()["account"].clone())
        });
        second.kill().expect("can be killed");
        second.wait().expect("ends");
        assert!(
            data.join("initialised").exists(),
            "killed after {milliseconds} ms: what is lost later would not be noticed"
        );
        let third = run(command(), ["--json", "account", "phrase"], "").json();
        assert_eq!(third["account"], account);
    }
}

#[test]
fn a_request_during_which_the_daemon_is_killed_was_done_or_not_and_can_be_repeated() {
    for (round, microseconds) in [0, 1_000, 3_000, 6_000, 10_000, 20_000].into_iter().enumerate() {
        let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
        let ticket = bob.json(&["account", "ticket"])["ticket"].clone();
        let killed_during = |node: &mut Node, method: &'static str, params: serde_json::Value| {
            let client = node.client();
            let (asked, again) = (client.clone(), params.clone());
            let asking = thread::spawn(move || asked.call(method, &params));
            thread::sleep(Duration::from_micros(microseconds));
            node.crash();
            let first = asking.join().expect("no panic");
            let second =
                client.call(method, &again).unwrap_or_else(|error| panic!("round {round}: {method}: {error:?}"));
            match first {
                Ok(first) => assert_eq!(first, second, "round {round}: {method}: the same request, the same result"),
                Err(Refused::Gone { .. }) => {}
                Err(Refused::Error(error)) => panic!("round {round}: {method}: {error}"),
            }
        };
        killed_during(&mut alice, "pair.invite", json!({"to": ticket, "alias": "bob", "client_id": "invite"}));
        bob.until_contact(&alice.id, "pending");
        let accept = json!({"contact": alice.id, "alias": "alice", "client_id": "accept"});
        killed_during(&mut bob, "pair.accept", accept);
        alice.until_confirmed(&bob.id);
        bob.until_confirmed(&alice.id);
        killed_during(&mut alice, "message.send", json!({"to": "bob", "text": "hello", "client_id": "send"}));
        bob.until_received("hello");
        assert_eq!(crate::harness::same_conversation(&alice, &bob), ["hello"], "round {round}");
    }
}
