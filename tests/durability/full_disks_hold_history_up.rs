//! A history that comes to a full disk, or from one, waits: both sides say why, nothing is half done, and it goes on by itself when there is room.

use std::{fs, time::Duration};

use serde_json::json;

use crate::{
    disks::Mounted,
    full_disks_end_nothing::{fill, move_to},
    harness::{Launch, NewMachine, Node, befriend, eventually, texts, within},
    talk::verify,
};

/// A device that was interrupted compares what it has with the others after a minute.
const LONG: Duration = Duration::from_secs(240);

/// Messages of before, and how long each is: together more than the small disk below.
const MESSAGES: usize = 700;
const LENGTH: usize = 12_000;

/// A laptop and bob, who wrote each other a lot.
fn talked() -> (Node, Node) {
    let (laptop, bob) = (Node::start("laptop"), Node::start("bob"));
    befriend(&laptop, &bob);
    let client = laptop.client();
    for n in 0..MESSAGES {
        let text = format!("{n} {}", "x".repeat(LENGTH));
        client.call("message.send", &json!({ "to": bob.id, "text": text })).expect("is sent");
    }
    (laptop, bob)
}

/// A new machine that is a device of the laptop's account; its daemon has not run yet.
fn linked(laptop: &Node, machine: Node) -> Node {
    let machine = NewMachine::on(machine);
    laptop.json(&["device", "link", &machine.ticket]);
    laptop.json(&["device", "confirm", &machine.digits()]);
    let (node, code, said) = machine.ended();
    assert_eq!((code, said.as_str()), (0, ""));
    node
}

/// What a node says that keeps it from working.
fn trouble(node: &Node) -> String {
    node.json(&["status"])["trouble"].to_string()
}

/// How far a node says that it is. Nothing while its disk is full, which it says.
fn phase(node: &Node) -> Option<String> {
    let ran = node.run(&["--json", "device", "show", "this"]);
    if ran.code == 5 {
        assert!(ran.stderr.contains("full"), "{ran:?}");
        return None;
    }
    ran.json()["transfer"]["phase"].as_str().map(str::to_owned)
}

fn assert_done(laptop: &Node, bob: &Node, target: &mut Node) {
    within(LONG, "the history to arrive", || (phase(target)? == "done").then_some(()));
    let (here, there) = (texts(laptop, &bob.id), texts(target, &bob.id));
    assert!(here.len() >= 100 && here == there, "{} and {} messages", here.len(), there.len());
    let transfer = &target.json(&["device", "show", "this"])["transfer"];
    assert_eq!(transfer["done"], transfer["total"]);
    target.stop();
    assert_eq!(verify(target), None);
    assert!(!target.log().contains("panic"), "{}", target.log());
}

#[test]
fn a_linked_machine_whose_disk_is_full_says_so_and_goes_on_when_it_grows() {
    let (laptop, bob) = talked();
    let machine = Node::prepare("server", Launch::default());
    fs::create_dir_all(machine.data()).expect("a directory");
    let Some(disk) = Mounted::on(&machine.data(), &["-t", "tmpfs", "-o", "size=6m", "covey-test"]) else { return };
    let mut server = linked(&laptop, machine);
    server.resume();
    let said = eventually("the disk to be full", || Some(trouble(&server)).filter(|said| said != "null"));
    assert!(said.contains("full") || said.contains("space"), "{said}");
    assert_ne!(phase(&server).as_deref(), Some("done"));
    // The other side works on meanwhile.
    laptop.json(&["send", &bob.id, "meanwhile"]);
    bob.until_received("meanwhile");
    assert!(disk.remount("size=64m"));
    assert_done(&laptop, &bob, &mut server);
}

#[test]
fn a_machine_that_gives_history_from_a_full_disk_says_so_and_goes_on_when_there_is_space() {
    let (mut laptop, bob) = talked();
    laptop.stop();
    let Some(disk) = move_to(&laptop, &["-t", "tmpfs", "-o", "size=64m", "covey-test"]) else { return };
    laptop.resume();
    let mut server = linked(&laptop, Node::prepare("server", Launch::default()));
    fill(disk.place());
    let refused = eventually("the disk to be full", || {
        let ran = laptop.run(&["--json", "send", &bob.id, &"y".repeat(LENGTH)]);
        (ran.code != 0).then_some(ran)
    });
    assert!(refused.stderr.contains("full"), "{refused:?}");
    server.resume();
    eventually("the server to ask", || phase(&server).map(drop));
    let said = eventually("the laptop to say so", || Some(trouble(&laptop)).filter(|said| said != "null"));
    assert!(said.contains("full") || said.contains("space"), "{said}");
    assert_ne!(phase(&server).as_deref(), Some("done"));
    fs::remove_file(disk.place().join("ballast")).expect("removable");
    assert_done(&laptop, &bob, &mut server);
}
