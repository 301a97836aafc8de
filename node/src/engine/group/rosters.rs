//! Rosters in memory, and the questions the rest of the engine asks them.

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::{Author, ChannelId, FeedKey, Head, Heads, Spread, spread::Graph};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::admission::session_psk as psk_of;
use covey_pairing::group::cipher::Audience;
use covey_pairing::group::roster::{Member, OpId, Roster};
use covey_pairing::ids::{AccountId, DeviceId, GroupId};

use super::standing::{self, Point, Request, State};
use crate::engine::channels::{self, Channel};
use crate::engine::contacts::{ContactDevice, Owner};
use crate::engine::sessions::Scope;
use crate::engine::{Cx, EngineError, PeerKey, feeds};

/// The groups we have a channel of, and those we ask to be let into.
#[derive(Default)]
pub(in crate::engine) struct Groups {
    pub(in crate::engine) by_no: BTreeMap<u64, Group>,
    /// A roster or standing in memory was changed by the present input.
    pub(in crate::engine) ahead: bool,
    /// Requests that wait for an answer.
    pub(in crate::engine) requests: BTreeMap<GroupId, Request>,
    /// Devices that are shut out at this time unless there is another reason to know them: what they still have to be told
    /// has time to reach them.
    pub(in crate::engine) parting: BTreeMap<PeerKey, (AccountId, u64)>,
    /// When members that are not connected were last asked for keys.
    pub(in crate::engine) keys_asked_at: u64,
    /// Knocks of strangers lately.
    pub(in crate::engine) knocks: super::knock::Knocks,
    /// When a device last asked how a group looks here. Bounded by the devices that may.
    pub(in crate::engine) asked: BTreeMap<PeerKey, u64>,
    /// When a device was last given proofs of forks because it lacked them. Bounded likewise.
    pub(in crate::engine) forks_told: BTreeMap<PeerKey, u64>,
    /// Reports that a running doctor waits for.
    pub(in crate::engine) reports: BTreeMap<u64, BTreeMap<DeviceId, super::doctor::Report>>,
}

/// A group in memory.
pub(in crate::engine) struct Group {
    pub(in crate::engine) id: GroupId,
    pub(in crate::engine) roster: Roster,
    pub(in crate::engine) state: State,
    pub(in crate::engine) secret: Option<Secret<32>>,
    /// See [`standing::Standing::guides`].
    pub(in crate::engine) guides: Vec<AccountId>,
    /// Logical time of every operation.
    pub(in crate::engine) lamports: BTreeMap<OpId, u64>,
    /// Every device that was ever a member's.
    pub(in crate::engine) devices: BTreeMap<DeviceId, AccountId>,
    /// What the machines of its peers share.
    pub(in crate::engine) spread: Spread,
    /// Those to whom our end of the membership still has to be told: they are served until then.
    pub(in crate::engine) farewell: BTreeSet<AccountId>,
    /// When our chain is handed out further.
    pub(in crate::engine) hand_out_at: Option<u64>,
    /// We are an old copy of ourselves: the others believe that we have keys which were given to the other copy.
    pub(in crate::engine) restored: bool,
    /// Feeds of those who are gone, and where they end.
    pub(in crate::engine) ended: BTreeMap<FeedKey, u64>,
    /// [`spread::graph_size`] by which neighbours were last let in.
    pub(in crate::engine) graph_size: usize,
    /// Forked feeds, and where they are known to be forked.
    pub(in crate::engine) forks: BTreeMap<FeedKey, super::forks::ForkRank>,
    /// When the next proof that a feed is forked earlier than known is taken. Bounded by the forked feeds.
    pub(in crate::engine) forks_due: BTreeMap<FeedKey, u64>,
    /// When operations that found no room among the waiting ones are taken up again.
    pub(in crate::engine) refill_at: Option<u64>,
}

impl Group {
    pub(in crate::engine) fn new(id: GroupId, state: State, secret: Option<Secret<32>>, heads: Heads) -> Self {
        Self {
            id,
            roster: Roster::new(id),
            state,
            secret,
            guides: Vec::new(),
            lamports: BTreeMap::new(),
            devices: BTreeMap::new(),
            spread: Spread::new(standing::channel_id(&id), heads),
            farewell: BTreeSet::new(),
            hand_out_at: None,
            restored: false,
            ended: BTreeMap::new(),
            graph_size: 0,
            forks: BTreeMap::new(),
            forks_due: BTreeMap::new(),
            refill_at: None,
        }
    }

