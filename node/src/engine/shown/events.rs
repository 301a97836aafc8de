//! The journal as clients see it.
//!
//! An event of a message shows the message as it is when the event is read. One whose message is there no more, because it was
//! written again or its conversation was forgotten, is not shown.

use std::collections::{BTreeMap, btree_map::Entry};

use covey_api::{Event, EventKind, Time};
use serde_json::Value;

use crate::engine::journal::{self, Record, What};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::edits;
use crate::engine::records::marks::{self, Mark};
use crate::engine::records::messages::{self, Message};
use crate::engine::selection::Subject;
use crate::engine::shown::message;
use crate::engine::{Cx, EngineError, Selection};

/// Rows of the journal read at a time.
const ROWS: usize = 8;

/// Events looked through for one page. A page that ends there may be empty, and says that there is more.
const MAX_LOOKED: usize = 10_000;

/// Writes to the journal that something happened to a message, and tells those who follow it. `marks`: of its feed, if it is ours.
pub(in crate::engine) fn tell(
    cx: &mut Cx<'_, '_>,
    kind: EventKind,
    channel: &Channel,
    message: &Message,
    marks: &[Mark],
) -> Result<(), EngineError> {
    if cx.quiet {
        return Ok(());
    }
    let cursor = journal::message(cx, kind, channel.no, &message.place)?;
    let shown = if cx.live.followed {
        let shown = message::show_in_event(cx, channel, message, marks)?;
        Some((Subject::message(&shown.channel, &shown.author), shown))
    } else {
        None
    };
    journal::written(cx, cursor, kind, shown)
}

/// At most `limit` events after `cursor` that are selected, oldest first, and up to where the journal was looked through for
/// them: no further than [`MAX_LOOKED`] events.
pub(in crate::engine) fn after(
    cx: &Cx<'_, '_>,
    cursor: u64,
    limit: usize,
    selection: &Selection,
) -> Result<(Vec<Event>, u64), EngineError> {
    let (mut found, mut reached, mut looked) = (Vec::new(), cursor, 0);
    let mut reader = Reader::default();
    while found.len() < limit && looked < MAX_LOOKED {
        let (events, ended) = journal::after(cx.tx, reached, ROWS)?;
        looked += events.len();
        for (at, record) in events {
            if found.len() == limit {
                return Ok((found, reached));
            }
            reached = at;
            found.extend(reader.shown(cx, at, record, selection)?);
        }
        if ended {
            break;
        }
    }
    Ok((found, reached))
}

/// The place before the newest `count` events that are selected, as far as [`MAX_LOOKED`] events reach.
pub(in crate::engine) fn before_last(cx: &Cx<'_, '_>, count: u64, selection: &Selection) -> Result<u64, EngineError> {
    let newest = journal::newest(cx)?;
    if selection.is_all() {
        return Ok(newest.saturating_sub(count));
    }
    let (mut left, mut looked, mut place) = (count, 0, newest);
    let mut reader = Reader::default();
    while left > 0 && looked < MAX_LOOKED {
        let (events, ended) = journal::before(cx.tx, place.saturating_add(1), ROWS)?;
        looked += events.len();
        for (at, record) in events {
            place = at.saturating_sub(1);
            left -= u64::from(reader.shown(cx, at, record, selection)?.is_some());
            if left == 0 {
                return Ok(place);
            }
        }
        if ended {
            break;
        }
    }
    Ok(place)
}

/// Shows one event after the other.
#[derive(Default)]
struct Reader {
    /// How far feeds of ours have come to others: by their channel and incarnation.
    marks: BTreeMap<(u64, u64), Vec<Mark>>,
}

impl Reader {
    /// An event as clients see it; none unless it is selected.
    fn shown(
        &mut self,
        cx: &Cx<'_, '_>,
        cursor: u64,
        record: Record,
        selection: &Selection,
    ) -> Result<Option<Event>, EngineError> {
        let Record(at, what) = record;
        if !selection.may_take(what.kind()) {
            return Ok(None);
        }
        let kind = what.kind().to_owned();
        let data = match what {
            What::Sent(spot) | What::Received(spot) | What::Changed(spot) | What::KeptExpired(spot) => {
                let (no, place) = spot.place();
                let Some(channel) = channels::by_no(cx.tx, no)? else { return Ok(None) };
                let Some(message) = messages::at(cx.tx, no, &place)? else { return Ok(None) };
                let shown = message::show_in_event(cx, &channel, &message, self.marks(cx, &channel, &message)?)?;
                serde_json::to_value(&shown).map_err(EngineError::bug)?
            }
            What::Other(kind, stored) => {
                let mut data = serde_json::from_str(&stored).map_err(EngineError::bug)?;
                if let Some(message) = journal::message_in(&kind, &mut data) {
                    as_it_is_now(cx, message)?;
                }
                data
            }
        };
        let selected = selection.takes(&kind, &Subject::of(&kind, &data));
        let cursor = Some(cursor.to_string());
        Ok(selected.then(|| Event { cursor, kind, at: Time::from_unix_ms(at), data }))
    }

    /// Of the feed of a message, if it is ours.
    fn marks(&mut self, cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> Result<&[Mark], EngineError> {
        if !message.own {
            return Ok(&[]);
        }
        Ok(match self.marks.entry((channel.no, message.place.incarnation)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(marks::marks(cx.tx, channel, message)?),
        })
    }
}

/// Gives a message in an event its text. One that was deleted or hidden since says nothing here either.
fn as_it_is_now(cx: &Cx<'_, '_>, message: &mut serde_json::Map<String, Value>) -> Result<(), EngineError> {
    let id = message.get("id").and_then(Value::as_str).unwrap_or_default();
    let id = data_encoding::HEXLOWER.decode(id.as_bytes()).ok().and_then(|id| <[u8; 32]>::try_from(id).ok());
    let found = id.map(|id| messages::by_id(cx.tx, &covey_feed::EntryId::from_bytes(id))).transpose()?.flatten();
    let said = found.map(|(channel, found)| edits::said(cx.tx, channel, &found)).transpose()?.flatten();
    let edited_at = said.as_ref().and_then(|said| said.edited_at).map(Time::from_unix_ms);
    message.insert("edited".to_owned(), Value::Bool(edited_at.is_some()));
    match edited_at {
        Some(at) => drop(message.insert("edited_at".to_owned(), serde_json::to_value(at).map_err(EngineError::bug)?)),
        None => drop(message.remove("edited_at")),
    }
    if said.is_none() {
        message.insert("deleted".to_owned(), Value::Bool(true));
    }
    message.insert("text".to_owned(), Value::String(said.map(|said| said.text).unwrap_or_default()));
    Ok(())
}
