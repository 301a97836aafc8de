//! One account on up to three devices, five contacts and two groups. People invite and answer, write, edit and read on any device; machines
//! are linked, revoked, stolen, lost with all that was on them, and go on from old copies of their disks; processes die at every point of a
//! commit, and connections break.
//!
//! | check | holds once the network is whole again |
//! |---|---|
//! | HOME-1 | all devices hold every contact alike: state, confirmation, alias, channel, muted or not |
//! | HOME-2 | a contact is paired with the account if and only if the account is with it, on one channel, unless one of them has blocked the other, or what one of them decided was lost with a machine: see [`Household::unsettled`] |
//! | HOME-3 | in a conversation all devices and the contact show the same messages in the same order, and edits alike, but for those of a machine of before that no device of the account has, or that have not come to the contact and stand in a feed whose end the account never said (CUT-1); every acknowledged text is there exactly once, unless it was lost with the only machines that had it, or with those that had its key: a machine of before wrote it, and no device of the account reads it now |
//! | HOME-4 | of the messages that all devices have they count the same as unread, and each counts right |
//! | HOME-5 | all devices hold the same records of the own channel |
//! | HOME-6 | all devices know the same key log, and each of them is in it |
//! | HOME-7 | all devices stand in every group alike, on one roster, which lists them and no others; they and the other members show the same texts, those that were acknowledged and written while the account was a member exactly once; of a membership that has ended all of them show what one does |
//! | HOME-8 | a device that the account has no more has nothing that was written by somebody who knew that, when the account's other devices knew it too |
//! | HOME-9 | what a stolen device wrote in a conversation of two after it was cut off is shown nowhere, but by a contact that did not know of it yet if the account never saw that feed of it (CUT-1: then what had come counts) |
//! | HOME-10 | all devices list the same conversations that have ended, and show the same in them |
//!
//! *Known*: in groups the roster decides, which names a device of before until the account's other devices, or an admin after a recovery, have
//! changed it: until then what it writes counts.
//!
//! `scripts/sim.sh devices --seed S` runs one seed again, `--seeds A..B` runs many.

mod checks;
mod groups;
mod machines;
mod people;

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::identity::AccountSecret;

use super::super::converging::{self, Looks};
use super::network::Sim;
use super::node::Ticket;
use crate::store::MemoryStore;

/// The first device of the account, and its contacts.
const FIRST: usize = 0;
const CONTACTS: [usize; 5] = [1, 2, 3, 4, 5];

/// Most devices of the account at a time.
const DEVICES: usize = 3;

/// Machines that the account ever has: each revoked one goes on in the simulation.
const MACHINES: usize = 8;

/// Things that happen per seed.
const ACTS: usize = 200;

/// Seeds of an ordinary run, and of one with `COVEY_LONG_TESTS=1`.
const SEEDS: std::ops::Range<u64> = 0..3;
const MANY: std::ops::Range<u64> = 0..200;

/// A contact that is connected to a stolen device only looks for the account's card every few hours.
const LOOKS: Looks = Looks { first: 5 * 60_000, longest: 30 * 60_000, patience: 24 * 3_600_000 };

/// A text that somebody asked to be sent.
#[derive(Debug, Clone)]
struct Said {
    author: usize,
    ticket: Ticket,
    /// Text id of the channel.
    channel: String,
    /// Machines of the account that its author and the account's devices knew to be none any more.
    known_out: BTreeSet<usize>,
    /// In a group: by which operation the account was a member for the author.
    membership: Option<[u8; 32]>,
    /// It may be nowhere any more, or count nowhere.
    gone: bool,
    /// Written by a stolen device that had been cut off.
    stolen: bool,
    /// The contact did not know that then, or goes on from a copy that does not.
    taken: bool,
}

/// A text that somebody replaced.
#[derive(Debug, Clone)]
struct Edited {
    by: usize,
    /// As of what was said.
    known_out: BTreeSet<usize>,
}

struct Household {
    sim: Sim,
    words: AccountSecret,
    /// Devices of the account.
    devices: Vec<usize>,
    /// Machines that were its devices.
    out: BTreeSet<usize>,
    /// By number, which stands in the text.
    said: BTreeMap<usize, Said>,
    /// By number, which stands in the text that replaces another.
    edits: BTreeMap<usize, Edited>,
    /// Since when a node is known to know that a machine is none of the account's.
    knew: BTreeMap<(usize, usize), u64>,
    groups: Vec<groups::Circle>,
    /// Contacts of whom a decision was lost with a machine, on which nobody else had heard of it: people have to settle that.
    unsettled: BTreeSet<usize>,
    copies: BTreeMap<usize, MemoryStore>,
    /// Nodes that went on from an old copy: what they wrote may be elsewhere only.
    restored: BTreeSet<usize>,
    told: Told,
}