    /// Whether we give `account` what stands in the channel, and take from it.
    pub(in crate::engine) fn shares(&self, me: &AccountId, account: &AccountId) -> bool {
        if self.state != State::Joined {
            return self.farewell.contains(account);
        }
        self.roster.member(account).is_some() || (self.guides.contains(account) && self.believes(me, account))
    }

    /// Whether somebody of whom the roster says nothing is believed to be a member: until it is here (again).
    fn believes(&self, me: &AccountId, guide: &AccountId) -> bool {
        let lacks = self.roster.member(me).is_none() || self.roster.len() == 1 || self.roster.operations().1 > 0;
        lacks && self.roster.standing(guide).is_none_or(|standing| standing.exit.is_none())
    }

    /// Us on the roster. Who was removed may never be shown the operation: we are no member then, whatever the roster says.
    pub(in crate::engine) fn own(&self, me: &AccountId) -> Option<&Member> {
        self.roster.member(me).filter(|_| self.state == State::Joined)
    }

    /// Members as far as it is known here.
    pub(in crate::engine) fn members(&self, me: &AccountId) -> u32 {
        let gone = self.roster.member(me).is_some() && self.own(me).is_none();
        u32::try_from(self.roster.len() - usize::from(gone)).unwrap_or(u32::MAX)
    }

    /// Devices on the roster.
    pub(in crate::engine) fn size(&self) -> usize {
        // Every member has at least one; the exact number would cost a walk and changes nothing.
        self.roster.len()
    }

    /// Who would be whose neighbour in a roster of `size` devices.
    pub(super) fn graph(&self, size: usize) -> Neighbours {
        Neighbours::new(&self.id, size)
    }
}

/// Which devices are neighbours.
pub(super) struct Neighbours(Graph);

impl Neighbours {
    /// In a roster of `size` devices.
    pub(super) fn new(group: &GroupId, size: usize) -> Self {
        Self(Graph::new(&standing::channel_id(group), size))
    }

    pub(super) fn is_edge(&self, a: &DeviceId, b: &DeviceId) -> bool {
        self.0.is_edge(&Author::from_bytes(*a.as_bytes()), &Author::from_bytes(*b.as_bytes()))
    }
}

/// The devices of members, who are given our chain.
pub(super) struct OnRoster<'a>(pub(super) &'a Roster);

impl Audience for OnRoster<'_> {
    fn after(&self, after: Option<&DeviceId>) -> impl Iterator<Item = DeviceId> {
        self.0.devices(after).copied()
    }

    fn contains(&self, device: &DeviceId) -> bool {
        self.0.by_device(device).is_some()
    }
}

pub(in crate::engine) fn get<'a>(cx: &'a Cx<'_, '_>, no: u64) -> Option<&'a Group> {
    cx.live.groups.by_no.get(&no)
}

pub(in crate::engine) fn get_mut<'a>(cx: &'a mut Cx<'_, '_>, no: u64) -> Option<&'a mut Group> {
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.get_mut(&no)
}

/// Fills the memory from the store.
pub(in crate::engine) fn load(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.groups.by_no.clear();
    cx.live.groups.requests.clear();
    super::peers::resume_partings(cx)?;
    for standing in standing::all(cx.tx)? {
        if standing.state == State::Requested
            && let Some(request) = standing.request.clone()
        {
            for point in &request.points {
                let (peer, addresses) = (point.peer, point.addresses.clone());
                cx.effects.push(crate::engine::Effect::Allow { peer, addresses });
            }
            cx.live.groups.requests.insert(standing.id, request);
        }
        let Some(no) = standing.no else { continue };
        // Welcomed, and the roster did not come yet: those who let us in are believed, as before the start.
        let welcomed = standing.state == State::Requested && standing.secret.is_some();
        let state = if welcomed { State::Joined } else { standing.state };
        let mut group = Group::new(standing.id, state, standing.secret.clone(), feeds::heads(cx.tx, no)?);
        group.guides.clone_from(&standing.guides);
        cx.live.groups.by_no.insert(no, group);
        super::replay::replay(cx, no)?;
        if let Some(mut channel) = channels::by_no(cx.tx, no)? {
            super::content::reconcile_once(cx, &mut channel)?;
            match standing.state {
                State::Left => super::peers::resume_farewell(cx, &channel)?,
                State::Requested => super::changes::let_in(cx, &mut channel, None)?,
                State::Invited | State::Joined | State::Removed | State::Declined => {}
            }
        }
        super::peers::allow_all(cx, no)?;
        let work = super::chains::resume(cx, no)?;
        if let Some(group) = get_mut(cx, no) {
            group.hand_out_at = work;
        }
    }
    Ok(())
}

