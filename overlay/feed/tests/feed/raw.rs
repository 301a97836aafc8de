//! Frames put together by hand, as a peer without our code (or our manners) would.

use covey_feed::{
    Author, ChannelId, Digest, EntryId, FeedId, Head, Heads, PeerSync, Run, SyncEffect, SyncInput, sync::SharedChannel,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::common::{Writer, author, channel};

pub(crate) const DIGESTS: u8 = 0;
pub(crate) const HEADS: u8 = 1;
pub(crate) const WANT: u8 = 2;
pub(crate) const RUN: u8 = 3;
pub(crate) const HAVE: u8 = 4;
pub(crate) const NOTHING: u8 = 5;
pub(crate) const REFUSED: u8 = 6;
pub(crate) const SUMMARIES: u8 = 7;
pub(crate) const COMPARE: u8 = 8;
pub(crate) const ANNOUNCE: u8 = 9;
pub(crate) const GRAFT: u8 = 10;
pub(crate) const PRUNE: u8 = 11;

type Feed = (ChannelId, Author, u64);

pub(crate) fn frame<T: Serialize>(kind: u8, body: T) -> Vec<u8> {
    covey_codec::encode(&(1u8, kind, body)).unwrap()
}

fn name(feed: FeedId) -> Feed {
    (feed.channel, feed.author, feed.incarnation)
}

pub(crate) fn digests(digests: &[(ChannelId, Digest)]) -> Vec<u8> {
    frame(DIGESTS, digests)
}

pub(crate) fn heads(channel: ChannelId, heads: &[(FeedId, u64, EntryId)]) -> Vec<u8> {
    let heads: Vec<_> = heads.iter().map(|(feed, seq, id)| (feed.author, feed.incarnation, *seq, *id)).collect();
    frame(HEADS, (channel, heads))
}

pub(crate) fn head(feed: FeedId, seq: u64, id: EntryId) -> Vec<u8> {
    heads(feed.channel, &[(feed, seq, id)])
}

pub(crate) fn summary(channel: ChannelId, entries: u64, digest: &Digest) -> Vec<u8> {
    frame(SUMMARIES, [(channel, entries, digest)])
}

pub(crate) fn announce(channel: ChannelId, heads: &[(FeedId, u64, EntryId)]) -> Vec<u8> {
    let heads: Vec<_> = heads.iter().map(|(feed, seq, id)| (feed.author, feed.incarnation, *seq, *id)).collect();
    frame(ANNOUNCE, (channel, heads))
}

pub(crate) fn graft(channel: ChannelId) -> Vec<u8> {
    frame(GRAFT, channel)
}

pub(crate) fn prune(channel: ChannelId) -> Vec<u8> {
    frame(PRUNE, channel)
}

pub(crate) fn want(feed: FeedId, from: u64) -> Vec<u8> {
    frame(WANT, (name(feed), from))
}

pub(crate) fn run(feed: FeedId, run: &Run) -> Vec<u8> {
    frame(RUN, (name(feed), run))
}

pub(crate) fn have(feed: FeedId, seq: u64) -> Vec<u8> {
    frame(HAVE, (feed.channel, [(feed.author, feed.incarnation, seq)]))
}

pub(crate) fn nothing(feed: FeedId) -> Vec<u8> {
    frame(NOTHING, name(feed))
}

pub(crate) fn refused() -> Vec<u8> {
    frame(REFUSED, ())
}

/// Body of a frame of this type.
pub(crate) fn body<T: DeserializeOwned>(kind: u8, frame: &[u8]) -> Option<T> {
    let (v, found, body): (u8, u8, T) = covey_codec::decode(frame, usize::MAX).ok()?;
    (v == 1 && found == kind).then_some(body)
}

pub(crate) fn sent(effects: &[SyncEffect]) -> impl Iterator<Item = &[u8]> {
    effects.iter().filter_map(|effect| if let SyncEffect::Send(frame) = effect { Some(frame.as_slice()) } else { None })
}

/// The ranges asked for among these effects.
pub(crate) fn wants(effects: &[SyncEffect]) -> Vec<(FeedId, u64)> {
    let wants = sent(effects).filter_map(|frame| body::<(Feed, u64)>(WANT, frame));
    wants.map(|((channel, author, incarnation), from)| (FeedId { channel, author, incarnation }, from)).collect()
}

pub(crate) fn delivered(effects: &[SyncEffect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, SyncEffect::Deliver { .. })).count()
}

/// A machine of author 1, connected, sharing channel 1 with these feeds in it.
pub(crate) fn connected(feeds: &[&Writer], now: u64) -> PeerSync {
    let mut sync = PeerSync::new(author(1));
    reconnect(&mut sync, feeds, now);
    sync
}

pub(crate) fn reconnect(sync: &mut PeerSync, feeds: &[&Writer], now: u64) {
    let heads: Heads = feeds.iter().filter_map(|w| w.head().map(|head| (w.feed.key(), head))).collect();
    sync.handle(SyncInput::Connected { channels: vec![SharedChannel::new(channel(1), heads, 0)] }, now);
}

pub(crate) fn receive(sync: &mut PeerSync, frame: Vec<u8>, now: u64) -> Vec<SyncEffect> {
    sync.handle(SyncInput::Frame(frame), now)
}

pub(crate) fn applied(sync: &mut PeerSync, feed: FeedId, head: Head, now: u64) -> Vec<SyncEffect> {
    sync.handle(SyncInput::Applied { feed, head }, now)
}
