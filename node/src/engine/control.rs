//! What two devices tell each other inside a session: the keys of groups, and the repair of content that a device could
//! not open. It asks the author, over a fresh session, for the content keys (`[NODE-REWRAP]`).

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::{ChannelId, Entry, FeedKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::{debug, info, warn};

use super::contacts::{self, ContactDevice, Owner};
use super::feeds::Feed;
use super::parcels::{self, Content, MAX_FRAME, VERSION};
use super::sessions::{self, Opener, Scope};
use super::take::{self, Unopened};
use super::{
    Cx, EngineError, card,
    channels::{self, Channel},
    feeds, group, members, messages, tables,
};

/// Entries asked for in one repair request.
const MAX_ASKED: usize = 64;
/// The same entries are not asked for again, nor the same parcels sent again, within this time, in milliseconds.
const ASK_AGAIN: u64 = 60_000;
/// An entry is asked for so often, each time while its author is connected; then its author has lost the key too.
const MAX_TIMES_ASKED: u8 = 20;
/// Of a device that is not connected the same entries are asked for less and less often, at last after this time, in
/// milliseconds.
const ASK_ABSENT_AGAIN: u64 = 10 * 60_000;
/// After so many doublings that is reached.
const ABSENT_DOUBLINGS: u8 = 4;
/// A key that members are given by themselves is asked for after this time, in milliseconds.
const GRACE: u64 = 5_000;
/// Entries of one author that are opened when its chain comes.
const MAX_PARKED: usize = 4_096;
/// Associated data of control messages inside a session.
const CONTROL_AAD: &[u8] = b"covey control v1\0";

/// What two devices tell each other inside their session.
#[derive(Serialize, Deserialize)]
enum Control {
    /// These entries of yours do not open: give me their content keys.
    #[serde(rename = "q")]
    KeysWanted(Vec<(ChannelId, FeedKey, u64)>),
    /// Their content keys.
    #[serde(rename = "k")]
    Keys(Vec<(ChannelId, FeedKey, u64, Secret<32>)>),
    /// These entries of mine were written before you came in: they are not for you.
    #[serde(rename = "n")]
    Denied(Vec<(ChannelId, FeedKey, u64)>),
    /// The chain of the device that says it, in the group of the session.
    #[serde(rename = "d")]
    Chain(ByteBuf),
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
    parcels::post(cx, &device, &Content::Card(ByteBuf::from(own)), None)?;
    contact.card_sent = Some(hash);
    contact.save(cx)
}

/// An envelope with a control message.
pub(super) fn receive(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: Owner,
    device: &ContactDevice,
    envelope: &[u8],
) -> Result<(), EngineError> {
    let mut opener = Opener::new(cx, scope, &owner.account, &owner.device)?;
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
        Ok((VERSION, Control::KeysWanted(wanted))) => give_keys(cx, scope, owner, device, &wanted),
        Ok((VERSION, Control::Keys(keys))) => take_keys(cx, scope, owner, keys),
        Ok((VERSION, Control::Denied(of))) => denied(cx, scope, owner, &of),
        Ok((VERSION, Control::Chain(chain))) => match scope {
            Scope::Group(no) => group::learn(cx, no, owner, &chain),
            Scope::Pair => Ok(()),
        },
        Ok((_, _)) | Err(_) => Ok(()),
    }
}

/// Seals a control message on a session with the device, a fresh one if asked to.
fn tell(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
    control: &Control,
    fresh: bool,
) -> Result<(), EngineError> {
    let plaintext = covey_codec::encode(&(VERSION, control)).map_err(EngineError::bug)?;
    let Some(envelope) = sessions::seal(cx, scope, account, device, &plaintext, CONTROL_AAD, fresh)? else {
        return Ok(());
    };
    match scope {
        Scope::Pair => parcels::post(cx, device, &Content::Session(ByteBuf::from(envelope)), None),
        Scope::Group(no) => {
            let Some(channel) = channels::by_no(cx.tx, no)? else { return Ok(()) };
            parcels::post(cx, device, &Content::Member(channel.id, ByteBuf::from(envelope)), Some(no))
        }
    }
}

