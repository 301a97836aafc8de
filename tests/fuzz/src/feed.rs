//! Entries, runs and proofs of forks.

use covey_feed::{
    Author, ChannelId, Entry, FeedId, ForkProof, Head, Header, Kind, RunIn, Signature,
    header::SIGNATURE_CONTEXT,
    run::{self, Batch, Known},
};
use covey_pairing::crypto::sign::{Context, SigningSecret};
use serde_bytes::ByteBuf;

/// A device that signs what it likes.
pub fn key(n: u8) -> SigningSecret {
    SigningSecret::from_seed([n; 32])
}

/// A feed and its author.
#[derive(Clone)]
pub struct Writer {
    pub key: SigningSecret,
    pub feed: FeedId,
    pub entries: Vec<Entry>,
}

impl Writer {
    /// An empty feed of a channel.
    pub fn new(channel: u8, author: u8) -> Self {
        let (channel, key) = (ChannelId::from_bytes([channel; 32]), key(author));
        let author = Author::from_bytes(*key.public().as_bytes());
        Self { key, feed: FeedId { channel, author, incarnation: 0 }, entries: Vec::new() }
    }

    /// Writes one batch.
    pub fn write(&mut self, payloads: &[&str]) -> Batch {
        let items = payloads.iter().map(|p| (Kind::Content, p.as_bytes().to_vec())).collect();
        let sign = |header: &[u8]| self.key.sign(Context::FeedEntry, header);
        let batch = run::build(self.feed, self.head().as_ref(), 0, Vec::new(), items, sign).expect("within limits");
        self.entries.extend(batch.entries.clone());
        batch
    }

    /// Writes batches of these sizes.
    pub fn written(mut self, batches: &[usize]) -> Self {
        for size in batches {
            let payloads: Vec<String> = (0..*size).map(|n| format!("entry {n}")).collect();
            self.write(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
        }
        self
    }

    pub fn head(&self) -> Option<Head> {
        self.entries.last().map(Entry::head)
    }
}

impl Known for Writer {
    fn entry(&self, _: &FeedId, seq: u64) -> Option<Entry> {
        self.entries.get(usize::try_from(seq).ok()?.checked_sub(1)?).cloned()
    }

    fn lamport(&self, id: &covey_feed::EntryId) -> Option<u64> {
        self.entries.iter().find(|entry| entry.id() == *id).map(Entry::lamport)
    }
}

/// A header: what was decoded is the same after another round.
pub fn header(bytes: &[u8]) -> bool {
    let Ok(header) = Header::decode(bytes) else { return false };
    assert_eq!(Header::decode(&header.encode()).as_ref(), Ok(&header));
    let _ = header.matches(bytes);
    true
}

/// An entry from the store.
pub fn entry(bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::from_stored(bytes) else { return false };
    assert_eq!(Entry::from_stored(&entry.to_stored()).as_ref(), Ok(&entry));
    let _ = (entry.order(), entry.size(), entry.head());
    true
}

type RawRun = (u8, u64, Vec<ByteBuf>, Vec<Option<ByteBuf>>, Signature);

/// A run, as it is and signed by its author, against a feed of which we have more, less or nothing.
pub fn run(bytes: &[u8]) -> bool {
    let ours = Writer::new(1, 1).written(&[2, 3]);
    let mut runs: Vec<RunIn> = RunIn::decode(bytes).into_iter().collect();
    if let Ok((v, first, headers, payloads, _)) = covey_codec::decode::<RawRun>(bytes, bytes.len()) {
        let last = headers.last().map(|header| header.as_slice()).unwrap_or_default();
        let signature = Signature::from_bytes(ours.key.sign(Context::FeedEntry, last));
        let signed = covey_codec::encode(&(v, first, headers, payloads, signature)).expect("plain data");
        runs.extend(RunIn::decode(&signed));
    }
    let mut taken = false;
    for run in runs {
        let (first, last) = (run.first(), run.last());
        for have in [0, 2, 5] {
            let known = Writer { entries: ours.entries[..have].to_vec(), ..ours.clone() };
            match run::verify(&ours.feed, known.head().as_ref(), run.clone(), &known) {
                Ok(verified) => {
                    taken = true;
                    assert!(verified.entries().iter().all(|e| (first..=last).contains(&e.seq())));
                    let next = have as u64 + 1;
                    assert!(verified.entries().first().is_none_or(|e| e.seq() == next), "continues what we have");
                }
                Err(run::RunError::Fork(proof)) => {
                    assert!(proof.verify().is_ok(), "a fork that is told of is proven");
                    assert!(ForkProof::decode(&proof.encode()).is_ok_and(|same| same == *proof));
                }
                Err(refused) => drop((refused.fault(), refused.rejection())),
            }
        }
    }
    taken
}

/// A proof of a fork.
pub fn fork(bytes: &[u8]) -> bool {
    let Ok(proof) = ForkProof::decode(bytes) else { return false };
    assert!(ForkProof::decode(&proof.encode()).is_ok_and(|same| same == proof));
    assert_eq!(SIGNATURE_CONTEXT, Context::FeedEntry.prefix());
    proof.verify().is_ok()
}
