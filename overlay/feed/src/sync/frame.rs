//! Frames of `/covey/sync/1`: CBOR `[version, type, body]`, at most [`MAX_FRAME`] bytes.
//!
//! Elements after the body and frames of unknown type are ignored; another version is refused.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
};

use super::Violation;
use crate::{
    Author, ChannelId, Digest, EntryId, FeedId, FeedKey, Run, RunIn,
    limits::{MAX_BUCKETS, MAX_COUNTER, MAX_DIGESTS_PER_FRAME, MAX_FRAME, MAX_HAVES_PER_FRAME, MAX_HEADS_PER_FRAME},
    spread::Bucket,
    wire::Bounded,
};

/// The frame version this crate writes and reads.
const VERSION: u8 = 1;

const DIGESTS: u8 = 0;
const HEADS: u8 = 1;
const WANT: u8 = 2;
const RUN: u8 = 3;
const HAVE: u8 = 4;
const NOTHING: u8 = 5;
const REFUSED: u8 = 6;
const SUMMARIES: u8 = 7;
const COMPARE: u8 = 8;
const ANNOUNCE: u8 = 9;
const GRAFT: u8 = 10;
const PRUNE: u8 = 11;

/// A feed's head as claimed by a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadClaim {
    pub(crate) feed: FeedKey,
    pub(crate) seq: u64,
    pub(crate) id: EntryId,
}

/// Where a node is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) channel: ChannelId,
    /// Of all feeds together: says which of two is likely to be behind.
    pub(crate) entries: u64,
    pub(crate) digest: Digest,
}

/// A frame from the peer, decoded and within limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Digests of the heads of channels the sender believes shared.
    Digests(Vec<(ChannelId, Digest)>),
    /// Heads of some or all feeds of a channel.
    Heads(ChannelId, Vec<HeadClaim>),
    /// Asks for a run of a feed from a position on.
    Want(FeedId, u64),
    /// Entries, asked for or pushed.
    Run(FeedId, RunIn),
    /// Acknowledges feeds of a channel up to a position.
    Have(ChannelId, Vec<(FeedKey, u64)>),
    /// There is nothing to serve for what was asked of this feed.
    Nothing(FeedId),
    /// Where the sender is in groups it believes shared.
    Summaries(Vec<Summary>),
    /// Digests of the sender's heads in 1, 2, 4 … 256 buckets: asks for the heads in those that differ.
    Compare(ChannelId, Vec<Bucket>),
    /// Some heads that the sender lately got.
    Announce(ChannelId, Vec<HeadClaim>),
    /// From now on the sender wants new entries of the group at once.
    Graft(ChannelId),
    /// From now on word of them is enough.
    Prune(ChannelId),
    /// The one refusal, whatever the reason.
    Refused,
    /// A type of a later version.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct WireFeed(ChannelId, Author, u64);

#[derive(Serialize, Deserialize)]
struct WireHead(Author, u64, u64, EntryId);

#[derive(Serialize, Deserialize)]
struct WireSummary(ChannelId, u64, Digest);

#[derive(Serialize, Deserialize)]
struct WireHave(Author, u64, u64);

impl Frame {
    /// Decodes a frame (SYNC-1).
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Violation> {
        if bytes.len() > MAX_FRAME {
            return Err(Violation::Oversized);
        }
        let decoded: Versioned = covey_codec::decode(bytes, MAX_FRAME).map_err(|_| Violation::Malformed)?;
        let Versioned::Known(frame) = decoded else { return Err(Violation::UnknownVersion) };
        frame.check()?;
        Ok(frame)
    }

    /// Counters are within their limits.
    fn check(&self) -> Result<(), Violation> {
        let seq = |seq: u64| (1..=MAX_COUNTER).contains(&seq);
        let key = |key: &FeedKey| key.incarnation <= MAX_COUNTER;
        let holds = match self {
            Self::Heads(_, heads) | Self::Announce(_, heads) => {
                heads.iter().all(|head| seq(head.seq) && key(&head.feed))
            }
            Self::Have(_, haves) => haves.iter().all(|(feed, have)| seq(*have) && key(feed)),
            Self::Want(feed, from) => seq(*from) && key(&feed.key()),
            Self::Run(feed, run) => {
                if !run.version_is_known() {
                    return Err(Violation::UnknownVersion);
                }
                run.len() > 0 && seq(run.first()) && seq(run.last()) && key(&feed.key())
            }
            Self::Nothing(feed) => key(&feed.key()),
            Self::Compare(_, buckets) => buckets.len().is_power_of_two(),
            Self::Digests(_) | Self::Summaries(_) | Self::Graft(_) | Self::Prune(_) | Self::Refused | Self::Unknown => {
                true
            }
        };
        if holds { Ok(()) } else { Err(Violation::Malformed) }
    }
}