/// What came to pass in a run.
#[derive(Debug, Default)]
struct Told {
    linked: usize,
    revoked: usize,
    recovered: usize,
    restored: usize,
}

impl Household {
    fn new(seed: u64) -> Self {
        let mut sim = Sim::new(1 + CONTACTS.len(), seed, format!("scripts/sim.sh devices --seed {seed}"));
        sim.most_steps = 10_000_000;
        let words = sim.nodes[FIRST].me.account.clone();
        let mut home = Self {
            sim,
            words,
            devices: vec![FIRST],
            out: BTreeSet::new(),
            said: BTreeMap::new(),
            edits: BTreeMap::new(),
            knew: BTreeMap::new(),
            groups: Vec::new(),
            unsettled: BTreeSet::new(),
            copies: BTreeMap::new(),
            restored: BTreeSet::new(),
            told: Told::default(),
        };
        home.begin();
        home
    }

    /// On a good day: most are paired, both groups are full, the account has a second device.
    fn begin(&mut self) {
        for contact in CONTACTS {
            if self.sim.draw(5) > 0 {
                self.invite(contact, FIRST);
                self.sim.run_for(100);
                self.accept(FIRST, contact);
                self.sim.run_for(100);
            }
        }
        self.found_groups();
        self.link();
        self.sim.run_for(5_000);
    }

    fn any<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.sim.draw(of.len() as u64)).unwrap()]
    }

    fn id(&self, node: usize) -> String {
        self.sim.nodes[node].account().to_string()
    }

    /// Everybody who is none of the stolen machines.
    fn honest(&self) -> Vec<usize> {
        self.devices.iter().chain(&CONTACTS).copied().collect()
    }

    /// One thing that somebody does, or that happens to somebody.
    fn act(&mut self) {
        let (devices, honest, all) =
            (self.devices.clone(), self.honest(), (0..self.sim.nodes.len()).collect::<Vec<_>>());
        let (device, contact) = (self.any(&devices), self.any(&CONTACTS));
        let (one, other, whoever) = (self.any(&all), self.any(&all), self.any(&honest));
        let what = self.sim.draw(100);
        tracing::debug!(now = self.sim.now, what, device, contact, one, other, whoever, ?devices, "act");
        match what {
            0..18 => self.say(device, contact),
            18..26 => self.say(contact, device),
            26..34 => self.say_in_group(whoever),
            34..42 => self.read(device),
            42..47 => self.edit(whoever),
            47..59 => self.decide(device, contact),
            59..62 => self.decide(contact, device),
            62..65 => self.tend(),
            65..70 => self.sim.arm_crash(one),
            70..74 => {
                let away = 10 + self.sim.draw(600_000);
                self.sim.kill(one, away);
            }
            74..78 if one != other => self.sim.set_apart(one, other),
            78..83 => self.rejoin(),
            83..85 if one != other => self.sim.part(one, other),
            85..87 => self.sim.arm_fault(one),
            87..90 => self.copy(whoever),
            90..92 => self.put_back(),
            92..95 => self.link(),
            95..97 => self.revoke(),
            97..98 => self.recover(),
            98..100 => self.steal(contact),
            _ => {}
        }
        let wait = self.any(&[0, 1, 20, 500, 5_000, 60_000]);
        self.sim.run_for(wait);
    }

    fn rejoin(&mut self) {
        let apart: Vec<_> = self.sim.apart.iter().copied().collect();
        if !apart.is_empty() {
            let (a, b) = self.any(&apart);
            self.sim.rejoin(a, b);
        }
    }

    fn end(&mut self) {
        self.sim.heal();
        let after = converging::converge(self, &LOOKS);
        let sim = &self.sim;
        println!(
            "  {} texts, {:?}, {} crashes, {} steps, converged at most {} s after the network was whole",
            self.said.len(),
            self.told,
            sim.crashes,
            sim.steps,
            after / 1_000,
        );
    }
}

fn live(seed: u64) -> Household {
    println!("scripts/sim.sh devices --seed {seed}");
    let mut home = Household::new(seed);
    home.sim.draw_weather();
    for act in 0..ACTS {
        if act % 40 == 39 {
            home.sim.draw_weather();
        }
        home.act();
    }
    home.end();
    home
}

fn share(first: u64) {
    super::third(first, SEEDS, MANY).for_each(|seed| drop(live(seed)));
}

#[test]
fn whatever_happens_the_devices_of_an_account_agree_once_the_network_heals_1() {
    share(0);
}

#[test]
fn whatever_happens_the_devices_of_an_account_agree_once_the_network_heals_2() {
    share(1);
}

#[test]
fn whatever_happens_the_devices_of_an_account_agree_once_the_network_heals_3() {
    share(2);
}