/// Gives a member's device our chain in a group.
pub(super) fn give_chain(
    cx: &mut Cx<'_, '_>,
    no: u64,
    account: &AccountId,
    device: &ContactDevice,
    chain: Vec<u8>,
) -> Result<(), EngineError> {
    tell(cx, Scope::Group(no), account, device, &Control::Chain(ByteBuf::from(chain)), false)
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
    // The key of a member's chain is on its way by itself, usually; never that of what we wrote ourselves and have lost.
    let own = feed.key.author.as_bytes() == cx.me.device_id().as_bytes();
    let comes = !own && channels::group(cx.tx, &channel)?.is_some_and(|channel| !group::is_restored(cx, &channel));
    let asked_at = if comes { cx.now.saturating_sub(ASK_AGAIN - GRACE) } else { 0 };
    let parked = Parked { channel, feed: feed.key, seq: entry.seq(), asked_at, asked: 0 };
    Ok(cx.tx.put(&tables::parked(ask, feed.fid, entry.seq()), &parked)?)
}

/// Asks a device for the content keys we lack of its entries.
pub(super) fn request_parked(cx: &mut Cx<'_, '_>, account: &AccountId, device: &DeviceId) -> Result<(), EngineError> {
    let rows = cx.tx.scan::<Parked>(&tables::parked_by(device), None, MAX_ASKED, false)?;
    // Who is not connected hears it through others, if at all: that is no reason to ask often, nor ever to give up.
    let absent = !group::is_connected(cx, device);
    let rarely = |asked: u8| (ASK_AGAIN << asked.min(ABSENT_DOUBLINGS)).min(ASK_ABSENT_AGAIN);
    let wait = |parked: &Parked| if absent { rarely(parked.asked) } else { ASK_AGAIN };
    let due = |parked: &Parked| parked.asked_at.abs_diff(cx.now) >= wait(parked);
    if rows.is_empty() || !rows.iter().any(|(_, parked)| due(parked)) {
        return Ok(());
    }
    let Some(known) = contacts::device(cx.tx, account, device)? else { return Ok(()) };
    info!(device = %device.fmt_short(), entries = rows.len(), "asking for content keys again");
    // What is asked for in one session concerns its scope alone.
    let mut wanted: BTreeMap<Option<u64>, Vec<_>> = BTreeMap::new();
    for (key, parked) in rows {
        if parked.asked >= MAX_TIMES_ASKED && !absent {
            warn!(channel = %parked.channel.fmt_short(), seq = parked.seq, "nobody can open this entry any more; it is kept and not shown");
            cx.tx.delete(&key);
            continue;
        }
        let Some(channel) = channels::by_id(cx.tx, &parked.channel)? else { continue };
        let group = channel.is_group().then_some(channel.no);
        wanted.entry(group).or_default().push((parked.channel, parked.feed, parked.seq));
        let most = if absent { parked.asked.max(ABSENT_DOUBLINGS) } else { u8::MAX };
        let asked = parked.asked.saturating_add(1).min(most);
        cx.tx.put(&key, &Parked { asked_at: cx.now, asked, ..parked })?;
    }
    for (group, wanted) in wanted {
        let scope = group.map_or(Scope::Pair, Scope::Group);
        tell(cx, scope, account, &known, &Control::KeysWanted(wanted), true)?;
    }
    Ok(())
}

/// Asks members that are not connected for the content keys we lack of their entries.
pub(super) fn request_of_absent(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let rows = cx.tx.scan::<Parked>(&tables::all_parked(), None, MAX_PARKED, false)?;
    let authors: BTreeSet<DeviceId> =
        rows.iter().map(|(_, parked)| DeviceId::from_bytes(*parked.feed.author.as_bytes())).collect();
    for device in authors {
        let Some(account) = group::account_of_device(cx, &device) else { continue };
        if device != cx.me.device_id() && !group::is_connected(cx, &device) {
            request_parked(cx, &account, &device)?;
        }
    }
    Ok(())
}

/// Opens what waits for the chain of a member's device, which has just come.
pub(super) fn open_parked(cx: &mut Cx<'_, '_>, no: u64, device: &DeviceId) -> Result<(), EngineError> {
    let Some(mut channel) = channels::by_no(cx.tx, no)? else { return Ok(()) };
    let rows = cx.tx.scan::<Parked>(&tables::parked_by(device), None, MAX_PARKED, false)?;
    let mut opened = 0;
    let id = channel.id;
    let mut chains = group::Reader::new(cx, &channel, device)?;
    for (key, parked) in rows.into_iter().filter(|(_, parked)| parked.channel == id) {
        if is_beyond(cx, &channel, &parked.feed, parked.seq) {
            cx.tx.delete(&key);
            continue;
        }
        let Some(feed) = feeds::load(cx.tx, no, &parked.feed)? else { continue };
        let Some(entry) = feeds::entry(cx.tx, feed.fid, parked.seq)? else { continue };
        if take::open_again(cx, &mut channel, &entry, &mut chains)? {
            cx.tx.delete(&key);
            opened += 1;
        }
    }
    chains.finish(cx)?;
    if opened > 0 {
        debug!(device = %device.fmt_short(), opened, "entries that waited for a key are open");
        channel.save(cx)?;
    }
    Ok(())
}

