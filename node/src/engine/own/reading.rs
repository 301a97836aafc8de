//! How far a channel was read, on whatever device of ours, and whether it is muted or archived.
//!
//! A record says feed by feed what was read. Reading only goes on, so what is here and what a record says are joined; if there is more here than the
//! record says, that is said in turn.

use covey_feed::{ChannelId, OrderKey};
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::notices::Notice;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::own_records::{self, Read, ReadUpTo};
use crate::engine::said::reading;
use crate::engine::wire::own_record::{Key, MAX_VALUE, value_of};
use crate::engine::{Cx, EngineError};

/// Version, the place up to which was read, what of each feed, muted, archived, what of that nobody can have seen.
type Wire = (u8, Option<OrderKey>, Vec<ReadUpTo>, bool, bool, Vec<ReadUpTo>);

const VERSION: u8 = 2;

/// Without what nobody can have seen: the marks end before it.
type Wire1 = (u8, Option<OrderKey>, Vec<ReadUpTo>, bool, bool);

/// [OWN-4] Feeds of a record: those of a large group that were read last fit.
const MAX_FEEDS: usize = 512;

/// [OWN-4] Entries of a record that nobody can have seen.
const MAX_UNSEEN: usize = 128;

fn channel_of(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<Channel>, EngineError> {
    let Some(id) = key.id().map(ChannelId::from_bytes) else { return Ok(None) };
    Ok(channels::by_id(cx.tx, &id)?.filter(|channel| channel.kind() != channels::Kind::Own))
}

/// What there is to say of a channel.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    let Some(channel) = channel_of(cx, key)? else { return Ok(None) };
    let is_plain = channel.read.is_none() && !channel.muted && !channel.archived;
    if is_plain && own_records::winner(cx.tx, key)?.is_none() {
        return Ok(None);
    }
    let elsewhere = own_records::read_elsewhere(cx.tx, channel.no)?;
    let Read { marks, unseen } =
        elsewhere.joined(&reading::of_feeds(cx, &channel, MAX_UNSEEN)?).at_most(MAX_FEEDS, MAX_UNSEEN);
    let said: Wire = (VERSION, channel.read, marks, channel.muted, channel.archived, unseen);
    Ok(Some(value_of(&said)?))
}

fn decode(value: &[u8]) -> Option<Wire> {
    let newest = covey_codec::decode::<Wire>(value, MAX_VALUE).ok().filter(|wire| wire.0 == VERSION);
    newest.or_else(|| {
        let (version, read, marks, muted, archived) = covey_codec::decode::<Wire1>(value, MAX_VALUE).ok()?;
        (version == 1).then_some((VERSION, read, marks, muted, archived, Vec::new()))
    })
}

/// A record of a channel counts from now on.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let Some((_, up_to, marks, muted, archived, unseen)) = decode(value) else {
        debug!("what was read of a channel, as this version does not know it");
        return Ok(());
    };
    let Some(mut channel) = channel_of(cx, key)? else { return Ok(()) };
    if marks.len() > MAX_FEEDS || unseen.len() > MAX_UNSEEN {
        return Ok(());
    }
    let read = own_records::read_elsewhere(cx.tx, channel.no)?.joined(&Read { marks, unseen });
    own_records::save_read_elsewhere(cx.tx, channel.no, &read);
    (channel.muted, channel.archived) = (muted, archived);
    reading::read_elsewhere(cx, &mut channel, up_to, &read)?;
    // There may be more here than it says.
    cx.notices.push(Notice::Shared(key.clone()));
    Ok(())
}

/// A channel is here of which a record may have come before.
pub(in crate::engine) fn apply_again(cx: &mut Cx<'_, '_>, id: &ChannelId) -> Result<(), EngineError> {
    let key = Key::reading(id);
    match own_records::winner(cx.tx, &key)? {
        Some(winner) => apply(cx, &key, &winner.value),
        None => Ok(()),
    }
}
