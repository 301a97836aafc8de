//! What an operation does to the state, and who may do it.

use covey_pairing::{
    group::roster::{Cut, Exit, Grant, Ground, Op, OpId, OpRecord, Role, VerifiedDevices, Vouched, group_id},
    ids::{AccountId, DeviceId},
};

use super::super::the_group;

use super::{
    Model,
    state::{Member, State, Ticket},
};

impl Model {
    /// Does `strong` take from `weak`, which it is concurrent with, what it stands on?
    pub(super) fn concerns(&self, strong: &OpId, weak: &OpId) -> bool {
        let (by, on) = (&self.records[strong], &self.records[weak]);
        let joins = |account: &AccountId| matches!(&on.vouched, Vouched::Join(join) if join.account == *account);
        self.concurrent(strong, weak)
            && match (&by.operation.op, &by.vouched) {
                (Op::Remove { account, .. } | Op::Ban { account, .. }, _) => {
                    on.operation.account == *account || joins(account)
                }
                (Op::Role { account, .. }, _) => on.operation.account == *account,
                (Op::Devices { .. }, Vouched::Devices(devices)) => {
                    let later = matches!(&on.vouched, Vouched::Devices(on) if on.log >> 32 > devices.log >> 32);
                    on.operation.account == by.operation.account && !devices.devices.contains(&on.device) && !later
                }
                (op, _) if gives_away(op) => on.operation.account == by.operation.account && feed(by) < feed(on),
                _ => false,
            }
    }

    pub(super) fn outweighs(&self, strong: &OpId, weak: &OpId, seen: &State) -> bool {
        self.concerns(strong, weak)
            && match &self.records[strong].operation.op {
                Op::Role { grant, .. } => allowed(seen, &self.records[weak], Some(grant.role)).is_none(),
                Op::Transfer { .. } => allowed(seen, &self.records[weak], Some(Role::Admin)).is_none(),
                _ => true,
            }
    }

    /// Did its author hand the group over just before?
    pub(super) fn handed(&self, record: &OpRecord) -> bool {
        let same_feed = |other: &&OpRecord| (other.device, other.incarnation) == (record.device, record.incarnation);
        let earlier = || self.records.values().filter(same_feed).filter(|other| other.seq < record.seq);
        let last = earlier().map(|other| other.seq).max();
        let mut before = earlier().filter(|other| Some(other.seq) == last);
        before.any(|other| {
            other.operation.account == record.operation.account && matches!(other.operation.op, Op::Transfer { .. })
        })
    }