/// Whether a frame says how much of our feeds the sender has, and nothing else. (One that is encoded in an unusual way is not
/// recognised.)
pub fn acknowledges(frame: &[u8]) -> bool {
    // An array of three: version, type, body.
    frame.starts_with(&[0x83, VERSION, HAVE])
}

/// Frames with the digests of these channels.
pub(crate) fn digests(digests: &[(ChannelId, Digest)]) -> impl Iterator<Item = Vec<u8>> {
    digests.chunks(MAX_DIGESTS_PER_FRAME).map(|chunk| encode(DIGESTS, &chunk))
}

/// Frames with these heads of a channel.
/// At least one frame: to have nothing is something to be told.
pub(crate) fn heads(channel: ChannelId, heads: impl Iterator<Item = HeadClaim>) -> Vec<Vec<u8>> {
    let wire: Vec<WireHead> = heads.map(WireHead::from).collect();
    if wire.is_empty() {
        return vec![encode(HEADS, &(channel, wire))];
    }
    wire.chunks(MAX_HEADS_PER_FRAME).map(|chunk| encode(HEADS, &(channel, chunk))).collect()
}

pub(crate) fn want(feed: &FeedId, from: u64) -> Vec<u8> {
    encode(WANT, &(WireFeed::from(feed), from))
}

pub(crate) fn run(feed: &FeedId, run: &Run) -> Vec<u8> {
    encode(RUN, &(WireFeed::from(feed), run))
}

pub(crate) fn have(feed: &FeedId, seq: u64) -> Vec<u8> {
    encode(HAVE, &(feed.channel, [WireHave(feed.author, feed.incarnation, seq)]))
}

/// Acknowledgements of several feeds of a channel.
pub(crate) fn haves(channel: ChannelId, haves: &[(FeedKey, u64)]) -> Vec<Vec<u8>> {
    let wire: Vec<WireHave> = haves.iter().map(|(feed, seq)| WireHave(feed.author, feed.incarnation, *seq)).collect();
    wire.chunks(MAX_HAVES_PER_FRAME).map(|chunk| encode(HAVE, &(channel, chunk))).collect()
}

/// Frames with where we are in these groups.
pub(crate) fn summaries(summaries: &[Summary]) -> impl Iterator<Item = Vec<u8>> {
    summaries.chunks(MAX_DIGESTS_PER_FRAME).map(|chunk| {
        let wire: Vec<WireSummary> = chunk.iter().map(|s| WireSummary(s.channel, s.entries, s.digest)).collect();
        encode(SUMMARIES, &wire)
    })
}

pub(crate) fn compare(channel: ChannelId, buckets: &[Bucket]) -> Vec<u8> {
    encode(COMPARE, &(channel, buckets))
}

/// The one frame that answers a comparison, also if there is nothing to say.
pub(crate) fn answer(channel: ChannelId, heads: Vec<HeadClaim>) -> Vec<u8> {
    let wire: Vec<WireHead> = heads.into_iter().take(MAX_HEADS_PER_FRAME).map(WireHead::from).collect();
    encode(HEADS, &(channel, wire))
}

pub(crate) fn announce(channel: ChannelId, heads: Vec<HeadClaim>) -> Vec<Vec<u8>> {
    let wire: Vec<WireHead> = heads.into_iter().map(WireHead::from).collect();
    wire.chunks(MAX_HEADS_PER_FRAME).map(|chunk| encode(ANNOUNCE, &(channel, chunk))).collect()
}

pub(crate) fn graft(channel: &ChannelId) -> Vec<u8> {
    encode(GRAFT, channel)
}

pub(crate) fn prune(channel: &ChannelId) -> Vec<u8> {
    encode(PRUNE, channel)
}

pub(crate) fn nothing(feed: &FeedId) -> Vec<u8> {
    encode(NOTHING, &WireFeed::from(feed))
}

