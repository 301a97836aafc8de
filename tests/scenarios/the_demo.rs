//! `covey demo`: what a newcomer runs first.

use std::{fs, process::Stdio};

use crate::harness::{covey, eventually, run};

/// Plays a demo to its end, which leaves nothing behind, and yields what it told.
#[track_caller]
fn played(args: &[&str]) -> String {
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let stage = home.path().join("tmp");
    fs::create_dir(&stage).expect("a directory");
    let mut demo = covey(home.path());
    demo.env("TMPDIR", &stage);
    let ran = run(demo, [&["demo", "--timeout", "120"], args].concat(), "");
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.no_panic();
    let left: Vec<_> = fs::read_dir(&stage).expect("readable").collect();
    assert!(left.is_empty(), "{left:?}");
    let at_home: Vec<_> = fs::read_dir(home.path()).expect("readable").map_while(Result::ok).collect();
    assert_eq!(at_home.len(), 1, "the user's own directories are not touched: {at_home:?}");
    ran.stdout
}

#[test]
fn the_demo_plays_to_its_end_and_leaves_nothing_behind() {
    let told = played(&[]);
    for part in ["account id alone", "paired", "alice -> bob", "bob -> alice", "pair decline", "on the wire", "disk"] {
        assert!(told.contains(part), "nothing of \"{part}\" in:\n{told}");
    }
}

#[test]
fn the_demo_of_groups_plays_to_its_end_and_leaves_nothing_behind() {
    let told = played(&["--group"]);
    for part in [
        "group create",
        "group accept",
        "group approve",
        "dave -> Lake",
        "the right to rename it",
        "never there at the same time",
        "group remove",
        "cannot open it",
        "You are no longer in",
        "report --verify",
        "Converged",
    ] {
        assert!(told.contains(part), "nothing of \"{part}\" in:\n{told}");
    }
}

#[test]
fn the_demo_of_devices_plays_to_its_end_and_leaves_nothing_behind() {
    let told = played(&["--devices"]);
    for part in [
        "24 words on paper",
        "init --link",
        "device link",
        "pair list",
        "as her own",
        "stays declined",
        "device revoke laptop",
        "exit code 1",
        "account recover",
        "recovered just now",
        "accept --renewals",
        "alice -> bob",
    ] {
        assert!(told.contains(part), "nothing of \"{part}\" in:\n{told}");
    }
}

#[test]
fn the_demo_of_those_who_are_away_plays_to_its_end_and_leaves_nothing_behind() {
    let told = played(&["--away"]);
    for part in [
        "keeper serve",
        "keeper add",
        "keeper ask carol",
        "keeper accept alice",
        "kept by 1 keeper until",
        "switched off",
        "bob reads",
        "in order, once",
        "not there at the same time once",
        "none of their words",
    ] {
        assert!(told.contains(part), "nothing of \"{part}\" in:\n{told}");
    }
}

#[test]
fn a_demo_that_is_interrupted_leaves_nothing_behind_either() {
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let mut demo = covey(home.path());
    demo.env("TMPDIR", home.path()).arg("demo").stdout(Stdio::null()).stderr(Stdio::null());
    let mut demo = demo.spawn().expect("covey starts");
    let entries = || fs::read_dir(home.path()).expect("readable").count();
    eventually("the stage to be built", || (entries() > 0).then_some(()));
    let pid = demo.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "INT", &pid]).status().expect("kill runs").success());
    let ended = eventually("the demo to end", || demo.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(1));
    assert_eq!(entries(), 0);
}
