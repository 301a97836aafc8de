//! Bad input and absent daemons: one clear sentence, what to do, the right exit code.

use crate::mock::{Daemon, TOKEN, run_at};
use serde_json::{Value, json};

#[tokio::test]
async fn refusals_of_the_daemon_end_with_exit_code_1() {
    let daemon = Daemon::start().await;
    for (line, says) in [
        (vec!["send", "nobody", "hi"], "Nobody is called \"nobody\""),
        (vec!["send", "alan", "hi"], "not paired"),
        (vec!["pair", "invite", "covey:rubbish"], "no ticket"),
        (vec!["account", "revoke-ticket", "x"], "no ticket x"),
        (vec!["message", "show", "ffff"], "no such message"),
        (vec!["shutdown"], "does not stop"),
    ] {
        let ran = daemon.run(&line).await;
        assert_eq!(ran.exit, 1, "{line:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(says), "{line:?}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn an_ambiguous_name_lists_the_candidates() {
    let daemon = Daemon::start().await;
    let ran = daemon.run(&["pair", "show", "cv1al"]).await;
    assert_eq!(ran.exit, 1);
    assert!(ran.err.contains("alice") && ran.err.contains("alan"), "{}", ran.err);
}

#[tokio::test]
async fn with_json_an_error_is_one_object_on_stderr() {
    let daemon = Daemon::start().await;
    let ran = daemon.run(&["pair", "show", "cv1al", "--json"]).await;
    assert_eq!(ran.out, "");
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["reason"], "ambiguous_contact");
    assert_eq!(error["error"]["exit"], 1);
    assert_eq!(error["error"]["data"]["candidates"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn without_a_daemon_the_exit_code_is_3_and_the_way_out_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run_at(dir.path(), &["status"]).await;
    assert_eq!(ran.exit, 3);
    assert!(ran.err.contains("covey daemon"), "{}", ran.err);
}

#[tokio::test]
async fn a_socket_that_nobody_serves_any_more_is_no_daemon() {
    let dir = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(dir.path().join("rpc.sock")).unwrap());
    assert_eq!(run_at(dir.path(), &["status"]).await.exit, 3);
}

#[tokio::test]
async fn over_tcp_the_cookie_opens_the_door() {
    let daemon = Daemon::start().await;
    std::fs::write(daemon.dir.path().join("rpc.cookie"), TOKEN).unwrap();
    let url = daemon.url.clone();
    let ran = daemon.run(&["--rpc", &url, "status"]).await;
    assert_eq!(ran.exit, 0, "{}", ran.err);

    std::fs::write(daemon.dir.path().join("rpc.cookie"), "wrong").unwrap();
    let ran = daemon.run(&["--rpc", &url, "status"]).await;
    assert_eq!(ran.exit, 3);
    assert!(ran.err.contains("does not accept the token"), "{}", ran.err);
}

#[tokio::test]
async fn rpc_json_tells_where_the_daemon_is_when_its_socket_is_not_there() {
    let daemon = Daemon::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("rpc.cookie"), TOKEN).unwrap();
    let file = json!({"url": daemon.url, "socket": "gone.sock", "cookie": "rpc.cookie", "something": "new"});
    std::fs::write(elsewhere.path().join("rpc.json"), file.to_string()).unwrap();
    let ran = run_at(elsewhere.path(), &["status"]).await;
    assert_eq!(ran.exit, 0, "{}", ran.err);
}

#[tokio::test]
async fn usage_errors_end_with_exit_code_2() {
    let daemon = Daemon::start().await;
    for line in [
        vec!["pair", "list", "--state", "engaged"],
        vec!["send", "alice"],
        vec!["messages", "--limit", "0"],
        vec!["messages", "alice", "--channel", "x"],
        vec!["--timeout", "-1", "status"],
        vec!["--timeout", "soon", "status"],
        vec!["--rpc", "ftp://x", "status"],
        vec!["account", "ticket", "--uses", "0"],
        vec!["rpc", "call", "pair.list", "[1]"],
        vec!["rpc", "call", "pair.list", "{\"stat\":\"paired\"}"],
        vec!["rpc", "call", "pair.lst"],
    ] {
        let ran = daemon.run(&line).await;
        assert_eq!(ran.exit, 2, "{line:?}: {ran:?}");
        assert!(!ran.err.is_empty());
    }
}

#[tokio::test]
async fn a_sick_node_makes_the_doctor_fail() {
    let daemon = Daemon::start().await;
    assert_eq!(daemon.run(&["doctor"]).await.exit, 0);
    daemon.mock.make_ill();
    let ran = daemon.run(&["doctor"]).await;
    assert_eq!(ran.exit, 1);
    assert!(ran.out.contains("FAIL") && ran.out.contains("Free some space."), "{}", ran.out);
    let network = daemon.run(&["doctor", "network"]).await;
    assert_eq!(network.exit, 0, "the disk is none of its business");
    assert!(network.out.contains("public") && !network.out.contains("disk"), "{}", network.out);
}