    /// Whether there was anything to do.
    pub(super) fn apply(&self, state: &mut State, record: &OpRecord, grant: Option<Grant>) -> bool {
        let author = record.operation.account;
        let place = self.place(&record.id);
        let newcomer = |devices: &VerifiedDevices, grant| Member {
            grant,
            devices: devices.devices.iter().copied().collect(),
            log: devices.log,
            joined: place,
            card: record.id,
        };
        match (&record.operation.op, &record.vouched) {
            (Op::Create { name, policy, .. }, Vouched::Devices(devices)) => {
                if state.created {
                    return false;
                }
                (state.created, state.name, state.policy) = (true, name.clone(), *policy);
                state.someone(&author).member = Some(newcomer(devices, Grant::visible(Role::Owner)));
            }
            (Op::Invite { account, grant }, _) => {
                if state.member(account).is_some() || state.banned(account) || state.someone(account).invites.len() >= 8
                {
                    return false;
                }
                state.someone(account).invites.push((record.id, author, *grant));
            }
            (Op::Uninvite { account }, _) => return !std::mem::take(&mut state.someone(account).invites).is_empty(),
            (Op::Join { .. }, Vouched::Join(join)) => {
                let who = join.account;
                if state.member(&who).is_some() || state.banned(&who) || state.taken(&who, &join.devices) {
                    return false;
                }
                if state.someone(&who).stated >= Some(join.at) {
                    return false;
                }
                if let Ground::Ticket(id) = &join.ground {
                    let Some(ticket) = state.tickets.get_mut(id) else { return false };
                    if ticket.left == Some(0) {
                        return false;
                    }
                    ticket.left = ticket.left.map(|left| left - 1);
                    ticket.used += 1;
                }
                let someone = state.someone(&who);
                someone.member = Some(newcomer(&join.devices, grant.unwrap()));
                someone.exit = None;
                someone.stated = Some(join.at);
                someone.invites.clear();
            }
            (Op::Leave | Op::Depart { .. }, _)
                if state.owner() == Some(author) && self.handed(record) && !state.inherited =>
            {
                return false;
            }
            (Op::Leave | Op::Depart { .. }, _) => {
                if state.member(&author).is_none() {
                    return false;
                }
                state.go(&author, Exit::Left);
                let stated = &mut state.someone(&author).stated;
                *stated = Some(record.operation.at).max(*stated);
                let (device, incarnation, seq) = (record.device, record.incarnation, record.seq);
                state.cut(&author, &[Cut { device, incarnation, seq }]);
                if let Op::Depart { cut } = &record.operation.op {
                    state.cut(&author, cut);
                }
            }
            (Op::Remove { account, .. } | Op::Ban { account, .. }, _) if state.role(account) == Some(Role::Owner) => {
                return false;
            }
            (Op::Remove { account, cut }, _) => {
                state.go(account, Exit::Removed);
                state.cut(account, cut);
                let exit = &mut state.someone(account).exit;
                if *exit == Some(Exit::Left) {
                    *exit = Some(Exit::Removed);
                }
            }
            (Op::Ban { account, cut }, _) => {
                state.go(account, Exit::Banned);
                state.cut(account, cut);
                let someone = state.someone(account);
                (someone.banned, someone.exit) = (true, Some(Exit::Banned));
                someone.invites.clear();
            }
            (Op::Unban { account }, _) => return std::mem::take(&mut state.someone(account).banned),
            (Op::Role { account, grant, .. }, _) => match state.role(account) {
                None | Some(Role::Owner) => return false,
                Some(_) => state.someone(account).member.as_mut().unwrap().grant = *grant,
            },
            (Op::Transfer { to }, _) => {
                if state.owner() != Some(author) || state.member(to).is_none() {
                    return false;
                }
                state.set_role(&author, Role::Admin);
                state.set_role(to, Role::Owner);
                state.inherited = false;
            }
            (Op::Rename { name }, _) => state.name.clone_from(name),
            (Op::Policy { policy, .. }, _) => state.policy = *policy,
            (Op::Ticket { id, grant, uses, expires_at, approve }, _) => {
                if state.tickets.contains_key(id) {
                    return false;
                }
                let (grant, left, expires_at, approve) = (*grant, *uses, *expires_at, *approve);
                let ticket = Ticket { by: author, grant, left, used: 0, expires_at, approve, revoked: false };
                state.tickets.insert(*id, ticket);
            }
            (Op::RevokeTicket { id }, _) => match state.tickets.get_mut(id) {
                Some(ticket) => ticket.revoked = true,
                None => return false,
            },
            (Op::Devices { .. }, Vouched::Devices(devices)) => {
                if state.taken(&author, devices) {
                    return false;
                }
                let Some(member) = &mut state.someone(&author).member else { return false };
                if devices.log < member.log {
                    return false;
                }
                member.devices = devices.devices.iter().copied().collect();
                (member.log, member.card) = (devices.log, record.id);
            }
            (Op::Delete { entry, device }, _) => {
                state.deleted.insert((*entry, *device));
            }
            _ => return false,
        }
        true
    }
}

pub(super) fn gives_away(op: &Op) -> bool {
    matches!(op, Op::Leave | Op::Depart { .. } | Op::Transfer { .. })
}

/// The feeds of an account in their order.
pub(super) fn feed(record: &OpRecord) -> (u64, DeviceId) {
    (record.incarnation, record.device)
}

