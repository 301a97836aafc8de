//! Parcels: what one device tells another outside of feeds. Sealed to the device, acknowledged, repeated until then.

use covey_feed::limits::MAX_FORK_PROOF;
use covey_feed::{ChannelId, FeedKey};
use covey_pairing::group::roster::OpId;
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::{debug, warn};

use super::contacts::{self, ContactDevice, Owner};
use super::sessions::{self, Scope};
use super::tables::{self, Counter};
use super::{Cx, Effect, EngineError, PeerKey, Protocol, card, control, custody, group, members};
use crate::store::Key;

/// Longest frame that is read: a parcel of the largest payload with its framing.
pub(super) const MAX_FRAME: usize = 128 * 1024;
/// Only the proof of a fork may be longer: its author chose how long.
const MAX_FORK_FRAME: usize = MAX_FORK_PROOF + 1024;
/// Version of every encoding here.
pub(super) const VERSION: u8 = 1;
/// [PARCEL-9] Most parcels waiting for one device; further ones are not made (cards and repairs are made anew on reconnect), or take the
/// place of the oldest in a group.
const MAX_WAITING: usize = 128;
/// Ways by which a parcel for a member that is no neighbour goes.
const WAYS: usize = 2;
/// The same parcels are not sent again within this time, in milliseconds.
const SEND_AGAIN: u64 = 60_000;

/// A frame of `/covey/parcel/1`.
#[derive(Serialize, Deserialize)]
struct Wire(u8, Frame);

#[derive(Serialize, Deserialize)]
enum Frame {
    /// The sender's number for it, and the sealed content.
    #[serde(rename = "p")]
    Parcel(u64, ByteBuf),
    /// It is durable here (or was before).
    #[serde(rename = "a")]
    Ack(u64),
    /// Keep this for that device, which is not connected: see [`custody`].
    #[serde(rename = "k")]
    Keep(DeviceId, u64, ByteBuf),
    /// From that device, for that device: pass it on to the first of these, or keep it if none is left.
    #[serde(rename = "t")]
    Pass(DeviceId, DeviceId, u64, ByteBuf, Vec<DeviceId>),
    /// This was kept for you; it is from that device.
    #[serde(rename = "b")]
    Brought(DeviceId, u64, ByteBuf),
    /// What was kept of that device has arrived.
    #[serde(rename = "g")]
    Got(DeviceId, u64),
    /// How a group looks here: see [`group::doctor`].
    #[serde(rename = "d")]
    Doctor(ByteBuf),
    /// A feed of the group is forked, with the proof.
    #[serde(rename = "f")]
    Forked(ChannelId, ByteBuf),
    /// These feeds are known to be forked, and where: see [`group::forks`]. The flag is set in answers.
    #[serde(rename = "l")]
    Forks(ChannelId, bool, Vec<(FeedKey, group::forks::ForkRank)>),
    /// These operations of the group are missing here.
    #[serde(rename = "w")]
    Wanted(ChannelId, Vec<OpId>),
    /// One of them, in its entry.
    #[serde(rename = "o")]
    Operation(ChannelId, ByteBuf),
}

/// What a parcel carries.
#[derive(Serialize, Deserialize)]
pub(super) enum Content {
    /// The sender's signed contact card.
    #[serde(rename = "c")]
    Card(ByteBuf),
    /// An envelope of the session of two contacts' devices, with a [`control`] message in it.
    #[serde(rename = "s")]
    Session(ByteBuf),
    /// An envelope of the session of two members' devices in a group, likewise.
    #[serde(rename = "m")]
    Member(ChannelId, ByteBuf),
    /// About being a member of a group: see [`group::notes`].
    #[serde(rename = "g")]
    Group(ByteBuf),
}

/// A parcel that waits for its acknowledgement.
#[derive(Serialize, Deserialize)]
pub(super) struct Waiting {
    frame: ByteBuf,
    sent_at: u64,
    /// For whom; not said of what only the device itself may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<DeviceId>,
    /// The channel of the group whose members may keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<u64>,
    /// How many were asked to.
    #[serde(default)]
    keepers: u8,
}

impl Waiting {
    /// The channel of the group whose members should keep it, if more of them should.
    fn seeks_keepers(&self) -> Option<u64> {
        self.group.filter(|_| self.keepers < custody::KEEPERS)
    }

