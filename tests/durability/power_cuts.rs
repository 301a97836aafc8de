//! Power cuts of a simulated disk: a file system in a file. What had reached the file when the daemon was stopped is what
//! a disk would have held; it is mounted again, and every acknowledged message must be there. `scripts/power-loss.sh`
//! runs this longer.

use std::{fs, path::Path, thread, time::Duration};

use crate::{
    disks::{Mounted, does},
    harness::{Node, befriend},
    talk::{Dice, Writer, history, number, verify, written_by},
};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A new file system in `image`, with a copy of `data` in it, durably. Nothing if this process may not mount one.
fn disk_with(image: &Path, place: &Path, data: &Path) -> Option<Mounted> {
    let _ = fs::remove_file(image);
    // Sparse: what is not used takes no space. Much, because the database of a long run must fit.
    assert!(does("truncate", &["-s", "2G", text(image)]));
    if !does("mkfs.ext4", &["-q", "-F", text(image)]) {
        println!("SKIPPED: there is no mkfs.ext4");
        return None;
    }
    let disk = Mounted::on(place, &["-o", "loop", text(image)])?;
    assert!(does("cp", &["-a", &format!("{}/.", text(data)), text(place)]));
    assert!(does("sync", &["-f", text(place)]));
    Some(disk)
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let cycles = number("COVEY_TEST_CYCLES", 2);
    let mut dice = Dice::thrown();
    let (mut alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    alice.stop();
    let (image, cut, kept) = (alice.base().join("image"), alice.base().join("cut"), alice.base().join("kept"));
    fs::rename(alice.data(), &kept).expect("moves");
    let mut acknowledged = Vec::new();
    for cycle in 0..cycles {
        let Some(disk) = disk_with(&image, &alice.data(), &kept) else { return };
        alice.resume();
        let writer = Writer::start(&alice, format!("cycle {cycle}"), "bob", usize::MAX);
        // Bob's side of the conversation reaches the disk as well.
        let answers = Writer::start(&bob, format!("answer {cycle}"), "alice", usize::MAX);
        thread::sleep(Duration::from_millis(500 + dice.roll(2_500)));
        // The moment of the cut: nothing more reaches the disk, and what was told before must be on it.
        alice.signal("STOP");
        let told = writer.acknowledged();
        // A file of its own each time: a mount that is still ending would lend its old contents to the same one.
        let _ = fs::remove_file(&cut);
        assert!(does("cp", &["--sparse=always", text(&image), text(&cut)]));
        answers.stop();
        alice.kill();
        let ids = writer.stop();
        acknowledged.extend_from_slice(&ids[..told]);
        drop(disk);

        let disk = Mounted::on(&alice.data(), &["-o", "loop", text(&cut)]).expect("mounts as before");
        assert_eq!(verify(&alice), None, "cycle {cycle}, after {told} messages");
        alice.resume();
        let shown = written_by(&history(&alice, "bob"), &alice.id);
        let lost: Vec<_> = acknowledged.iter().filter(|id| !shown.contains(id)).collect();
        assert!(
            lost.is_empty(),
            "cycle {cycle}: {} of {} acknowledged messages are lost",
            lost.len(),
            acknowledged.len()
        );
        println!("cycle {cycle}: {told} messages acknowledged before the cut, all there");
        // What was written beyond the cut is there or not, and counts from now on as it is.
        acknowledged = shown;
        alice.stop();
        fs::remove_dir_all(&kept).expect("removable");
        assert!(does("cp", &["-a", text(&alice.data()), text(&kept)]));
        drop(disk);
    }
    println!("{cycles} power cuts, {} messages, none lost", acknowledged.len());
}
