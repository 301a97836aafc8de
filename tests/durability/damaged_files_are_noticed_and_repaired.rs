//! Bits flip, files end early, pages change places. Each time either nothing that counts was hit, or one sentence names
//! the command that repairs it, and then the node works and gets from its contact everything that the contact has.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    harness::{Node, Ran, befriend, same_conversation},
    talk::{Dice, Writer, history, number, verify},
};

/// Messages in each direction.
const EACH: usize = 60;
/// Cases of each test in which the repaired node meets its contact again. As many as there are cases: every one is
/// followed to its end, by the daemon too.
const REUNIONS: usize = 2;

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success());
}

/// What can be damaged: mostly the log, because nearly everything is in it.
fn victim(data: &Path, dice: &mut Dice) -> PathBuf {
    let mut others: Vec<PathBuf> =
        fs::read_dir(data.join("db")).expect("lists").map_while(Result::ok).map(|e| e.path()).collect();
    others.retain(|path| path.is_file() && !path.ends_with("db"));
    others.extend(["marks", "kept"].map(|name| data.join(name)));
    others.sort();
    if dice.roll(6) == 0 { others.swap_remove(dice.below(others.len())) } else { data.join("db/db") }
}

/// Damages one file in one way; says how.
fn damage(data: &Path, dice: &mut Dice) -> String {
    let path = victim(data, dice);
    let mut bytes = fs::read(&path).expect("reads");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
    let at = dice.below(used);
    let how = match dice.roll(4) {
        0 | 1 => {
            let bit = dice.roll(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        }
        2 => {
            bytes.truncate(at);
            format!("cut off after {at} bytes")
        }
        _ => {
            let (one, other) = (at / 4_096 * 4_096, dice.below(used) / 4_096 * 4_096);
            let length = 4_096.min(bytes.len() - one.max(other));
            (0..length).for_each(|byte| bytes.swap(one + byte, other + byte));
            format!("pages at {one} and {other} swapped")
        }
    };
    fs::write(&path, &bytes).expect("writes");
    format!("{} of {used}: {how}", path.strip_prefix(data).expect("in it").display())
}

/// Two nodes that talked. Alice was killed now and then, and stopped or killed at last.
fn talked(dice: &mut Dice) -> (Node, Node) {
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    for part in 0..3 {
        let label = |name: &str| format!("{name} in part {part}");
        let from_alice = Writer::start(&alice, label("alice"), "bob", EACH / 3);
        Writer::start(&bob, label("bob"), "alice", EACH / 3).end();
        from_alice.end();
        if dice.roll(2) == 0 { alice.crash() } else { alice.restart() }
    }
    (alice, bob)
}

/// Fifty cases in each of four tests, which run side by side: two hundred.
fn fifty_damaged_databases() {
    let (cases, meetings) = (number("COVEY_TEST_CASES", 50), number("COVEY_TEST_REUNIONS", REUNIONS));
    let thorough = meetings >= cases;
    let mut dice = Dice::thrown();
    let (mut alice, mut bob) = talked(&mut dice);
    alice.until_shows("bob", 2 * EACH);
    bob.until_shows("alice", 2 * EACH);
    let texts = same_conversation(&alice, &bob);
    if dice.roll(2) == 0 {
        alice.stop();
    } else {
        alice.kill();
    }
    bob.stop();
    let originals = [&alice, &bob].map(|node| {
        let original = node.base().join("original");
        copy(&node.data(), &original);
        (node.data(), original)
    });

    let (mut whole, mut repaired, mut reunions) = (0, 0, 0);
    for case in 0..cases {
        copy(&originals[0].1, &originals[0].0);
        let how = damage(&alice.data(), &mut dice);
        let what = format!("case {case}, {how}");
        // Every few cases it is the daemon that meets the damage.
        if dice.roll(10) == 0 || thorough {
            start_or_sentence(&alice, &what);
        }
        match verify(&alice) {
            None => {
                whole += 1;
                if (dice.roll(10) == 0 || thorough) && !works(&mut alice, &texts, &what) {
                    copy(&originals[1].1, &originals[1].0);
                    meet(&mut alice, &mut bob, &texts, &what);
                }
            }
            Some(found) => {
                repaired += 1;
                let made = alice.run(&["--json", "db", "repair"]);
                made.no_panic();
                assert_eq!(made.code, 0, "{what}: {found} {made:?}");
                assert_eq!(verify(&alice), None, "{what}: {found}, after the repair {made:?}");
                if reunions < meetings && (dice.roll(8) == 0 || thorough) {
                    reunions += 1;
                    copy(&originals[1].1, &originals[1].0);
                    meet(&mut alice, &mut bob, &texts, &what);
                }
            }
        }
    }
    println!("{cases} cases: {whole} harmless, {repaired} repaired, {reunions} of them met their contact again");
    assert!(repaired > cases / 4, "the damage hits what counts");
}

#[test]
fn damaged_databases_end_in_a_working_node_or_a_command_that_makes_one() {
    fifty_damaged_databases();
}

#[test]
fn fifty_further_damaged_databases_do_so() {
    fifty_damaged_databases();
}

#[test]
fn and_fifty_others() {
    fifty_damaged_databases();
}

#[test]
fn and_fifty_more() {
    fifty_damaged_databases();
}

#[test]
fn a_node_whose_database_is_gone_comes_back_from_its_second_copies_and_its_contact() {
    let mut dice = Dice::thrown();
    let (mut alice, mut bob) = talked(&mut dice);
    alice.until_shows("bob", 2 * EACH);
    bob.until_shows("alice", 2 * EACH);
    let texts = same_conversation(&alice, &bob);
    alice.stop();
    bob.stop();
    fs::remove_dir_all(alice.data().join("db")).expect("removable");
    start_or_sentence(&alice, "without a database");
    let made = alice.json(&["db", "repair"]);
    assert_eq!((&made["damaged"], &made["moved_to"]), (&Value::Bool(true), &Value::Null));
    assert_eq!(verify(&alice), None);
    meet(&mut alice, &mut bob, &texts, "without a database");

    // Without the second copies nobody knows who this was.
    fs::remove_dir_all(alice.data().join("db")).expect("removable");
    fs::remove_file(alice.data().join("kept")).expect("removable");
    assert!(alice.refused(&["db", "repair"], 5).contains("covey db restore"));
    start_or_sentence(&alice, "without anything");
}

#[test]
fn a_damaged_database_is_moved_aside_and_never_deleted() {
    let mut alice = Node::start("alice");
    alice.stop();
    for number in 1..=2 {
        let log = alice.data().join("db/db");
        let mut bytes = fs::read(&log).expect("reads");
        bytes[40..4_000].fill(0xff);
        fs::write(&log, &bytes).expect("writes");
        let made = alice.json(&["db", "repair"]);
        let aside = alice.data().join(format!("db.damaged-{number}"));
        assert_eq!(made["moved_to"], aside.to_str().expect("UTF-8"));
        assert_eq!(fs::read(aside.join("db")).expect("reads"), bytes);
        assert!(made["problems"].as_array().is_some_and(|problems| !problems.is_empty()), "{made}");
        assert_eq!(verify(&alice), None);
    }
    let again = alice.json(&["db", "repair"]);
    assert_eq!((&again["damaged"], &again["lost"]), (&Value::Bool(false), &Value::Array(Vec::new())));
    alice.resume();
}

/// The daemon starts, or says in one sentence what to do.
fn start_or_sentence(alice: &Node, what: &str) {
    let mut child = alice.daemon().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("covey starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    if lines.any(|line| line.starts_with("ready ")) {
        child.kill().expect("can be killed");
        child.wait().expect("ends");
        return;
    }
    let output = child.wait_with_output().expect("ends");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    let ran = Ran { code: output.status.code().unwrap_or(-1), stdout: String::new(), stderr };
    assert!(ran.sentence(5).contains("covey db repair"), "{what}: {ran:?}");
}

/// The node starts and shows everything, or (if the end of the log was hit, which a start notices and goes on from)
/// only what the contact does not have to give again. Whether it was everything.
fn works(alice: &mut Node, texts: &[String], what: &str) -> bool {
    alice.resume();
    let shown: Vec<String> =
        history(alice, "bob").iter().map(|message| message["text"].as_str().expect("a text").to_owned()).collect();
    alice.kill();
    assert!(shown.iter().all(|text| texts.contains(text)), "{what}: {shown:?}");
    if shown != texts {
        println!("{what}: {} of {} at first", shown.len(), texts.len());
    }
    shown == texts
}

/// After a repair, both have everything again, and go on.
fn meet(alice: &mut Node, bob: &mut Node, texts: &[String], what: &str) {
    println!("{what}: meeting again");
    alice.resume();
    bob.resume();
    alice.forget_journal();
    bob.forget_journal();
    alice.json(&["send", "bob", "still here"]);
    bob.until_received("still here");
    bob.json(&["send", "alice", "so am I"]);
    alice.until_received("so am I");
    alice.until_shows("bob", texts.len() + 2);
    // What is new may stand among what came back after it was written.
    let mut again = same_conversation(alice, bob);
    again.retain(|text| text != "still here" && text != "so am I");
    assert_eq!(again, texts, "{what}");
    alice.stop();
    bob.stop();
    assert_eq!((verify(alice), verify(bob)), (None, None), "{what}");
}
