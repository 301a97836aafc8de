//! Taking turns with a stop watch.

use std::time::{Duration, Instant};

/// How often each contestant runs.
pub const ROUNDS: usize = 21;

/// What runs, and how many messages it handles each time. Preparation is its own affair: it times only what counts.
pub struct Contestant<'a> {
    pub name: &'static str,
    pub messages: u32,
    pub run: Box<dyn FnMut() -> Duration + 'a>,
}

impl<'a> Contestant<'a> {
    pub fn new(name: &'static str, messages: usize, run: impl FnMut() -> Duration + 'a) -> Self {
        Self { name, messages: u32::try_from(messages).expect("few"), run: Box::new(run) }
    }
}

/// Runs `work` once and times it.
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Lets them take turns and prints a row: the first is ours, the others are what it is compared with.
pub fn compare(row: &str, mut contestants: Vec<Contestant<'_>>) {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contestants.len()];
    for contestant in &mut contestants {
        (contestant.run)(); // Warm.
    }
    for _ in 0..ROUNDS {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            times.push((contestant.run)() / contestant.messages);
        }
    }
    let typical = times.iter_mut().map(|times| {
        times.sort_unstable();
        times[ROUNDS / 4].as_secs_f64() * 1e6
    });
    let typical: Vec<f64> = typical.collect();
    print!("{row:<34} {:>8.2} µs", typical[0]);
    for (contestant, time) in contestants.iter().zip(&typical).skip(1) {
        print!("   {} {time:.2} µs: {:.2}x", contestant.name, time / typical[0]);
    }
    println!();
}
