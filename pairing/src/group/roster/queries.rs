//! What the roster answers.

use std::{ops::Bound, sync::Arc};

use super::{
    account::{Invited, Member, Standing, Ticket},
    denied::{Denied, Right},
    graph::Node,
    ids::{EntryId, OpId, TicketId},
    limits::DEPS_MAX,
    machine::{Roster, Work},
    op::Op,
    policy::{Policy, Role},
    record::VerifiedJoin,
    resolve::Reason,
    rights::{admit, may, require},
    writing::Written,
};
use crate::ids::{AccountId, DeviceId};

/// An operation that does not count, and why; for the doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The operation.
    pub id: OpId,
    /// Whom its author acted for.
    pub account: AccountId,
    /// The author.
    pub device: DeviceId,
    /// Why it does not count.
    pub reason: Reason,
}

impl Ignored {
    fn of((node, reason): (&Node, &Reason)) -> Self {
        let record = &node.record;
        Self { id: record.id, account: record.operation.account, device: record.device, reason: reason.clone() }
    }
}

impl Roster {
    /// Could `account` do that now? For a join ask [`Roster::admits`].
    pub fn allowed(&self, account: &AccountId, op: &Op) -> Result<(), Denied> {
        let state = &self.head.state;
        let member = state.member(account).ok_or(Denied::NotAMember)?;
        may(state, account, member, member.role, op)?;
        match op {
            Op::Invite { account, .. }
                if state.standing(account).is_some_and(|standing| !standing.invites.is_empty()) =>
            {
                Err(Denied::AlreadyInvited)
            }
            _ => Ok(()),
        }
    }

    /// Could `carrier` write the join `now`, by its clock?
    pub fn admits(&self, carrier: &AccountId, join: &VerifiedJoin, now: u64) -> Result<(), Denied> {
        let member = self.member(carrier).ok_or(Denied::NotAMember)?;
        admit(&self.head.state, carrier, member.role, join, now)?;
        if self.head.state.is_taken(&join.account, &join.devices.devices) { Err(Denied::DeviceTaken) } else { Ok(()) }
    }

    /// May this account write content now?
    pub fn may_write(&self, account: &AccountId) -> Result<(), Denied> {
        let member = self.member(account).ok_or(Denied::NotAMember)?;
        require(member.role, Right::Write, self.policy().write)
    }

    /// Had the account the right to write this entry? Alike for everybody who knows the same operations: entries for which it
    /// had not are not shown. `pairing/SPEC.md`, GROUP-14.
    pub fn may_have_written(&self, account: &AccountId, entry: &Written) -> bool {
        self.head.state.may_have_written(account, entry)
    }

    /// What a new operation of ours names as its dependencies: at most [`DEPS_MAX`] of [`Roster::tips`], the deepest first.
    pub fn deps(&self) -> Vec<OpId> {
        self.graph.tips.iter().rev().take(DEPS_MAX).map(|key| key.id).collect()
    }

    /// The operations that no other operation depends on, sorted.
    pub fn tips(&self) -> Vec<OpId> {
        let mut tips: Vec<OpId> = self.graph.tips.iter().map(|key| key.id).collect();
        tips.sort_unstable();
        tips
    }

    /// What waiting operations wait for and nobody handed in, sorted: to be fetched from anybody.
    pub fn missing(&self) -> Vec<OpId> {
        self.waiting.missing().copied().collect()
    }

    /// Is the operation in the graph?
    pub fn contains(&self, id: &OpId) -> bool {
        self.graph.contains(id)
    }

    /// The fingerprint of members, invites, bans, cuts, tickets, name, policy and deletions: equal exactly if those are.
    pub fn hash(&self) -> [u8; 32] {
        self.hash.value()
    }

    /// Another one after each leave, removal, ban of a member and change of devices: sender keys are rotated. The same for
    /// all who know the same operations.
    pub fn epoch(&self) -> [u8; 32] {
        self.head.state.epoch
    }

    /// What is known of an account: member, invited, banned, left.
    pub fn standing(&self, account: &AccountId) -> Option<&Standing> {
        self.head.state.standing(account)
    }

    /// The member, if it is one.
    pub fn member(&self, account: &AccountId) -> Option<&Member> {
        self.head.state.member(account)
    }

    /// The member this device belongs to.
    pub fn by_device(&self, device: &DeviceId) -> Option<(&AccountId, &Member)> {
        self.head.state.by_device(device)
    }

    /// Whether a device is or was this account's, by an operation that counts. Operations that do not count name devices, too.
    pub fn has_had(&self, account: &AccountId, device: &DeviceId) -> bool {
        self.head.state.devices.get(device) == Some(account)
    }

