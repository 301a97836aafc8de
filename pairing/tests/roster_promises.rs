//! Whatever members write, from several devices and incarnations, and whatever they claim to have known: what SECURITY.md
//! promises of the departed, the removed and the owner holds. `pairing/SPEC.md`, GROUP-8 and GROUP-13.
//!
//! 256 histories per property; with `COVEY_LONG_TESTS` set, 10,000.
#![allow(clippy::unwrap_used, clippy::panic)]

mod roster_support;

use std::collections::BTreeSet;

use covey_pairing::{
    group::roster::{Op, Role, Roster},
    ids::AccountId,
};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use roster_support::{
    Group, OWNER, account, filled, gives_away, pasts,
    world::{history, step},
};

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("COVEY_LONG_TESTS").is_some() { 10_000 } else { 256 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}

/// A history, what counts in it, and who had seen what.
struct Told {
    group: Group,
    roster: Roster,
    pasts: Vec<BTreeSet<usize>>,
}

impl Told {
    fn of(group: Group) -> Self {
        let (roster, pasts) = (group.roster(), pasts(&group.records));
        Self { group, roster, pasts }
    }

    fn op(&self, at: usize) -> &Op {
        &self.group.records[at].operation.op
    }

    fn author(&self, at: usize) -> &AccountId {
        &self.group.records[at].operation.account
    }

    fn counting(&self) -> Vec<usize> {
        let counts = |at: &usize| self.roster.reason(&self.group.records[*at].id).is_none();
        (0..self.group.records.len()).filter(counts).collect()
    }

    fn aside(&self, one: usize, other: usize) -> bool {
        one != other && !self.pasts[one].contains(&other) && !self.pasts[other].contains(&one)
    }

    /// Did an owner know `done`, and not `against`, when giving the group away?
    fn is_sealed(&self, done: usize, against: usize) -> bool {
        self.counting().into_iter().any(|at| {
            let knew = at == done || self.pasts[at].contains(&done);
            gives_away(self.op(at)) && at != against && knew && !self.pasts[at].contains(&against)
        })
    }

    /// Pairs of counting operations that did not know each other: of the second, the first takes what it rests on.
    fn broken(&self, takes: impl Fn(usize, usize) -> bool) -> Option<(usize, usize)> {
        let counting = self.counting();
        let pairs = counting.iter().flat_map(|one| counting.iter().map(|other| (*one, *other)));
        pairs
            .into_iter()
            .find(|&(one, other)| self.aside(one, other) && takes(one, other) && !self.is_sealed(other, one))
    }

    /// Of one account: what goes away with what it gave away.
    fn is_given_away(&self, gift: usize, other: usize) -> bool {
        let of_owner = match self.op(other) {
            // Of who is an admin already an admin may say so.
            Op::Role { account, grant, .. } => grant.role == Role::Admin && !self.saw_admin(other, account),
            Op::Invite { grant, .. } | Op::Ticket { grant, .. } => grant.role == Role::Admin,
            op => gives_away(op),
        };
        let leaves = matches!(self.op(gift), Op::Leave | Op::Depart { .. });
        gives_away(self.op(gift)) && self.author(gift) == self.author(other) && (leaves || of_owner)
    }

    /// Was `account` an admin in what the author had seen?
    fn saw_admin(&self, at: usize, account: &AccountId) -> bool {
        let seen: Vec<_> = self.pasts[at].iter().map(|&at| self.group.records[at].clone()).collect();
        filled(&seen).member(account).is_some_and(|member| member.role == Role::Admin)
    }

    /// Everybody whom an owner, one after the other, made the owner; none if one left, whom anybody may have inherited from.
    fn owners(&self) -> Option<BTreeSet<AccountId>> {
        let mut owners = BTreeSet::from([account(OWNER)]);
        loop {
            let before = owners.len();
            for at in self.counting().into_iter().filter(|at| owners.contains(self.author(*at))).collect::<Vec<_>>() {
                match self.op(at) {
                    Op::Transfer { to } => drop(owners.insert(*to)),
                    Op::Leave | Op::Depart { .. } => return None,
                    _ => {}
                }
            }
            if owners.len() == before {
                return Some(owners);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    /// [GROUP-8] [GROUP-13]
    #[test]
    fn nothing_counts_whose_author_had_given_the_right_away_in_any_feed(steps in vec(step(), 1..40)) {
        let told = Told::of(history(&steps));
        let broken = told.broken(|gift, other| told.is_given_away(gift, other));
        prop_assert!(broken.is_none(), "{:?}: {:#?}", broken, told.group.records);
    }

    /// [GROUP-8]
    #[test]
    fn nothing_counts_that_the_removed_did_without_knowing_of_it(steps in vec(step(), 1..40)) {
        let told = Told::of(history(&steps));
        let broken = told.broken(|removal, other| match told.op(removal) {
            Op::Remove { account, .. } | Op::Ban { account, .. } => account == told.author(other),
            _ => false,
        });
        prop_assert!(broken.is_none(), "{:?}: {:#?}", broken, told.group.records);
    }

    /// [GROUP-13]
    #[test]
    fn the_owner_is_whom_an_owner_made_it(steps in vec(step(), 1..40)) {
        let told = Told::of(history(&steps));
        let created = told.roster.founder().is_some();
        if let Some(owners) = told.owners().filter(|_| created) {
            let owner = told.roster.owner().copied();
            prop_assert!(owner.is_some_and(|owner| owners.contains(&owner)), "{:#?}", told.group.records);
        }
        let owners = told.roster.members(None).filter(|(_, member)| member.role == Role::Owner).count();
        prop_assert_eq!(owners, usize::from(!told.roster.is_empty()));
    }
}

/// The properties hold of histories in which what they speak of happens.
#[test]
fn in_these_histories_accounts_give_away_and_go_on() {
    let mut runner = TestRunner::deterministic();
    let (mut given, mut refused, mut heirs) = (0, 0, 0);
    for _ in 0..300 {
        let steps = vec(step(), 1..40).new_tree(&mut runner).unwrap().current();
        let told = Told::of(history(&steps));
        let counting = told.counting();
        for &gift in counting.iter().filter(|at| gives_away(told.op(**at))) {
            given += 1;
            let others = (0..told.group.records.len()).filter(|other| told.aside(gift, *other));
            refused += others.filter(|other| told.is_given_away(gift, *other) && !counting.contains(other)).count();
        }
        heirs += usize::from(told.owners().is_some_and(|owners| owners.len() > 1));
    }
    assert!(given > 100 && refused > 10 && heirs > 10, "{given} {refused} {heirs}");
}
