//! A group of whole engines on a virtual network, one seed each: loss, delay, reordering, repetition, partitions,
//! crashes, and several admins who let people in and remove them at the same time. After healing, the checks of
//! `checks.rs` hold.
//!
//! `scripts/sim.sh group --members N --seed S` runs one seed again, `--seeds A..B` runs many, `--fair` without the storm.

mod checks;
mod figures;
mod network;
mod node;
mod story;

use story::Story;

/// Most nodes that may be frugal, and among whom old copies are put back.
const FEW: usize = 10;
/// Seeds of an ordinary run with five members.
const FIVE: std::ops::Range<u64> = 0..20;

fn live(members: usize, seed: u64) -> Story {
    let storm = std::env::var_os("COVEY_SIM_FAIR").is_none();
    let mut story = Story::new(members, seed);
    println!("{}", story.name());
    story.fill();
    story.tell_size();
    story.talk();
    if storm {
        story.storm();
    }
    story.end();
    println!(
        "  {} texts, {} crashes, {} came, {} were removed, {} steps",
        story.said.len(),
        story.net.crashes,
        story.newcomers.len(),
        story.removed.len(),
        story.net.steps,
    );
    story
}

/// Members and seeds that were asked for.
fn asked() -> Option<(usize, std::ops::Range<u64>)> {
    let members = std::env::var("COVEY_SIM_MEMBERS").ok()?.parse().unwrap();
    let seeds = std::env::var("COVEY_SIM_SEEDS").ok()?;
    let (from, to) = seeds.split_once("..").unwrap();
    Some((members, from.parse().unwrap()..to.parse().unwrap()))
}

#[test]
fn five_members_agree_whatever_happens_once_the_network_heals() {
    match asked() {
        Some((members, seeds)) => seeds.for_each(|seed| drop(live(members, seed))),
        None => FIVE.for_each(|seed| drop(live(5, seed))),
    }
}

#[test]
fn fifty_members_of_whom_each_knows_some_agree_whatever_happens() {
    // In this seed neighbours are found anew when some are removed.
    if asked().is_none() {
        drop(live(50, 0));
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    assert_eq!(live(5, 3).net.trace(), live(5, 3).net.trace());
    assert_ne!(live(5, 3).net.trace(), live(5, 4).net.trace());
}
