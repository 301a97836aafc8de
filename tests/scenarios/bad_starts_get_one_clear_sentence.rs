//! A daemon that cannot start says why in one sentence, ends with the right code, and has changed nothing.

use std::{fs, path::Path, process::Command};

use crate::harness::{Node, Ran, covey, run};

/// Directories of nobody's node.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        fs::write(&path, content).expect("writable");
        path.display().to_string()
    }

    /// A command on the data directory `data`.
    fn covey(&self) -> Command {
        let mut command = covey(self.path());
        command.arg("--data-dir").arg(self.path().join("data"));
        command
    }

    /// A daemon that is not going to run.
    fn daemon(&self, args: &[&str]) -> Ran {
        self.daemon_with(&[], args)
    }

    fn daemon_with(&self, env: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = self.covey();
        command.envs(env.iter().copied());
        let usual = ["daemon", "--no-mdns", "--no-upnp", "--rpc-listen=127.0.0.1:0", "--listen=/ip4/127.0.0.1/tcp/0"];
        run(command, [&usual, args].concat(), "")
    }
}

#[track_caller]
fn says(ran: &Ran, code: i32, words: &[&str]) {
    let sentence = ran.sentence(code);
    for word in words {
        assert!(sentence.contains(word), "no \"{word}\" in: {sentence}");
    }
}

#[test]
fn a_second_daemon_on_one_directory() {
    let alice = Node::start("alice");
    let second = run(alice.daemon(), [""; 0], "");
    let pid = alice.client().endpoint().expect("runs")["pid"].to_string();
    says(&second, 5, &[&pid, "--data-dir"]);
    assert_eq!(alice.json(&["status"])["ready"], true, "the first is not disturbed");
    // Neither may anything else touch the directory meanwhile.
    says(&alice.run(&["init"]), 5, &[&pid]);
    says(&alice.run(&["account", "phrase"]), 5, &[&pid]);
}

#[test]
fn ports_in_use() {
    let (alice, place) = (Node::start("alice"), Place::new());
    let taken = format!("/ip4/127.0.0.1/tcp/{}", alice.port());
    says(&place.daemon(&["--listen", &taken]), 1, &[&taken, "in use"]);
    let url = alice.client().endpoint().expect("runs")["url"].as_str().expect("a URL").replace("http://", "");
    let mut daemon = place.covey();
    daemon.args(["daemon", "--no-mdns", "--no-upnp", "--listen", "/ip4/127.0.0.1/tcp/0", "--rpc-listen", &url]);
    says(&run(daemon, [""; 0], ""), 1, &[&url, "in use", "--rpc-listen"]);
    assert!(!place.path().join("data/rpc.sock").exists(), "nothing is left of its RPC");
    assert_eq!(alice.json(&["status"])["ready"], true);
}

