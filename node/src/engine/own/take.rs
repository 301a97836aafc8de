//! What other devices of ours wrote, taken.

use covey_feed::Entry;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::envelope;
use tracing::debug;

use crate::engine::own::{contacts, merge, nouns};
use crate::engine::records::channels::Channel;
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::own_records::{self, Winner};
use crate::engine::sealing::sessions::Opener;
use crate::engine::wire::own_record::{self, Record, kind};
use crate::engine::wire::payload::{self, Sealed, Unopened};
use crate::engine::{Cx, EngineError};

/// Takes an entry of the channel, if its content key is wrapped for this device.
pub(in crate::engine) fn entry(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    feed: &Feed,
    entry: &Entry,
    opener: &mut Opener,
) -> Result<Result<(), Unopened>, EngineError> {
    let Some(Ok(sealed)) = entry.payload().map(Sealed::decode) else { return Ok(Err(Unopened::Poison)) };
    let Some(wrap) = sealed.wraps.get(&cx.me.device_id()) else { return Ok(Err(Unopened::NoKey)) };
    let Ok(key) = opener.open(cx, wrap, &payload::aad_of(channel.id, entry))? else { return Ok(Err(Unopened::NoKey)) };
    let Ok(key) = <[u8; 32]>::try_from(key) else { return Ok(Err(Unopened::Poison)) };
    let taken = opened(cx, channel, feed.fid, entry, &Secret::new(key))?;
    Ok(if taken { Ok(()) } else { Err(Unopened::Poison) })
}

/// Takes an entry whose key came later. Whether it opens.
pub(in crate::engine) fn entry_with_key(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    entry: &Entry,
    key: &Secret<32>,
) -> Result<bool, EngineError> {
    match feeds::load(cx.tx, channel.no, &entry.header().feed.key())? {
        Some(feed) => opened(cx, channel, feed.fid, entry, key),
        None => Ok(false),
    }
}

fn opened(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    fid: u64,
    entry: &Entry,
    key: &Secret<32>,
) -> Result<bool, EngineError> {
    let Some(Ok(sealed)) = entry.payload().map(Sealed::decode) else { return Ok(false) };
    // [BODY-15] A stolen device does not tell each of the others something else.
    if sealed.commitment != Some(envelope::commitment(key)) {
        return Ok(false);
    }
    let aad = payload::aad_of(channel.id, entry);
    let Ok(body) = envelope::open_body(key, &aad, &sealed.ciphertext) else { return Ok(false) };
    own_records::save_content_key(cx.tx, fid, entry.seq(), key)?;
    match own_record::decode(&body) {
        Ok(records) => {
            for Record(key, value) in records {
                learn(cx, &Winner { key, at: entry.order(), value })?;
            }
        }
        Err(error) => debug!(seq = entry.seq(), %error, "what a device of ours says is not taken"),
    }
    Ok(true)
}

/// [OWN-5] Takes a record if it is newer than the one that counts.
fn learn(cx: &mut Cx<'_, '_>, new: &Winner) -> Result<(), EngineError> {
    if !nouns::is_sound(cx, &new.key, &new.value)? {
        return Ok(());
    }
    let known = own_records::winner(cx.tx, &new.key)?;
    let before = known.as_ref().map(|known| nouns::rank(known, Some(known)));
    let wins = merge::wins(&nouns::rank(new, known.as_ref()), before.as_ref());
    if wins {
        own_records::save(cx.tx, new)?;
    }
    match new.key.0 {
        kind::CONTACT => {
            let known = known.map(|known| known.value);
            contacts::learned(cx, &new.key, &new.value, known.as_ref().map(|known| known.as_slice()), wins)
        }
        _ if wins => nouns::apply(cx, &new.key, &new.value),
        _ => Ok(()),
    }
}