    /// Its number and what is sealed in it.
    fn parcel(&self) -> Option<(u64, ByteBuf)> {
        match covey_codec::decode(&self.frame, MAX_FRAME) {
            Ok(Wire(_, Frame::Parcel(number, sealed))) => Some((number, sealed)),
            _ => None,
        }
    }
}

fn prologue(to: &DeviceId) -> Vec<u8> {
    [b"covey parcel v1\0".as_slice(), to.as_bytes()].concat()
}

/// [PARCEL-5] Parcels of devices that are not known yet that are remembered until they are; others are brought again later.
const MAX_EARLY: usize = 64;

/// Seals a parcel for a device, keeps it, and sends it if the device is connected. `group`: the channel of the group whose
/// members may keep it meanwhile.
pub(super) fn post(
    cx: &mut Cx<'_, '_>,
    device: &ContactDevice,
    content: &Content,
    group: Option<u64>,
) -> Result<(), EngineError> {
    let all = tables::parcels(&device.id);
    if cx.tx.keys(&all)?.len() >= MAX_WAITING {
        let waiting = cx.tx.scan::<Waiting>(&all, None, MAX_WAITING, false)?;
        let oldest = waiting.into_iter().find(|(_, waiting)| waiting.group.is_some());
        let Some((oldest, _)) = oldest.filter(|_| group.is_some()) else {
            debug!(device = %device.id.fmt_short(), "too many parcels wait for this device");
            return Ok(());
        };
        // Who is reached through others never acknowledges. Keys as old as that are not in use any more, or asked for.
        cx.tx.delete(&oldest);
    }
    cx.live.tally.parcels_sent += 1;
    let number = Counter::Parcel.next(cx.tx)?;
    let content = covey_codec::encode(&(VERSION, content)).map_err(EngineError::bug)?;
    let sealed = ByteBuf::from(sessions::seal_parcel(cx, device, &prologue(&device.id), &content)?);
    let keepers = match group {
        Some(no) if !cx.live.opened.contains(&device.peer) => hand_on(cx, no, device.id, number, &sealed)?,
        _ => 0,
    };
    let frame = encode(Frame::Parcel(number, sealed))?;
    let to = group.map(|_| device.id);
    let record = Waiting { frame: ByteBuf::from(frame.clone()), sent_at: cx.now, to, group, keepers };
    cx.tx.put(&tables::parcel(&device.id, number), &record)?;
    if cx.live.connected.contains(&device.peer) {
        send_encoded(cx, device.peer, frame);
    }
    Ok(())
}

/// [PARCEL-1] Gives a parcel for a member that is not connected to others: on ways to it if there are any, else to keep. To how many.
fn hand_on(cx: &mut Cx<'_, '_>, no: u64, to: DeviceId, number: u64, sealed: &ByteBuf) -> Result<u8, EngineError> {
    let ways = group::ways::to(cx, no, &to, WAYS);
    if ways.is_empty() {
        let keepers = custody::keepers(cx, no, &to);
        return give_to_keep(cx, &keepers, to, number, sealed);
    }
    let count = u8::try_from(ways.len()).unwrap_or(u8::MAX);
    for (peer, way) in ways {
        send(cx, peer, Frame::Pass(cx.me.device_id(), to, number, sealed.clone(), way))?;
    }
    Ok(count)
}

/// Gives a parcel to members to keep it. To how many.
fn give_to_keep(
    cx: &mut Cx<'_, '_>,
    keepers: &[PeerKey],
    to: DeviceId,
    number: u64,
    sealed: &ByteBuf,
) -> Result<u8, EngineError> {
    for keeper in keepers {
        send(cx, *keeper, Frame::Keep(to, number, sealed.clone()))?;
    }
    Ok(u8::try_from(keepers.len()).unwrap_or(u8::MAX))
}

fn encode(frame: Frame) -> Result<Vec<u8>, EngineError> {
    covey_codec::encode(&Wire(VERSION, frame)).map_err(EngineError::bug)
}

fn send(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Frame) -> Result<(), EngineError> {
    let frame = encode(frame)?;
    send_encoded(cx, peer, frame);
    Ok(())
}

fn send_encoded(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Vec<u8>) {
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Parcel, frame });
}

