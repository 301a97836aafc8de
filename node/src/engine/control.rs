//! Parcels: what one device tells another outside of feeds. Sealed to the device, acknowledged, repeated until then.
//!
//! They carry new contact cards, and the repair of content that a device could not open: it asks the author, over a
//! fresh session, to wrap the content keys again (`[NODE-REWRAP]`).

use covey_feed::{ChannelId, Entry, FeedKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::parcel;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::{debug, info, warn};

use super::contacts::{self, ContactDevice, Owner};
use super::feeds::Feed;
use super::sessions::{self, Opener};
use super::sync::Unopened;
use super::tables::{self, Counter};
use super::{Cx, Effect, EngineError, PeerKey, Protocol, card, channels, feeds, messages, sync};

/// Longest frame that is read: a parcel of the largest payload with its framing.
const MAX_FRAME: usize = 128 * 1024;
/// Version of every encoding here.
const VERSION: u8 = 1;
/// Most parcels waiting for one device; further ones are not made (cards and repairs are made anew on reconnect).
const MAX_WAITING: usize = 128;
/// Entries asked for in one repair request.
const MAX_ASKED: usize = 64;
/// The same entries are not asked for again, nor the same parcels sent again, within this time, in milliseconds.
const ASK_AGAIN: u64 = 60_000;
/// An entry is asked for so often, each time while its author is connected; then its author has lost the key too.
const MAX_TIMES_ASKED: u8 = 20;
/// Associated data of control messages inside a session.
const CONTROL_AAD: &[u8] = b"covey control v1\0";

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
}

/// What a parcel carries.
#[derive(Serialize, Deserialize)]
enum Content {
    /// The sender's signed contact card.
    #[serde(rename = "c")]
    Card(ByteBuf),
    /// An envelope of the session between the two devices, with a [`Control`] in it.
    #[serde(rename = "s")]
    Session(ByteBuf),
}

/// What two devices tell each other inside their session.
#[derive(Serialize, Deserialize)]
enum Control {
    /// These entries of yours do not open: give me their content keys.
    #[serde(rename = "q")]
    KeysWanted(Vec<(ChannelId, FeedKey, u64)>),
    /// Their content keys.
    #[serde(rename = "k")]
    Keys(Vec<(ChannelId, FeedKey, u64, Secret<32>)>),
}

/// A parcel that waits for its acknowledgement.
#[derive(Serialize, Deserialize)]
pub(super) struct Waiting {
    frame: ByteBuf,
    sent_at: u64,
}

/// An entry whose content key we lack.
#[derive(Serialize, Deserialize)]
pub(super) struct Parked {
    pub(super) channel: ChannelId,
    pub(super) feed: FeedKey,
    pub(super) seq: u64,
    pub(super) asked_at: u64,
    /// How often it was asked for.
    pub(super) asked: u8,
}

fn prologue(to: &DeviceId) -> Vec<u8> {
    [b"covey parcel v1\0".as_slice(), to.as_bytes()].concat()
}

/// Seals a parcel for a device, keeps it, and sends it if the device is connected.
fn post(cx: &mut Cx<'_, '_>, device: &ContactDevice, content: &Content) -> Result<(), EngineError> {
    let waiting = cx.tx.scan::<Waiting>(&tables::parcels(&device.id), None, MAX_WAITING, false)?.len();
    if waiting >= MAX_WAITING {
        debug!(device = %device.id.fmt_short(), "too many parcels wait for this device");
        return Ok(());
    }
    let number = Counter::Parcel.next(cx.tx)?;
    let content = covey_codec::encode(&(VERSION, content)).map_err(EngineError::bug)?;
    let sealed = parcel::seal(cx.me.device.dh(), &device.dh, &prologue(&device.id), &content, cx.rng)
        .map_err(EngineError::bug)?;
    let frame = encode(Frame::Parcel(number, ByteBuf::from(sealed)))?;
    let record = Waiting { frame: ByteBuf::from(frame.clone()), sent_at: cx.now };
    cx.tx.put(&tables::parcel(&device.id, number), &record)?;
    if cx.live.connected.contains(&device.peer) {
        cx.effects.push(Effect::Send { peer: device.peer, protocol: Protocol::Parcel, frame });
    }
    Ok(())
}

fn encode(frame: Frame) -> Result<Vec<u8>, EngineError> {
    covey_codec::encode(&Wire(VERSION, frame)).map_err(EngineError::bug)
}

/// A contact's device can be talked to: send what waits for it, our card if it is new, and what we need of it.
pub(super) fn peer_opened(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    for (_, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        let frame = waiting.frame.into_vec();
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Parcel, frame });
    }
    card_to(cx, owner)?;
    request_parked(cx, &owner.account, &owner.device)
}

