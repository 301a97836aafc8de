//! Heads with a tree of digests over them: one feed that advances costs one leaf and the root.

use serde::{Deserialize, Serialize};

use crate::{
    ChannelId, Digest, FeedKey, Head, Heads,
    limits::{FEEDS_PER_BUCKET, MAX_BUCKETS},
};

/// The first half of the BLAKE3 of the heads in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Bucket(#[serde(with = "serde_bytes")] [u8; 16]);

/// Heads by the first byte of their author. (Authors are public keys, spread evenly; one who grinds keys makes others
/// exchange a larger bucket, within the limits of an answer, and pays with a member's device for each.)
#[derive(Debug, Clone)]
pub(crate) struct Buckets {
    channel: ChannelId,
    heads: Heads,
    entries: u64,
    /// `None` if it has to be computed anew.
    leaves: Vec<Option<Bucket>>,
    root: Option<Digest>,
    flat: Option<Digest>,
}

impl Buckets {
    pub(crate) fn new(channel: ChannelId, heads: Heads) -> Self {
        let entries = heads.iter().fold(0u64, |sum, (_, head)| sum.saturating_add(head.seq));
        Self { channel, heads, entries, leaves: vec![None; MAX_BUCKETS], root: None, flat: None }
    }

    pub(crate) fn heads(&self) -> &Heads {
        &self.heads
    }

    /// How many entries all feeds have together.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    pub(crate) fn advance(&mut self, feed: FeedKey, head: Head) -> bool {
        let longer = head.seq > self.heads.seq(&feed);
        if longer {
            self.set(feed, Some(head));
        }
        longer
    }

    pub(crate) fn set(&mut self, feed: FeedKey, head: Option<Head>) {
        let before = self.heads.replace(feed, head).map_or(0, |head| head.seq);
        self.entries = self.entries.saturating_sub(before).saturating_add(head.map_or(0, |head| head.seq));
        self.leaves[usize::from(feed.author.as_bytes()[0])] = None;
        (self.root, self.flat) = (None, None);
    }

    /// The digest of all heads as direct channels exchange it (FEED-12).
    pub(crate) fn flat(&mut self) -> Digest {
        *self.flat.get_or_insert_with(|| self.heads.digest(&self.channel))
    }

    /// The digest of all leaves (SYNC-12): equal exactly for equal heads.
    pub(crate) fn root(&mut self) -> Digest {
        if let Some(root) = self.root {
            return root;
        }
        let mut hasher = blake3::Hasher::new_derive_key("covey feed group digest v1");
        hasher.update(self.channel.as_bytes());
        for n in 0..=u8::MAX {
            hasher.update(&self.leaf(n).0);
        }
        *self.root.insert(Digest::new(*hasher.finalize().as_bytes()))
    }

    /// How many buckets these heads are worth comparing in: a power of two.
    pub(crate) fn width(&self) -> usize {
        (self.heads.len() / FEEDS_PER_BUCKET).next_power_of_two().min(MAX_BUCKETS)
    }

    /// Digests of `width` buckets, a power of two up to [`MAX_BUCKETS`].
    pub(crate) fn level(&mut self, width: usize) -> Vec<Bucket> {
        let leaves: Vec<Bucket> = (0..=u8::MAX).map(|n| self.leaf(n)).collect();
        let each = MAX_BUCKETS / width;
        if each == 1 {
            return leaves;
        }
        let join = |leaves: &[Bucket]| {
            let mut hasher = blake3::Hasher::new_derive_key("covey feed group bucket v1");
            for leaf in leaves {
                hasher.update(&leaf.0);
            }
            Bucket::of(&hasher)
        };
        leaves.chunks(each).map(join).collect()
    }

    fn leaf(&mut self, n: u8) -> Bucket {
        let place = usize::from(n);
        if let Some(leaf) = self.leaves[place] {
            return leaf;
        }
        let mut heads = self.heads.leaf(n).peekable();
        let mut leaf = Bucket([0; 16]);
        if heads.peek().is_some() {
            let mut hasher = blake3::Hasher::new_derive_key("covey feed group leaf v1");
            hasher.update(self.channel.as_bytes());
            for (feed, head) in heads {
                hasher.update(feed.author.as_bytes());
                hasher.update(&feed.incarnation.to_le_bytes());
                hasher.update(&head.seq.to_le_bytes());
                hasher.update(head.id.as_bytes());
            }
            leaf = Bucket::of(&hasher);
        }
        self.leaves[place] = Some(leaf);
        leaf
    }
}

impl Bucket {
    fn of(hasher: &blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Author, EntryId};

    #[test]
    fn one_feed_that_advances_costs_the_hashing_of_one_leaf() {
        let head = |seq| Head { seq, id: EntryId::from_bytes([1; 32]), lamport: seq };
        let feed =
            |n: u64| FeedKey { author: Author::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes()), incarnation: 0 };
        let heads: Heads = (0..10_000).map(|n| (feed(n), head(1))).collect();
        let mut buckets = Buckets::new(ChannelId::from_bytes([2; 32]), heads);
        let before = buckets.root();
        assert!(buckets.leaves.iter().all(Option::is_some));
        buckets.advance(feed(4_711), head(2));
        let stale: Vec<usize> = (0..MAX_BUCKETS).filter(|n| buckets.leaves[*n].is_none()).collect();
        assert_eq!(stale, [usize::from(feed(4_711).author.as_bytes()[0])]);
        assert_ne!(buckets.root(), before);
        buckets.advance(feed(4_711), head(1));
        assert!(buckets.root.is_some(), "what is no progress costs nothing");
    }
}