#[test]
fn configurations_that_cannot_be_used() {
    let place = Place::new();
    let files = [
        ("[network]\nlisen = []\n", ["config.toml:2", "network.lisen", "did you mean network.listen"].as_slice()),
        ("[pairing]\nrequired = perhaps\n", &["config.toml:2"]),
        ("[pairing]\nrequired = \"perhaps\"\n", &["config.toml:2", "required"]),
        ("[pairing\n", &["config.toml:1"]),
        ("[storage]\ncache_mib = 0\n", &["storage.cache_mib", "at least 1"]),
        ("[chat]\nfoo = 1\n", &["config.toml:1", "chat"]),
        ("\u{0}\u{1}", &["config.toml:1"]),
    ];
    for (content, words) in files {
        let file = place.write("config.toml", content);
        says(&place.daemon(&["--config", &file]), 2, words);
        says(&run(place.covey(), ["config", "check", "--config", &file], ""), 2, words);
    }
    let several = place.write("config.toml", "[network]\nlisen = []\nmdns = 3\n[storage]\ncache_mib = 0\n");
    let ran = run(place.covey(), ["config", "check", "--config", &several], "");
    says(&ran, 2, &["3 mistakes"]);
    for mistake in ["config.toml:2", "config.toml:3", "storage.cache_mib"] {
        assert!(ran.stderr.lines().any(|line| line.starts_with("  ") && line.contains(mistake)), "{ran:?}");
    }
    let told: serde_json::Value =
        serde_json::from_str(&run(place.covey(), ["--json", "config", "check", "--config", &several], "").stderr)
            .expect("one object");
    assert_eq!(told["error"]["mistakes"].as_array().map(Vec::len), Some(3), "{told}");
    let not_text = place.write("config.toml", [0xff, 0xfe, 0x00]);
    says(&place.daemon(&["--config", &not_text]), 2, &["config.toml"]);
    let directory = place.path().display().to_string();
    says(&place.daemon(&["--config", &directory]), 2, &["Cannot read", &directory]);
    says(&place.daemon(&["--config", "/nonexistent/config.toml"]), 2, &["no configuration file", "/nonexistent"]);
    says(
        &place.daemon_with(&[("COVEY_NETWORK__LISEN", "x")], &[]),
        2,
        &["COVEY_NETWORK__LISEN", "COVEY_NETWORK__LISTEN"],
    );
    says(&place.daemon_with(&[("COVEY_PAIRING__REQUIRED", "perhaps")], &[]), 2, &["COVEY_PAIRING__REQUIRED"]);
    says(&place.daemon_with(&[("COVEY_LOG", "covey=loud")], &[]), 2, &["covey=loud", "debug"]);
    says(&place.daemon(&["--listen", "localhost:7421"]), 2, &["localhost:7421", "/ip4/"]);
    let open = place.write("config.toml", "[rpc]\nlisten = \"0.0.0.0:7420\"\n");
    says(&run(place.covey(), ["config", "check", "--config", &open], ""), 2, &["rpc.listen", "127.0.0.1"]);
    says(&place.daemon(&["--bootstrap", "/ip4/127.0.0.1/tcp/1"]), 2, &["/p2p/"]);
    assert!(!place.path().join("data").exists(), "nothing was made for a node that never was");
    says(&place.daemon(&["--listen", "/ip4/1.2.3.4/carrier-pigeon"]), 2, &["carrier-pigeon", "/ip4/"]);
}

#[test]
fn places_that_cannot_hold_data() {
    let place = Place::new();
    place.write("data", "a file");
    says(&place.daemon(&[]), 5, &["data", "is a file"]);
    let deep = Place::new();
    let long = deep.path().join("d".repeat(120));
    let mut daemon = covey(deep.path());
    daemon.arg("--data-dir").arg(&long);
    daemon.args([
        "daemon",
        "--no-mdns",
        "--no-upnp",
        "--rpc-listen",
        "127.0.0.1:0",
        "--listen",
        "/ip4/127.0.0.1/tcp/0",
    ]);
    says(&run(daemon, [""; 0], ""), 1, &["too long for a Unix socket", "rpc.socket"]);
}

#[test]
fn passphrases() {
    let place = Place::new();
    let right = place.write("right", "correct horse battery staple\n");
    let wrong = place.write("wrong", "incorrect horse\n");
    let empty = place.write("empty", "");
    let made = run(place.covey(), ["--json", "init", "--passphrase-file", &right], "").json();
    let account = made["account"].as_str().expect("an account").to_owned();

    // 3 is "no daemon" and 5 "damaged": this is neither.
    says(&place.daemon(&[]), 1, &["--passphrase-file"]);
    says(&place.daemon(&["--passphrase-file", &wrong]), 1, &["passphrase", "vault.json"]);
    says(&place.daemon(&["--passphrase-file", &empty]), 2, &["passphrase", &empty]);
    says(&place.daemon(&["--passphrase-file", "/nonexistent"]), 2, &["/nonexistent"]);
    says(&run(place.covey(), ["account", "phrase", "--passphrase-file", &wrong], ""), 1, &["passphrase"]);

    let phrase = run(place.covey(), ["--json", "account", "phrase", "--passphrase-file", &right], "").json();
    assert_eq!((phrase["account"].as_str(), &phrase["phrase"]), (Some(account.as_str()), &made["phrase"]));
    let log = fs::read(place.path().join("data/vault.json")).expect("readable");
    assert!(!crate::harness::contains(&log, b"horse"));
}