/// A contact's device has been connected for a while: sends again what it did not acknowledge (a frame that found no room
/// on the way is lost), and asks again for what it did not give.
pub(super) fn repair(cx: &mut Cx<'_, '_>, owner: Owner, peer: PeerKey) -> Result<(), EngineError> {
    for (key, waiting) in cx.tx.scan::<Waiting>(&tables::parcels(&owner.device), None, MAX_WAITING, false)? {
        if waiting.sent_at.abs_diff(cx.now) < ASK_AGAIN {
            continue;
        }
        let waiting = Waiting { sent_at: cx.now, ..waiting };
        cx.tx.put(&key, &waiting)?;
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Parcel, frame: waiting.frame.into_vec() });
    }
    request_parked(cx, &owner.account, &owner.device)
}

/// Hands our card to a contact's device unless it has it already.
pub(super) fn card_to(cx: &mut Cx<'_, '_>, owner: Owner) -> Result<(), EngineError> {
    let (Some(mut contact), Some(device)) =
        (contacts::load(cx.tx, &owner.account)?, contacts::device(cx.tx, &owner.account, &owner.device)?)
    else {
        return Ok(());
    };
    let own = card::own(cx)?;
    let hash = ByteBuf::from(covey_pairing::crypto::hash::blake3(&own).to_vec());
    if contact.card_sent.as_ref() == Some(&hash) {
        return Ok(());
    }
    post(cx, &device, &Content::Card(ByteBuf::from(own)))?;
    contact.card_sent = Some(hash);
    contact.save(cx)
}

/// A frame on the parcel stream of a paired contact's device.
pub(super) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &[u8]) -> Result<(), EngineError> {
    let Some(owner) = contacts::paired_peer(cx.tx, peer)? else { return Ok(()) };
    let frame = match covey_codec::decode(frame, MAX_FRAME) {
        Ok(Wire(VERSION, frame)) => frame,
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
            received(cx, owner, &sealed)?;
            // Whatever it was, sending it again would not make it better.
            let frame = encode(Frame::Ack(number))?;
            cx.effects.push(Effect::Send { peer, protocol: Protocol::Parcel, frame });
        }
    }
    Ok(())
}

fn received(cx: &mut Cx<'_, '_>, owner: Owner, sealed: &[u8]) -> Result<(), EngineError> {
    let Some(device) = contacts::device(cx.tx, &owner.account, &owner.device)? else { return Ok(()) };
    let opened = parcel::open(cx.me.device.dh(), &prologue(&cx.me.device_id()), sealed);
    let content = match opened {
        Ok((sender, content)) if sender == device.dh => content,
        Ok(_) => {
            warn!(device = %device.id.fmt_short(), "a parcel from somebody else");
            return Ok(());
        }
        Err(error) => {
            warn!(device = %device.id.fmt_short(), %error, "a parcel does not open");
            return Ok(());
        }
    };
    match covey_codec::decode(&content, MAX_FRAME) {
        Ok((VERSION, Content::Card(card))) => card::learn(cx, &owner.account, &card).map(drop),
        Ok((VERSION, Content::Session(envelope))) => control(cx, owner, &device, &envelope),
        Ok((_, _)) => Ok(()),
        Err(error) => {
            debug!(device = %device.id.fmt_short(), %error, "a parcel that this version does not know");
            Ok(())
        }
    }
}

/// An envelope with a control message.
fn control(cx: &mut Cx<'_, '_>, owner: Owner, device: &ContactDevice, envelope: &[u8]) -> Result<(), EngineError> {
    let mut opener = Opener::new(cx, &owner.account, &owner.device)?;
    let opened = opener.open(cx, envelope, CONTROL_AAD)?;
    opener.finish(cx)?;
    let plaintext = match opened {
        Ok(plaintext) => plaintext,
        Err(error) => {
            debug!(device = %device.id.fmt_short(), %error, "a control message does not open");
            return Ok(());
        }
    };
    match covey_codec::decode(&plaintext, MAX_FRAME) {
        Ok((VERSION, Control::KeysWanted(wanted))) => give_keys(cx, owner, device, &wanted),
        Ok((VERSION, Control::Keys(keys))) => take_keys(cx, owner, keys),
        Ok((_, _)) | Err(_) => Ok(()),
    }
}

/// Seals a control message on a session with the device, a fresh one if asked to.
fn tell(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    device: &ContactDevice,
    control: &Control,
    fresh: bool,
) -> Result<(), EngineError> {
    let plaintext = covey_codec::encode(&(VERSION, control)).map_err(EngineError::bug)?;
    match sessions::seal(cx, &owner.account, device, &plaintext, CONTROL_AAD, fresh)? {
        Some(envelope) => post(cx, device, &Content::Session(ByteBuf::from(envelope))),
        None => Ok(()),
    }
}