/// Sends what is not kept: how a group looks here.
pub(super) fn send_doctor(cx: &mut Cx<'_, '_>, peer: PeerKey, bytes: Vec<u8>) -> Result<(), EngineError> {
    send(cx, peer, Frame::Doctor(ByteBuf::from(bytes)))
}

/// Tells that a feed is forked.
pub(super) fn send_fork(cx: &mut Cx<'_, '_>, peer: PeerKey, id: ChannelId, proof: &[u8]) -> Result<(), EngineError> {
    send(cx, peer, Frame::Forked(id, ByteBuf::from(proof)))
}

/// Tells which forks are known.
pub(super) fn send_forks(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: ChannelId,
    answer: bool,
    known: Vec<(FeedKey, group::forks::ForkRank)>,
) -> Result<(), EngineError> {
    send(cx, peer, Frame::Forks(id, answer, known))
}

/// Asks for operations.
pub(super) fn send_wanted(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: ChannelId,
    wanted: Vec<OpId>,
) -> Result<(), EngineError> {
    send(cx, peer, Frame::Wanted(id, wanted))
}

/// Gives an operation.
pub(super) fn send_operation(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: ChannelId,
    entry: ByteBuf,
) -> Result<(), EngineError> {
    send(cx, peer, Frame::Operation(id, entry))
}

/// A device can be talked to: send what waits for it, what is kept for it, and give it to keep what others cannot be given.
pub(super) fn peer_opened(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    for (_, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        send_encoded(cx, peer, waiting.frame.into_vec());
    }
    bring(cx, owner, peer)?;
    entrust(cx, owner, peer)
}

/// Gives a device what was kept for it.
fn bring(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    for kept in custody::for_device(cx, &owner.device)? {
        send(cx, peer, Frame::Brought(kept.sender, kept.number, kept.sealed))?;
    }
    Ok(())
}

/// A device is gone: what it has not acknowledged is given to others to keep.
pub(super) fn peer_gone(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(owner) = contacts::owner(cx.tx, peer)? else { return Ok(()) };
    for (key, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        let Some(no) = waiting.seeks_keepers() else { continue };
        let keepers = custody::keepers(cx, no, &owner.device);
        entrust_to(cx, &keepers, owner.device, &key, waiting)?;
    }
    Ok(())
}

/// Parcels looked through for some that a member could keep.
const ENTRUST: usize = 1_024;

/// Gives a member to keep what waits for members that are not connected.
fn entrust(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    let groups = group::shared_with(cx, &owner.account);
    if groups.is_empty() {
        return Ok(());
    }
    for (key, waiting) in cx.tx.scan::<Waiting>(&tables::all_parcels(), None, ENTRUST, false)? {
        if waiting.seeks_keepers().is_none_or(|no| !groups.contains(&no)) {
            continue;
        }
        let Some(to) = waiting.to.filter(|to| *to != owner.device && !group::is_connected(cx, to)) else { continue };
        entrust_to(cx, &[peer], to, &key, waiting)?;
    }
    Ok(())
}

/// Gives members to keep what waits under `key`, and counts them.
fn entrust_to(
    cx: &mut Cx<'_, '_>,
    keepers: &[PeerKey],
    to: DeviceId,
    key: &Key,
    waiting: Waiting,
) -> Result<(), EngineError> {
    let Some((number, sealed)) = waiting.parcel() else { return Ok(()) };
    let more = give_to_keep(cx, keepers, to, number, &sealed)?;
    Ok(cx.tx.put(key, &Waiting { keepers: waiting.keepers.saturating_add(more), ..waiting })?)
}

/// A device has been connected for a while: sends again what it did not acknowledge (a frame that found no room on the way
/// is lost).
pub(super) fn repair(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    for (key, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        if waiting.sent_at.abs_diff(cx.now) < SEND_AGAIN {
            continue;
        }
        let waiting = Waiting { sent_at: cx.now, ..waiting };
        cx.tx.put(&key, &waiting)?;
        send_encoded(cx, peer, waiting.frame.into_vec());
    }
    bring(cx, owner, peer)
}

