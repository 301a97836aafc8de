//! How every simulation ends: the network heals, time passes, and nothing may be wrong in the end. What never comes right is not a delay.

/// A simulated world after its network was healed.
pub(super) trait World {
    /// How to have this run again.
    fn name(&self) -> String;

    /// Virtual time, Unix milliseconds.
    fn now(&self) -> u64;

    /// Lets virtual time pass with all that is due in it.
    fn pass(&mut self, millis: u64);

    /// What does not hold yet, each named by the check that says so.
    fn problems(&mut self) -> Vec<String>;
}

/// When it is looked whether all is well, in virtual milliseconds.
pub(super) struct Looks {
    /// First time after the healing.
    pub(super) first: u64,
    /// Each pause is longer than the one before by half, up to this.
    pub(super) longest: u64,
    /// Most that healing may take.
    pub(super) patience: u64,
}

/// Problems that are told of a world that never converges.
const TOLD: usize = 20;

/// Waits until there is no problem. How long that took at most, in virtual milliseconds.
pub(super) fn converge(world: &mut impl World, looks: &Looks) -> u64 {
    let (begin, mut pause, mut before) = (world.now(), looks.first, 0);
    loop {
        world.pass(pause);
        let (problems, after) = (world.problems(), world.now() - begin);
        if problems.is_empty() {
            return after;
        }
        if problems.len() != before {
            before = problems.len();
            println!("  {before} problems {} s after the network was whole, such as: {}", after / 1_000, problems[0]);
        }
        let told = problems.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(after < looks.patience, "replay with `{}`\n{} problems\n{told}", world.name(), problems.len());
        pause = (pause * 3 / 2).min(looks.longest);
    }
}
