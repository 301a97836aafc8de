//! What outweighs what among operations that did not know each other. `pairing/SPEC.md`, GROUP-8 and GROUP-13.

use std::{cmp::Reverse, collections::HashMap};

use super::{
    graph::{Graph, OrderKey},
    ids::OpId,
    op::Op,
    policy::Role,
    record::{OpRecord, VerifiedDevices, Vouched},
    segment::Segment,
    state::State,
};
use crate::ids::{AccountId, DeviceId};

/// The highest rank first: role and seniority of the author in what it saw, then the smaller id.
pub(super) type Rank = (Role, Reverse<OrderKey>, Reverse<OpId>);

pub(super) fn rank(seen: &State, record: &OpRecord) -> Option<Rank> {
    let member = seen.member(&record.operation.account)?;
    Some((member.role, Reverse(member.seniority), Reverse(record.id)))
}

/// Is it of a kind that outweighs what did not know it?
pub(super) fn outweighs_at_all(op: &Op) -> bool {
    matches!(op, Op::Remove { .. } | Op::Ban { .. } | Op::Role { .. } | Op::Devices { .. }) || gives_away(op)
}

/// Does its author leave?
pub(super) fn leaves(op: &Op) -> bool {
    matches!(op, Op::Leave | Op::Depart { .. })
}

/// Does its author give away what the account may do: by leaving, or by handing the group over?
pub(super) fn gives_away(op: &Op) -> bool {
    leaves(op) || matches!(op, Op::Transfer { .. })
}

/// Whom it takes a right from.
pub(super) fn subject(strong: &OpRecord) -> Option<AccountId> {
    match &strong.operation.op {
        Op::Remove { account, .. } | Op::Ban { account, .. } | Op::Role { account, .. } => Some(*account),
        op if matches!(op, Op::Devices { .. }) || gives_away(op) => Some(strong.operation.account),
        _ => None,
    }
}

/// The feeds of an account in their order: what it gives away in one, a later one does not take back.
fn feed(record: &OpRecord) -> (u64, DeviceId) {
    (record.incarnation, record.device)
}

/// Is `weak` done by whom `strong` takes a right from, or is it their joining?
pub(super) fn concerns(strong: &OpRecord, weak: &OpRecord) -> bool {
    let by = |account: &AccountId| weak.operation.account == *account;
    match &strong.operation.op {
        Op::Remove { account, .. } | Op::Ban { account, .. } => {
            by(account) || matches!(&weak.vouched, Vouched::Join(join) if join.account == *account)
        }
        Op::Role { account, .. } => by(account),
        Op::Devices { .. } => {
            let Vouched::Devices(devices) = &strong.vouched else { return false };
            by(&strong.operation.account) && !devices.devices.contains(&weak.device) && !is_later(weak, devices)
        }
        op if gives_away(op) => by(&strong.operation.account) && feed(strong) < feed(weak),
        _ => false,
    }
}

/// [GROUP-16] Is it the list of the account as it is after a later recovery?
fn is_later(weak: &OpRecord, devices: &VerifiedDevices) -> bool {
    matches!(&weak.vouched, Vouched::Devices(later) if later.rotated_since(devices.log))
}

/// Would the two not go together, if `gift` gives away and `other`, in an earlier feed of the same account, does not know it?
fn conflicts(gift: &OpRecord, other: &OpRecord) -> bool {
    let makes_admin = |role: Role| role >= Role::Admin;
    match &gift.operation.op {
        Op::Transfer { .. } => match &other.operation.op {
            Op::Role { grant, .. } | Op::Invite { grant, .. } | Op::Ticket { grant, .. } => makes_admin(grant.role),
            Op::Devices { .. } => concerns(other, gift),
            op => gives_away(op),
        },
        _ => true,
    }
}

/// The operations of a segment by the account that they are by, or that they let in.
#[derive(Debug)]
pub(super) struct ByAccount(HashMap<AccountId, Vec<usize>>);

impl ByAccount {
    pub(super) fn of(graph: &Graph, segment: &Segment) -> Self {
        let mut places: HashMap<AccountId, Vec<usize>> = HashMap::new();
        for (place, &node) in segment.nodes.iter().enumerate() {
            let record = &graph.nodes[node].record;
            let author = record.operation.account;
            places.entry(author).or_default().push(place);
            if let Vouched::Join(join) = &record.vouched
                && join.account != author
            {
                places.entry(join.account).or_default().push(place);
            }
        }
        Self(places)
    }

    /// In the order of the segment.
    pub(super) fn of_account(&self, account: &AccountId) -> &[usize] {
        self.0.get(account).map_or(&[], Vec::as_slice)
    }
}

/// Contenders by whom they take a right from.
#[derive(Debug, Clone, Default)]
pub(super) struct Strong {
    by_subject: HashMap<AccountId, Vec<usize>>,
    /// How many each device has that are about its own account.
    of_itself: HashMap<DeviceId, usize>,
}

/// Most operations of one device, about its own account, that outweigh others in a part of a stretch: the first ones. So
/// nobody makes the others weigh without end.
const OF_ITSELF: usize = 8;

impl Strong {
    pub(super) fn add(&mut self, place: usize, record: &OpRecord) {
        let Some(subject) = subject(record) else { return };
        if subject == record.operation.account {
            let count = self.of_itself.entry(record.device).or_default();
            *count += 1;
            if *count > OF_ITSELF {
                return;
            }
        }
        self.by_subject.entry(subject).or_default().push(place);
    }

    /// Is it among them?
    pub(super) fn has(&self, place: usize, record: &OpRecord) -> bool {
        subject(record).and_then(|subject| self.by_subject.get(&subject)).is_some_and(|places| places.contains(&place))
    }

    /// Those that may concern `weak`.
    pub(super) fn near<'a>(&'a self, weak: &OpRecord) -> impl Iterator<Item = usize> + use<'a> {
        let author = weak.operation.account;
        let joiner = match &weak.vouched {
            Vouched::Join(join) if join.account != author => Some(join.account),
            _ => None,
        };
        [Some(author), joiner]
            .into_iter()
            .flatten()
            .filter_map(|account| self.by_subject.get(&account))
            .flatten()
            .copied()
    }
}

/// What keeps an operation from giving away: one of the same account, in an earlier feed, neither of which knew the other.
pub(super) fn kept_by(
    graph: &Graph,
    segment: &Segment,
    by_account: &ByAccount,
    place: usize,
    seen: &State,
) -> Option<usize> {
    let record = |place: usize| &graph.nodes[segment.nodes[place]].record;
    let gift = record(place);
    let account = gift.operation.account;
    let standing = seen.standing(&account)?;
    let member = standing.member.as_ref()?;
    // Of a feed that had ended when the account was removed nothing comes any more.
    let ended = |other: &OpRecord| {
        let of_feed = |known: &&super::op::Cut| (known.device, known.incarnation) == (other.device, other.incarnation);
        standing.cuts.iter().find(of_feed).is_some_and(|cut| other.seq > cut.seq)
    };
    by_account.of_account(&account).iter().copied().find(|&at| {
        let other = record(at);
        other.operation.account == account
            && feed(other) < feed(gift)
            && conflicts(gift, other)
            && member.devices.binary_search(&other.device).is_ok()
            && segment.are_concurrent(place, at)
            && !ended(other)
    })
}