/// Fills the memory of one group from the store again: something of it is gone there.
pub(in crate::engine) fn reload(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    let Some(old) = cx.live.groups.by_no.remove(&channel.no) else { return Ok(()) };
    let mut group = Group::new(old.id, old.state, old.secret, feeds::heads(cx.tx, channel.no)?);
    group.guides = old.guides;
    group.farewell = old.farewell;
    group.hand_out_at = old.hand_out_at;
    group.restored = old.restored;
    group.forks_due = old.forks_due;
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.insert(channel.no, group);
    super::replay::replay(cx, channel.no)
}

/// The account whose device an author is, now or once.
pub(in crate::engine) fn account_of(cx: &Cx<'_, '_>, channel: &Channel, device: &DeviceId) -> Option<AccountId> {
    let group = get(cx, channel.no)?;
    if let Some((account, _)) = group.roster.by_device(device) {
        return Some(*account);
    }
    let account = group.devices.get(device).copied()?;
    // Operations that count for nothing name devices too.
    let at = group.roster.standing(&account)?;
    (at.member.is_some() || at.exit.is_some()).then_some(account)
}

/// The same, in any group.
pub(in crate::engine) fn account_of_device(cx: &Cx<'_, '_>, device: &DeviceId) -> Option<AccountId> {
    cx.live.groups.by_no.values().find_map(|group| group.devices.get(device)).copied()
}

/// The last entry of a feed that counts, if there is such a bound.
pub(in crate::engine) fn cut(cx: &Cx<'_, '_>, channel: &Channel, device: &DeviceId, incarnation: u64) -> Option<u64> {
    get(cx, channel.no)?.roster.cut(device, incarnation)
}

/// Whether `account` may have what stands in the channel with this number.
pub(in crate::engine) fn includes(cx: &Cx<'_, '_>, no: u64, account: &AccountId) -> bool {
    get(cx, no).is_some_and(|group| group.shares(&cx.me.account_id(), account))
}

/// The group channel with this id, if we share it with `account`.
pub(super) fn shared(cx: &Cx<'_, '_>, id: &ChannelId, account: &AccountId) -> Result<Option<Channel>, EngineError> {
    Ok(channels::group(cx.tx, id)?.filter(|channel| includes(cx, channel.no, account)))
}

/// Channels of the groups that we share with `account`.
pub(in crate::engine) fn shared_with(cx: &Cx<'_, '_>, account: &AccountId) -> Vec<u64> {
    let me = cx.me.account_id();
    let shares = |(_, group): &(&u64, &Group)| group.shares(&me, account);
    cx.live.groups.by_no.iter().filter(shares).map(|(no, _)| *no).collect()
}

/// Whether we have to do with `account` because of a group.
pub(in crate::engine) fn knows(cx: &Cx<'_, '_>, account: &AccountId) -> bool {
    let me = cx.me.account_id();
    let groups = &cx.live.groups;
    groups.by_no.values().any(|group| group.shares(&me, account))
        || groups.requests.values().any(|request| request.points.iter().any(|point| point.account == *account))
        || groups.parting.values().any(|(parting, _)| parting == account)
}

/// A device that we asked to let us in, of which we have no card.
pub(in crate::engine) fn point(cx: &Cx<'_, '_>, peer: PeerKey) -> Option<Owner> {
    let mut points = cx.live.groups.requests.values().flat_map(|request| &request.points);
    points.find(|point| point.peer == peer).map(|point| Owner { account: point.account, device: point.device })
}