/// Had the author the right, in the state it saw? What a join grants, if so.
pub(super) fn allowed(seen: &State, record: &OpRecord, at_most: Option<Role>) -> Option<Option<Grant>> {
    let author = record.operation.account;
    let listed = |devices: &VerifiedDevices| devices.devices.contains(&record.device);
    if let Op::Create { nonce, .. } = &record.operation.op {
        let ours = group_id(&author, &record.device, nonce) == the_group();
        let vouched = matches!(&record.vouched, Vouched::Devices(devices) if listed(devices));
        return (!seen.created && ours && vouched).then_some(None);
    }
    let member = seen.member(&author)?;
    let recovered = match (&record.operation.op, &record.vouched) {
        (Op::Devices { .. }, Vouched::Devices(devices)) => devices.log >> 32 > member.log >> 32,
        _ => false,
    };
    if !member.devices.contains(&record.device) && !recovered {
        return None;
    }
    let role = at_most.map_or(member.grant.role, |cap| cap.min(member.grant.role));
    let is_admin = role >= Role::Admin;
    let gives = |grant: &Grant| match grant.role {
        Role::Owner | Role::Admin => role == Role::Owner,
        below => role >= below,
    };
    let ok = match (&record.operation.op, &record.vouched) {
        (Op::Join { .. }, Vouched::Join(join)) => {
            if seen.banned(&join.account) || seen.member(&join.account).is_some() {
                return None;
            }
            if seen.people.get(&join.account).is_some_and(|someone| someone.stated >= Some(join.at)) {
                return None;
            }
            let grant = match &join.ground {
                Ground::Invite(op) => {
                    seen.people.get(&join.account)?.invites.iter().find(|(id, ..)| id == op).map(|(.., grant)| *grant)
                }
                Ground::Ticket(id) => {
                    let ticket = seen.tickets.get(id)?;
                    let valid = !ticket.revoked
                        && ticket.left != Some(0)
                        && ticket.expires_at.is_none_or(|expiry| join.at.max(record.operation.at) < expiry);
                    let carried = if ticket.approve || seen.policy.approve {
                        is_admin
                    } else {
                        ticket.by == author || role >= seen.policy.invite
                    };
                    (valid && carried).then_some(ticket.grant)
                }
                Ground::Request => is_admin.then_some(seen.policy.newcomers),
            };
            return grant.map(Some);
        }
        (Op::Devices { .. }, Vouched::Devices(devices)) => listed(devices) && devices.log >= member.log,
        (Op::Leave | Op::Depart { .. }, _) => true,
        (Op::Invite { account, grant }, _) => {
            let someone = seen.people.get(account).cloned().unwrap_or_default();
            role >= seen.policy.invite
                && gives(grant)
                && someone.member.is_none()
                && !someone.banned
                && someone.invites.len() < 8
        }
        (Op::Uninvite { account }, _) => {
            let invites = seen.people.get(account).map(|someone| someone.invites.clone()).unwrap_or_default();
            !invites.is_empty() && (is_admin || invites.iter().all(|(_, by, _)| *by == author))
        }
        (Op::Remove { account, .. }, _) => {
            is_admin && *account != author && seen.role(account).is_some_and(|role| role < Role::Owner)
        }
        (Op::Ban { account, .. }, _) => {
            is_admin && *account != author && !seen.banned(account) && seen.role(account) != Some(Role::Owner)
        }
        (Op::Unban { account }, _) => is_admin && seen.banned(account),
        (Op::Role { account, grant, .. }, _) => {
            let subject = seen.member(account)?;
            let lowers = grant.role <= subject.grant.role && grant.role <= role;
            (is_admin || *account == author)
                && subject.grant.role < Role::Owner
                && subject.grant != *grant
                && (lowers || *account != author && gives(grant))
        }
        (Op::Transfer { to }, _) => role == Role::Owner && *to != author && seen.member(to).is_some(),
        (Op::Rename { .. }, _) => role >= seen.policy.rename,
        (Op::Policy { .. }, _) => is_admin,
        (Op::Ticket { id, grant, .. }, _) => {
            role >= seen.policy.invite && gives(grant) && !seen.tickets.contains_key(id)
        }
        (Op::RevokeTicket { id }, _) => {
            let ticket = seen.tickets.get(id)?;
            !ticket.revoked && (is_admin || ticket.by == author)
        }
        (Op::Delete { device, .. }, _) => is_admin || member.devices.contains(device),
        _ => false,
    };
    ok.then_some(None)
}
