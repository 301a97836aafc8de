//! Twenty accounts that write to each other and are away for days, and six keepers at which their mail waits. Some of them are strangers, who ask
//! each other while the one who is asked is away. Keepers are added and removed and
//! become full, processes die at every point of a commit, connections break, clocks are wrong, and days pass in which everything sleeps. One
//! keeper is put back to old copies of its disk, and two lie (`mischief/keeper.rs`).
//!
//! | check | holds |
//! |---|---|
//! | WAIT-1 | once all are back, every acknowledged text is on both sides exactly once, an unacknowledged one at most once, and the journal tells each once |
//! | WAIT-2 | then both sides show the same messages in one order, and each author's in the order in which they were written |
//! | WAIT-3 | then every message is told as delivered or read |
//! | WAIT-4 | at any moment: a message is told as kept only while as many keepers have signed for it as it says, for no longer than they signed |
//! | WAIT-5 | at any moment: a message is told as delivered or read only if its recipient has it |
//! | WAIT-6 | at any moment: what a keeper counts as used is what lies there, for each slot and account and in all; in the end every database is sound |
//! | WAIT-7 | no frame of a deposit, and no row of a keeper about what was left, holds a text, or an id of whoever left it or of the channel |
//! | WAIT-8 | what an honest keeper signed for and still has to hold reaches its owner while the author is gone |
//! | WAIT-9 | once all are back, every contact has an open slot at every honest keeper |
//! | WAIT-10 | once all are back, two strangers are paired on both sides or on none: on both if one of them accepted what the other one asked, and whoever was asked knows it |
//! | WAIT-11 | nobody is told of an invite more often than there were invites |
//! | WAIT-12 | what strangers say of a pairing and an honest keeper has reaches its owner while they are gone |
//!
//! `scripts/sim.sh keepers --seed S` runs one seed again, `--seeds A..B` runs many, `--commits` lets sender, keeper and owner die at each commit, of contacts
//! and of strangers who never meet.

mod checks;
mod commits;
mod meetings;
mod people;
mod strangers;
pub(super) mod witness;

use std::collections::{BTreeMap, BTreeSet};

use super::super::converging::{self, Looks};
use super::network::Sim;
use super::node::Ticket;
use crate::engine::Mischief;
use crate::store::MemoryStore;
use strangers::Strangers;

/// Accounts of people.
const PEOPLE: usize = 20;
/// Their keepers.
const KEEPERS: std::ops::Range<usize> = PEOPLE..PEOPLE + 6;
/// A keeper of which old copies are put back.
const RESTORED: usize = PEOPLE + 3;
/// Keepers that lie.
const LIARS: [usize; 2] = [PEOPLE + 4, PEOPLE + 5];

/// Pairs that write far more than others.
const BUSY: usize = 5;

/// Things that happen per seed.
const ACTS: usize = 100;

/// Seeds of an ordinary run, and of one with `COVEY_LONG_TESTS=1`.
const SEEDS: std::ops::Range<u64> = 0..3;
const MANY: std::ops::Range<u64> = 0..200;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Long enough to fetch again what did not fit at first.
const FETCHES: u64 = 25 * MINUTE;

const LOOKS: Looks = Looks { first: 5 * MINUTE, longest: 30 * MINUTE, patience: 24 * HOUR };

/// A text that somebody asked to be sent.
#[derive(Debug, Clone)]
struct Said {
    from: usize,
    to: usize,
    ticket: Ticket,
}

struct Post {
    sim: Sim,
    /// Who talks with whom.
    pairs: Vec<(usize, usize)>,
    strangers: Vec<Strangers>,
    /// By number, which stands in the text.
    said: BTreeMap<usize, Said>,
    /// Keepers whose word is worth nothing: they lie, were put back to an old copy, or had a clock that was days off.
    unsound: BTreeSet<usize>,
    /// Machines whose clock was days off.
    misled: BTreeSet<usize>,
    copy: Option<MemoryStore>,
    told: Told,
}

/// What came to pass in a run.
#[derive(Debug, Default)]
struct Told {
    added: usize,
    removed: usize,
    filled: usize,
    restored: usize,
    slept: u64,
    /// Invites of strangers, and yeses to them.
    asked: usize,
    accepted: usize,
    /// Strangers who became contacts.
    friends: usize,
    /// Messages that were seen to be kept.
    kept: usize,
    /// Messages that arrived while their authors were gone.
    fetched: usize,
}

impl Post {
    fn new(seed: u64) -> Self {
        let name = format!("scripts/sim.sh keepers --seed {seed}");
        let mut sim = Sim::new(KEEPERS.end, seed, name);
        sim.most_steps = 20_000_000;
        for liar in LIARS {
            sim.nodes[liar].policy.mischief = Some(Mischief::Keeper);
        }
        let unsound = LIARS.into_iter().collect();
        let mut post = Self {
            sim,
            pairs: Vec::new(),
            strangers: Vec::new(),
            said: BTreeMap::new(),
            unsound,
            misled: BTreeSet::new(),
            copy: None,
            told: Told::default(),
        };
        post.begin();
        post
    }