/// The same as a device.
pub(in crate::engine) fn point_device(cx: &Cx<'_, '_>, device: &DeviceId) -> Option<ContactDevice> {
    let mut points = cx.live.groups.requests.values().flat_map(|request| &request.points);
    points.find(|point| point.device == *device).map(Point::device)
}

/// The connection of a device that shares something with us, if there is one.
pub(in crate::engine) fn connected_peer(cx: &Cx<'_, '_>, device: &DeviceId) -> Option<PeerKey> {
    let mut open = cx.live.opened.iter();
    open.find(|peer| cx.live.contacts.get(peer).is_some_and(|at| at.device == *device)).copied()
}

/// Whether there is one.
pub(in crate::engine) fn is_connected(cx: &Cx<'_, '_>, device: &DeviceId) -> bool {
    connected_peer(cx, device).is_some()
}

/// Whether something is so of all devices of other members.
pub(in crate::engine) fn are_all(cx: &Cx<'_, '_>, channel: &Channel, is: impl Fn(&DeviceId) -> bool) -> bool {
    let own = cx.me.device_id();
    get(cx, channel.no).is_some_and(|group| group.roster.devices(None).filter(|device| **device != own).all(is))
}

/// Whether others may believe that we have keys which we do not have.
pub(in crate::engine) fn is_restored(cx: &Cx<'_, '_>, channel: &Channel) -> bool {
    get(cx, channel.no).is_some_and(|group| group.restored)
}

/// Those for whom our messages are.
pub(in crate::engine) fn recipients(cx: &Cx<'_, '_>, channel: &Channel) -> Vec<AccountId> {
    let me = cx.me.account_id();
    let Some(group) = get(cx, channel.no) else { return Vec::new() };
    group.roster.members(None).map(|(account, _)| *account).filter(|account| *account != me).collect()
}

/// What sessions with an account in the group start from; none if there are to be none.
pub(in crate::engine) fn session_psk(
    cx: &Cx<'_, '_>,
    no: u64,
    account: &AccountId,
) -> Result<Option<Secret<32>>, EngineError> {
    let Some(group) = get(cx, no).filter(|group| group.shares(&cx.me.account_id(), account)) else { return Ok(None) };
    Ok(group.secret.as_ref().map(|secret| psk_of(secret, &group.id)))
}

/// What the roster of a group evaluated since this was last asked, by the account that caused it.
pub(in crate::engine) fn work_done(cx: &mut Cx<'_, '_>, no: u64) -> Vec<(AccountId, u64)> {
    get_mut(cx, no).map(|group| group.roster.take_costs()).unwrap_or_default()
}

/// The scope of sessions with `account` in the group with this channel.
pub(in crate::engine) fn scope(
    cx: &Cx<'_, '_>,
    id: &ChannelId,
    account: &AccountId,
) -> Result<Option<Scope>, EngineError> {
    Ok(shared(cx, id, account)?.map(|channel| Scope::Group(channel.no)))
}

/// A feed of a group became longer.
pub(in crate::engine) fn advance(cx: &Cx<'_, '_>, channel: &Channel, feed: FeedKey, head: Head) {
    if let Some(group) = get(cx, channel.no) {
        group.spread.advance(feed, head);
    }
}

/// What the machines of a group's peers share, and whether the device is our neighbour.
pub(in crate::engine) fn spread_for(cx: &Cx<'_, '_>, channel: &Channel, device: &DeviceId) -> Option<(Spread, bool)> {
    let group = get(cx, channel.no)?;
    let neighbour = group.graph(group.size()).is_edge(&cx.me.device_id(), device);
    Some((group.spread.clone(), neighbour))
}

/// Begins a group of our own: its creation follows.
pub(in crate::engine) fn begin(cx: &mut Cx<'_, '_>, id: GroupId, name: &str) -> Result<Channel, EngineError> {
    let channel = channels::create(cx.tx, standing::channel_id(&id), None, Some(name.to_owned()), cx.now)?;
    let mut standing = standing::Standing::new(id, name.to_owned(), State::Joined, cx.now);
    standing.no = Some(channel.no);
    standing.secret = Some(Secret::random(cx.rng));
    standing.save(cx.tx)?;
    let group = Group::new(id, State::Joined, standing.secret.clone(), Heads::new());
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.insert(channel.no, group);
    Ok(channel)
}
