//! What an edit does to the message that it changes.
//!
//! Nothing is written into the message: which edit is shown in its place follows from those that are there and count
//! ([`edits::said`]), so it does not matter what came first, and an edit that comes before its message waits in the list of edits.
//! Here clients are told of it.

use covey_api::EventKind;
use covey_feed::OrderKey;
use serde::{Deserialize, Serialize};

use crate::engine::members::rights;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::messages::{self, Message};
use crate::engine::records::{edits, repeats};
use crate::engine::said::place;
use crate::engine::wire::payload::kind;
use crate::engine::{Cx, Effect, EngineError, tables};
use crate::store::Tx;

/// [BODY-11] Tells what follows from an edit that came, is hidden, shown, deleted or gone. Only a text of the same account is changed by
/// it: not a message of somebody else, and not another edit.
pub(in crate::engine) fn follow(cx: &mut Cx<'_, '_>, channel: &mut Channel, edit: &Message) -> Result<(), EngineError> {
    let Some(target) = edit.body.edits() else { return Ok(()) };
    let Some((no, first)) = messages::by_id(cx.tx, &target)? else { return Ok(()) };
    if no != channel.no {
        return Ok(());
    }
    // A later one is shown before and after.
    if edits::newest(cx.tx, channel.no, &target, &edit.author)? > Some(edit.place) {
        return Ok(());
    }
    let (class, over) = repeats::class(cx.tx, channel, &first)?;
    cx.effects.push(Effect::Unwritten);
    for message in class.into_iter().chain(over) {
        if message.is_shown() && message.author == edit.author && message.first_id() == target {
            place::tell(cx, channel, &message, EventKind::MessageChanged)?;
        }
    }
    Ok(())
}

/// How far what an older covey stored was looked through.
#[derive(Serialize, Deserialize)]
struct Looked {
    /// For kinds up to this one; a covey that knows more looks again.
    kind: u16,
    /// The channel that comes next, and the place in it after which to go on. None: all is done.
    next: Option<(u64, Option<OrderKey>)>,
}

/// Whether all was looked through that an older covey stored.
pub(in crate::engine) fn is_looked_through(tx: &Tx<'_>) -> Result<bool, EngineError> {
    let looked = tx.get::<Looked>(&tables::looked_through())?;
    Ok(looked.is_some_and(|looked| looked.kind == kind::EDIT && looked.next.is_none()))
}

/// Messages looked at in one go.
const PART: usize = 500;

/// Looks through what an older covey stored for edits, which it could not know: some at a time. Whether there is more.
pub(in crate::engine) fn look_through(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    let looked = cx.tx.get::<Looked>(&tables::looked_through())?.filter(|looked| looked.kind == kind::EDIT);
    // From the beginning, if it was never done.
    let Some((no, after)) = looked.map_or(Some((0, None)), |looked| looked.next) else { return Ok(false) };
    let all = channels::all(cx.tx)?;
    let Some(mut channel) = all.into_iter().filter(|channel| channel.no >= no).min_by_key(|channel| channel.no) else {
        cx.tx.put(&tables::looked_through(), &Looked { kind: kind::EDIT, next: None })?;
        return Ok(false);
    };
    let after = after.filter(|_| channel.no == no).map(|place| tables::message(no, &place));
    let part = cx.tx.scan::<Message>(&tables::messages(channel.no), after.as_ref(), PART, false)?;
    let next = match part.last() {
        Some((_, last)) if part.len() == PART => (channel.no, Some(last.place)),
        _ => (channel.no + 1, None),
    };
    for (_, message) in part {
        if message.body.kind == kind::EDIT && !edits::is_listed(cx.tx, channel.no, &message)? {
            let is = judged(cx, &channel, message.clone());
            place::replace(cx, &mut channel, &message, is, false)?;
            follow(cx, &mut channel, &message)?;
        }
    }
    cx.tx.put(&tables::looked_through(), &Looked { kind: kind::EDIT, next: Some(next) })?;
    Ok(true)
}

/// An edit as it would be stored if it came now.
fn judged(cx: &Cx<'_, '_>, channel: &Channel, edit: Message) -> Message {
    if rights::is_deleted(cx, channel, &edit) {
        return edit.forgotten();
    }
    let hidden = !rights::counts(cx, channel, &edit.author, &edit.place, kind::EDIT);
    Message { hidden, ..edit }
}
