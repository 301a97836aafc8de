//! The roster as its callers see it.

use super::{
    account::{Standing, Ticket},
    change::Change,
    denied::Denied,
    ids::{OpId, TicketId},
    op::Op,
    policy::Policy,
    record::{OpRecord, VerifiedJoin},
    resolve::Reason,
};
use crate::ids::{AccountId, DeviceId, GroupId};

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the graph (whether it counts is another matter, see [`Roster::ignored`]); so are those that waited for it.
    Applied(Vec<Change>),
    /// It was there before.
    Known,
    /// It waits for these operations. They may be entries beyond a cut: who holds one of them hands it in all the same.
    Waiting {
        /// What is missing.
        missing: Vec<OpId>,
    },
    /// Too many operations of that device wait ([`super::WAITING_PER_DEVICE`]). Nothing changed; hand it in later.
    Full,
}

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

/// How much was done so far, to see that cost does not follow size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Operations evaluated, again and again included.
    pub evaluated: u64,
    /// Times that a state was folded anew for one operation whose author saw neither all nor a branch.
    pub merged: u64,
}

/// The roster of one group. Equal sets of records and voids make equal rosters, in whatever order they came.
#[derive(Debug, Clone)]
pub struct Roster {
    group: GroupId,
}

#[expect(clippy::todo, clippy::missing_const_for_fn, reason = "the shape first")]
impl Roster {
    /// The roster of `group`, empty: [`Op::Create`] fills it.
    pub fn new(group: GroupId) -> Self {
        Self { group }
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Takes one record.
    pub fn insert(&mut self, _record: OpRecord) -> Inserted {
        todo!()
    }

    /// Takes many at once, in any order: what late ones cost is paid once. The changes are those of all of them; records
    /// for which there was no room among the waiting are handed back.
    pub fn insert_all(&mut self, _records: Vec<OpRecord>) -> (Vec<Change>, Vec<OpRecord>) {
        todo!()
    }

    /// The feed is forked at `from_seq` (proven): operations at or after it do not count, for anybody. Idempotent; the
    /// lowest position stays. May be called before the operations are known.
    pub fn void(&mut self, _device: DeviceId, _incarnation: u64, _from_seq: u64) -> Vec<Change> {
        todo!()
    }

    /// Could `account` do that now? For a join ask [`Roster::admits`].
    pub fn allowed(&self, _account: &AccountId, _op: &Op) -> Result<(), Denied> {
        todo!()
    }

    /// Could `carrier` write the join now?
    pub fn admits(&self, _carrier: &AccountId, _join: &VerifiedJoin) -> Result<(), Denied> {
        todo!()
    }

    /// May this account write content now?
    pub fn may_write(&self, _account: &AccountId) -> Result<(), Denied> {
        todo!()
    }

    /// What a new operation of ours names as its dependencies: at most [`super::DEPS_MAX`] of [`Roster::tips`].
    pub fn deps(&self) -> Vec<OpId> {
        todo!()
    }

    /// The operations that no other operation depends on, sorted.
    pub fn tips(&self) -> Vec<OpId> {
        todo!()
    }

    /// What waiting operations wait for, sorted: to be fetched from anybody.
    pub fn missing(&self) -> Vec<OpId> {
        todo!()
    }

    /// Is the operation in the graph?
    pub fn contains(&self, _id: &OpId) -> bool {
        todo!()
    }

    /// The fingerprint of members, invites, bans, tickets, name, policy and deletions: equal exactly if those are.
    pub fn hash(&self) -> [u8; 32] {
        todo!()
    }

    /// Another one after each leave, removal, ban of a member and change of devices: sender keys are rotated. The same for
    /// all who know the same.
    pub fn epoch(&self) -> [u8; 32] {
        todo!()
    }

    /// What is known of an account: member, invited, banned, left.
    pub fn standing(&self, _account: &AccountId) -> Option<&Standing> {
        todo!()
    }

    /// The member, if it is one.
    pub fn member(&self, _account: &AccountId) -> Option<&super::Member> {
        todo!()
    }

    /// The member this device belongs to.
    pub fn by_device(&self, _device: &DeviceId) -> Option<(&AccountId, &super::Member)> {
        todo!()
    }

    /// The members by account id, from the one after `after`.
    pub fn members(&self, _after: Option<&AccountId>) -> impl Iterator<Item = (&AccountId, &super::Member)> + use<'_> {
        std::iter::empty()
    }

    /// All accounts that anything is known of, by account id, from the one after `after`.
    pub fn standings(&self, _after: Option<&AccountId>) -> impl Iterator<Item = (&AccountId, &Standing)> + use<'_> {
        std::iter::empty()
    }

    /// May `viewer` be shown `account`? Readers do not see invisible members, other than themselves.
    pub fn shows(&self, _viewer: &AccountId, _account: &AccountId) -> bool {
        todo!()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Nobody is a member: not created yet, or all left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Open invites, by account.
    pub fn invited(&self) -> impl Iterator<Item = (&AccountId, &super::Invited)> + use<'_> {
        std::iter::empty()
    }

    /// The banned.
    pub fn banned(&self) -> impl Iterator<Item = &AccountId> + use<'_> {
        std::iter::empty()
    }

    /// The tickets, revoked and used ones included.
    pub fn tickets(&self) -> impl Iterator<Item = (&TicketId, &Ticket)> + use<'_> {
        std::iter::empty()
    }

    /// The ticket.
    pub fn ticket(&self, _id: &TicketId) -> Option<&Ticket> {
        todo!()
    }

    /// The name; empty before the group is created.
    pub fn name(&self) -> &str {
        todo!()
    }

    /// Who may do what.
    pub fn policy(&self) -> Policy {
        todo!()
    }

    /// The owner, while there are members.
    pub fn owner(&self) -> Option<&AccountId> {
        todo!()
    }

    /// Who made the group; none before its creation is known.
    pub fn founder(&self) -> Option<&AccountId> {
        todo!()
    }

    /// The last entry of that feed that counts; none if there is no such bound. `Some(0)`: nothing of it counts. Feeds of
    /// a removed account that its removal did not list are bounded by 0 as long as it is out; one that joins again
    /// opens new incarnations. Devices that were never a member's have no bound here: see [`Roster::by_device`].
    pub fn cut(&self, _device: &DeviceId, _incarnation: u64) -> Option<u64> {
        todo!()
    }

    /// The operations that do not count, in the total order.
    pub fn ignored(&self) -> Vec<Ignored> {
        todo!()
    }

    /// Why this operation does not count; none if it counts or is not known.
    pub fn reason(&self, _id: &OpId) -> Option<&Reason> {
        todo!()
    }

    /// Operations in the graph, and waiting ones.
    pub fn operations(&self) -> (usize, usize) {
        todo!()
    }

    /// How much was done so far.
    pub fn work(&self) -> Work {
        todo!()
    }
}