pub(crate) fn refused() -> Vec<u8> {
    encode(REFUSED, &())
}

fn encode<T: Serialize>(kind: u8, body: &T) -> Vec<u8> {
    covey_codec::encode(&(VERSION, kind, body)).expect("plain data encodes")
}

enum Versioned {
    Known(Frame),
    Other,
}

impl<'de> Deserialize<'de> for Versioned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FrameVisitor)
    }
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Versioned;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[version, type, body]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Versioned, A::Error> {
        let version: u8 = element(&mut seq)?;
        let decoded = if version == VERSION { Versioned::Known(body(&mut seq)?) } else { Versioned::Other };
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(decoded)
    }
}

fn body<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<Frame, A::Error> {
    Ok(match element::<u8, A>(seq)? {
        DIGESTS => Frame::Digests(element::<Bounded<_, MAX_DIGESTS_PER_FRAME>, A>(seq)?.0),
        HEADS => {
            let (channel, heads): (_, Bounded<WireHead, MAX_HEADS_PER_FRAME>) = element(seq)?;
            Frame::Heads(channel, heads.0.into_iter().map(HeadClaim::from).collect())
        }
        WANT => {
            let (feed, from): (WireFeed, _) = element(seq)?;
            Frame::Want(feed.into(), from)
        }
        RUN => {
            let (feed, run): (WireFeed, _) = element(seq)?;
            Frame::Run(feed.into(), run)
        }
        HAVE => {
            let (channel, haves): (_, Bounded<WireHave, MAX_HAVES_PER_FRAME>) = element(seq)?;
            let haves = haves.0.into_iter();
            let haves = haves.map(|WireHave(author, incarnation, seq)| (FeedKey { author, incarnation }, seq));
            Frame::Have(channel, haves.collect())
        }
        NOTHING => Frame::Nothing(element::<WireFeed, A>(seq)?.into()),
        REFUSED => Frame::Refused,
        SUMMARIES => {
            let summaries: Bounded<WireSummary, MAX_DIGESTS_PER_FRAME> = element(seq)?;
            let summaries = summaries.0.into_iter();
            let summary = |WireSummary(channel, entries, digest)| Summary { channel, entries, digest };
            Frame::Summaries(summaries.map(summary).collect())
        }
        COMPARE => {
            let (channel, buckets): (_, Bounded<Bucket, MAX_BUCKETS>) = element(seq)?;
            Frame::Compare(channel, buckets.0)
        }
        ANNOUNCE => {
            let (channel, heads): (_, Bounded<WireHead, MAX_HEADS_PER_FRAME>) = element(seq)?;
            Frame::Announce(channel, heads.0.into_iter().map(HeadClaim::from).collect())
        }
        GRAFT => Frame::Graft(element(seq)?),
        PRUNE => Frame::Prune(element(seq)?),
        _ => Frame::Unknown,
    })
}

fn element<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| A::Error::custom("frame too short"))
}

impl From<&FeedId> for WireFeed {
    fn from(feed: &FeedId) -> Self {
        Self(feed.channel, feed.author, feed.incarnation)
    }
}

impl From<WireFeed> for FeedId {
    fn from(WireFeed(channel, author, incarnation): WireFeed) -> Self {
        Self { channel, author, incarnation }
    }
}

impl From<HeadClaim> for WireHead {
    fn from(head: HeadClaim) -> Self {
        Self(head.feed.author, head.feed.incarnation, head.seq, head.id)
    }
}

impl From<WireHead> for HeadClaim {
    fn from(WireHead(author, incarnation, seq, id): WireHead) -> Self {
        Self { feed: FeedKey { author, incarnation }, seq, id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_how_much_somebody_has_is_taken_for_an_acknowledgement() {
        let (channel, author) = (ChannelId::from_bytes([1; 32]), Author::from_bytes([2; 32]));
        let feed = FeedId::new(channel, FeedKey { author, incarnation: 0 });
        assert!(acknowledges(&have(&feed, 3)));
        assert!(haves(channel, &[(feed.key(), 1), (feed.key(), 2)]).iter().all(|frame| acknowledges(frame)));
        for other in [want(&feed, 1), nothing(&feed), graft(&channel), compare(channel, &[]), Vec::new()] {
            assert!(!acknowledges(&other), "{other:?}");
        }
    }
}
