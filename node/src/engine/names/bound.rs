//! What somebody may see who is bound to channels.

use covey_api::{ApiError, Reason};

use crate::engine::records::channels::{self, Channel, Kind};
use crate::engine::records::conversations;
use crate::engine::{Cx, EngineError};

/// Shortest beginning of an id that names a channel to somebody who is bound to some.
const MIN_PREFIX: usize = 8;

/// The channels that whoever asks may see.
pub(in crate::engine) fn visible(cx: &Cx<'_, '_>) -> Result<Vec<Channel>, EngineError> {
    match cx.asker.channels() {
        Some(bound) => {
            let found: Vec<_> =
                bound.iter().filter_map(|id| channels::by_id(cx.tx, id).transpose()).collect::<Result<_, _>>()?;
            Ok(found.into_iter().filter(|channel| channel.kind() != Kind::Own).collect())
        }
        None => channels::all(cx.tx),
    }
}

/// Of somebody who is bound to channels: by id, the beginning of it, name, or account of the contact. What else there is
/// plays no part, not even in the words of the refusal.
pub(in crate::engine) fn among_visible(cx: &Cx<'_, '_>, text: &str) -> Result<Channel, ApiError> {
    let wanted = text.trim().to_lowercase();
    let mut found = Vec::new();
    for channel in visible(cx)? {
        let id = channel.text_id();
        let by_id = id == wanted || (wanted.len() >= MIN_PREFIX && id.starts_with(&wanted));
        let by_contact = channel.contact().is_some_and(|contact| contact.to_string() == wanted);
        if by_id || by_contact || conversations::name(cx.tx, &channel)?.to_lowercase() == wanted {
            found.push(channel);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(ApiError::new(
            Reason::NoSuchChannel,
            format!("None of the channels that this token is bound to is \"{text}\"; `channel.list` shows them."),
        )),
        many => Err(ApiError::new(
            Reason::NoSuchChannel,
            format!("\"{text}\" may be {many} of the channels that this token is bound to; give the whole id."),
        )),
    }
}