/// A frame on the parcel stream of a device that we have to do with.
pub(super) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &[u8]) -> Result<(), EngineError> {
    let Some(owner) = members::peer(cx, peer)? else { return Ok(()) };
    let size = frame.len();
    let frame = match covey_codec::decode(frame, MAX_FORK_FRAME) {
        Ok(Wire(VERSION, frame)) if size <= MAX_FRAME || matches!(frame, Frame::Forked(..)) => frame,
        Ok(Wire(VERSION, _)) => {
            warn!(?peer, size, "a parcel frame that is too long");
            return Ok(());
        }
        Ok(Wire(version, _)) => {
            debug!(?peer, version, "a parcel frame of an unknown version");
            return Ok(());
        }
        Err(error) => {
            warn!(?peer, %error, "a malformed parcel frame");
            return Ok(());
        }
    };
    match frame {
        Frame::Ack(number) => cx.tx.delete(&tables::parcel(&owner.device, number)),
        Frame::Parcel(number, sealed) => {
            let worth = received(cx, owner, &sealed, false)?;
            // Whatever it was, sending it again would not make it better.
            send(cx, peer, Frame::Ack(number))?;
            if !worth && !cx.live.misuse.worthless(peer, cx.now) {
                warn!(?peer, "a device sends parcels without end that do not open; it is shut out for a while");
                members::shut_out_for_a_while(cx, peer);
            }
        }
        Frame::Keep(to, number, sealed) => {
            let bytes = sealed.len();
            if let Some(to) = custody::keep(cx, owner, None, to, number, sealed.clone())?
                && cx.live.misuse.may_carry(peer, bytes, cx.now)
            {
                send(cx, to, Frame::Brought(owner.device, number, sealed))?;
            }
        }
        Frame::Pass(from, to, number, sealed, way) => pass(cx, (owner, peer), (from, to), number, sealed, &way)?,
        Frame::Brought(from, number, sealed) => {
            if group::account_of_device(cx, &from).is_none() {
                // The news of their coming in may be on its way; until then it stays in custody, too.
                if cx.live.early.len() >= MAX_EARLY {
                    cx.live.early.remove(0);
                }
                cx.live.early.push((peer, from, number, sealed));
                return Ok(());
            }
            brought(cx, peer, from, number, &sealed)?;
        }
        Frame::Got(from, number) => custody::arrived(cx, &owner.device, &from, number),
        Frame::Forked(id, proof) => group::forks::told(cx, owner, peer, &id, &proof)?,
        Frame::Forks(id, answer, theirs) => group::forks::listed(cx, owner, peer, &id, (answer, &theirs))?,
        Frame::Wanted(id, wanted) => group::repair::wanted(cx, owner, peer, &id, &wanted)?,
        Frame::Operation(id, entry) => group::repair::given(cx, owner, &id, &entry)?,
        Frame::Doctor(bytes) => group::doctor::frame(cx, owner, peer, &bytes)?,
    }
    Ok(())
}

/// [PARCEL-2] Passes a parcel on, or keeps it for who it is for.
fn pass(
    cx: &mut Cx<'_, '_>,
    (owner, peer): (Owner, PeerKey),
    (from, to): (DeviceId, DeviceId),
    number: u64,
    sealed: ByteBuf,
    way: &[DeviceId],
) -> Result<(), EngineError> {
    let Some(account) = group::account_of_device(cx, &from) else { return Ok(()) };
    let common = |no: &u64| group::includes(cx, *no, &owner.account) && group::includes(cx, *no, &account);
    if goes_in_circles(way, &[owner.device, from, cx.me.device_id()]) {
        debug!("a parcel to pass on that goes to and fro");
        return Ok(());
    }
    if way.len() > group::ways::MAX_WAY || !group::shared_with(cx, &account).iter().any(common) {
        debug!("a parcel to pass on of somebody who is no member");
        return Ok(());
    }
    if let Some((next, rest)) = way.split_first()
        && let Some(next) = group::connected_peer(cx, next)
    {
        if !cx.live.misuse.may_carry(peer, sealed.len(), cx.now) {
            debug!(?peer, "a device has more passed on than it may");
            return Ok(());
        }
        return send(cx, next, Frame::Pass(from, to, number, sealed, rest.to_vec()));
    }
    let by = Some(owner.device).filter(|by| *by != from);
    match custody::keep(cx, Owner { account, device: from }, by, to, number, sealed.clone())? {
        Some(to) => send(cx, to, Frame::Brought(from, number, sealed)),
        None => Ok(()),
    }
}

