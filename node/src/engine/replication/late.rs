//! Entries that are opened after they came.

use covey_feed::Entry;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::AccountId;

use crate::engine::records::channels::{Channel, Kind};
use crate::engine::said::arrivals;
use crate::engine::sealing::{chains, opening};
use crate::engine::wire::payload::{self, Body, Sealed, Unopened};
use crate::engine::{Cx, EngineError, members, own};

/// Opens a stored entry with a content key that `from` gave us afterwards; `false` if it does not open. Beside the author stands when
/// the account received it, Unix milliseconds.
pub(in crate::engine) fn open_late(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    (account, at): (AccountId, u64),
    key: &Secret<32>,
    from: &AccountId,
) -> Result<bool, EngineError> {
    let Some(payload) = entry.payload() else { return Ok(false) };
    let aad = payload::aad_of(channel.id, entry);
    let opened = match channel.kind() {
        Kind::Direct(_) => match Sealed::decode(payload) {
            Ok(sealed) if sealed.commitment.is_none() && cx.me.has_others() && !cx.me.is_ours(from) => {
                Err(Unopened::Poison)
            }
            Ok(sealed) => opening::open_with(key, &sealed, &aad),
            Err(_) => Err(Unopened::Poison),
        },
        Kind::Own => return own::take::entry_with_key(cx, channel, entry, key),
        Kind::Group(_) => chains::body(key, payload, &aad)
            .and_then(|body| Body::decode(&body).ok().filter(Body::is_sound))
            .map(|body| (key.clone(), body))
            .ok_or(Unopened::Poison),
    };
    match opened {
        Ok((key, body)) => {
            arrivals::receive(cx, channel, entry, (account, at), key, body)?;
            Ok(true)
        }
        Err(_) => Ok(false),
    }
}

/// Opens a stored entry of a group whose author's chain has come since; `false` if it still does not open.
pub(in crate::engine) fn open_again(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    chains: &mut chains::Reader,
) -> Result<bool, EngineError> {
    let account = members::account_of(cx, channel, &entry.header().feed.author)?;
    let (Some(payload), Some(account)) = (entry.payload(), account) else { return Ok(false) };
    let Ok((key, body)) = chains.open(payload, &payload::aad_of(channel.id, entry)) else { return Ok(false) };
    arrivals::receive(cx, channel, entry, (account, cx.now), key, body)?;
    Ok(true)
}
