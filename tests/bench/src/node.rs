//! Two real daemons on this machine and a client of each: what a message costs whoever uses covey, beside what the disk, the
//! store and a connection cost by themselves, measured in the same run.

mod daemon;
mod devices;
mod floors;
mod keepers;
mod talk;

use std::{path::Path, time::Duration};

use daemon::Daemon;
use floors::Floors;
use talk::Talk;

use crate::measure::median;

/// What to measure, and how much of it.
struct Scale {
    /// Messages one at a time.
    single: usize,
    /// Messages with a window of [`WINDOW`].
    stream: usize,
    /// Messages that the other node missed.
    missed: usize,
}

/// Requests under way at once.
const WINDOW: usize = 256;

/// Runs all rows with the program `covey`.
pub fn run(covey: &Path, quick: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let scale = match quick {
        true => Scale { single: 200, stream: 4_000, missed: 4_000 },
        false => Scale { single: 1_000, stream: 20_000, missed: 100_000 },
    };
    runtime.block_on(measure(covey, &scale));
}

async fn measure(covey: &Path, scale: &Scale) {
    let floors = Floors::measure().await;
    println!("two daemons and a client of each on this machine; p50 of each row, the floors by themselves in this run");
    println!(
        "floors: fsync of 4 KiB {:.0} µs, commit of one message's rows {:.0} µs and written through {:.0} µs, TCP round trip {:.0} µs, store {:.0} messages/s in groups of {WINDOW}",
        floors.fsync, floors.commit, floors.durable, floors.round_trip, floors.rate
    );
    let mut ada = Daemon::start(covey, "ada");
    let mut bea = Daemon::start(covey, "bea");
    idle(&ada);
    let mut talk = Talk::begin(&ada, &bea).await;

    let singles = talk.one_at_a_time(scale.single).await;
    row(
        "acknowledged, one at a time",
        median(singles.acknowledged),
        "µs",
        &[("commit", floors.commit), ("written through", floors.durable)],
    );
    row(
        "shown, one at a time",
        median(singles.shown),
        "µs",
        &[
            ("round trip and two commits", floors.round_trip + 2.0 * floors.commit),
            ("written through", floors.round_trip + 2.0 * floors.durable),
        ],
    );

    let before = (ada.disk(), bea.disk());
    // Or the runtime would have some requests wait that were made before others.
    let streamed = tokio::task::unconstrained(talk.stream(scale.stream)).await;
    let rate = |took: Duration| rate_of(scale.stream, took);
    share("acknowledged, 256 under way", rate(streamed.acknowledged), floors.rate);
    share("shown, 256 under way", rate(streamed.shown), floors.rate);
    println!("    {} of {} were shown out of the order of sending", streamed.inversions, scale.stream);
    let processor = [&ada, &bea].map(|daemon| daemon.processor_time());
    println!("    processor time since the start: sender {:.2?}, receiver {:.2?}", processor[0], processor[1]);

    let (contact, read) = (talk.contact().to_owned(), talk::unread(&bea).await);
    drop(talk);
    bea.stop();
    talk::write(&ada, &contact, scale.missed).await;
    bea.restart();
    let caught_up = scale.missed as f64 / talk::catch_up(&bea, read + scale.missed).await.as_secs_f64();
    let memory = bea.memory() >> 20;
    println!("{:<34} {caught_up:>9.0} messages/s   of {}, {memory} MiB in memory", "catching up", scale.missed);

    ada.stop();
    bea.stop();
    let (again, empty) = (ada.restart(), start_of_an_empty_one(covey));
    println!("{:<34} {again:>9.2?}   of an empty node {empty:.2?}", "start");
    let messages = (scale.stream + scale.missed) as u64;
    bea.restart();
    for (name, daemon, before) in [("sender", &ada, before.0), ("receiver", &bea, before.1)] {
        let each = daemon.disk().saturating_sub(before) / messages;
        println!(
            "{:<34} {each:>9} bytes a message of {} bytes, {messages} of them",
            format!("disk of the {name}"),
            talk::TEXT
        );
    }
    devices::transfer(covey, &ada, scale.single + scale.stream + scale.missed).await;
    ada.stop();
    bea.stop();
    devices::compare(covey, scale).await;
    keepers::compare(covey).await;
    keepers::full(covey).await;
}

fn rate_of(messages: usize, took: Duration) -> f64 {
    messages as f64 / took.as_secs_f64()
}

fn start_of_an_empty_one(covey: &Path) -> Duration {
    let mut empty = Daemon::start(covey, "empty");
    empty.stop();
    let took = empty.restart();
    empty.stop();
    took
}

fn idle(daemon: &Daemon) {
    println!("{:<34} {:>9} MiB in memory", "idle after the start", daemon.memory() >> 20);
}

fn row(name: &str, value: f64, unit: &str, floors: &[(&str, f64)]) {
    print!("{name:<34} {value:>9.0} {unit}");
    for (floor, by_itself) in floors {
        print!("   {floor} {by_itself:.0} {unit}: {:.1}x", value / by_itself);
    }
    println!();
}

fn share(name: &str, rate: f64, floor: f64) {
    println!("{name:<34} {rate:>9.0} messages/s   store {floor:.0}/s: {:.0} %", 100.0 * rate / floor);
}
