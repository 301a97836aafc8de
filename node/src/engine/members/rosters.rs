//! What the rest of the engine asks the rosters of groups.

use covey_feed::{ChannelId, FeedKey, Head, Spread};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::admission::session_psk as psk_of;
use covey_pairing::group::roster::{Member, rotations_in};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::live::groups::Group;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::{ContactDevice, DeviceRef};
use crate::engine::records::sessions::Scope;
use crate::engine::records::standing::{self, Point};
use crate::engine::{Cx, EngineError, PeerKey};

pub(in crate::engine) fn get<'a>(cx: &'a Cx<'_, '_>, no: u64) -> Option<&'a Group> {
    cx.live.groups.by_no.get(&no)
}

pub(in crate::engine) fn get_mut<'a>(cx: &'a mut Cx<'_, '_>, no: u64) -> Option<&'a mut Group> {
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.get_mut(&no)
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
pub(in crate::engine) fn shared(
    cx: &Cx<'_, '_>,
    id: &ChannelId,
    account: &AccountId,
) -> Result<Option<Channel>, EngineError> {
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
pub(in crate::engine) fn point(cx: &Cx<'_, '_>, peer: PeerKey) -> Option<DeviceRef> {
    let mut points = cx.live.groups.requests.values().flat_map(|request| &request.points);
    points.find(|point| point.peer == peer).map(|point| DeviceRef { account: point.account, device: point.device })
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

/// Whether a device is on the roster no more. As long as nothing is known of a group, none is.
pub(in crate::engine) fn is_off(cx: &Cx<'_, '_>, channel: &Channel, device: &DeviceId) -> bool {
    let group = get(cx, channel.no).filter(|group| group.roster.founder().is_some());
    group.is_some_and(|group| group.roster.by_device(device).is_none())
}

/// Whether something is so of all devices of other members.
pub(in crate::engine) fn are_all(cx: &Cx<'_, '_>, channel: &Channel, is: impl Fn(&DeviceId) -> bool) -> bool {
    let own = cx.me.device_id();
    get(cx, channel.no).is_some_and(|group| group.roster.devices(None).filter(|device| **device != own).all(is))
}

/// Whether our account was recovered with its words since it was listed on the roster of the group, and the roster is here as whoever
/// gave the group back to us knew it. (What our devices of before did and we do not know would not count any more: those whom they let in, say.)
pub(in crate::engine) fn is_behind(cx: &Cx<'_, '_>, no: u64) -> Result<bool, EngineError> {
    let group = get(cx, no);
    let Some((group, member)) = group.and_then(|group| Some((group, group.own(&cx.me.account_id())?))) else {
        return Ok(false);
    };
    if rotations_in(member.log) >= cx.me.key_log.rotations().len() {
        return Ok(false);
    }
    let newest = standing::load(cx.tx, &group.id)?.map(|standing| standing.newest).unwrap_or_default();
    Ok(!newest.is_empty() && newest.iter().all(|op| group.roster.contains(op)))
}

/// Whether our account was recovered since it was listed on the roster of the group, and this device is not on it.
pub(in crate::engine) fn is_unlisted(cx: &Cx<'_, '_>, no: u64) -> bool {
    let own = get(cx, no).and_then(|group| group.own(&cx.me.account_id()));
    let is_before = |member: &Member| rotations_in(member.log) < cx.me.key_log.rotations().len();
    own.is_some_and(|member| is_before(member) && !member.devices.contains(&cx.me.device_id()))
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