/// [PARCEL-8] Whether a way visits a device twice, or goes back to one that had the parcel.
fn goes_in_circles(way: &[DeviceId], had: &[DeviceId]) -> bool {
    way.iter().enumerate().any(|(at, device)| way[..at].contains(device) || had.contains(device))
}

fn brought(cx: &mut Cx<'_, '_>, peer: PeerKey, from: DeviceId, number: u64, sealed: &[u8]) -> Result<(), EngineError> {
    let Some(account) = group::account_of_device(cx, &from) else { return Ok(()) };
    if cx.live.misuse.is_distrusted(peer, cx.now) {
        // It is brought again later, and by others.
        return Ok(());
    }
    if !received(cx, Owner { account, device: from }, sealed, true)? {
        cx.live.misuse.worthless(peer, cx.now);
    }
    send(cx, peer, Frame::Got(from, number))
}

/// Devices are on a roster of ours: what was brought from them before we knew is taken.
pub(super) fn known_now(cx: &mut Cx<'_, '_>, devices: &[DeviceId]) -> Result<(), EngineError> {
    let theirs = |(_, from, ..): &mut (PeerKey, DeviceId, u64, ByteBuf)| devices.contains(from);
    let early: Vec<_> = cx.live.early.extract_if(.., theirs).collect();
    for (peer, from, number, sealed) in early {
        brought(cx, peer, from, number, &sealed)?;
    }
    Ok(())
}

/// `carried`: somebody else kept it, and may have done so for long or bring it again. Sessions take nothing twice.
/// Whether it opened.
fn received(cx: &mut Cx<'_, '_>, owner: Owner, sealed: &[u8], carried: bool) -> Result<bool, EngineError> {
    let known = contacts::device(cx.tx, &owner.account, &owner.device)?;
    let Some(device) = known.or_else(|| group::point_device(cx, &owner.device)) else { return Ok(true) };
    let opened = sessions::open_parcel(cx, &prologue(&cx.me.device_id()), sealed)?;
    let content = match opened {
        // [PARCEL-10]
        Ok((sender, content)) if sender == device.dh => content,
        Ok(_) => {
            cx.live.tally.parcels_broken += 1;
            warn!(device = %device.id.fmt_short(), "a parcel from somebody else");
            return Ok(false);
        }
        Err(error) => {
            cx.live.tally.parcels_broken += 1;
            warn!(device = %device.id.fmt_short(), %error, "a parcel does not open");
            return Ok(false);
        }
    };
    cx.live.tally.parcels_received += 1;
    take(cx, owner, &device, &content, carried)?;
    Ok(true)
}

fn take(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    device: &ContactDevice,
    content: &[u8],
    carried: bool,
) -> Result<(), EngineError> {
    match covey_codec::decode(content, MAX_FRAME) {
        // [PARCEL-11]
        Ok((VERSION, Content::Card(_) | Content::Session(_) | Content::Group(_))) if carried => Ok(()),
        Ok((VERSION, Content::Card(card))) => card::learn(cx, &owner.account, &card).map(drop),
        Ok((VERSION, Content::Session(envelope))) => control::receive(cx, Scope::Pair, owner, device, &envelope),
        // [PARCEL-12]
        Ok((VERSION, Content::Member(id, envelope))) => match group::scope(cx, &id, &owner.account)? {
            Some(scope) => control::receive(cx, scope, owner, device, &envelope),
            None => Ok(()),
        },
        Ok((VERSION, Content::Group(note))) => group::notes::receive(cx, owner, device, &note),
        Ok((_, _)) => Ok(()),
        Err(error) => {
            debug!(device = %device.id.fmt_short(), %error, "a parcel that this version does not know");
            Ok(())
        }
    }
}

/// Forgets what waits for a device of an account that we have nothing to do with any more.
pub(super) fn forget_unless_known(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    device: &DeviceId,
) -> Result<(), EngineError> {
    if members::knows(cx, account)? { Ok(()) } else { forget(cx, device) }
}

/// Forgets everything that waits for a device.
pub(super) fn forget(cx: &mut Cx<'_, '_>, device: &DeviceId) -> Result<(), EngineError> {
    for (key, _) in cx.tx.scan::<Waiting>(&tables::parcels(device), None, MAX_WAITING, false)? {
        cx.tx.delete(&key);
    }
    Ok(())
}
