//! N engines on a virtual network, one seed each: loss, delay, reordering, repetition, partitions, crashes at every
//! point of a commit, failing disks, wrong clocks, old copies put back. After healing, the checks of `checks.rs` hold.
//!
//! `scripts/sim.sh pair --nodes N --seed S` runs one seed again, `--seeds A..B` runs many. The network and the nodes are shared with
//! the story of one account's devices (`household/`) and that of mail at keepers (`mail/`).

mod checks;
mod commits;
mod household;
mod mail;
mod network;
mod node;
mod story;
pub(super) mod wire;

use story::Story;

/// Things that happen per seed.
const ACTS: usize = 60;
/// Seeds of an ordinary run.
const SEEDS: std::ops::Range<u64> = 0..100;

/// Seeds and number of nodes asked for, or the ordinary ones.
fn asked() -> (std::ops::Range<u64>, Option<usize>) {
    let nodes = std::env::var("COVEY_SIM_NODES").ok().map(|nodes| nodes.parse().unwrap());
    let seeds = std::env::var("COVEY_SIM_SEEDS").ok().map(|seeds| {
        let (from, to) = seeds.split_once("..").unwrap();
        from.parse().unwrap()..to.parse().unwrap()
    });
    (seeds.unwrap_or(SEEDS), nodes)
}

/// Shows what the nodes log of a run, each line with node and virtual time: `COVEY_SIM_LOG=covey_node=debug`.
fn show_logs() {
    if let Ok(filter) = std::env::var("COVEY_SIM_LOG") {
        let shown = tracing_subscriber::fmt().with_env_filter(filter).without_time().with_ansi(false);
        let _ = shown.with_target(false).with_writer(std::io::stdout).try_init();
    }
}

/// Every third of the seeds that were asked for, beginning with `first`, so that three processes share the work: `few` in an ordinary run,
/// `many` in a long one.
fn third(first: u64, few: std::ops::Range<u64>, many: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    show_logs();
    let seeds = match (std::env::var_os("COVEY_SIM_SEEDS"), std::env::var_os("COVEY_LONG_TESTS")) {
        (Some(_), _) => asked().0,
        (None, Some(_)) => many,
        (None, None) => few,
    };
    seeds.filter(move |seed| seed % 3 == first)
}

/// A mesh for one seed in four, two nodes otherwise.
fn nodes_of(seed: u64) -> usize {
    match seed % 8 {
        6 => 3,
        7 => 4,
        _ => 2,
    }
}

fn live(nodes: usize, seed: u64) -> Story {
    show_logs();
    let mut story = Story::new(nodes, seed);
    story.begin();
    story.sim.draw_weather();
    for act in 0..ACTS {
        if act == ACTS / 2 {
            story.sim.draw_weather();
        }
        story.act();
    }
    story.end();
    story
}

/// Every fourth seed, beginning with `first`: so that four processes share the work.
fn share(first: u64) {
    let (seeds, nodes) = asked();
    for seed in seeds.filter(|seed| seed % 4 == first) {
        let nodes = nodes.unwrap_or_else(|| nodes_of(seed));
        println!("scripts/sim.sh pair --nodes {nodes} --seed {seed}");
        let story = live(nodes, seed);
        println!(
            "  {} texts, {} crashes, {} old copies, {} places or keys used twice, {} steps",
            story.said.len(),
            story.sim.crashes,
            story.rollbacks,
            story.sim.wire.forked,
            story.sim.steps,
        );
    }
}

#[test]
fn whatever_happens_to_them_contacts_agree_once_the_network_heals_1() {
    share(0);
}

#[test]
fn whatever_happens_to_them_contacts_agree_once_the_network_heals_2() {
    share(1);
}

#[test]
fn whatever_happens_to_them_contacts_agree_once_the_network_heals_3() {
    share(2);
}

#[test]
fn whatever_happens_to_them_contacts_agree_once_the_network_heals_4() {
    share(3);
}

#[test]
fn a_seed_runs_the_same_way_twice() {
    let one = live(3, 1_000_006);
    let two = live(3, 1_000_006);
    assert!(one.sim.steps > 100);
    assert_eq!(one.sim.trace(), two.sim.trace());
}
