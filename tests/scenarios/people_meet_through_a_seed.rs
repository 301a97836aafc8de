//! `covey seed`: a node without an account, through which others meet, and what they see when it goes and comes back.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::Value;

use crate::harness::{Launch, Node, covey, eventually, run, same_conversation};

/// A seed: a process that runs or not, and its directory.
struct Seed {
    base: tempfile::TempDir,
    listen: String,
    child: Option<Child>,
    /// What it said at its start.
    said: Value,
}

impl Seed {
    fn start() -> Self {
        let base = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
        let listen = "/ip4/127.0.0.1/tcp/0".to_owned();
        let mut seed = Self { base, listen, child: None, said: Value::Null };
        seed.run(&[]);
        // From now on at the same port, as a seed is.
        let address = seed.address();
        seed.listen = address.split("/p2p/").next().expect("an address").to_owned();
        seed
    }

    fn covey(&self) -> Command {
        let mut command = covey(self.base.path());
        command.arg("--data-dir").arg(self.base.path().join("seed"));
        command
    }

    fn run(&mut self, args: &[&str]) {
        let mut command = self.covey();
        command.args(["seed", "--json", "--listen", &self.listen]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("covey starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("UTF-8");
        // Read on, so that it never writes into a full pipe.
        thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
        self.child = Some(child);
        self.said = serde_json::from_str(&line).expect("one line of JSON");
    }

    /// SIGKILL.
    fn kill(&mut self) {
        let mut child = self.child.take().expect("runs");
        child.kill().expect("can be killed");
        child.wait().expect("ends");
    }

    fn address(&self) -> String {
        self.said["addresses"][0].as_str().expect("an address").to_owned()
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

#[test]
fn two_who_know_nothing_but_a_seed_find_each_other_by_account_id() {
    let seed = Seed::start();
    assert_eq!(seed.said["ready"], true);
    assert!(seed.said["users"].as_u64().is_some_and(|users| users >= 56), "{}", seed.said);
    let through = Launch::default().through(&seed.address());
    let (alice, bob) = (Node::launch("alice", through.clone()), Node::launch("bob", through));
    alice.json(&["pair", "invite", &bob.id, "--alias", "bob"]);
    bob.until_contact(&alice.id, "pending");
    bob.json(&["pair", "accept", &alice.id, "--alias", "alice"]);
    alice.until_confirmed(&bob.id);
    bob.until_confirmed(&alice.id);
    alice.json(&["send", "bob", "met"]);
    bob.until_received("met");
    assert_eq!(same_conversation(&alice, &bob), ["met"]);
    let files = fs::read_dir(seed.base.path().join("seed")).expect("a directory");
    let names: Vec<String> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("a plain name")).collect();
    assert!(names.contains(&"seed.key".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("db") || name.contains("vault")), "it stores nothing: {names:?}");
}

#[test]
fn a_seed_that_comes_back_has_its_name_and_who_had_nobody_else_is_told_of_both() {
    let mut seed = Seed::start();
    let name = seed.said["peer_id"].clone();
    let alice = Node::launch("alice", Launch::default().through(&seed.address()));
    let connected = |alice: &Node| (alice.json(&["status"])["peers"] != 0).then_some(());
    eventually("the seed is met", || connected(&alice));
    seed.kill();
    let gone =
        alice.event("that nobody is connected", |event| event["kind"] == "network" && event["data"]["online"] == false);
    let said = gone["offline"].as_str().expect("a sentence");
    assert!(said.starts_with("not connected to anybody since ") && said.contains("bootstrap node"), "{said}");
    let status = alice.json(&["status"]);
    assert!(status["offline"].as_str().is_some_and(|said| said.starts_with("not connected to anybody since ")));

    seed.run(&[]);
    assert_eq!(seed.said["peer_id"], name);
    let back = alice
        .event("that somebody is connected", |event| event["kind"] == "network" && event["data"]["online"] == true);
    assert_eq!(back["offline"], Value::Null);
    eventually("the status agrees", || alice.json(&["status"])["offline"].is_null().then_some(()));
}

#[test]
fn its_metrics_count_users_and_name_nobody() {
    let mut seed = Seed::start();
    seed.kill();
    let free = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("an address");
    seed.run(&["--metrics", &free.to_string()]);
    let alice = Node::launch("alice", Launch::default().through(&seed.address()));
    let page = || {
        let mut stream = TcpStream::connect(free).expect("connects");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: seed\r\nConnection: close\r\n\r\n").expect("asks");
        let mut page = String::new();
        stream.read_to_string(&mut page).expect("an answer");
        page
    };
    let is_counted = |line: &str| line.starts_with("covey_") && line.contains("peers") && line.ends_with(" 1");
    eventually("one user is counted", || page().lines().any(is_counted).then_some(()));
    let own = alice.json(&["account", "show"]);
    for who in ["peer_id", "account"].map(|what| own[what].as_str().expect("a name").to_owned()) {
        assert!(!page().contains(&who), "{who}");
    }
}

#[test]
fn a_seed_that_cannot_start_says_why_in_one_sentence() {
    let seed = Seed::start();
    let start = |args: &[&str]| run(seed.covey(), [&["seed", "--listen", "/ip4/127.0.0.1/tcp/0"], args].concat(), "");
    assert!(start(&[]).sentence(5).contains("--data-dir"), "another one runs there");

    let mut alice = Node::start("alice");
    alice.stop();
    let mut command = covey(seed.base.path());
    command.arg("--data-dir").arg(alice.data());
    let sentence = run(command, ["seed", "--listen", "/ip4/127.0.0.1/tcp/0"], "").sentence(1);
    assert!(sentence.contains("has an account"), "{sentence}");
    alice.resume();
    assert_eq!(alice.json(&["status"])["ready"], true, "nothing of it has changed");
}
