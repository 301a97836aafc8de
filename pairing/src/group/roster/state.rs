//! The state that operations build up: maps that share what did not change, so that keeping an older one costs nothing.

use std::{cmp::Reverse, sync::Arc};

use rpds::RedBlackTreeMapSync;

use super::{
    account::{Exit, Member, Standing, Ticket},
    graph::OrderKey,
    ids::{EntryId, OpId, TicketId},
    op::Cut,
    policy::{Policy, Role},
    record::{OpRecord, VerifiedJoin},
    writing::Thresholds,
};
use crate::{
    crypto::hash::blake3,
    ids::{AccountId, DeviceId},
};

/// Everything that members compute alike.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) founder: Option<AccountId>,
    pub(super) owner: Option<AccountId>,
    /// The owner is it because the one before went.
    pub(super) inherited: bool,
    pub(super) name: Arc<str>,
    pub(super) policy: Policy,
    pub(super) accounts: RedBlackTreeMapSync<AccountId, Arc<Standing>>,
    /// Members, the highest role first, then the most senior.
    pub(super) ranks: RedBlackTreeMapSync<(Reverse<Role>, OrderKey), AccountId>,
    /// Devices of members and of former ones.
    pub(super) devices: RedBlackTreeMapSync<DeviceId, AccountId>,
    pub(super) tickets: RedBlackTreeMapSync<TicketId, Arc<Ticket>>,
    /// Each with who is said to have written it: somebody else's claim is another matter.
    pub(super) deleted: RedBlackTreeMapSync<(EntryId, DeviceId), ()>,
    /// The least role that may write, over time.
    pub(super) writers: Thresholds,
    /// How often it was decided who may write.
    pub(super) decisions: u64,
    pub(super) epoch: [u8; 32],
}

impl State {
    pub(super) fn standing(&self, account: &AccountId) -> Option<&Standing> {
        self.accounts.get(account).map(Arc::as_ref)
    }

    pub(super) fn member(&self, account: &AccountId) -> Option<&Member> {
        self.standing(account)?.member.as_ref()
    }

    pub(super) fn is_banned(&self, account: &AccountId) -> bool {
        self.standing(account).is_some_and(|standing| standing.banned.is_some())
    }

    pub(super) fn len(&self) -> usize {
        self.ranks.size()
    }

    pub(super) fn by_device(&self, device: &DeviceId) -> Option<(&AccountId, &Member)> {
        let account = self.devices.get(device)?;
        let (account, standing) = self.accounts.get_key_value(account)?;
        let member = standing.member.as_ref()?;
        member.devices.binary_search(device).ok().map(|_| (account, member))
    }

    /// Does a member other than `account` have one of `devices`?
    pub(super) fn is_taken(&self, account: &AccountId, devices: &[DeviceId]) -> bool {
        devices.iter().any(|device| self.by_device(device).is_some_and(|(owner, _)| owner != account))
    }

    /// Changes what is known of an account.
    pub(super) fn change(&mut self, account: &AccountId, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing(account).cloned().unwrap_or_default();
        change(&mut standing);
        self.accounts.insert_mut(*account, Arc::new(standing));
    }

    pub(super) fn set_role(&mut self, account: &AccountId, role: Role, record: &OpRecord, cut: Option<&[Cut]>) {
        let Some(member) = self.member(account) else { return };
        let (was, seniority) = (member.role, member.seniority);
        self.ranks.remove_mut(&(Reverse(was), seniority));
        self.ranks.insert_mut((Reverse(role), seniority), *account);
        self.change(account, |standing| {
            if let Some(member) = &mut standing.member {
                member.role = role;
            }
        });
        self.note_role(account, record, cut, Some(role));
    }

    pub(super) fn set_owner(&mut self, account: &AccountId, record: &OpRecord) {
        (self.owner, self.inherited) = (Some(*account), false);
        self.set_role(account, Role::Owner, record, None);
    }

    pub(super) fn enter(&mut self, account: &AccountId, member: Member, record: &OpRecord) {
        let role = member.role;
        self.ranks.insert_mut((Reverse(member.role), member.seniority), *account);
        for device in member.devices.iter() {
            self.devices.insert_mut(*device, *account);
        }
        self.change(account, |standing| {
            standing.member = Some(member);
            standing.invites.clear();
            standing.exit = None;
        });
        self.note_role(account, record, None, Some(role));
    }

    /// Was the statement used, or is it from before the account left?
    pub(super) fn is_old(&self, join: &VerifiedJoin) -> bool {
        self.standing(&join.account).and_then(|standing| standing.stated).is_some_and(|stated| join.at <= stated)
    }

    /// The account said at this time what it wants.
    pub(super) fn state_at(&mut self, account: &AccountId, at: u64) {
        self.change(account, |standing| standing.stated = standing.stated.max(Some(at)));
    }

    /// A member is none any more. If it was the owner, the most senior of the highest role is the owner now.
    pub(super) fn leave(&mut self, account: &AccountId, exit: Exit, record: &OpRecord, cut: &[Cut]) {
        let Some(member) = self.member(account) else { return };
        let rank = (Reverse(member.role), member.seniority);
        self.ranks.remove_mut(&rank);
        self.change(account, |standing| {
            standing.member = None;
            standing.exit = Some((exit, record.operation.account, record.operation.at));
        });
        self.note_role(account, record, Some(cut), None);
        self.next_epoch(&record.id);
        if self.owner.as_ref() == Some(account) {
            self.owner = None;
            if let Some(heir) = self.ranks.first().map(|(_, heir)| *heir) {
                self.set_owner(&heir, record);
                self.inherited = true;
            }
        }
    }

    pub(super) fn cut(&mut self, account: &AccountId, cuts: &[Cut]) {
        self.note_longer(account, cuts);
        self.change(account, |standing| {
            for cut in cuts {
                let place = |known: &Cut| (known.device, known.incarnation).cmp(&(cut.device, cut.incarnation));
                match standing.cuts.binary_search_by(place) {
                    Ok(at) => standing.cuts[at].seq = standing.cuts[at].seq.max(cut.seq),
                    Err(at) => standing.cuts.insert(at, *cut),
                }
            }
        });
    }

    pub(super) fn next_epoch(&mut self, id: &OpId) {
        self.epoch = blake3(&[self.epoch, *id.as_bytes()].concat());
    }
}
