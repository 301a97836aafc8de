//! Sender keys in signed entries beside Megolm, and beside one AEAD and one signature.

use std::{hint::black_box, time::Duration};

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use covey_feed::{
    Author, ChannelId, Entry, EntryId, FeedId, Head, Kind, RunIn,
    header::AuthorKey,
    run::{self, Builder, Known},
};
use covey_pairing::{
    crypto::{
        aead,
        hash::{KeyContext, blake3},
        kdf::{hmac, hmac_pair},
        secret::Secret,
        sign::{Context, SigningSecret},
    },
    group::cipher::{ReceiverChains, SenderChain, Speaker},
    ids::{DeviceId, GroupId},
};
use ed25519_dalek::{Signature, Signer, SigningKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use vodozemac::megolm::{GroupSession, InboundGroupSession, MegolmMessage, SessionConfig};

use crate::measure::{Bench, Contestant, timed};

const TEXT: &[u8] = &[b'x'; 100];
const BATCH: usize = 64;
/// What [`TEXT`] is padded to, and what it is bound to.
const PADDED: usize = 128;
const PLACE: usize = 118;
/// Messages of a round: fewer than a chain seals.
const MESSAGES: usize = 128;

/// A device that writes into its feed, and one that reads it.
struct Ours {
    key: SigningSecret,
    feed: FeedId,
    chain: SenderChain,
    reader: ReceiverChains,
    known: Reader,
    written: Option<Head>,
    read: Option<Head>,
}

/// What a reader has of a feed beside its head: the author's key, as Megolm's reader has.
struct Reader(AuthorKey);

impl Known for Reader {
    fn entry(&self, _: &FeedId, _: u64) -> Option<Entry> {
        None
    }

    fn lamport(&self, _: &EntryId) -> Option<u64> {
        None
    }

    fn key(&self, _: &Author) -> Option<AuthorKey> {
        Some(self.0.clone())
    }
}

impl Ours {
    fn new() -> Self {
        let key = SigningSecret::from_seed([7; 32]);
        let author = Author::from_bytes(*key.public().as_bytes());
        let feed = FeedId { channel: ChannelId::from_bytes([1; 32]), author, incarnation: 0 };
        let device = DeviceId::from_bytes(*author.as_bytes());
        let speaker = Speaker { group: GroupId::from_bytes([1; 32]), device };
        let chain = SenderChain::new(speaker, 0, 1, 1, &mut ChaCha20Rng::seed_from_u64(1));
        let mut reader = ReceiverChains::new(speaker);
        reader.learn(&chain.distribution()).expect("its own chain");
        let known = Reader(AuthorKey::new(&author).expect("a key"));
        Self { key, feed, chain, reader, known, written: None, read: None }
    }

    fn place(&self, seq: u64, backlink: Option<EntryId>) -> Vec<u8> {
        let backlink = backlink.map_or([0; 32], |id| *id.as_bytes());
        [self.feed.channel.as_bytes().as_slice(), self.feed.author.as_bytes(), &seq.to_be_bytes(), &backlink].concat()
    }

    /// Entries under one signature, as they travel.
    fn write(&mut self, count: usize) -> Vec<u8> {
        let mut builder = Builder::new(self.feed, self.written.as_ref(), 0, Vec::new()).expect("within limits");
        for _ in 0..count {
            let position = builder.position();
            let place = self.place(position.seq, position.backlink);
            let sealed = self.chain.seal(TEXT, &place).expect("room");
            builder.push(Kind::Content, sealed.payload).expect("within limits");
        }
        let batch = builder.finish(|header| self.key.sign(Context::FeedEntry, header)).expect("not empty");
        self.written = Some(batch.head);
        batch.run().encode()
    }

    fn read(&mut self, bytes: &[u8]) {
        let run = RunIn::decode(bytes).expect("a run");
        let verified = run::verify(&self.feed, self.read.as_ref(), run, &self.known).expect("verifies");
        self.read = verified.head();
        for entry in verified.entries() {
            let position = entry.header().position;
            let place = self.place(position.seq, position.backlink);
            let opened = self.reader.open(entry.payload().expect("carried"), &place).expect("opens");
            assert_eq!(opened.body, TEXT);
        }
    }
}

fn megolm() -> (GroupSession, InboundGroupSession) {
    let sender = GroupSession::new(SessionConfig::version_1());
    let receiver = InboundGroupSession::new(&sender.session_key(), SessionConfig::version_1());
    (sender, receiver)
}

/// One key for all: no chain, no header, no padding.
struct Raw {
    cipher: ChaCha20Poly1305,
    key: SigningKey,
}

impl Raw {
    fn new() -> Self {
        Self { cipher: ChaCha20Poly1305::new(&[3; 32].into()), key: SigningKey::from_bytes(&[7; 32]) }
    }

    fn seal(&self) -> Vec<u8> {
        self.cipher.encrypt(&[0; 12].into(), TEXT).expect("short")
    }

    fn sign(&self, ciphertext: &[u8]) -> Signature {
        self.key.sign(ciphertext)
    }

    fn open(&self, ciphertext: &[u8]) {
        assert_eq!(self.cipher.decrypt(&[0; 12].into(), ciphertext).expect("opens"), TEXT);
    }

    fn verify(&self, ciphertext: &[u8], signature: &Signature) {
        self.key.verifying_key().verify_strict(ciphertext, signature).expect("verifies");
    }
}

/// What the format demands of a sender, on bytes of the same length, with nothing around it.
struct Demanded {
    commitment: KeyContext,
    key: Secret<32>,
}

impl Demanded {
    /// Payload and header of an entry, and what a content key is bound to.
    const LENGTHS: [usize; 3] = [201, 145, 230];

    fn new() -> Self {
        Self { commitment: KeyContext::new("covey 2026 bench"), key: Secret::new([3; 32]) }
    }

    /// A step of the chain, content key, commitment, body, and the hashes of payload and header.
    fn seal(&self) {
        let bytes = black_box([0; 256]);
        let [payload, header, bound] = Self::LENGTHS.map(|length| &bytes[..length]);
        let [message, _] = black_box(hmac_pair(self.key.expose(), [&[1], &[2]]));
        let content = hmac(message.expose(), bound);
        black_box(self.commitment.derive(content.expose()));
        black_box(aead::seal(&content, &[0; 12], &bytes[..PLACE], &bytes[..PADDED]));
        black_box((blake3(payload), blake3(header)));
    }
}

pub fn run(bench: &Bench) {
    for (batch, names) in [
        (1, ["group encrypt, alone", "group decrypt, alone"]),
        (BATCH, ["group encrypt, batch of 64, each", "group decrypt, batch of 64, each"]),
    ] {
        encrypt(bench, names[0], batch);
        decrypt(bench, names[1], batch);
    }
}

fn encrypt(bench: &Bench, row: &str, batch: usize) {
    let (raw, demanded) = (Raw::new(), Demanded::new());
    bench.compare(
        row,
        vec![
            Contestant::new("covey", MESSAGES, || {
                let mut ours = Ours::new();
                timed(|| (0..MESSAGES / batch).for_each(|_| drop(ours.write(batch))))
            }),
            Contestant::new("Megolm", MESSAGES, || {
                let (mut sender, _) = megolm();
                timed(|| (0..MESSAGES).for_each(|_| drop(sender.encrypt(TEXT).to_bytes())))
            }),
            Contestant::new("raw", MESSAGES, || {
                timed(|| {
                    for _ in 0..MESSAGES / batch {
                        let ciphertexts: Vec<_> = (0..batch).map(|_| raw.seal()).collect();
                        black_box(raw.sign(&ciphertexts[batch - 1]));
                    }
                })
            }),
            Contestant::new("all it demands", MESSAGES, || {
                timed(|| {
                    for _ in 0..MESSAGES / batch {
                        (0..batch).for_each(|_| demanded.seal());
                        black_box(raw.sign(TEXT));
                    }
                })
            }),
        ],
    );
}

fn decrypt(bench: &Bench, row: &str, batch: usize) {
    let raw = Raw::new();
    let ciphertext = raw.seal();
    let signature = raw.sign(&ciphertext);
    bench.compare(
        row,
        vec![
            Contestant::new("covey", MESSAGES, || {
                let mut ours = Ours::new();
                let sent: Vec<_> = (0..MESSAGES / batch).map(|_| ours.write(batch)).collect();
                timed(|| sent.iter().for_each(|bytes| ours.read(bytes)))
            }),
            Contestant::new("Megolm", MESSAGES, megolm_decrypt),
            Contestant::new("raw", MESSAGES, || {
                timed(|| {
                    for _ in 0..MESSAGES / batch {
                        raw.verify(&ciphertext, &signature);
                        (0..batch).for_each(|_| raw.open(&ciphertext));
                    }
                })
            }),
        ],
    );
}

fn megolm_decrypt() -> Duration {
    let (mut sender, mut receiver) = megolm();
    let sent: Vec<_> = (0..MESSAGES).map(|_| sender.encrypt(TEXT).to_bytes()).collect();
    timed(|| {
        for bytes in &sent {
            let message = MegolmMessage::from_bytes(bytes).expect("a message");
            assert_eq!(receiver.decrypt(&message).expect("opens").plaintext, TEXT);
        }
    })
}
