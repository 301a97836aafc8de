//! What changed here and our other devices have to hear of.

use covey_feed::{ChannelId, FeedKey, Kind};
use covey_pairing::envelope;
use covey_pairing::ids::DeviceId;
use tracing::{info, warn};

use crate::engine::own::{devices, nouns};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::own_records::{self, Winner};
use crate::engine::records::{feeds, mailboxes, people, standing, tickets};
use crate::engine::said::own_feed;
use crate::engine::sealing::sessions;
use crate::engine::wire::own_record::{self, Key, MAX_RECORDS, MAX_VALUE, Record};
use crate::engine::wire::payload::{self, Sealed};
use crate::engine::{Cx, EngineError, members, sharing};

/// Keys looked at in one input; the rest are later, so that no input waits long behind them.
const AT_ONCE: usize = 128;

/// Bytes of records that go into one entry.
const FULL: usize = MAX_VALUE;

/// Our account has other devices than before, or we have just started: all that they agree on is looked through.
pub(in crate::engine) fn begin(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if !cx.me.has_others() {
        return Ok(());
    }
    let id = ChannelId::from_bytes(cx.me.account.own_channel_id());
    let incarnation = channels::first_incarnation(cx.tx, cx.rng)?;
    let channel = channels::open_own(cx.tx, id, cx.now, incarnation)?;
    sharing::channel_opened(cx, &channel)?;
    let contacts = people::all(cx.tx)?.into_iter().map(|contact| Key::contact(&contact.account));
    let channels = channels::all(cx.tx)?;
    let reading = channels.iter().map(|channel| Key::reading(&channel.id));
    let ended = channels.iter().filter(|channel| !channel.is_group() && !channel.open);
    let ended = ended.map(|channel| Key::conversation(&channel.id));
    let said = own_records::all(cx.tx)?.into_iter().map(|winner| winner.key);
    let groups = standing::all(cx.tx)?.into_iter().map(|standing| Key::group(&standing.id));
    let tickets = tickets::all(cx.tx)?.into_iter().map(|issued| Key::ticket(&issued.id));
    let keepers = mailboxes::ever_mine(cx.tx)?.into_iter().map(|mine| Key::keeper(&mine.keeper.id));
    let devices: Vec<Key> = cx.me.key_log.active().map(|device| Key::device(&device.keys.id)).collect();
    let own = contacts.chain(reading).chain(ended).chain(groups).chain(said).chain(tickets).chain(devices);
    cx.live.own.extend(own.chain(keepers).chain([Key::name(), Key::inbox()]));
    devices::apply_again(cx)
}

/// Something that is shared may have changed.
pub(in crate::engine) fn queue(cx: &mut Cx<'_, '_>, key: Key) {
    if cx.me.has_others() {
        cx.live.own.insert(key);
    }
}

/// What waits is gone on with.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.own_at.is_some_and(|at| at <= cx.now) {
        cx.live.own_at = None;
        some(cx)?;
    }
    Ok(())
}

/// Writes some of what changed and is not said yet. Whether anything was.
pub(in crate::engine) fn some(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    if cx.live.own.is_empty() || cx.live.own_at.is_some() {
        return Ok(false);
    }
    let Some(mut channel) = members::own_channel(cx)?.filter(|_| cx.me.has_others()) else {
        cx.live.own.clear();
        return Ok(false);
    };
    let (mut records, mut size, mut wrote) = (Vec::new(), 0, false);
    for _ in 0..AT_ONCE {
        let Some(key) = cx.live.own.pop_first() else { break };
        let Some(record) = news(cx, key)? else { continue };
        if records.len() >= MAX_RECORDS || size + record.size() > FULL {
            append(cx, &mut channel, std::mem::take(&mut records))?;
            size = 0;
        }
        size += record.size();
        records.push(record);
        wrote = true;
    }
    if !records.is_empty() {
        append(cx, &mut channel, records)?;
    }
    if !cx.live.own.is_empty() {
        cx.live.own_at = Some(cx.now);
    }
    Ok(wrote)
}

/// What is to be said of a key, if it is not what the record says that counts. What a device said that is gone is said again by those who are
/// left, who may not all have heard it; and by this one what stood where its feed gave way to that of another copy of it.
fn news(cx: &Cx<'_, '_>, key: Key) -> Result<Option<Record>, EngineError> {
    let winner = own_records::winner(cx.tx, &key)?;
    let is_gone = winner.as_ref().map(|winner| is_gone(cx, winner)).transpose()?.unwrap_or(false);
    let value = match (nouns::current(cx, &key)?, winner) {
        (Some(value), Some(winner)) if nouns::is_same(&key, &value, &winner.value) && !is_gone => return Ok(None),
        (Some(value), _) => value,
        (None, Some(winner)) if is_gone => winner.value,
        (None, _) => return Ok(None),
    };
    if value.len() > MAX_VALUE {
        warn!(bytes = value.len(), "a contact takes too much room to be told to the other devices of this account");
        return Ok(None);
    }
    Ok(Some(Record(key, value)))
}

/// Whether the device that said a record is gone, or the entry is, by which this one said it.
fn is_gone(cx: &Cx<'_, '_>, winner: &Winner) -> Result<bool, EngineError> {
    let (place, author) = (&winner.at, DeviceId::from_bytes(*winner.at.author.as_bytes()));
    if !cx.me.is_this_device(&author) {
        return Ok(!cx.me.key_log.is_active(&author));
    }
    let Some(channel) = members::own_channel(cx)? else { return Ok(false) };
    let key = FeedKey { author: place.author, incarnation: place.incarnation };
    let feed = feeds::load(cx.tx, channel.no, &key)?;
    let entry = feed.map(|feed| feeds::entry(cx.tx, feed.fid, place.seq)).transpose()?.flatten();
    Ok(entry.is_none_or(|entry| entry.order() != *place))
}

/// Writes records into our feed of the channel: they count from now on.
pub(in crate::engine) fn append(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    records: Vec<Record>,
) -> Result<(), EngineError> {
    let body = own_record::encode(records.clone())?;
    let next = own_feed::next(cx, channel)?;
    let author = *cx.me.device_id().as_bytes();
    let (fid, id) = (next.feed.fid, *channel.id.as_bytes());
    let aad = payload::associated_data(&id, &author, channel.incarnation, next.seq, next.backlink.as_ref());
    let (key, ciphertext) = envelope::seal_body(&body, &aad, cx.rng).map_err(EngineError::bug)?;
    let wraps = sessions::wrap_for_own(cx, key.expose(), &aad)?;
    let commitment = Some(envelope::commitment(&key));
    let payload = Sealed { commitment, ciphertext, wraps }.encode()?;
    let entry = own_feed::finish(cx, channel, next, Kind::Content, payload)?;
    own_records::save_content_key(cx.tx, fid, entry.seq(), &key)?;
    info!(records = records.len(), "told to the other devices of this account");
    for Record(key, value) in records {
        own_records::save(cx.tx, &Winner { key, at: entry.order(), value })?;
    }
    Ok(())
}
