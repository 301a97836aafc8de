//! Our own feeds: the next entry of each.

use covey_feed::{Entry, FeedKey, Kind, run};

use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds::{self, Feed};
use crate::engine::{Cx, EngineError};

/// The entry that comes next in our own feed of a channel: it binds what is sealed into it.
pub(in crate::engine) struct Next {
    pub(in crate::engine) feed: Feed,
    pub(in crate::engine) seq: u64,
    pub(in crate::engine) backlink: Option<[u8; 32]>,
}

/// Begins an entry of our own.
pub(in crate::engine) fn next(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<Next, EngineError> {
    let key = FeedKey { author: cx.me.author(), incarnation: channel.incarnation };
    let account = cx.me.account_id();
    let feed = feeds::load_or_new(cx.tx, channel.no, key, account)?;
    let (seq, backlink) = feed.head.map_or((1, None), |head| (head.seq + 1, Some(*head.id.as_bytes())));
    Ok(Next { feed, seq, backlink })
}

/// Signs the last entry that was appended to a feed of our own, with those before it. The entry.
pub(in crate::engine) fn sign(cx: &mut Cx<'_, '_>, channel: u64, key: FeedKey) -> Option<Entry> {
    let tail = cx.appended.tail(channel, key)?;
    tail.sign(&cx.me, cx.tx);
    tail.entries.last().map(|last| Entry::clone(last))
}

/// Ends it: builds and stores the entry with `payload`, and saves the channel. It is signed and pushed by
/// [`crate::engine::input::settle`].
pub(in crate::engine) fn finish(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    next: Next,
    kind: Kind,
    payload: Vec<u8>,
) -> Result<Entry, EngineError> {
    let mut feed = next.feed;
    let ends = channels::ends(cx.tx, channel)?;
    let own = feed.head.map(|head| head.id);
    let refs = ends.entries.into_iter().filter(|end| Some(*end) != own).collect();
    let lamport = ends.lamport;
    let id = feed.id(channel.id);
    let entry = run::next(id, feed.head.as_ref(), lamport, refs, kind, payload).map_err(EngineError::bug)?;
    if cx.appended.tail(channel.no, feed.key).is_some_and(|tail| !tail.has_room(entry.size())) {
        sign(cx, channel.no, feed.key);
    }
    feeds::append(cx.tx, &mut feed, &entry);
    cx.appended.add(channel.no, &feed, &entry);
    feeds::save(cx.tx, channel.no, &feed)?;
    channels::extend(cx.tx, channel, [&entry])?;
    channel.save(cx.tx)?;
    Ok(entry)
}
