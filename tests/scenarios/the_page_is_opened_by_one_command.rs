//! `covey web`: the address of the page, and the page in a browser, without a secret that others can see.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::harness::{Node, run};

/// A program in the place of the one that opens a browser: it notes what it was given.
fn opener(directory: &Path) -> String {
    fs::create_dir(directory).expect("a directory");
    let program = directory.join("xdg-open");
    fs::write(&program, format!("#!/bin/sh\nprintf '%s' \"$*\" > '{}'\n", directory.join("given").display()))
        .expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("can be run");
    format!("{}:{}", directory.display(), env::var("PATH").unwrap_or_default())
}

#[test]
fn the_code_is_in_a_file_of_ones_own_and_not_in_the_list_of_processes() {
    let alice = Node::start("alice");
    let tools = alice.data().with_file_name("tools");
    let mut covey = alice.covey();
    covey.env("PATH", opener(&tools));
    let ran = run(covey, ["web", "--open"], "");
    assert_eq!(ran.code, 0, "{ran:?}");
    let given = fs::read_to_string(tools.join("given")).expect("was run");
    assert!(!given.contains("code") && given.ends_with("web-open.html"), "{given}");
    let page = fs::read_to_string(&given).expect("is there");
    assert!(page.contains("/#code="), "{page}");
    assert_eq!(fs::metadata(&given).expect("is there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_address_is_that_of_the_running_node_and_new_each_time() {
    let mut alice = Node::start("alice");
    let address = |node: &Node| node.json(&["web"])["url"].as_str().expect("an address").to_owned();
    let (first, second) = (address(&alice), address(&alice));
    let url = alice.client().endpoint().expect("runs")["url"].as_str().expect("a URL").to_owned();
    assert!(first.starts_with(&format!("{url}/#code=")), "{first}");
    assert_ne!(first, second);
    alice.stop();
    assert_eq!(alice.run(&["web"]).code, 3, "without a node there is no page");
}
