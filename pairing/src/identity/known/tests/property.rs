//! Readers with the same operations compute the same state, in whatever order they arrive; and it is the state that a plain model,
//! which looks at all of them at once, says it is.

use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

use super::*;
use crate::identity::SignedOp;

/// What a reader can be shown.
#[derive(Debug, Clone)]
enum Shown {
    Log(Box<KeyLog>),
    Contest(Box<Contest>),
}

/// One step of owner, thief of the node or thief of the words; numbers choose among what there is.
#[derive(Debug, Clone, Copy)]
enum Step {
    Add(usize),
    Revoke(usize, usize),
    Rotate(usize, u64, bool),
    ForgedRotate(usize),
    Contest(usize, usize, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0usize..64;
    prop_oneof![
        4 => n.clone().prop_map(Step::Add),
        2 => (n.clone(), n.clone()).prop_map(|(log, device)| Step::Revoke(log, device)),
        2 => (n.clone(), 0u64..4, any::<bool>()).prop_map(|(log, back, keep)| Step::Rotate(log, back, keep)),
        1 => n.clone().prop_map(Step::ForgedRotate),
        1 => (n.clone(), n, 0u8..64).prop_map(|(before, after, device)| Step::Contest(before, after, device)),
    ]
}

/// Logs that were written, each by going on from one of before: most go on from the newest.
struct World {
    logs: Vec<KeyLog>,
    contests: Vec<Contest>,
    devices: u8,
}

impl World {
    fn new(old: bool) -> Self {
        let genesis = if old { old_genesis() } else { KeyLog::create(&account(), NOW) };
        let first = with(&genesis, &account(), 1);
        // An account of before commits at its next start, and only then goes on.
        let logs = if old {
            let committed = first.commit_recovery(&account()).expect("none yet");
            vec![genesis, first, committed]
        } else {
            vec![genesis, first]
        };
        Self { logs, contests: Vec::new(), devices: 1 }
    }

    fn log(&self, n: usize) -> &KeyLog {
        let from = self.logs.iter().position(|log| log.commitment().is_some()).expect("it commits");
        let at = if n < 40 { self.logs.len() - 1 } else { from + n % (self.logs.len() - from) };
        &self.logs[at]
    }

    fn keys(log: &KeyLog) -> AccountSecret {
        let rotations = u32::try_from(log.rotations().len()).expect("few");
        account().after_rotations(rotations).expect("seed")
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Add(n) => {
                self.devices += 1;
                let log = self.log(n);
                let next = log.add_device(&Self::keys(log), &device(self.devices), NOW);
                self.logs.extend(next);
            }
            Step::Revoke(n, of) => {
                let log = self.log(n);
                let active: Vec<_> = log.active().map(|device| device.keys.id).collect();
                if !active.is_empty() {
                    let gone = active[of % active.len()];
                    let next = log.revoke_device(&Self::keys(log), gone, Vec::new(), NOW);
                    self.logs.extend(next);
                }
            }
            Step::Rotate(n, back, keep) => {
                self.devices += 1;
                let (log, fresh) = (self.log(n), device(self.devices));
                let keep = log.active().map(|device| device.keys.id).filter(|_| keep && back == 0).collect();
                let supersedes = Some(log.next_place().saturating_sub(back));
                let plan = Rotation { supersedes, keep, add: vec![&fresh], ..Rotation::default() };
                let next = log.rotate(&account(), &plan, NOW).map(|(log, _)| log);
                self.logs.extend(next);
            }
            Step::ForgedRotate(n) => self.forge(n),
            Step::Contest(before, after, by) => {
                let (before, after) = (self.log(before), self.log(after));
                let by = device(1 + by % self.devices);
                let contest = Contest::sign(before, after, &by);
                self.contests.extend(contest);
            }
        }
    }

    /// A rotation by the words of another account, put into a log of ours: nobody takes that for a log.
    fn forge(&self, n: usize) {
        let thief = AccountSecret::from_seed([66; 32]);
        let fresh = device(200);
        let plan = Rotation { add: vec![&fresh], ..Rotation::default() };
        let (theirs, _) = base_of(&thief).rotate(&thief, &plan, NOW).expect("their own");
        let rotation = theirs.ops().last().expect("the rotation").clone();
        let log = self.log(n);
        let root = log.ops().iter().take_while(|op| !op.is_rotation()).cloned();
        assert!(KeyLog::verify(root.chain([rotation]).collect()).is_err());
    }

    fn shown(&self) -> Vec<Shown> {
        let logs = self.logs.iter().cloned().map(|log| Shown::Log(Box::new(log)));
        logs.chain(self.contests.iter().cloned().map(|contest| Shown::Contest(Box::new(contest)))).collect()
    }
}

fn base_of(account: &AccountSecret) -> KeyLog {
    KeyLog::create(account, NOW)
}

fn old_genesis() -> KeyLog {
    KeyLog::create_uncommitted(&account(), NOW)
}

/// What counts, without how it came about.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Sound([u8; 32]),
    Split([u8; 32]),
    Contested(usize),
}

