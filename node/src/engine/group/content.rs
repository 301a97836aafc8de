//! Whether what members wrote counts: who had the right to write it, up to where their feeds count, what is deleted for
//! everyone. Asked whenever something is opened, however late, and again when the roster changes.

use covey_feed::{Entry, EntryId};
use covey_pairing::group::roster;
use covey_pairing::ids::DeviceId;

use super::rosters::get;
use crate::engine::channels::Channel;
use crate::engine::messages::Message;
use crate::engine::{Cx, members};

/// Whether an entry is one of those that count in its feed.
pub(in crate::engine) fn counts(cx: &Cx<'_, '_>, channel: &Channel, entry: &Entry) -> bool {
    members::cut(cx, channel, &entry.header().feed.key()).is_none_or(|last| entry.seq() <= last)
}

/// Whether a message was deleted for everyone: itself, or what it was written again for.
pub(in crate::engine) fn is_deleted(cx: &Cx<'_, '_>, channel: &Channel, message: &Message) -> bool {
    let Some(group) = get(cx, channel.no) else { return false };
    let device = DeviceId::from_bytes(*message.place.author.as_bytes());
    let first = message.body.again.map(|id| EntryId::from_bytes(*id));
    let mut ids = first.into_iter().chain([message.id]);
    ids.any(|id| group.roster.is_deleted(&roster::EntryId::from_bytes(*id.as_bytes()), &device))
}