/// Remembers an entry that could not be opened; `ask` is the device that can open it.
pub(super) fn park(
    cx: &mut Cx<'_, '_>,
    channel: ChannelId,
    feed: &Feed,
    entry: &Entry,
    why: Unopened,
    ask: &DeviceId,
) -> Result<(), EngineError> {
    if why == Unopened::Poison {
        warn!(channel = %channel.fmt_short(), seq = entry.seq(), "an entry holds no message; it is kept and not shown");
        return Ok(());
    }
    let parked = Parked { channel, feed: feed.key, seq: entry.seq(), asked_at: 0, asked: 0 };
    Ok(cx.tx.put(&tables::parked(ask, feed.fid, entry.seq()), &parked)?)
}

/// Asks a device for the content keys we lack of its entries.
pub(super) fn request_parked(cx: &mut Cx<'_, '_>, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
    let rows = cx.tx.scan::<Parked>(&tables::parked_by(device), None, MAX_ASKED, false)?;
    let due = |parked: &Parked| parked.asked_at.abs_diff(cx.now) >= ASK_AGAIN;
    if rows.is_empty() || !rows.iter().any(|(_, parked)| due(parked)) {
        return Ok(());
    }
    let Some(known) = contacts::device(cx.tx, account, device)? else { return Ok(()) };
    info!(device = %device.fmt_short(), entries = rows.len(), "asking for content keys again");
    let mut wanted = Vec::with_capacity(rows.len());
    for (key, parked) in rows {
        if parked.asked >= MAX_TIMES_ASKED {
            warn!(channel = %parked.channel.fmt_short(), seq = parked.seq, "nobody can open this entry any more; it is kept and not shown");
            cx.tx.delete(&key);
            continue;
        }
        wanted.push((parked.channel, parked.feed, parked.seq));
        cx.tx.put(&key, &Parked { asked_at: cx.now, asked: parked.asked + 1, ..parked })?;
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let owner = Owner { account: *account, device: *device };
    tell(cx, owner, &known, &Control::KeysWanted(wanted), true)
}

/// Gives content keys to a device of the channel's other member, and to nobody else: of our own entries, and of those
/// that the device itself wrote and has lost.
fn give_keys(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    device: &ContactDevice,
    wanted: &[(ChannelId, FeedKey, u64)],
) -> Result<(), EngineError> {
    let mut keys = Vec::new();
    for (id, key, seq) in wanted.iter().take(MAX_ASKED) {
        let Some(channel) = channels::by_id(cx.tx, id)? else { continue };
        let author = key.author.as_bytes();
        let theirs_to_know = author == cx.me.device_id().as_bytes() || author == owner.device.as_bytes();
        if !channel.open || channel.contact != owner.account || !theirs_to_know {
            continue;
        }
        let Some(feed) = feeds::load(cx.tx, channel.no, key)? else { continue };
        let Some(entry) = feeds::entry(cx.tx, feed.fid, *seq)? else { continue };
        if let Some(message) = messages::at(cx.tx, channel.no, &entry.order())? {
            keys.push((*id, *key, *seq, message.content_key));
        }
    }
    if keys.is_empty() { Ok(()) } else { tell(cx, owner, device, &Control::Keys(keys), false) }
}

/// Opens what waited for these keys.
fn take_keys(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    keys: Vec<(ChannelId, FeedKey, u64, Secret<32>)>,
) -> Result<(), EngineError> {
    for (id, key, seq, content_key) in keys {
        let Some(mut channel) = channels::by_id(cx.tx, &id)? else { continue };
        let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { continue };
        // Only what this very device was asked for.
        let place = tables::parked(&owner.device, feed.fid, seq);
        if !cx.tx.contains(&place)? {
            continue;
        }
        let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { continue };
        if sync::open_late(cx, &mut channel, &entry, &content_key)? {
            channel.save(cx)?;
        } else {
            warn!(channel = %id.fmt_short(), seq, "the author's content key does not open its entry; it is kept and not shown");
        }
        cx.tx.delete(&place);
    }
    request_parked(cx, &owner.account, &owner.device)
}

/// Forgets everything that waits for a device.
pub(super) fn forget(cx: &mut Cx<'_, '_>, device: &DeviceId) -> Result<(), EngineError> {
    for (key, _) in cx.tx.scan::<Waiting>(&tables::parcels(device), None, MAX_WAITING, false)? {
        cx.tx.delete(&key);
    }
    Ok(())
}
