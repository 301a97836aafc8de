//! SIGKILL at random moments, also while a daemon starts: every acknowledged message arrives once and in order, and
//! the databases are whole. `scripts/kill-loop.sh` runs this longer.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    harness::{Node, befriend, eventually},
    talk::{Dice, Writer, history, number, verify, written_by},
};

/// Kills a daemon somewhere on its way up.
fn stumble(node: &Node, dice: &mut Dice) {
    let mut child = node.daemon().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("covey starts");
    thread::sleep(Duration::from_millis(dice.roll(600)));
    let _ = child.kill();
    child.wait().expect("ends");
}

#[test]
fn every_acknowledged_message_arrives_once_in_order_and_the_databases_are_whole() {
    let (cycles, messages) = (number("COVEY_TEST_CYCLES", 10), number("COVEY_TEST_MESSAGES", 120));
    let mut dice = Dice::thrown();
    let (mut alice, mut bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let began = Instant::now();
    let writers = [Writer::start(&alice, "alice", "bob", messages), Writer::start(&bob, "bob", "alice", messages)];
    let acknowledged = || writers.iter().map(Writer::acknowledged).sum::<usize>();
    for cycle in 0..cycles {
        // Spread over the stream; what remains of the cycles comes after it, when only the databases are at stake.
        let at = 2 * messages * cycle / cycles + dice.below(2 * messages / cycles + 1);
        eventually("the next kill", || {
            let over = writers.iter().all(Writer::has_ended);
            (over || acknowledged() >= at.min(2 * messages)).then_some(())
        });
        thread::sleep(Duration::from_millis(dice.roll(30)));
        let (one, other) = if dice.roll(2) == 0 { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        one.kill();
        if dice.roll(5) == 0 {
            other.crash();
        }
        if dice.roll(4) == 0 {
            stumble(one, &mut dice);
        }
        one.resume();
    }
    let [from_alice, from_bob] = writers.map(Writer::end);
    assert_eq!((from_alice.len(), from_bob.len()), (messages, messages));
    println!("{cycles} kills during {} messages in {:?}", 2 * messages, began.elapsed());

    for (node, with) in [(&alice, "bob"), (&bob, "alice")] {
        eventually(&format!("{} to have everything", node.name), || {
            (node.json(&["messages", with, "--limit", "1"])[0].is_object() && history(node, with).len() >= 2 * messages)
                .then_some(())
        });
        let shown = history(node, with);
        assert_eq!(written_by(&shown, &alice.id), from_alice, "what alice wrote, as {} shows it", node.name);
        assert_eq!(written_by(&shown, &bob.id), from_bob, "what bob wrote, as {} shows it", node.name);
    }
    for node in [&mut alice, &mut bob] {
        node.kill();
        assert_eq!(verify(node), None, "the database of {}", node.name);
    }
}
