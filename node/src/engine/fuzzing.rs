//! What the device of a hostile contact can make: sealed and signed as it must be, with content of its choice. For the
//! fuzz targets below `tests/fuzz`, which play that contact.

use covey_feed::run::{self, RunLimits};
use covey_feed::{FeedId, Kind, Run};
use covey_pairing::crypto::aead;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::envelope;
use covey_pairing::ids::{AccountId, DeviceId};

use crate::engine::live::transfers::Asked;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::{self, channels, devices, feeds, people, transfer};
use crate::engine::said::own_feed;
use crate::engine::transfer::take;
use crate::engine::wire::payload::{self, Sealed};
use crate::engine::wire::transfer::associated_data;
use crate::engine::{Appended, Cx, EngineError, PeerKey, card, sealing, tables};

/// What an entry is made of.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// The payload, as it is.
    Payload(&'a [u8]),
    /// The body: sealed, and its key wrapped for the contact.
    Body(&'a [u8]),
}

/// An envelope for the first device of a paired account.
///
/// # Errors
/// Those of the engine.
pub fn envelope(
    cx: &mut Cx<'_, '_>,
    to: &AccountId,
    plaintext: &[u8],
    aad: &[u8],
) -> Result<Option<Vec<u8>>, EngineError> {
    let Some(device) = devices::devices(cx.tx, to)?.into_iter().next() else { return Ok(None) };
    sealing::sessions::seal(cx, records::sessions::Scope::Pair, to, &device, plaintext, aad, false)
}

/// The next entry of our feed in the channel with a paired account.
///
/// # Errors
/// Those of the engine; a bug if the content is too long.
pub fn entry(cx: &mut Cx<'_, '_>, to: &AccountId, content: Content<'_>) -> Result<Option<(FeedId, Run)>, EngineError> {
    let Some(no) = people::load(cx.tx, to)?.and_then(|contact| contact.channel) else { return Ok(None) };
    let Some(mut channel) = channels::by_no(cx.tx, no)? else { return Ok(None) };
    let next = own_feed::next(cx, &channel)?;
    let author = *cx.me.device_id().as_bytes();
    let aad =
        payload::associated_data(channel.id.as_bytes(), &author, channel.incarnation, next.seq, next.backlink.as_ref());
    let payload = match content {
        Content::Payload(payload) => payload.to_vec(),
        Content::Body(body) => {
            let (key, ciphertext): (Secret<32>, _) =
                envelope::seal_body(body, &aad, cx.rng).map_err(EngineError::bug)?;
            let wraps = sealing::sessions::wrap_for_contact(cx, to, key.expose(), &aad)?;
            let commitment = Some(envelope::commitment(&key));
            Sealed { commitment, ciphertext, wraps }.encode()?
        }
    };
    let key = next.feed.key;
    own_feed::finish(cx, &mut channel, next, Kind::Content, payload)?;
    let signed = own_feed::sign(cx, channel.no, key);
    cx.appended = Appended::default();
    Ok(run::assemble(signed, RunLimits::default()).map(|run| (FeedId::new(channel.id, key), run)))
}

/// Gives a device of ours, which asked for the keys of what a contact wrote, a chunk with this plaintext, as another device of ours would seal
/// it. Whether it counts.
///
/// # Errors
/// Those of the engine.
pub fn history(cx: &mut Cx<'_, '_>, contact: &AccountId, plaintext: &[u8]) -> Result<bool, EngineError> {
    let Some(no) = people::load(cx.tx, contact)?.and_then(|contact| contact.channel) else { return Ok(false) };
    let Some(channel) = channels::by_no(cx.tx, no)? else { return Ok(false) };
    let Some(feed) = feeds::all(cx.tx, no)?.into_iter().find(|feed| feed.account == *contact) else { return Ok(false) };
    if let Some(entry) = feeds::entry(cx.tx, feed.fid, 1)? {
        cx.tx.delete(&tables::message(no, &entry.order()));
    }
    transfer::begin(cx.tx, None, 0);
    transfer::wait(cx.tx, (no, feed.fid), (channel.id, feed.key), &[1])?;
    let (key, device) = (Secret::new([1; 32]), DeviceId::from_bytes([2; 32]));
    let ranges = vec![(channel.id, feed.key, 1, 1)];
    let asked = Asked { peer: PeerKey([2; 32]), device, key: key.clone(), ranges, at: cx.now, parcel: None };
    (cx.live.transfer.active, cx.live.transfer.asked) = (true, Some(asked));
    let sealed = aead::seal(&key, &[0; 12], &associated_data(&device, &cx.me.device_id()), plaintext);
    let from = DeviceRef { account: cx.me.account_id(), device };
    take::chunk(cx, from, &sealed)?;
    Ok(cx.live.transfer.asked.is_none() && cx.live.transfer.failed == 0)
}

/// Our signed card.
///
/// # Errors
/// Those of the engine.
pub fn own_card(cx: &mut Cx<'_, '_>) -> Result<Vec<u8>, EngineError> {
    card::own(cx)
}