    /// The devices of members, from the one after `after`.
    pub fn devices(&self, after: Option<&DeviceId>) -> impl Iterator<Item = &DeviceId> + use<'_> {
        let after = after.map_or(Bound::Unbounded, |after| Bound::Excluded(*after));
        let known = self.head.state.devices.range((after, Bound::Unbounded)).map(|(device, _)| device);
        known.filter(|device| self.by_device(device).is_some())
    }

    /// The members by account id, from the one after `after`.
    pub fn members(&self, after: Option<&AccountId>) -> impl Iterator<Item = (&AccountId, &Member)> + use<'_> {
        self.standings(after).filter_map(|(account, standing)| Some((account, standing.member.as_ref()?)))
    }

    /// All accounts that anything is known of, by account id, from the one after `after`.
    pub fn standings(&self, after: Option<&AccountId>) -> impl Iterator<Item = (&AccountId, &Standing)> + use<'_> {
        let after = after.map_or(Bound::Unbounded, |after| Bound::Excluded(*after));
        let accounts = self.head.state.accounts.range((after, Bound::Unbounded));
        accounts.map(|(account, standing)| (account, standing.as_ref()))
    }

    /// The members, the owner first, then by role, then by seniority.
    pub fn by_rank(&self) -> impl Iterator<Item = (&AccountId, &Member)> + use<'_> {
        self.head.state.ranks.values().filter_map(|account| Some((account, self.member(account)?)))
    }

    /// May `viewer` be shown `account`? Readers do not see invisible members, other than themselves.
    pub fn shows(&self, viewer: &AccountId, account: &AccountId) -> bool {
        let sees_all = self.member(viewer).is_some_and(|member| member.role > Role::Reader);
        viewer == account || sees_all || self.member(account).is_none_or(|member| !member.invisible)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.head.state.len()
    }

    /// Nobody is a member: not created yet, or all left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Open invites, by account.
    pub fn invited(&self) -> impl Iterator<Item = (&AccountId, &Invited)> + use<'_> {
        self.standings(None)
            .flat_map(|(account, standing)| standing.invites.iter().map(move |invite| (account, invite)))
    }

    /// The banned.
    pub fn banned(&self) -> impl Iterator<Item = &AccountId> + use<'_> {
        self.standings(None).filter(|(_, standing)| standing.banned.is_some()).map(|(account, _)| account)
    }

    /// The tickets, revoked and used ones included.
    pub fn tickets(&self) -> impl Iterator<Item = (&TicketId, &Ticket)> + use<'_> {
        self.head.state.tickets.iter().map(|(id, ticket)| (id, ticket.as_ref()))
    }

    /// The ticket.
    pub fn ticket(&self, id: &TicketId) -> Option<&Ticket> {
        self.head.state.tickets.get(id).map(Arc::as_ref)
    }

    /// The deleted entries and who wrote them, as claimed.
    pub fn deleted(&self) -> impl Iterator<Item = (&EntryId, &DeviceId)> + use<'_> {
        self.head.state.deleted.keys().map(|(entry, device)| (entry, device))
    }

    /// Is this entry of this device deleted for everyone? Nobody undoes it by claiming the entry for another device.
    pub fn is_deleted(&self, entry: &EntryId, device: &DeviceId) -> bool {
        self.head.state.deleted.contains_key(&(*entry, *device))
    }

    /// The name; empty before the group is created.
    pub fn name(&self) -> &str {
        &self.head.state.name
    }

    /// Who may do what.
    pub fn policy(&self) -> Policy {
        self.head.state.policy
    }

    /// The owner, while there are members.
    pub fn owner(&self) -> Option<&AccountId> {
        self.head.state.owner.as_ref()
    }

    /// Who made the group; none before its creation is known.
    pub fn founder(&self) -> Option<&AccountId> {
        self.head.state.founder.as_ref()
    }

    /// The last entry of that feed that counts; none if there is no such bound. `Some(0)`: nothing of it counts. Feeds of
    /// an account that is out, which its removal or departure did not list, are bounded by 0 as long as it is out; one that joins again
    /// opens new incarnations. A forked feed ends before its fork. Devices that were never a member's have no other bound
    /// here: see [`Roster::by_device`].
    pub fn cut(&self, device: &DeviceId, incarnation: u64) -> Option<u64> {
        let fork = self.voids.get(&(*device, incarnation)).map(|from| from.saturating_sub(1));
        let end = self.end_of_gone(device, incarnation);
        fork.into_iter().chain(end).min()
    }

    fn end_of_gone(&self, device: &DeviceId, incarnation: u64) -> Option<u64> {
        let standing = self.standing(self.head.state.devices.get(device)?)?;
        let listed = standing.cuts.iter().find(|cut| (cut.device, cut.incarnation) == (*device, incarnation));
        let is_out = standing.member.is_none() && standing.exit.is_some();
        listed.map(|cut| cut.seq).or(is_out.then_some(0))
    }

    /// The operations that do not count, in the total order.
    pub fn ignored(&self) -> Vec<Ignored> {
        let mut nodes: Vec<&Node> = self.graph.nodes.iter().filter(|node| node.outcome.is_err()).collect();
        nodes.sort_unstable_by_key(|node| node.key);
        nodes.into_iter().filter_map(|node| Some((node, node.outcome.as_ref().err()?))).map(Ignored::of).collect()
    }

    /// Why this operation does not count; none if it counts or is not known.
    pub fn reason(&self, id: &OpId) -> Option<&Reason> {
        self.graph.get(id)?.outcome.as_ref().err()
    }

    /// Operations in the graph, and waiting ones.
    pub fn operations(&self) -> (usize, usize) {
        (self.graph.nodes.len(), self.waiting.len())
    }

    /// How much was done so far.
    pub fn work(&self) -> Work {
        self.work
    }
}
