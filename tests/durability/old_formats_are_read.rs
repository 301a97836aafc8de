//! Frozen data of earlier versions: what was written once is read for good.

use std::path::Path;

use crate::{
    harness::{Node, texts},
    talk::verify,
};

/// A node of version 1 that talked with another: kept as `covey db backup` wrote it then, never made anew.
#[test]
fn a_node_of_version_one_opens_verifies_and_runs() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let fixture = |name: &str| fixtures.join(name).to_str().expect("UTF-8").to_owned();
    let mut node = Node::start("alice");
    node.stop();
    std::fs::remove_dir_all(node.data()).expect("removable");
    let restored = node.json(&["db", "restore", &fixture("node-v1.backup"), "--vault-key", &fixture("node-v1.key")]);
    assert_eq!(restored["records"], 51);
    assert_eq!(verify(&node), None);
    node.resume();
    assert_eq!(node.id, "cv1jegm9tzwx5uzv9nwzuct6yxz0kz25kx6puxu7tlwgxavhqfg54dqjxq5uf");
    let texts = texts(&node, "bob");
    assert_eq!(texts[..2], ["the first", "an answer"]);
    assert!(texts[2].len() > 6_000 && texts.len() == 3);
    assert_eq!(node.json(&["account", "show"])["name"], "Alice of old");
    assert_eq!(node.json(&["account", "tickets"]).as_array().map(Vec::len), Some(1));
    assert_eq!(node.json(&["pair", "show", "bob"])["state"], "paired");
    node.json(&["send", "bob", "and it goes on"]);
    node.stop();
    assert_eq!(verify(&node), None);
}
