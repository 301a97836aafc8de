//! Histories in which everything happens that can: members with two devices and several incarnations, who know what they
//! know, or claim to have known less.

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::group::roster::{Cut, EntryId, Grant, Ground, Op, OpId, Policy, Role};
use proptest::{prelude::*, sample::Index};

use super::{Group, OWNER, account, device, join_at, renew, ticket, ticket_id};

pub(crate) const PEOPLE: u16 = 9;

/// What somebody does next.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    who: u16,
    which: u8,
    whom: u16,
    what: u8,
    choice: u8,
    pick: Index,
    /// What the author's device learns before.
    learns: Learns,
    names: Names,
    /// Writes in a feed beside its first one.
    apart: bool,
    /// Writes at a position that it used before.
    forks: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Learns {
    Nothing,
    All,
    From(u16, u8),
}

/// What the author says it had seen.
#[derive(Debug, Clone)]
enum Names {
    Newest,
    /// Only the creation.
    Creation,
    /// One operation of those that are known, however old.
    One(Index),
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let who = prop_oneof![5 => 0..3u16, 2 => 3..5u16, 1 => 0..PEOPLE];
    let learns = prop_oneof![
        2 => Just(Learns::Nothing),
        2 => Just(Learns::All),
        2 => (0..PEOPLE, 0..2u8).prop_map(|(n, which)| Learns::From(n, which)),
    ];
    let names = prop_oneof![
        12 => Just(Names::Newest),
        1 => Just(Names::Creation),
        3 => any::<Index>().prop_map(Names::One),
    ];
    let rare = |weight| prop_oneof![weight => Just(false), 1 => Just(true)];
    (who, 0..2u8, 0..PEOPLE, 0..20u8, any::<u8>(), any::<Index>(), learns, names, rare(4), rare(60)).prop_map(
        |(who, which, whom, what, choice, pick, learns, names, apart, forks)| Step {
            who,
            which,
            whom,
            what,
            choice,
            pick,
            learns,
            names,
            apart,
            forks,
        },
    )
}

/// What each device knows.
pub(crate) struct World {
    pub(crate) group: Group,
    known: BTreeMap<(u16, u8), BTreeSet<OpId>>,
    invites: Vec<(u16, OpId)>,
}

impl World {
    /// Of an owner, two admins, two members, a reader and three strangers, with two tickets.
    pub(crate) fn new() -> Self {
        let mut group = Group::new();
        for (n, role) in [(1, Role::Admin), (2, Role::Admin), (3, Role::Member), (4, Role::Member), (5, Role::Reader)] {
            group.admit(n, role);
        }
        group.next(OWNER, ticket(0, Some(1), false));
        group.next(1, ticket(1, Some(2), true));
        let all: BTreeSet<OpId> = group.records.iter().map(|record| record.id).collect();
        let known = (0..PEOPLE).flat_map(|n| [(n, 0), (n, 1)]).map(|who| (who, all.clone())).collect();
        Self { group, known, invites: Vec::new() }
    }

    fn tips(&self, known: &BTreeSet<OpId>) -> Vec<OpId> {
        let records = || self.group.records.iter().filter(|record| known.contains(&record.id));
        let named: BTreeSet<OpId> = records().flat_map(|record| record.operation.deps.clone()).collect();
        records().map(|record| record.id).filter(|id| !named.contains(id)).take(16).collect()
    }

    fn take(&mut self, step: &Step) {
        let author = (step.who, step.which);
        let learned = match step.learns {
            Learns::Nothing => BTreeSet::new(),
            Learns::All => self.group.records.iter().map(|record| record.id).collect(),
            Learns::From(n, which) => self.known[&(n, which)].clone(),
        };
        self.known.get_mut(&author).unwrap().extend(learned);
        let known = &self.known[&author];
        let deps = match &step.names {
            Names::Newest => self.tips(known),
            Names::Creation => vec![self.group.creation()],
            Names::One(at) => vec![*known.iter().nth(at.index(known.len())).unwrap()],
        };
        let feed = (device(step.who, step.which), incarnation(step));
        let own = self.group.records.iter().filter(|r| (r.device, r.incarnation) == feed).map(|r| r.seq).max();
        let seq = own.map_or(1, |last| if step.forks { last } else { last + 1 });
        let id = self.write(step, seq, deps);
        self.known.get_mut(&author).unwrap().insert(id);
        if step.what <= 2 {
            self.invites.push((step.whom, id));
        }
    }

    fn write(&mut self, step: &Step, seq: u64, deps: Vec<OpId>) -> OpId {
        let Step { who, which, whom, choice, .. } = *step;
        let role = [Role::Reader, Role::Member, Role::Admin][usize::from(choice % 3)];
        let grant = Grant { role, invisible: choice % 5 == 0 };
        let cut = vec![Cut { device: device(whom, choice % 2), incarnation: 0, seq: u64::from(choice % 7) }];
        let whom_account = account(whom);
        let op = match step.what {
            0..=2 => Op::Invite { account: whom_account, grant },
            3..=5 => {
                let ground = match (choice % 3, self.invites.is_empty()) {
                    (0, _) => Ground::Ticket(ticket_id(choice % 4)),
                    (1, _) if choice % 2 == 0 => Ground::Ticket(ticket_id(choice % 2)),
                    (1, _) | (_, true) => Ground::Request,
                    _ => {
                        let (invited, op) = self.invites[step.pick.index(self.invites.len())];
                        let what = join_at(invited, Ground::Invite(op), 25 * u64::from(choice));
                        return self.group.write_at((who, which, incarnation(step)), seq, deps, what);
                    }
                };
                let what = join_at(whom, ground, 25 * u64::from(choice));
                return self.group.write_at((who, which, incarnation(step)), seq, deps, what);
            }
            6..=8 => Op::Remove { account: whom_account, cut },
            9 => Op::Ban { account: whom_account, cut },
            10 => Op::Unban { account: whom_account },
            11..=12 => Op::Role { account: whom_account, grant, cut: None },
            13 => Op::Transfer { to: whom_account },
            14 if choice % 2 == 0 => Op::Leave,
            14 => Op::Depart { cut },
            15 => ticket(choice % 4, Some(u32::from(choice % 3) + 1), choice % 2 == 0),
            16 => Op::RevokeTicket { id: ticket_id(choice % 4) },
            17 => {
                let devices: &[u8] = [&[0, 1][..], &[0], &[1], &[0, 1, 2]][usize::from(choice % 4)];
                return self.group.write_at(
                    (who, which, incarnation(step)),
                    seq,
                    deps,
                    renew(who, devices, u64::from(choice / 4 % 4) | u64::from(choice / 16 % 3) << 32),
                );
            }
            18 => {
                let write = role.max(Role::Member);
                let policy = Policy { invite: role, write, approve: choice % 2 == 0, ..Policy::default() };
                Op::Policy { policy, cut: (choice % 4 == 0).then_some(cut) }
            }
            _ if choice % 3 == 0 => Op::Uninvite { account: whom_account },
            _ if choice % 3 == 1 => {
                Op::Delete { entry: EntryId::from_bytes([choice % 4; 32]), device: device(whom, choice % 2) }
            }
            _ => Op::Rename { name: format!("name {choice}") },
        };
        self.group.write_at((who, which, incarnation(step)), seq, deps, op)
    }
}

pub(crate) fn history(steps: &[Step]) -> Group {
    let mut world = World::new();
    steps.iter().for_each(|step| world.take(step));
    world.group
}

/// 0, or that of a feed beside it.
fn incarnation(step: &Step) -> u64 {
    if step.apart { 4 } else { 0 }
}
