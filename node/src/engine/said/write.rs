//! What we say: sealed for everyone in the channel, appended to our feed, shown.

use covey_api as api;
use covey_api::{ApiError, MessageState, Reason};
use covey_feed::Kind;
use covey_pairing::crypto::secret::Secret;

use crate::engine::notices::Notice;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::messages::{self, Message};
use crate::engine::records::{feeds, people, repeats};
use crate::engine::said::{own_feed, place, settle};
use crate::engine::sealing::{chains, sessions};
use crate::engine::shown::events;
use crate::engine::wire::own_record::Key;
use crate::engine::wire::payload::{self, Body, Sealed};
use crate::engine::{Cx, Effect, EngineError};

/// Seals `body` for everyone in the channel and appends it to our feed.
pub(in crate::engine) fn write(cx: &mut Cx<'_, '_>, channel: &mut Channel, body: &Body) -> Result<Message, ApiError> {
    let next = own_feed::next(cx, channel)?;
    let author = *cx.me.device_id().as_bytes();
    let aad =
        payload::associated_data(channel.id.as_bytes(), &author, channel.incarnation, next.seq, next.backlink.as_ref());
    let (key, payload) = seal(cx, channel, &body.encode()?, &aad)?;
    let entry = own_feed::finish(cx, channel, next, Kind::Content, payload)?;
    let message = Message::new(&entry, cx.me.account_id(), true, cx.now, body.clone(), key);
    Ok(place::put(cx, channel, None, message, false)?)
}

/// The content key, and the payload that only the members of the channel can open.
fn seal(cx: &mut Cx<'_, '_>, channel: &Channel, body: &[u8], aad: &[u8]) -> Result<(Secret<32>, Vec<u8>), ApiError> {
    let contact = match channel.kind() {
        channels::Kind::Direct(contact) => contact,
        channels::Kind::Group(_) => return chains::seal(cx, channel, body, aad),
        channels::Kind::Own => return Err(EngineError::bug("no messages are written to our own devices").into()),
    };
    let (key, ciphertext) = covey_pairing::envelope::seal_body(body, aad, cx.rng)
        .map_err(|error| ApiError::new(Reason::TooLong, error.to_string()))?;
    // What is written again after the pact has ended is for our other devices alone.
    let is_over = people::load(cx.tx, &contact)?.is_none_or(|contact| !contact.keeps(channel.no));
    let wraps = if is_over {
        sessions::wrap_for_own(cx, key.expose(), aad)?
    } else {
        sessions::wrap_for_contact(cx, &contact, key.expose(), aad)?
    };
    let commitment = Some(covey_pairing::envelope::commitment(&key));
    Ok((key, Sealed { commitment, ciphertext, wraps }.encode()?))
}

/// Writes a text and tells the journal.
pub(in crate::engine) fn send(cx: &mut Cx<'_, '_>, mut channel: Channel, body: &Body) -> Result<api::Sent, ApiError> {
    let message = write(cx, &mut channel, body)?;
    channel.active_at = cx.now;
    if std::mem::take(&mut channel.archived) {
        cx.notices.push(Notice::Shared(Key::reading(&channel.id)));
    }
    channel.save(cx.tx)?;
    cx.live.tally.message("sent");
    events::tell(cx, api::EventKind::MessageSent, &channel, &message, &[])?;
    Ok(api::Sent { id: messages::text_id(&message.id), channel: channel.text_id(), state: MessageState::Queued })
}

/// Writes what is no message of its own: nobody is told of it but by what it changes.
pub(in crate::engine) fn add(cx: &mut Cx<'_, '_>, mut channel: Channel, body: &Body) -> Result<(), ApiError> {
    let message = write(cx, &mut channel, body)?;
    channel.save(cx.tx)?;
    Ok(settle::settle(cx, &mut channel, &message)?)
}

/// Writes what stands in our own feed from `seq` on once more: nobody else will ever take it from there.
pub(in crate::engine) fn write_again(
    cx: &mut Cx<'_, '_>,
    channel: u64,
    feed: &feeds::Feed,
    seq: u64,
) -> Result<(), EngineError> {
    let last = feed.head.map_or(0, |head| head.seq);
    for seq in seq..=last {
        let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { continue };
        let Some(message) = messages::at(cx.tx, channel, &entry.order())? else { continue };
        let Some(mut channel) = channels::by_no(cx.tx, channel)? else { return Ok(()) };
        let again = repeats::body(cx.tx, &channel, &message)?;
        repeats::unpoint(cx.tx, channel.no, &message)?;
        messages::remove(cx.tx, &mut channel, &message);
        cx.effects.push(Effect::Unwritten);
        match again {
            Some(body) if body.kind == payload::kind::TEXT => drop(send(cx, channel, &body).map_err(EngineError::bug)?),
            Some(body) => add(cx, channel, &body).map_err(EngineError::bug)?,
            None => {
                channel.save(cx.tx)?;
                settle::settle(cx, &mut channel, &message)?;
            }
        }
    }
    Ok(())
}
