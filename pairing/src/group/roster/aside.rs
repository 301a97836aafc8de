//! Operations that are set aside because no reading lets them count, and who pays for those that are evaluated.

use std::collections::BTreeMap;

use super::{
    ids::OpId,
    machine::Roster,
    op::Op,
    reach::{Reach, Wakes},
    record::OpRecord,
};
use crate::ids::AccountId;

/// Who made the others evaluate how much.
#[derive(Debug, Clone, Default)]
pub(super) struct Costs {
    by: BTreeMap<AccountId, u64>,
    /// Of the evaluations so far these were charged.
    charged: u64,
    /// Whose operation made the stretch reach back that is open now.
    pub(super) opener: Option<AccountId>,
}

impl Costs {
    pub(super) fn charge(&mut self, account: Option<AccountId>, evaluated: u64) {
        if let Some(account) = account {
            *self.by.entry(account).or_default() += evaluated - self.charged;
        }
        self.charged = evaluated;
    }
}

impl Roster {
    /// Takes in what the operation may give to others; may one count by that which did not?
    pub(super) fn wakes(&mut self, record: &OpRecord) -> bool {
        let wakes = self.reach.learn(&self.graph, record, self.graph.handed(record));
        let asked: Vec<OpId> = match wakes {
            Wakes::Anew => return true,
            Wakes::Nothing if !matches!(record.operation.op, Op::Invite { .. }) => return false,
            Wakes::Of(account) => self.idle.get(&account).cloned().unwrap_or_default(),
            Wakes::Nothing | Wakes::Anything => self.idle.values().flatten().copied().collect(),
        };
        let mut may_count = false;
        for id in asked {
            let may = self.graph.get(&id).map(|node| self.reach.allows(&self.group, &self.graph, &node.record));
            match may {
                Some(Ok(())) => may_count = true,
                Some(Err(denied)) => {
                    // What is missing may be another thing now, and everybody says the same.
                    let node = self.graph.get_mut(&id);
                    node.into_iter().for_each(|node| node.outcome = Err(denied.clone().into()));
                }
                None => {}
            }
        }
        may_count
    }

    /// Builds the graph anew, from what all operations give to each other.
    pub(super) fn rebuild(&mut self) {
        self.reach = Reach::default();
        self.graph.nodes.iter_mut().for_each(|node| node.idle = true);
        let mut grew = true;
        while std::mem::take(&mut grew) {
            for at in 0..self.graph.nodes.len() {
                let record = self.graph.nodes[at].record.clone();
                let may = self.reach.allows(&self.group, &self.graph, &record);
                if may.is_ok() {
                    let learned = self.reach.learn(&self.graph, &record, self.graph.handed(&record));
                    grew |= self.graph.nodes[at].idle || learned != Wakes::Nothing;
                    self.graph.nodes[at].idle = false;
                }
                self.graph.nodes[at].outcome = may.map(|()| None).map_err(Into::into);
            }
        }
        self.idle.clear();
        for node in self.graph.nodes.iter().filter(|node| node.idle) {
            let record = &node.record;
            self.idle.entry(record.operation.account).or_default().push(record.id);
        }
        self.graph = self.graph.rebuilt();
    }

    /// What was evaluated since the last time was caused by whoever keeps the stretch open, or else by this author.
    pub(super) fn charge(&mut self, author: Option<AccountId>) {
        self.costs.charge(self.costs.opener.or(author), self.work.evaluated);
        if self.closed {
            self.costs.opener = None;
        }
    }

    /// The operations evaluated since this was asked last, by the account that caused it: the one whose operation named the oldest
    /// past, not whoever wrote next.
    pub fn take_costs(&mut self) -> Vec<(AccountId, u64)> {
        std::mem::take(&mut self.costs.by).into_iter().collect()
    }
}
