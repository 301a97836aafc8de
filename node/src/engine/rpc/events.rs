//! `events.*`

use covey_api::{ApiError, Done, Event, EventPage, EventsAck, EventsFetch, EventsSubscribe, Reason, Time, kind};

use crate::engine::rpc::{range, selecting};
use crate::engine::shown::events;
use crate::engine::{Cx, Selection, journal, tables};

/// Events on a page unless told.
const PAGE: u32 = 100;

/// Most events on a page.
const MAX_PAGE: u32 = 1_000;

/// Longest name of a consumer in bytes.
const MAX_CONSUMER: usize = 64;

/// `events.fetch`
///
/// # Errors
/// A cursor that is none.
pub fn fetch(cx: &mut Cx<'_, '_>, params: &EventsFetch) -> Result<EventPage, ApiError> {
    let limit = range::page(params.limit, PAGE, MAX_PAGE)?;
    let selection = selecting::of_fetch(cx, params)?;
    let from = match (&params.from, &params.consumer, params.last) {
        (None, None, Some(last)) => events::before_last(cx, u64::from(last), &selection)?,
        (None, None, None) => journal::start(cx)?,
        (from, consumer, None) => place(cx, from.as_deref(), consumer.as_deref())?,
        _ => return Err(ApiError::invalid_params("Give only one of `from`, `consumer` and `last`.")),
    };
    page(cx, from, limit, &selection)
}

/// Where a subscription begins, after the cursor asked for or at the end of the journal; and what it selects.
///
/// # Errors
/// A cursor or a name that is none.
pub fn begin(cx: &mut Cx<'_, '_>, params: &EventsSubscribe) -> Result<(u64, Selection), ApiError> {
    let selection = selecting::of_subscription(cx, params)?;
    let from = match (&params.from, &params.consumer) {
        (None, None) => journal::newest(cx)?,
        (from, consumer) => place(cx, from.as_deref(), consumer.as_deref())?,
    };
    Ok((from, selection))
}

/// At most `limit` events after `from`; the first says so if some of them are no longer kept.
///
/// # Errors
/// Those of the store.
pub fn page(cx: &mut Cx<'_, '_>, from: u64, limit: usize, selection: &Selection) -> Result<EventPage, ApiError> {
    let oldest = journal::start(cx)?;
    let newest = journal::newest(cx)?;
    let mut told = Vec::new();
    if from < oldest {
        told.push(Event {
            cursor: Some(oldest.to_string()),
            kind: kind::JOURNAL_TRUNCATED.into(),
            at: Time::from_unix_ms(cx.now),
            data: serde_json::json!({ "from": from.to_string(), "oldest": oldest.to_string() }),
        });
    }
    let (found, reached) = events::after(cx, from.max(oldest), limit, selection)?;
    told.extend(found);
    Ok(EventPage { events: told, cursor: reached.to_string(), more: reached < newest })
}

fn place(cx: &Cx<'_, '_>, from: Option<&str>, consumer: Option<&str>) -> Result<u64, ApiError> {
    match (from, consumer) {
        (Some(_), Some(_)) => Err(ApiError::invalid_params("Give `from` or `consumer`, not both.")),
        (Some(cursor), None) => parse(cx, cursor),
        (None, Some(name)) => Ok(cx.tx.get(&tables::consumer(&cx.asker.own(name)))?.unwrap_or(journal::start(cx)?)),
        (None, None) => Ok(journal::start(cx)?),
    }
}

fn parse(cx: &Cx<'_, '_>, cursor: &str) -> Result<u64, ApiError> {
    let newest = journal::newest(cx)?;
    let wrong = || {
        ApiError::new(
            Reason::InvalidCursor,
            format!("\"{cursor}\" is not a cursor of this journal; `events.fetch` with `last` gives one."),
        )
    };
    cursor.parse().ok().filter(|cursor| *cursor <= newest).ok_or_else(wrong)
}

/// `events.ack`
///
/// # Errors
/// A cursor or name that is none.
pub fn ack(cx: &mut Cx<'_, '_>, params: &EventsAck) -> Result<Done, ApiError> {
    if params.consumer.is_empty() || params.consumer.len() > MAX_CONSUMER {
        return Err(ApiError::invalid_params(format!("The name of a consumer has 1 to {MAX_CONSUMER} bytes.")));
    }
    let cursor = parse(cx, &params.cursor)?;
    let key = tables::consumer(&cx.asker.own(&params.consumer));
    if cx.tx.get::<u64>(&key)?.is_none_or(|known| known < cursor) {
        cx.tx.put(&key, &cursor)?;
    }
    Ok(Done::OK)
}
