//! What two devices tell each other inside a session: the keys of groups, and the repair of content that a device could
//! not open. It asks the author, over a fresh session, for the content keys (`[NODE-REWRAP]`).

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::{debug, warn};

use super::contacts::{self, ContactDevice, Owner};
use super::parcels::{self, Content, MAX_FRAME, VERSION};
use super::sessions::{self, Opener, Scope};
use super::{
    Cx, EngineError, card,
    channels::{self, Channel},
    feeds, group, members, messages, parked, quota, tables, take,
};

/// [CTRL-1] Entries of which keys are asked for or given at a time.
pub(super) const MAX_ASKED: usize = 64;
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
    /// These entries of mine are not for you: they were written before you came in, or are deleted.
    #[serde(rename = "n")]
    Denied(Vec<(ChannelId, FeedKey, u64)>),
    /// The chain of the device that says it, in the group of the session.
    #[serde(rename = "d")]
    Chain(ByteBuf),
    /// Nothing but the envelope (`[CTRL-8]`): a post-quantum step is wanted, which takes this many more turns. Each is answered with one less.
    #[serde(rename = "t")]
    Turn(u8),
}

/// Turns of both sides that a step takes at most: theirs, our offer, their answer, our step.
const TURNS: u8 = 4;

/// Somebody may have copied these devices of an account: the sessions with them heal at once, without waiting for something to
/// be said in them.
pub(super) fn heal(cx: &mut Cx<'_, '_>, scope: Scope, account: &AccountId) -> Result<(), EngineError> {
    for device in contacts::devices(cx.tx, account)? {
        if device.id != cx.me.device_id() && sessions::renew(cx, scope, &device.id)? {
            tell(cx, scope, account, &device, &Control::Turn(TURNS), false)?;
        }
    }
    Ok(())
}

/// Hands our card to a contact's device unless it has it already.
pub(super) fn card_to(cx: &mut Cx<'_, '_>, owner: Owner) -> Result<(), EngineError> {
    let (Some(mut contact), Some(device)) =
        (contacts::load(cx.tx, &owner.account)?, contacts::device(cx.tx, &owner.account, &owner.device)?)
    else {
        return Ok(());
    };
    if contacts::is_blocked(cx.tx, &owner.account)? {
        return Ok(());
    }
    let own = card::own(cx)?;
    let hash = ByteBuf::from(covey_pairing::crypto::hash::blake3(&own).to_vec());
    if contact.card_sent.as_ref() == Some(&hash) {
        return Ok(());
    }
    parcels::post(cx, &device, &Content::Card(ByteBuf::from(own)), None)?;
    contact.card_sent = Some(hash);
    contact.save(cx.tx)
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
        // [CTRL-7]
        Ok((VERSION, Control::Chain(chain))) => match scope {
            Scope::Group(no) if group::learn(cx, no, owner, &chain)? => parked::open(cx, no, &owner.device),
            Scope::Group(_) | Scope::Pair => Ok(()),
        },
        Ok((VERSION, Control::Turn(left @ 1..=TURNS))) => {
            tell(cx, scope, &owner.account, device, &Control::Turn(left - 1), false)
        }
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

/// Asks a device for content keys, on a fresh session: it may be the old one that is broken.
pub(super) fn ask_for_keys(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
    wanted: Vec<(ChannelId, FeedKey, u64)>,
) -> Result<(), EngineError> {
    tell(cx, scope, account, device, &Control::KeysWanted(wanted), true)
}

/// [CTRL-2], [CTRL-3] Gives content keys to a device of the channel's other member, and to nobody else: of our own entries, and of those
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
        let ours = cx.me.wrote(key);
        let theirs_to_know = ours || key.author.as_bytes() == owner.device.as_bytes();
        if !members::includes(cx, &channel, &owner.account) || !theirs_to_know {
            continue;
        }
        let Some(feed) = feeds::load(cx.tx, channel.no, key)? else { continue };
        let Some(entry) = feeds::entry(cx.tx, feed.fid, *seq)? else { continue };
        if ours && !group::may_read(cx, &channel, &owner.account, &entry)? {
            denied.push((*id, *key, *seq));
            continue;
        }
        let message = messages::at(cx.tx, channel.no, &entry.order())?;
        // What is deleted has no key any more, and is not to be read by anybody who did not.
        if message.as_ref().is_some_and(|message| message.body.is_deleted()) {
            denied.push((*id, *key, *seq));
            continue;
        }
        if let (Scope::Group(no), None, Some(payload)) = (scope, &chain, entry.payload())
            && ours
        {
            chain = group::answer(cx, no, &owner.device, payload)?;
        }
        keys.extend(message.map(|message| (*id, *key, *seq, message.content_key)));
    }
    // [CTRL-4]
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
        parked::refused(cx, &channel, &feed, *seq, &owner.device)?;
    }
    parked::request(cx, &owner.account, &owner.device)
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
        // [CTRL-5] Only what this very device was asked for.
        let place = tables::parked(&owner.device, feed.fid, seq);
        if !cx.tx.contains(&place)? {
            continue;
        }
        // [CTRL-6]
        if parked::is_beyond(cx, &channel, &key, seq) {
            cx.tx.delete(&place);
            continue;
        }
        let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { continue };
        // Who that is may be on a roster that is still on its way: it is asked for again then.
        let Some(author) = members::account_of(cx, &channel, &key.author)? else { continue };
        let charge = quota::Charge::begin(cx, Some(author))?;
        if take::open_late(cx, &mut channel, &entry, author, &content_key)? {
            channel.save(cx.tx)?;
            cx.tx.delete(&place);
        } else {
            warn!(channel = %id.fmt_short(), seq, "a content key does not open its entry");
            parked::refused(cx, &channel, &feed, seq, &owner.device)?;
        }
        charge.end(cx)?;
    }
    parked::request(cx, &owner.account, &owner.device)
}
