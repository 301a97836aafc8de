//! Who shares a channel: the one place that tells direct channels from groups.

mod direct;
pub(super) mod dormant;
pub(super) mod rights;
pub(super) mod rosters;

use covey_feed::{Author, ChannelId, FeedKey};
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::records::channels::{self, Channel, Kind};
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::people;
use crate::engine::{Cx, Effect, EngineError, PeerKey};

/// The account whose device `author` is, if it has a voice in the channel: what others have not seen it write before it
/// left does not count.
pub(super) fn account_of(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    author: &Author,
) -> Result<Option<AccountId>, EngineError> {
    let device = DeviceId::from_bytes(*author.as_bytes());
    match channel.kind() {
        _ if cx.me.is_this_device(&device) => Ok(Some(cx.me.account_id())),
        // [FAN-3]
        Kind::Direct(_) if cx.me.key_log.names(&device) => Ok(Some(cx.me.account_id())),
        Kind::Direct(contact) => Ok(direct::is_of(cx, &contact, &device)?.then_some(contact)),
        Kind::Group(_) => Ok(rosters::account_of(cx, channel, &device)),
        // [OWN-3]
        Kind::Own => Ok(cx.me.is_own_other(&device).then(|| cx.me.account_id())),
    }
}

/// The last entry of a feed that counts, if there is such a bound: its author is a member no more.
pub(super) fn cut(cx: &Cx<'_, '_>, channel: &Channel, feed: &FeedKey) -> Result<Option<u64>, EngineError> {
    let device = DeviceId::from_bytes(*feed.author.as_bytes());
    match channel.kind() {
        _ if cx.me.is_this_device(&device) => Ok(None),
        Kind::Direct(contact) => direct::cut(cx, channel, &contact, feed),
        Kind::Group(_) => Ok(rosters::cut(cx, channel, &device, feed.incarnation)),
        Kind::Own => Ok(None),
    }
}

/// [CUT-1] The same for what another device of ours has. Of a feed whose end nobody said we take what it has: as much had come there by then.
pub(super) fn cut_for_own(cx: &Cx<'_, '_>, channel: &Channel, feed: &FeedKey) -> Result<Option<u64>, EngineError> {
    match channel.kind() {
        Kind::Direct(contact) => direct::named_cut(cx, channel, &contact, feed),
        Kind::Group(_) | Kind::Own => cut(cx, channel, feed),
    }
}

/// Whether a device is its account's no more, or on the roster of the group no more: nobody connects to it for the sake of the channel.
pub(super) fn is_gone(cx: &Cx<'_, '_>, channel: &Channel, device: &DeviceId) -> Result<bool, EngineError> {
    match channel.kind() {
        Kind::Direct(contact) => Ok(direct::end(cx, &contact, device)?.is_some()),
        Kind::Group(_) => Ok(rosters::is_off(cx, channel, device)),
        Kind::Own => Ok(!cx.me.is_own_other(device)),
    }
}

/// Whether `account` may have what stands in the channel. A conversation that has ended, or whose contact is blocked, is shared by our own devices
/// alone: all of them show what was said.
pub(super) fn includes(cx: &Cx<'_, '_>, channel: &Channel, account: &AccountId) -> bool {
    match channel.kind() {
        Kind::Direct(contact) => (channel.open && contact == *account) || cx.me.is_ours(account),
        Kind::Group(_) => rosters::includes(cx, channel.no, account),
        Kind::Own => cx.me.is_ours(account),
    }
}

/// The channels that we share with `account`.
pub(super) fn shared_with(cx: &Cx<'_, '_>, account: &AccountId) -> Result<Vec<Channel>, EngineError> {
    let mut shared = Vec::new();
    if cx.me.is_ours(account) {
        let is_direct = |channel: &Channel| matches!(channel.kind(), Kind::Direct(_));
        shared.extend(channels::all(cx.tx)?.into_iter().filter(is_direct));
        shared.extend(own_channel(cx)?);
    } else if let Some(contact) = people::load(cx.tx, account)?
        && let Some(no) = contact.channel
    {
        shared.extend(channels::by_no(cx.tx, no)?.filter(|channel| channel.open));
    }
    for no in rosters::shared_with(cx, account) {
        shared.extend(channels::by_no(cx.tx, no)?);
    }
    Ok(shared)
}

/// The channel of our own devices, if there were ever several.
pub(super) fn own_channel(cx: &Cx<'_, '_>) -> Result<Option<Channel>, EngineError> {
    channels::by_id(cx.tx, &ChannelId::from_bytes(cx.me.account.own_channel_id()))
}

/// Connected devices of those who share the channel.
pub(super) fn peers(cx: &Cx<'_, '_>, channel: &Channel) -> Vec<PeerKey> {
    let with = |account: &AccountId| includes(cx, channel, account);
    cx.live.contacts.iter().filter(|(_, peer)| with(&peer.account)).map(|(peer, _)| *peer).collect()
}

/// Whose device `peer` is, if it may use more than the pairing protocol: that of a paired contact, of somebody with whom we share
/// a group, or another one of ours.
pub(super) fn peer(cx: &Cx<'_, '_>, peer: PeerKey) -> Result<Option<DeviceRef>, EngineError> {
    let Some(owner) = devices::owner(cx.tx, peer)?.or_else(|| rosters::point(cx, peer)) else { return Ok(None) };
    // [DEVICE-4] Ours are those that our own log names, whatever a card of before said.
    let is_gone = cx.me.is_ours(&owner.account) && !cx.me.is_own_other(&owner.device);
    Ok((!is_gone && knows(cx, &owner.account)?).then_some(owner))
}

/// Whether we have to do with `account` at all.
pub(super) fn knows(cx: &Cx<'_, '_>, account: &AccountId) -> Result<bool, EngineError> {
    if cx.me.is_ours(account) {
        return Ok(true);
    }
    let paired = people::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired());
    Ok(paired || rosters::knows(cx, account))
}

/// A pairing or membership with `account` ended: its device may go on using what is left, or is shut out.
pub(super) fn parted(cx: &mut Cx<'_, '_>, account: &AccountId, peer: PeerKey) -> Result<(), EngineError> {
    if !knows(cx, account)? {
        shut_out(cx, peer);
    }
    Ok(())
}

/// A device is not served any more.
pub(super) fn shut_out(cx: &mut Cx<'_, '_>, peer: PeerKey) {
    cx.live.contacts.remove(&peer);
    cx.effects.push(Effect::Revoke { peer });
}

/// How long a contact's device that broke the protocol is shut out, in milliseconds.
const PENALTY: u64 = 60_000;

/// A device broke the protocol.
pub(super) fn shut_out_for_a_while(cx: &mut Cx<'_, '_>, peer: PeerKey) {
    cx.live.penalties.insert(peer, cx.now.saturating_add(PENALTY));
    cx.effects.push(Effect::Revoke { peer });
}
