//! Which of several that say the same is shown.

use crate::engine::records::channels::Channel;
use crate::engine::records::messages::{self, Message};
use crate::engine::records::repeats;
use crate::engine::said::{edits, place};
use crate::engine::{Cx, EngineError};

/// A message came, is hidden, shown, deleted or gone: which of those that say the same is shown may be another one now.
pub(in crate::engine) fn settle(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    message: &Message,
) -> Result<(), EngineError> {
    let (mut class, over) = repeats::class(cx.tx, channel, message)?;
    // What is shown no more first, so that nothing is shown twice in between.
    let mut read = Vec::new();
    for repeat in [true, false] {
        for at in 0..class.len() {
            let one = &class[at];
            if one.repeat == repeat || repeats::is_repeat(one, &class) != repeat {
                continue;
            }
            if repeat && one.arrived > 0 && (one.own || !messages::is_unread(channel, one)) {
                read.push(one.body.clone());
            }
            let was_read = read.iter().any(|body| body.says_the_same(&one.body));
            let is = Message { repeat, ..one.clone() };
            class[at] = place::replace(cx, channel, one, is, was_read)?;
        }
    }
    if let Some(over) = over.filter(|over| over.repeat) {
        place::replace(cx, channel, &over, Message { repeat: false, ..over.clone() }, false)?;
    }
    edits::follow(cx, channel, message)
}
