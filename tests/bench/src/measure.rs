//! Taking turns with a stop watch.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// What to measure, and how patiently.
pub struct Bench {
    /// How often each contestant runs.
    pub rounds: usize,
    /// Members of the large group.
    pub members: usize,
    /// Only rows with this in their names.
    pub only: String,
}

/// What runs, and how many messages it handles each time. Preparation is its own affair: it times only what counts.
pub struct Contestant<'a> {
    name: &'static str,
    messages: u32,
    run: Box<dyn FnMut() -> Duration + 'a>,
}

impl<'a> Contestant<'a> {
    pub fn new(name: &'static str, messages: usize, run: impl FnMut() -> Duration + 'a) -> Self {
        Self { name, messages: u32::try_from(messages).expect("few"), run: Box::new(run) }
    }

    /// Microseconds of one message.
    fn measure(&mut self) -> f64 {
        (self.run)().as_secs_f64() * 1e6 / f64::from(self.messages)
    }
}

/// Runs `work` once and says how long this thread was at it: what else the machine did meanwhile does not count.
pub fn timed(work: impl FnOnce()) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("after the start of the thread");
    let start = now();
    work();
    now() - start
}

/// What this process has in memory, in bytes.
pub fn memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("resident pages");
    pages * rustix::param::page_size() as u64
}

/// The allocator of the system, which counts what is in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is handed on to the allocator of the system as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        IN_USE.fetch_add(size, Relaxed);
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Bytes that are in use, without what the allocator keeps for later.
pub fn allocated() -> u64 {
    IN_USE.load(Relaxed) as u64
}

impl Bench {
    /// Lets them take turns and prints a row: the first is ours, the others are what it is compared with. A round takes
    /// milliseconds, so a slower clock or a full cache falls on all of them; each ratio is the median of those of the
    /// rounds.
    pub fn compare(&self, row: &str, contestants: Vec<Contestant<'_>>) {
        self.compare_in(self.rounds, row, contestants);
    }

    /// The same in `rounds` rounds, for what takes long. One more goes before them, to warm.
    pub fn compare_in(&self, rounds: usize, row: &str, mut contestants: Vec<Contestant<'_>>) {
        if !row.contains(&self.only) {
            return;
        }
        contestants.iter_mut().for_each(|contestant| _ = contestant.measure());
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); contestants.len()];
        for _ in 0..rounds {
            for (contestant, times) in contestants.iter_mut().zip(&mut times) {
                times.push(contestant.measure());
            }
        }
        print(row, &contestants, &times);
    }

    /// The same for what happens once.
    pub fn compare_once(&self, row: &str, mut contestants: Vec<Contestant<'_>>) {
        let times: Vec<_> = contestants.iter_mut().map(|contestant| vec![contestant.measure()]).collect();
        print(row, &contestants, &times);
    }
}

fn print(row: &str, contestants: &[Contestant<'_>], times: &[Vec<f64>]) {
    print!("{row:<34} {:>8.2} µs", median(times[0].clone()));
    for (contestant, theirs) in contestants.iter().zip(times).skip(1) {
        let ratios = theirs.iter().zip(&times[0]).map(|(theirs, ours)| theirs / ours).collect();
        print!("   {} {:.2} µs: {:.2}x", contestant.name, median(theirs.clone()), median(ratios));
    }
    println!();
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
