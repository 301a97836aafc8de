//! Conversations whose pact has ended and in which something was said: a device that was away from the beginning of the pact to its end, or was
//! linked later, learns that there was one. What was said comes as all entries do: our devices go on sharing a conversation among themselves after it
//! has ended for the contact.

use covey_feed::ChannelId;
use covey_pairing::ids::{AccountId, GroupId};
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::records::{channels, people, standing};
use crate::engine::wire::own_record::{Key, MAX_VALUE, value_of};
use crate::engine::{Cx, EngineError, sharing};

/// Version, the contact, when something last happened in it (Unix milliseconds).
type Wire = (u8, AccountId, u64);

const VERSION: u8 = 1;

/// What there is to say of a conversation: nothing while its pact stands, and nothing if nobody said a word in it.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    let Some(id) = key.id().map(ChannelId::from_bytes) else { return Ok(None) };
    let Some(channel) = channels::by_id(cx.tx, &id)?.filter(|channel| channel.newest.is_some()) else {
        return Ok(None);
    };
    let Some(account) = channel.contact() else { return Ok(None) };
    if people::load(cx.tx, &account)?.is_some_and(|contact| contact.keeps(channel.no)) {
        return Ok(None);
    }
    Ok(Some(value_of(&(VERSION, account, channel.active_at))?))
}

fn read(value: &[u8]) -> Option<(AccountId, u64)> {
    let (version, contact, active_at): Wire = covey_codec::decode(value, MAX_VALUE).ok()?;
    (version == VERSION).then_some((contact, active_at))
}

/// Whether two records say the same. (Each device has its own idea of when something last happened.)
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    let of = |value| read(value).map(|(contact, _)| contact);
    of(a).is_some_and(|a| Some(a) == of(b))
}

/// [OWN-13] There was a conversation. If this device knows nothing of it, it is made, closed; what was said in it comes from the other devices.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let (Some(id), Some((account, active_at))) = (key.id(), read(value)) else {
        debug!("a conversation that has ended, as this version does not know it");
        return Ok(());
    };
    let (channel, group) = (ChannelId::from_bytes(id), GroupId::from_bytes(id));
    // Whatever a stolen device says: it is not with ourselves, and no channel that we know for another one.
    let is_other = cx.me.is_ours(&account) || standing::load(cx.tx, &group)?.is_some();
    if is_other || id == cx.me.account.own_channel_id() || channels::by_id(cx.tx, &channel)?.is_some() {
        return Ok(());
    }
    let ended = channels::remember_direct(cx.tx, channel, account, active_at.min(cx.now))?;
    let mut contact = people::load_or_new(cx.tx, &account, cx.now)?;
    contact.channel = contact.channel.or(Some(ended.no));
    contact.save(cx.tx)?;
    sharing::channel_opened(cx, &ended)
}