    fn any<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.sim.draw(below as u64)).unwrap()
    }

    /// Somebody, with somebody they talk with: mostly some few, who have much to say to each other.
    fn some_pair(&mut self) -> (usize, usize) {
        let often = if self.sim.draw(4) == 0 { self.pairs.len() } else { BUSY };
        let at = self.below(often);
        let (one, other) = self.pairs[at];
        if self.sim.draw(2) == 0 { (other, one) } else { (one, other) }
    }

    /// One thing that somebody does, or that happens to somebody.
    fn act(&mut self) {
        let ((one, other), keeper) = (self.some_pair(), KEEPERS.start + self.below(KEEPERS.len()));
        let whoever = if self.sim.draw(2) == 0 { keeper } else { one };
        match self.sim.draw(100) {
            0..12 => self.say(one, other),
            12..28 => self.letters(one, other),
            28..38 => self.meet(),
            38..43 => self.leave(other),
            43..47 => self.come_back(other),
            47..57 => self.take_turns(one, other),
            57..61 => self.add(other, keeper),
            61..64 => self.remove(other),
            64..71 => self.sim.arm_crash(whoever),
            71..74 => {
                let away = 10 + self.sim.draw(10 * MINUTE);
                self.sim.kill(whoever, away);
            }
            74..77 => self.sim.set_apart(one, whoever),
            77..82 => self.rejoin(),
            82..84 => self.sim.part(other, keeper),
            84..86 => self.sim.arm_fault(whoever),
            86..90 => self.sleep(),
            90 => self.fill(one, other),
            91 => self.fill_invites(other, keeper),
            92..95 => self.copy_or_put_back(),
            95..97 => self.turn_clock(whoever),
            _ => self.read(other),
        }
        let wait = self.any(&[0, 20, 500, 5_000, 30_000, MINUTE]);
        self.sim.run_for(wait);
        self.befriend();
        self.look(one, other, keeper);
    }

    fn rejoin(&mut self) {
        let apart: Vec<_> = self.sim.apart.iter().copied().collect();
        if !apart.is_empty() {
            let (a, b) = self.any(&apart);
            self.sim.rejoin(a, b);
        }
    }

    /// Every second one writes to those who are away, and is gone when these are back.
    fn authors_are_gone(&mut self) {
        let first = self.below(2);
        let gone: BTreeSet<usize> = (first..PEOPLE).step_by(2).collect();
        for (one, other) in self.pairs.clone().into_iter().take(BUSY) {
            let (author, reader) = if gone.contains(&one) { (one, other) } else { (other, one) };
            self.letters(author, reader);
        }
        for node in &gone {
            self.sim.shut_down(*node);
            self.sim.nodes[*node].ended = true;
        }
        self.right_clocks();
        self.sim.heal();
        self.sim.run_for(FETCHES);
        self.fetched(&gone);
        for node in gone {
            self.sim.nodes[node].ended = false;
        }
    }

    fn end(&mut self) {
        for at in 0..self.strangers.len() {
            self.go_on(at);
            self.go_on(at);
        }
        self.nothing_is_readable();
        self.authors_are_gone();
        self.sim.heal();
        self.sim.run_for(FETCHES);
        self.all_say_yes();
        let after = converging::converge(self, &LOOKS);
        self.sound();
        let seen = self.sim.witness.as_ref().unwrap();
        println!(
            "  {} texts, {} deposits, {} receipts, {:?}, {} crashes, {} steps, converged at most {} s after all were back",
            self.said.len(),
            seen.deposited,
            seen.promised,
            self.told,
            self.sim.crashes,
            self.sim.steps,
            after / 1_000,
        );
    }
}

fn live(seed: u64) -> Post {
    println!("scripts/sim.sh keepers --seed {seed}");
    let mut post = Post::new(seed);
    post.sim.draw_weather();
    for act in 0..ACTS {
        if act % 30 == 29 {
            post.sim.draw_weather();
        }
        post.act();
    }
    post.end();
    post
}

fn share(first: u64) {
    super::third(first, SEEDS, MANY).for_each(|seed| drop(live(seed)));
}

#[test]
fn whatever_happens_mail_that_waits_arrives_once_and_in_order_1() {
    share(0);
}

#[test]
fn whatever_happens_mail_that_waits_arrives_once_and_in_order_2() {
    share(1);
}

#[test]
fn whatever_happens_mail_that_waits_arrives_once_and_in_order_3() {
    share(2);
}
