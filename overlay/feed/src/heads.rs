//! How far each feed of a channel goes: heads, their digest, and what one side lacks of the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Author, ChannelId, EntryId, FeedKey};

/// The newest entry of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// Its position, which is also the number of entries.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
    /// Its logical time.
    pub lamport: u64,
}

/// BLAKE3 over all heads of a channel: equal digests mean equal heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(#[serde(with = "serde_bytes")] [u8; 32]);

impl Digest {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Entries `from..=to` of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// The feed, within the channel compared.
    pub feed: FeedKey,
    /// First position, 1 and above.
    pub from: u64,
    /// Last position.
    pub to: u64,
}

/// The heads of all feeds of one channel that a node has. Feeds without entries are not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Heads(BTreeMap<FeedKey, Head>);

impl Heads {
    /// No feeds.
    pub fn new() -> Self {
        Self::default()
    }

    /// The head of a feed.
    pub fn get(&self, feed: &FeedKey) -> Option<&Head> {
        self.0.get(feed)
    }

    /// Number of entries of a feed, 0 if it is unknown.
    pub fn seq(&self, feed: &FeedKey) -> u64 {
        self.0.get(feed).map_or(0, |head| head.seq)
    }

    /// Takes a longer head of a feed; a head that is not longer changes nothing. Whether it was taken.
    pub fn advance(&mut self, feed: FeedKey, head: Head) -> bool {
        let longer = head.seq > self.seq(&feed);
        if longer {
            self.0.insert(feed, head);
        }
        longer
    }

    /// The heads of feeds whose author begins with this byte, by feed.
    pub(crate) fn leaf(&self, first: u8) -> impl Iterator<Item = (&FeedKey, &Head)> {
        let [mut from, mut to] = [[0; 32], [255; 32]];
        (from[0], to[0]) = (first, first);
        let key = |author, incarnation| FeedKey { author: Author::from_bytes(author), incarnation };
        self.0.range(key(from, 0)..=key(to, u64::MAX))
    }

    /// The heads of the feeds of one author.
    pub(crate) fn of_author(&self, author: Author) -> impl Iterator<Item = (&FeedKey, &Head)> {
        self.0.range(FeedKey { author, incarnation: 0 }..=FeedKey { author, incarnation: u64::MAX })
    }

    /// Replaces a head, or removes it; the one before.
    pub(crate) fn replace(&mut self, feed: FeedKey, head: Option<Head>) -> Option<Head> {
        match head {
            Some(head) => self.0.insert(feed, head),
            None => self.0.remove(&feed),
        }
    }

    /// All heads, by feed.
    pub fn iter(&self) -> impl Iterator<Item = (&FeedKey, &Head)> {
        self.0.iter()
    }

    /// Number of feeds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no feeds.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The highest logical time of any head: what the next entry must exceed.
    pub fn lamport(&self) -> u64 {
        self.0.values().map(|head| head.lamport).max().unwrap_or(0)
    }

    /// The first level of comparison: one hash for all heads of `channel` (FEED-12).
    pub fn digest(&self, channel: &ChannelId) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("covey feed heads digest v1");
        hasher.update(channel.as_bytes());
        for (feed, head) in &self.0 {
            hasher.update(feed.author.as_bytes());
            hasher.update(&feed.incarnation.to_le_bytes());
            hasher.update(&head.seq.to_le_bytes());
            hasher.update(head.id.as_bytes());
        }
        Digest(*hasher.finalize().as_bytes())
    }
}

impl FromIterator<(FeedKey, Head)> for Heads {
    fn from_iter<I: IntoIterator<Item = (FeedKey, Head)>>(heads: I) -> Self {
        Self(heads.into_iter().collect())
    }
}

/// What `ours` lacks of `theirs`, by feed (FEED-13).
///
/// Two different entries at the same head are a fork: that one position is asked for, so that it can be proven.
pub fn missing(ours: &Heads, theirs: &Heads) -> Vec<Range> {
    theirs.iter().filter_map(|(feed, head)| lacking(ours, *feed, head.seq, &head.id)).collect()
}

/// What `ours` lacks of a feed whose head is said to be `(seq, id)`.
fn lacking(ours: &Heads, feed: FeedKey, seq: u64, id: &EntryId) -> Option<Range> {
    let have = ours.seq(&feed);
    if seq > have {
        return Some(Range { feed, from: have + 1, to: seq });
    }
    let forked = seq == have && ours.get(&feed).is_some_and(|head| head.id != *id);
    forked.then_some(Range { feed, from: seq, to: seq })
}
