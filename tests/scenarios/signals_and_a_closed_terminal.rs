//! Signals never end a daemon without a shutdown: SIGHUP makes it read its configuration again, or ends it in good order
//! when its terminal is gone; SIGUSR1 makes it log how it is.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::harness::{Node, befriend, eventually};

const LEFT: [&str; 3] = ["rpc.sock", "rpc.json", "rpc.cookie"];

fn configure(node: &Node, text: &str) {
    fs::write(node.data().join("config.toml"), text).expect("a configuration");
}

fn until_logged(node: &Node, text: &str) {
    eventually(&format!("\"{text}\" in the log"), || node.log().contains(text).then_some(()));
}

#[test]
fn sighup_takes_what_can_change_and_says_what_needs_a_restart() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    configure(&bob, "[network]\ndiscoverable = false\n[receipts]\nread = false\n[rpc]\nmax_connections = 5\n");
    bob.signal("HUP");
    until_logged(&bob, "configuration reloaded");
    until_logged(&bob, "need a restart");
    assert_eq!(bob.json(&["status"])["discoverable"], false);
    let reloaded = bob.json(&["config", "reload"]);
    assert_eq!(reloaded, json!({"changed": [], "needs_restart": ["rpc.max_connections"]}));

    alice.json(&["send", "bob", "read this in silence"]);
    bob.until_received("read this in silence");
    bob.json(&["channel", "mark-read", "alice"]);
    configure(&bob, "[receipts]\nread = true\n");
    let reloaded = bob.json(&["config", "reload"]);
    assert_eq!(reloaded, json!({"changed": ["network.discoverable", "receipts.read"], "needs_restart": []}));
    let heard = alice.json(&["send", "bob", "and this aloud"])["id"].clone();
    bob.until_received("and this aloud");
    bob.json(&["channel", "mark-read", "alice"]);
    alice.until_state(&heard, "read");
    assert_eq!(bob.json(&["status"])["discoverable"], true);
}

#[test]
fn a_configuration_with_a_mistake_changes_nothing_at_sighup() {
    let alice = Node::start("alice");
    for (text, place) in [
        ("[network]\ndiscoverable = false\n\n[receipts]\nread = \"perhaps\"\n", "config.toml:5"),
        ("[network]\ndiscoverable = false\nexternal = [\"/ip4/nowhere\"]\n", "network.external"),
        ("[network]\ndiscoverable = false\n[log]\nlevel = \"covey=loud\"\n", "covey=loud"),
        ("[network]\ndiscoverable = fal", "config.toml:2"),
    ] {
        configure(&alice, text);
        let before = alice.log().matches("configuration not reloaded").count();
        alice.signal("HUP");
        eventually("a refusal in the log", || {
            (alice.log().matches("configuration not reloaded").count() > before).then_some(())
        });
        assert!(alice.log().contains(place), "{place}: {}", alice.log());
        let sentence = alice.refused(&["config", "reload"], 2);
        assert!(sentence.contains(place), "{sentence}");
        assert_eq!(alice.json(&["status"])["discoverable"], true, "{text}");
    }
}

#[test]
fn the_level_of_the_log_can_change_while_the_node_runs() {
    let alice = Node::start("alice");
    configure(&alice, "[log]\nlevel = \"trace\"\n");
    assert_eq!(alice.json(&["config", "reload"])["changed"], json!(["log.level"]));
    configure(&alice, "[log]\nlevel = \"error\"\n");
    assert_eq!(alice.json(&["config", "reload"])["changed"], json!(["log.level"]));
    let quiet = alice.log().lines().count();
    alice.signal("USR1");
    alice.json(&["account", "rename", "Alice"]);
    assert_eq!(alice.log().lines().count(), quiet, "{}", alice.log());
}

#[test]
fn sigusr1_and_sigusr2_are_answered_with_a_status_in_the_log() {
    let alice = Node::start("alice");
    for (times, signal) in [(1, "USR1"), (2, "USR2")] {
        alice.signal(signal);
        eventually("a status in the log", || (alice.log().matches("paired=0").count() == times).then_some(()));
    }
    assert!(!alice.log().contains(&alice.id), "it names nobody");
    assert_eq!(alice.json(&["status"])["ready"], true);
}

/// A daemon in a terminal of its own, which is closed by [`Terminal::close`].
struct Terminal(Child);

impl Terminal {
    fn run(node: &Node, before: &str) -> Self {
        let daemon = node.daemon();
        let words = std::iter::once(daemon.get_program()).chain(daemon.get_args());
        let line: Vec<&str> = words.map(|word| word.to_str().expect("UTF-8")).collect();
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &format!("exec {before} {}", line.join(" ")), "/dev/null"]);
        script.env("HOME", node.home()).current_dir(node.base());
        script.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(script.spawn().expect("script runs"))
    }

    /// As a window that is closed: the other end of the terminal is gone.
    fn close(mut self) {
        self.0.kill().expect("can be killed");
        self.0.wait().expect("ends");
    }
}

fn running(node: &Node) -> Value {
    let client = node.client();
    eventually("the daemon to answer", || client.call("node.status", &json!({})).ok());
    client.endpoint().expect("it says where it is")["pid"].clone()
}

/// Whether nothing of a daemon is left, and another one may start.
fn is_gone(data: &Path) -> bool {
    let lock = File::open(data.join("lock")).expect("there was a daemon");
    LEFT.iter().all(|name| !data.join(name).exists()) && lock.try_lock_shared().is_ok()
}

#[test]
fn a_daemon_ends_in_good_order_when_its_terminal_is_closed() {
    let mut alice = Node::start("alice");
    alice.stop();
    let terminal = Terminal::run(&alice, "");
    running(&alice);
    assert!(!is_gone(&alice.data()));
    terminal.close();
    eventually("a daemon without a terminal to end", || is_gone(&alice.data()).then_some(()));
    alice.resume();
}

#[test]
fn sighup_does_not_end_a_daemon_whose_terminal_is_there() {
    let mut alice = Node::start("alice");
    alice.stop();
    let terminal = Terminal::run(&alice, "");
    let pid = running(&alice);
    configure(&alice, "[network]\ndiscoverable = false\n");
    assert!(Command::new("kill").args(["-s", "HUP", &pid.to_string()]).status().expect("kill runs").success());
    eventually("the new configuration", || (alice.json(&["status"])["discoverable"] == false).then_some(()));
    terminal.close();
    eventually("a daemon without a terminal to end", || is_gone(&alice.data()).then_some(()));
}

#[test]
fn a_daemon_under_nohup_outlives_its_terminal() {
    let mut alice = Node::start("alice");
    alice.stop();
    let terminal = Terminal::run(&alice, "nohup");
    let pid = running(&alice);
    terminal.close();
    let log = alice.base().join("nohup.out");
    eventually("the hang-up in the log", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("configuration reloaded")).then_some(())
    });
    assert_eq!(running(&alice), pid);
    assert!(Command::new("kill").args(["-s", "TERM", &pid.to_string()]).status().expect("kill runs").success());
    eventually("a daemon that is asked to end", || is_gone(&alice.data()).then_some(()));
}
