//! The first five minutes: no configuration, no directory named, the help texts followed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::harness::{Node, covey, eventually, run};

/// Everything a desktop gives to a program.
fn desktop(home: &Path) -> Command {
    let mut command = covey(home);
    command.env("XDG_RUNTIME_DIR", home.join("run"));
    command
}

#[test]
fn a_daemon_without_a_named_directory_keeps_to_the_places_of_the_desktop() {
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let home = home.path();
    fs::create_dir(home.join("run")).expect("a directory");
    let none = run(desktop(home), ["status"], "").sentence(3);
    assert!(none.contains("covey daemon"), "{none}");

    let mut daemon = desktop(home);
    // Not the usual port: the tests run beside each other. Not the neighbours' networks either.
    daemon.args(["daemon", "--rpc-listen", "127.0.0.1:0", "--no-mdns", "--no-upnp"]);
    let mut daemon = daemon.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("covey starts");
    let lines = BufReader::new(daemon.stdout.take().expect("a pipe")).lines();
    let told: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.starts_with("ready")).collect();
    let told = told.join("\n");
    for part in ["first start", "account  cv1", "ticket   covey:", "address  /ip4/", "/quic-v1"] {
        assert!(told.contains(part), "nothing of \"{part}\" in:\n{told}");
    }
    let data = home.join(".local/share/covey");
    assert!(told.contains(&data.display().to_string()), "says where the data is:\n{told}");
    assert!(home.join("run/covey/rpc.sock").exists());

    let status = run(desktop(home), ["status", "--json"], "").json();
    assert_eq!(status["data_dir"], data.display().to_string());
    let paths = run(desktop(home), ["config", "paths", "--json"], "").json();
    assert_eq!(paths["config"], home.join(".config/covey/config.toml").display().to_string());
    // Without the runtime directory, as from a cron job, it is found by what the daemon has written down.
    assert_eq!(run(covey(home), ["status", "--json"], "").json()["account"], status["account"]);
    let found: Vec<_> =
        fs::read_dir(home).expect("readable").map_while(Result::ok).map(|entry| entry.file_name()).collect();
    assert_eq!(found.len(), 2, "nothing else is put into the home directory: {found:?}");

    assert_eq!(run(desktop(home), ["shutdown"], "").code, 0);
    assert!(eventually("the daemon to end", || daemon.try_wait().expect("a child")).success());
    assert!(!home.join("run/covey/rpc.sock").exists());
}

#[test]
fn a_passphrase_may_come_as_a_systemd_credential() {
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let home = home.path();
    let credentials = home.join("credentials");
    fs::create_dir(&credentials).expect("a directory");
    fs::write(credentials.join("covey-passphrase"), "correct horse").expect("writable");
    let with = || {
        let mut command = covey(home);
        command.env("CREDENTIALS_DIRECTORY", &credentials);
        command
    };
    let made = run(with(), ["init", "--json"], "").json();
    let without = run(covey(home), ["account", "phrase"], "").sentence(1);
    assert!(without.contains("passphrase"), "{without}");
    assert_eq!(run(with(), ["account", "phrase", "--json"], "").json()["phrase"], made["phrase"]);
}

#[test]
fn help_leads_from_the_first_step_to_the_last() {
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let help = run(covey(home.path()), ["--help"], "");
    for step in [
        "covey daemon",
        "covey account ticket",
        "covey pair invite",
        "covey pair list",
        "covey pair accept",
        "covey send",
    ] {
        assert!(help.stdout.contains(step), "{}", help.stdout);
        let words: Vec<&str> = step.split(' ').skip(1).chain(["--help"]).collect();
        let help = run(covey(home.path()), words, "");
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        assert!(help.stdout.contains("Example"), "{}", help.stdout);
    }
    let version = run(covey(home.path()), ["--version"], "");
    assert!(version.stdout.starts_with("covey "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(covey(home.path()), ["completions", shell], "").stdout.contains("complete-line"));
    }
    let man = run(covey(home.path()), ["man"], "").stdout;
    assert!(man.contains(".TH") && man.contains(".SH EXAMPLES") && man.contains("COVEY_DATA_DIR"), "{man}");
    let pages = home.path().join("man1");
    run(covey(home.path()), ["man".as_ref(), "--dir".as_ref(), pages.as_os_str()], "");
    let accept = fs::read_to_string(pages.join("covey-pair-accept.1")).expect("a page for each command");
    assert!(accept.contains(".SH EXAMPLES"), "{accept}");
}

#[test]
fn what_the_readme_shows_is_what_people_see() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    let shown = |node: &Node, args: &[&str]| {
        let ran = node.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout + &ran.stderr
    };
    let ticket = shown(&bob, &["account", "ticket"]);
    let (ticket, hint) = ticket.split_once('\n').expect("two lines");
    assert!(ticket.starts_with("covey:") && hint.contains("covey pair invite TICKET"), "{hint}");
    assert_eq!(shown(&alice, &["account", "rename", "Alice"]), "Others see you as Alice.\n");
    let note = "Alice, from the lake";
    let invited = shown(&alice, &["pair", "invite", ticket, "--alias", "bob", "--note", note]);
    assert_eq!(invited, "The invite to bob is on its way.\nWaiting for their answer; see `covey pair list`.\n");

    bob.until_contact(&alice.id, "pending");
    let list = shown(&bob, &["pair", "list"]);
    let row: Vec<&str> =
        list.lines().nth(1).expect("a row").split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let short = &alice.id[..13];
    assert_eq!((row[0], row[1], row[3]), ("\"Alice\"", "pending", short), "{list}");
    assert!(row[4].contains(note), "{list}");
    assert!(list.contains(&format!("covey pair accept {short}, or covey pair decline {short}")), "{list}");
    let accepted = shown(&bob, &["pair", "accept", short, "--alias", "alice"]);
    assert_eq!(accepted, "You and alice are paired.\nSay hello: covey send alice 'Hello!'\n");

    alice.until_confirmed(&bob.id);
    let sent = shown(&alice, &["send", "bob", "Hello Bob!", "--wait", "delivered"]);
    let id = sent.strip_suffix(" to bob, delivered\n").unwrap_or_else(|| panic!("{sent}"));
    assert!(shown(&bob, &["send", "alice", "Hello Alice."]).ends_with(" to alice, waiting to be delivered\n"));
    alice.until_received("Hello Alice.");
    let talk = shown(&alice, &["messages", "bob"]);
    let lines: Vec<&str> = talk.lines().collect();
    assert!(lines[1].starts_with(id) && lines[1].ends_with("me → bob: Hello Bob!  (delivered)"), "{talk}");
    assert!(lines[2].ends_with("bob → me: Hello Alice."), "{talk}");

    let number = shown(&bob, &["pair", "verify", "alice"]);
    let digits: String = number.lines().take(3).flat_map(|line| line.chars().chain([' '])).collect();
    assert_eq!(digits.chars().filter(char::is_ascii_digit).count(), 60, "{number}");
    assert!(shown(&alice, &["pair", "verify", "bob", digits.trim()]).contains("bob is verified"));
    let tail = shown(&alice, &["tail"]);
    for told in ["* you and bob are paired", "me → bob: Hello Bob!", "bob → me: Hello Alice."] {
        assert!(tail.contains(told), "nothing of \"{told}\" in:\n{tail}");
    }
    assert!(shown(&alice, &["status"]).contains("1 paired"));
    assert!(shown(&alice, &["doctor"]).contains("ok"));
}