#[test]
fn accounts_that_are_there_or_not() {
    let place = Place::new();
    says(&run(place.covey(), ["account", "phrase"], ""), 1, &["no account yet", "covey init"]);
    assert!(!place.path().join("data").exists());
    for words in ["", "abandon abandon about", &"abandon ".repeat(24), &"x".repeat(2_000)] {
        says(&run(place.covey(), ["account", "recover"], words), 2, &["recovery phrase"]);
    }
    let made = run(place.covey(), ["--json", "init"], "").json();
    says(&run(place.covey(), ["init"], ""), 1, &["has an account already", "covey daemon"]);
    let words = made["phrase"].as_str().expect("words");
    says(&run(place.covey(), ["account", "recover", "--yes"], words), 1, &["has an account already"]);
    let elsewhere = Place::new();
    says(
        &run(elsewhere.covey(), ["account", "recover", "--peer", "nowhere"], words),
        2,
        &["--peer", "neither the address of a node"],
    );
    assert!(!elsewhere.path().join("data").exists());
}

#[test]
fn data_that_is_damaged_or_incomplete() {
    let mut alice = Node::start("alice");
    alice.stop();
    let data = alice.data();
    let start = || run(alice.daemon(), [""; 0], "");
    let without = |name: &str, words: &[&str]| {
        let (here, away) = (data.join(name), data.join("away"));
        fs::rename(&here, &away).expect("movable");
        says(&start(), 5, words);
        fs::rename(&away, &here).expect("movable");
    };
    without("vault.key", &["vault.key", "backup"]);
    without("vault.json", &["vault.json", "backup"]);

    let key = fs::read(data.join("vault.key")).expect("readable");
    let mut other: Vec<u8> = key.clone();
    other[0] = if other[0] == b'0' { b'1' } else { b'0' };
    fs::write(data.join("vault.key"), other).expect("writable");
    says(&start(), 5, &["vault.key"]);
    fs::write(data.join("vault.key"), "not a key").expect("writable");
    says(&start(), 5, &["vault.key", "backup"]);
    fs::write(data.join("vault.key"), key).expect("writable");

    let database = data.join("db/db");
    let good = fs::read(&database).expect("readable");
    let garbage: Vec<u8> = (0..good.len()).map(|n| u8::try_from(n * 7 % 251).expect("small")).collect();
    fs::write(&database, garbage).expect("writable");
    let ran = start();
    ran.no_panic();
    says(&ran, 5, &["db"]);
    fs::write(&database, good).expect("writable");
    alice.resume();
}

#[test]
fn a_directory_that_is_none_and_a_level_that_is_none_are_named() {
    let home = tempfile::tempdir().expect("a directory");
    let say = |args: &[&str], code: i32, words: &[&str]| {
        let sentence = run(covey(home.path()), args, "").sentence(code);
        for word in words {
            assert!(sentence.contains(word), "no \"{word}\" in: {sentence}");
        }
    };
    let file = home.path().join("notes.txt");
    fs::write(&file, "[log]\nlevel = \"loud\"\n").expect("written");
    let (file, none) = (file.to_string_lossy(), home.path().join("nosuch"));
    say(&["--data-dir", &file, "status"], 3, &["is a file", "--data-dir"]);
    say(&["--data-dir", &none.to_string_lossy(), "status"], 3, &["There is no directory", "nosuch"]);
    say(&["--data-dir", &file, "daemon"], 5, &["Cannot use the data directory", "notes.txt"]);
    say(&["--config", &file, "config", "check"], 2, &["\"loud\" is no level", "debug"]);
}
