//! A writer of feeds, honest or not.

use covey_feed::{
    Author, ChannelId, Entry, EntryId, FeedId, Head, Header, Kind, RunIn, Signature,
    header::{Position, SIGNATURE_CONTEXT, payload_hash},
    run::{Batch, Known, build},
};
use ed25519_dalek::{Signer, SigningKey};

pub(crate) fn channel(n: u8) -> ChannelId {
    ChannelId::from_bytes([n; 32])
}

pub(crate) fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn author(n: u8) -> Author {
    Author::from_bytes(key(n).verifying_key().to_bytes())
}

pub(crate) fn feed(channel_number: u8, author_number: u8) -> FeedId {
    FeedId { channel: channel(channel_number), author: author(author_number), incarnation: 0 }
}

pub(crate) fn sign(key: &SigningKey, header: &[u8]) -> [u8; 64] {
    key.sign(&[SIGNATURE_CONTEXT, header].concat()).to_bytes()
}

/// A feed with its key. Cloning it and writing on both sides is how a fork comes about.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) key: SigningKey,
    pub(crate) feed: FeedId,
    pub(crate) entries: Vec<Entry>,
}

impl Writer {
    pub(crate) fn new(channel_number: u8, author_number: u8) -> Self {
        Self { key: key(author_number), feed: feed(channel_number, author_number), entries: Vec::new() }
    }

    pub(crate) fn head(&self) -> Option<Head> {
        self.entries.last().map(Entry::head)
    }

    /// Writes one batch.
    pub(crate) fn write(&mut self, payloads: &[&str]) -> Batch {
        let items = payloads.iter().map(|p| (Kind::Content, p.as_bytes().to_vec())).collect();
        let batch = build(self.feed, self.head().as_ref(), 0, Vec::new(), items, |h| sign(&self.key, h)).unwrap();
        self.entries.extend(batch.entries.clone());
        batch
    }

    /// Writes batches of these sizes.
    pub(crate) fn written(mut self, batches: &[usize]) -> Self {
        for (n, size) in batches.iter().enumerate() {
            let payloads: Vec<String> = (0..*size).map(|i| format!("batch {n} entry {i}")).collect();
            self.write(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
        }
        self
    }

    /// Entries `from..=to` as they would come from a peer, signed at the end whether or not the author did there.
    pub(crate) fn run_in(&self, from: usize, to: usize) -> RunIn {
        let entries = &self.entries[from - 1..to];
        let last = entries.last().unwrap();
        let signature = sign(&self.key, last.header_bytes());
        raw_run(from as u64, entries, signature)
    }
}

impl Known for Writer {
    fn entry(&self, feed: &FeedId, seq: u64) -> Option<Entry> {
        assert_eq!(*feed, self.feed);
        self.entries.get(usize::try_from(seq).unwrap().checked_sub(1)?).cloned()
    }

    fn lamport(&self, id: &EntryId) -> Option<u64> {
        self.entries.iter().find(|entry| entry.id() == *id).map(Entry::lamport)
    }
}

type RawRun<'a> = (u8, u64, Vec<&'a serde_bytes::Bytes>, Vec<Option<&'a serde_bytes::Bytes>>, Signature);

/// A run put together without any care.
pub(crate) fn raw_run(first: u64, entries: &[Entry], signature: [u8; 64]) -> RunIn {
    let headers = entries.iter().map(|e| serde_bytes::Bytes::new(e.header_bytes())).collect();
    let payloads = entries.iter().map(|e| e.payload().map(serde_bytes::Bytes::new)).collect();
    let raw: RawRun<'_> = (1, first, headers, payloads, Signature::from_bytes(signature));
    RunIn::decode(&covey_codec::encode(&raw).unwrap()).unwrap()
}

/// A run of headers only, put together without any care.
pub(crate) fn header_run(first: u64, headers: &[Vec<u8>], signature: [u8; 64]) -> RunIn {
    let payloads = headers.iter().map(|_| None).collect();
    let headers = headers.iter().map(|h| serde_bytes::Bytes::new(h)).collect();
    let raw: RawRun<'_> = (1, first, headers, payloads, Signature::from_bytes(signature));
    RunIn::decode(&covey_codec::encode(&raw).unwrap()).unwrap()
}

pub(crate) fn header(feed: FeedId, seq: u64, backlink: Option<EntryId>, lamport: u64) -> Header {
    Header {
        feed,
        position: Position { seq, backlink },
        lamport,
        refs: Vec::new(),
        kind: Kind::Content,
        payload_len: 0,
        payload_hash: payload_hash(b""),
    }
}

pub(crate) fn id(n: u8) -> EntryId {
    EntryId::from_bytes([n; 32])
}