fn state_of(known: &KnownLog) -> State {
    let head = || known.in_force().expect("not contested").head();
    match (known.standing(), &known.contested) {
        (Standing::Sound, _) => State::Sound(head()),
        (Standing::Split(_), _) => State::Split(head()),
        (Standing::Contested(_), contested) => State::Contested(contested.as_ref().expect("it is").index as usize),
    }
}

fn read(shown: &[Shown]) -> KnownLog {
    let mut known = match &shown[0] {
        Shown::Log(log) => KnownLog::new(log, NOW),
        Shown::Contest(contest) => KnownLog::new(contest.before(), NOW),
    };
    for (at, one) in shown.iter().enumerate() {
        match one {
            Shown::Log(log) => drop(known.learn(log, NOW + at as u64)),
            Shown::Contest(contest) => known.contest(contest, NOW + at as u64).expect("in time, of the account"),
        }
        // A node stores it in between.
        let stored = covey_codec::encode(&known).expect("plain data");
        known = covey_codec::decode(&stored, 1 << 20).expect("decodes");
    }
    known
}

/// A log for the model: rotations, and hashes of the ordinary operations since.
struct Story {
    rotations: Vec<RotationId>,
    tail: Vec<[u8; 32]>,
}

impl Story {
    fn of(log: &KeyLog) -> Self {
        let hash = |op: &SignedOp| crate::crypto::hash::blake3(op.bytes());
        let newest = log.ops().iter().rposition(SignedOp::is_rotation);
        let tail = log.ops().iter().skip(newest.map_or(0, |at| at + 1)).map(hash).collect();
        Self { rotations: log.rotations().collect(), tail }
    }
}

/// How many entries two lists have in common from the first on.
fn common<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The state by looking at everything at once.
fn model(shown: &[Shown]) -> State {
    let stories: Vec<Story> = shown
        .iter()
        .map(|one| match one {
            Shown::Log(log) => Story::of(log),
            Shown::Contest(contest) => Story::of(contest.before()),
        })
        .collect();
    let mut paths: Vec<Vec<RotationId>> = stories.iter().map(|story| story.rotations.clone()).collect();
    let mut disputed: Option<usize> = None;
    let mut dispute = |at: usize| disputed = Some(disputed.map_or(at, |first: usize| first.min(at)));
    for one in shown {
        if let Shown::Contest(contest) = one {
            let mut path: Vec<RotationId> = contest.before().rotations().collect();
            dispute(path.len());
            path.push(contest.rotation());
            paths.push(path);
        }
    }
    for (a, b) in paths.iter().flat_map(|a| paths.iter().map(move |b| (a, b))) {
        let same = common(a, b);
        if same < a.len().min(b.len()) {
            dispute(same);
        }
    }
    if let Some(at) = disputed {
        return State::Contested(at);
    }
    let rotations = stories.iter().map(|story| story.rotations.len()).max().expect("there is a log");
    let newest: Vec<&Story> = stories.iter().filter(|story| story.rotations.len() == rotations).collect();
    let longest = newest.iter().max_by_key(|story| story.tail.len()).expect("there is one");
    let ends_at = |length: usize| match length.checked_sub(1) {
        Some(last) => longest.tail[last],
        None => *longest.rotations.last().expect("a log without rotation has a genesis").as_bytes(),
    };
    let pairs = newest.iter().flat_map(|a| newest.iter().map(move |b| (a, b)));
    let parts = pairs.filter_map(|(a, b)| {
        let same = common(&a.tail, &b.tail);
        (same < a.tail.len().min(b.tail.len())).then_some(same)
    });
    parts.min().map_or_else(|| State::Sound(ends_at(longest.tail.len())), |at| State::Split(ends_at(at)))
}

proptest! {
    /// [KEYLOG-14]
    #[test]
    fn readers_with_the_same_operations_compute_the_same_state_in_whatever_order(
        old in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..14),
        chosen in proptest::collection::vec(any::<bool>(), 32),
        orders in proptest::collection::vec(any::<u64>(), 4),
    ) {
        let mut world = World::new(old);
        steps.iter().for_each(|step| world.take(*step));
        let all = world.shown();
        let subset: Vec<Shown> =
            all.iter().zip(chosen.iter().cycle()).filter(|(_, chosen)| **chosen).map(|(one, _)| one.clone()).collect();
        for shown in [all, subset].into_iter().filter(|shown| !shown.is_empty()) {
            let wanted = model(&shown);
            for order in &orders {
                let mut rng = ChaCha20Rng::seed_from_u64(*order);
                let mut shuffled: Vec<(u32, Shown)> = shown.iter().map(|one| (rng.next_u32(), one.clone())).collect();
                shuffled.sort_by_key(|(key, _)| *key);
                let shuffled: Vec<Shown> = shuffled.into_iter().map(|(_, one)| one).collect();
                let known = read(&shuffled);
                prop_assert_eq!(&state_of(&known), &wanted);
                // Shown everything once more, nothing changes.
                let again: Vec<Shown> = shuffled.iter().chain(&shuffled).cloned().collect();
                prop_assert_eq!(&state_of(&read(&again)), &wanted);
            }
        }
    }
}
