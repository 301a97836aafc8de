//! Other users and other programs of this machine: no token for a port that somebody else took, no core dump with keys in
//! it, no look into the memory of the daemon.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    process::{Command, Stdio},
};

use crate::harness::{Node, covey, run};

/// An account without rights that every system has.
const NOBODY: u32 = 65_534;
/// Set for a run of this test binary that is to be the other user.
const ROLE: &str = "COVEY_TEST_LISTENS_AS_ANOTHER_USER";

/// Listens as the other user, says where, and tells what it was told.
#[test]
fn another_user_listens() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("port {}", listener.local_addr().expect("an address").port());
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut told = String::new();
    let _ = stream.read_to_string(&mut told);
    println!("told {told:?}");
}

#[test]
fn the_token_is_not_sent_to_a_port_that_another_user_took() {
    let mut alice = Node::start("alice");
    let data = alice.data();
    if fs::metadata(&data).expect("a directory").uid() != 0 {
        println!("only root can be two users");
        return;
    }
    // Killed: its rpc.json and its token stay behind, and somebody takes its port.
    alice.kill();
    let myself = std::env::current_exe().expect("a path");
    // A copy where the other user can read it.
    let place = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let program = place.path().join("other");
    fs::copy(myself, &program).expect("a copy");
    let mut other = Command::new(&program)
        .args(["--exact", "what_is_secret_stays_in_the_process::another_user_listens", "--nocapture"])
        .env(ROLE, "1")
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the other user");
    let mut lines = BufReader::new(other.stdout.take().expect("a pipe")).lines();
    let mut line = |starts: &str| {
        let found = lines
            .by_ref()
            .map(|line| line.expect("text"))
            .find_map(|line| line.split_once(starts).map(|(_, rest)| rest.to_owned()));
        found.unwrap_or_else(|| panic!("no line with {starts}"))
    };
    let port = line("port ");
    let url = format!("http://127.0.0.1:{port}");
    let mut file: serde_json::Value =
        serde_json::from_slice(&fs::read(data.join("rpc.json")).expect("stayed")).expect("JSON");
    file["url"] = url.clone().into();
    fs::write(data.join("rpc.json"), file.to_string()).expect("ours");
    let sentence = alice.refused(&["--rpc", &url, "send", "bob", "for bob only"], 3);
    assert!(sentence.contains("belongs to another user"), "{sentence}");
    assert_eq!(line("told "), "\"\"", "nothing was said");
    other.wait().expect("ends");
    let sentence = alice.refused(&["send", "bob", "for bob only"], 3);
    assert!(sentence.contains("covey daemon"), "{sentence}");
}

#[test]
fn an_address_without_a_token_is_told_as_such() {
    let (alice, home) =
        (Node::start("alice"), tempfile::Builder::new().prefix("covey-").tempdir().expect("a directory"));
    let url = alice.client().endpoint().expect("runs")["url"].as_str().expect("a URL").to_owned();
    let sentence = run(covey(home.path()), ["--rpc", &url, "status"], "").sentence(3);
    assert!(sentence.contains("no token for") && sentence.contains("--data-dir"), "{sentence}");
}

#[test]
fn the_daemon_leaves_no_core_dump_and_its_memory_is_its_own() {
    let alice = Node::start("alice");
    let pid = alice.client().endpoint().expect("runs")["pid"].as_u64().expect("a number");
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("ours");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");

    // The files of a process in /proc belong to root, not to its user, if it lets nobody in.
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let binary = home.path().join("covey");
    fs::copy(covey(home.path()).get_program(), &binary).expect("a copy");
    fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("ours");
    let mut daemon = Command::new(&binary);
    daemon.env_clear().env("HOME", home.path()).current_dir("/");
    if fs::metadata("/proc/self").expect("Linux").uid() == 0 {
        daemon.uid(NOBODY).gid(NOBODY);
    }
    let data = home.path().join("data");
    daemon.arg("--data-dir").arg(&data).args([
        "daemon",
        "--no-mdns",
        "--no-upnp",
        "--rpc-listen=127.0.0.1:0",
        "--listen=/ip4/127.0.0.1/tcp/0",
    ]);
    let mut daemon = daemon.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("covey starts");
    let ready = BufReader::new(daemon.stdout.take().expect("a pipe"))
        .lines()
        .map_while(Result::ok)
        .any(|line| line.starts_with("ready"));
    let files = fs::metadata(format!("/proc/{}/mem", daemon.id())).expect("runs");
    daemon.kill().expect("can be killed");
    daemon.wait().expect("ends");
    assert!(ready);
    assert_eq!(files.uid(), 0, "others of its user cannot read its memory");
}