/// Gives content keys to a device of the channel's other member, and to nobody else: of our own entries, and of those
/// that the device itself wrote and has lost. In a group, only of what was written since they are a member.
fn give_keys(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: Owner,
    device: &ContactDevice,
    wanted: &[(ChannelId, FeedKey, u64)],
) -> Result<(), EngineError> {
    let (mut keys, mut denied, mut chain) = (Vec::new(), Vec::new(), None);
    for (id, key, seq) in wanted.iter().take(MAX_ASKED) {
        let Some(channel) = channels::by_id(cx.tx, id)?.filter(|channel| is_of(channel, scope)) else { continue };
        let author = key.author.as_bytes();
        let ours = author == cx.me.device_id().as_bytes();
        let theirs_to_know = ours || author == owner.device.as_bytes();
        if !members::includes(cx, &channel, &owner.account) || !theirs_to_know {
            continue;
        }
        let Some(feed) = feeds::load(cx.tx, channel.no, key)? else { continue };
        let Some(entry) = feeds::entry(cx.tx, feed.fid, *seq)? else { continue };
        if ours && !group::may_read(cx, &channel, &owner.account, &entry)? {
            denied.push((*id, *key, *seq));
            continue;
        }
        if let (Scope::Group(no), None, Some(payload)) = (scope, &chain, entry.payload())
            && ours
        {
            chain = group::answer(cx, no, &owner.device, payload)?;
        }
        if let Some(message) = messages::at(cx.tx, channel.no, &entry.order())? {
            keys.push((*id, *key, *seq, message.content_key));
        }
    }
    if let (Scope::Group(no), Some(chain)) = (scope, chain) {
        give_chain(cx, no, &owner.account, device, chain)?;
    }
    for (some, control) in [(!keys.is_empty(), Control::Keys(keys)), (!denied.is_empty(), Control::Denied(denied))] {
        if some {
            tell(cx, scope, &owner.account, device, &control, false)?;
        }
    }
    Ok(())
}

/// What a device does not let us read is not asked for again.
fn denied(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: Owner,
    of: &[(ChannelId, FeedKey, u64)],
) -> Result<(), EngineError> {
    for (id, key, seq) in of.iter().take(MAX_ASKED) {
        let Some(channel) = channels::by_id(cx.tx, id)?.filter(|channel| is_of(channel, scope)) else { continue };
        let Some(feed) = feeds::load(cx.tx, channel.no, key)? else { continue };
        cx.tx.delete(&tables::parked(&owner.device, feed.fid, *seq));
    }
    request_parked(cx, &owner.account, &owner.device)
}

/// Whether a place is beyond the end of its feed: what its author wrote when it was a member no more.
fn is_beyond(cx: &Cx<'_, '_>, channel: &Channel, feed: &FeedKey, seq: u64) -> bool {
    members::cut(cx, channel, feed).is_some_and(|last| seq > last)
}

/// Whether what concerns the channel belongs into sessions of this scope.
fn is_of(channel: &Channel, scope: Scope) -> bool {
    match scope {
        Scope::Pair => channel.contact.is_some(),
        Scope::Group(no) => channel.is_group() && channel.no == no,
    }
}

/// Opens what waited for these keys.
fn take_keys(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: Owner,
    keys: Vec<(ChannelId, FeedKey, u64, Secret<32>)>,
) -> Result<(), EngineError> {
    for (id, key, seq, content_key) in keys {
        let Some(mut channel) = channels::by_id(cx.tx, &id)?.filter(|channel| is_of(channel, scope)) else { continue };
        let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { continue };
        // Only what this very device was asked for.
        let place = tables::parked(&owner.device, feed.fid, seq);
        if !cx.tx.contains(&place)? {
            continue;
        }
        if is_beyond(cx, &channel, &key, seq) {
            cx.tx.delete(&place);
            continue;
        }
        let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { continue };
        if take::open_late(cx, &mut channel, &entry, &content_key)? {
            channel.save(cx)?;
        } else {
            warn!(channel = %id.fmt_short(), seq, "the author's content key does not open its entry; it is kept and not shown");
        }
        cx.tx.delete(&place);
    }
    request_parked(cx, &owner.account, &owner.device)
}
