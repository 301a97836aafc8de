//! Somebody copies everything one device has stored and breaks every X25519 key from then on, as a quantum computer would.
//! After two completed steps they open nothing. `pairing/SPEC.md`, section Sessions, *Healing*.

mod session_support;

use std::collections::HashMap;

use covey_pairing::crypto::{
    aead,
    dh::{DhPublic, DhSecret},
    hash, kdf,
    kem::KemSecret,
    secret::Secret,
};
use rand_core::Rng;
use serde::{Deserialize, de::IgnoredAny};
use serde_bytes::{ByteArray, ByteBuf};
use session_support::{AAD, End, encode, friends};

type Bytes32 = ByteArray<32>;
type KeyId = ByteArray<8>;

/// What an attacker reads in a stolen `DeviceSessions`.
#[derive(Deserialize)]
struct Stolen {
    a: StolenSession,
}
#[derive(Deserialize)]
struct StolenSession {
    t: Bytes32,
    r: StolenRatchet,
}
#[derive(Deserialize)]
struct StolenRatchet {
    r: Bytes32,
    d: (Bytes32, Bytes32),
    s: Option<(Bytes32, u64)>,
    c: Vec<StolenChain>,
    q: StolenSteps,
}
#[derive(Deserialize)]
struct StolenSteps {
    #[serde(default)]
    o: Vec<StolenOffer>,
    #[serde(default)]
    r: Option<StolenSecret>,
    #[serde(default)]
    t: Vec<StolenTheirs>,
}
#[derive(Deserialize)]
struct StolenOffer {
    i: KeyId,
    k: Option<KemSecret>,
}
#[derive(Deserialize)]
struct StolenSecret {
    i: KeyId,
    b: (Bytes32, Bytes32),
    x: Secret<32>,
}
#[derive(Deserialize)]
enum StolenTheirs {
    #[serde(rename = "o")]
    Offered(IgnoredAny),
    #[serde(rename = "a")]
    Answered(StolenSecret, IgnoredAny),
}

#[derive(Deserialize)]
struct StolenChain {
    k: Bytes32,
    p: Option<(Bytes32, u64)>,
}

#[derive(Deserialize)]
struct Envelope(IgnoredAny, ByteBuf, ByteBuf);
#[derive(Deserialize)]
struct Header(IgnoredAny, IgnoredAny, IgnoredAny, Bytes32, IgnoredAny, u64, ByteBuf, IgnoredAny);

#[derive(Deserialize, Default)]
struct Steps {
    e: u64,
    #[serde(default)]
    s: Option<KeyId>,
    #[serde(default)]
    a: Option<(KeyId, ByteBuf)>,
}

fn steps(header: &Header) -> Steps {
    if header.6.is_empty() { Steps::default() } else { decode(&header.6) }
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> T {
    covey_codec::decode(bytes, 1 << 22).expect("our own bytes decode")
}

/// Follows the conversation with what was stolen. Sees every envelope, the lost ones too, in the order they were sent.
struct Attacker {
    transcript: [u8; 32],
    root: [u8; 32],
    /// The newest ratchet key of each side: the victim, the other.
    newest: [[u8; 32]; 2],
    chains: HashMap<[u8; 32], (Secret<32>, u64)>,
    /// X25519 is broken: the secret of every public key that was seen.
    broken: HashMap<[u8; 32], [u8; 32]>,
    /// ML-KEM is not: only what was stored.
    kem: HashMap<[u8; 8], KemSecret>,
    /// Secrets of steps, with the hashes of key and ciphertext.
    secrets: HashMap<[u8; 8], (Secret<32>, [u8; 64])>,
}

impl Attacker {
    fn steal(victim: &End, other: &End) -> Self {
        let Stolen { a: StolenSession { t, r } } = decode(&encode(&victim.sessions));
        let theirs = *r.c.last().expect("they talked before").k;
        let mut chains = HashMap::new();
        for chain in &r.c {
            chains.extend(chain.p.as_ref().map(|(key, n)| (*chain.k, (Secret::new(**key), *n))));
        }
        chains.extend(r.s.as_ref().map(|(key, n)| (*r.d.1, (Secret::new(**key), *n))));
        let Stolen { a: StolenSession { r: public, .. } } = decode(&encode(&other.sessions));
        let broken = HashMap::from([(*r.d.1, *r.d.0), (*public.d.1, *public.d.0)]);
        let kem = r.q.o.into_iter().filter_map(|offer| Some((*offer.i, offer.k?))).collect();
        let answered = r.q.t.into_iter().filter_map(|theirs| match theirs {
            StolenTheirs::Answered(secret, _) => Some(secret),
            StolenTheirs::Offered(_) => None,
        });
        let bound = |b: (Bytes32, Bytes32)| [*b.0, *b.1].concat().try_into().expect("64 bytes");
        let secrets = answered.chain(r.q.r).map(|secret| (*secret.i, (secret.x, bound(secret.b)))).collect();
        Self { transcript: *t, root: *r.r, newest: [*r.d.1, theirs], chains, broken, kem, secrets }
    }

    /// What the header says about steps, as far as the stolen keys go.
    fn note(&mut self, steps: &Steps) {
        let Some((id, ciphertext)) = &steps.a else { return };
        if let Some(key) = self.kem.get(&**id) {
            let bound = [hash::blake3(key.public().as_bytes()), hash::blake3(ciphertext)].concat();
            let secret = key.decapsulate(ciphertext).expect("a ciphertext");
            self.secrets.insert(**id, (secret, bound.try_into().expect("64 bytes")));
        }
    }

    fn step(&self, shared: &Secret<32>, steps: &Steps) -> Secret<64> {
        let known = steps.s.as_ref().and_then(|id| self.secrets.get(&**id));
        let Some((secret, bound)) = known else {
            return kdf::hkdf(&self.root, shared.expose(), b"covey ratchet root v1");
        };
        let both = [*shared.expose(), *secret.expose()].concat();
        let info = [b"covey ratchet root with kem v1", steps.e.to_be_bytes().as_slice(), bound].concat();
        kdf::hkdf(&self.root, &both, &info)
    }

    /// Whether the chain of an envelope is nothing new.
    fn knows(&self, envelope: &[u8]) -> bool {
        let Envelope(_, header, _) = decode(envelope);
        let header: Header = decode(&header);
        self.chains.contains_key(&*header.3)
    }

    /// The text, if the attacker can read it.
    fn read(&mut self, from: usize, envelope: &[u8]) -> Option<Vec<u8>> {
        let Envelope(_, header_bytes, ciphertext) = decode(envelope);
        let header: Header = decode(&header_bytes);
        let steps = steps(&header);
        self.note(&steps);
        let Header(_, _, _, ratchet, _, number, ..) = header;
        if !self.chains.contains_key(&*ratchet) {
            // Of a pair of public keys one broken secret is enough.
            let other = self.newest[1 - from];
            self.newest[from] = *ratchet;
            let secret = DhSecret::from_bytes(*self.broken.get(&*ratchet)?);
            let theirs = DhPublic::from_bytes(other).expect("a key");
            let shared = secret.agree(&theirs).expect("a good key");
            let okm = self.step(&shared, &steps);
            let (root, chain) = okm.expose().split_at(32);
            self.root = root.try_into().expect("32 bytes");
            self.chains.insert(*ratchet, (Secret::new(chain.try_into().expect("32 bytes")), 0));
        }
        let (chain, next) = self.chains.get_mut(&*ratchet).expect("there is one now");
        while *next < number {
            *chain = kdf::hmac(chain.expose(), &[2]);
            *next += 1;
        }
        let key = kdf::hmac(chain.expose(), &[1]);
        let len = u32::try_from(header_bytes.len()).expect("short").to_be_bytes();
        let aad = [self.transcript.as_slice(), &len, &header_bytes, AAD].concat();
        aead::open(&key, &[0; 12], &aad, &ciphertext).ok()
    }
}

/// The number of the sender's post-quantum epoch, as everybody can read it on the wire.
fn epoch(envelope: &[u8]) -> u64 {
    let Envelope(_, header, _) = decode(envelope);
    steps(&decode(&header)).e
}

/// Seals, and tells the attacker the secret of a new ratchet key: it is the first thing drawn for it.
fn seal(end: &mut End, attacker: &mut Attacker, text: &[u8]) -> Vec<u8> {
    let mut drawn = [0; 32];
    end.rng.clone().fill_bytes(&mut drawn);
    let envelope = end.seal(text);
    if attacker.knows(&envelope) {
        return envelope;
    }
    attacker.broken.insert(*DhSecret::from_bytes(drawn).public().as_bytes(), drawn);
    envelope
}

/// What the attacker read, and of how much: before the first step after the theft, between the first and the second, after it.
type Seen = [(usize, usize); 3];

/// They talk on in bursts; a fifth of what is said is lost, the rest comes in any order within a burst.
fn conversation(victim: usize, seed: u64) -> Seen {
    let (alice, bob) = friends(seed);
    let mut ends = [alice, bob];
    let mut chance = ends[0].rng.clone();
    chance.set_stream(7);
    // In the middle of a conversation; of some, while a step is under way.
    let mut from = 0;
    for _ in 0..chance.next_u32() % 70 {
        let text = ends[from].seal(b"before");
        if chance.next_u32() % 5 != 0 {
            ends[1 - from].open(&text).expect("opens");
            from = 1 - from;
        }
    }
    let mut attacker = Attacker::steal(&ends[victim], &ends[1 - victim]);
    let stolen = ends[victim].sessions.epoch();
    let mut seen = Seen::default();
    let mut said = 0;
    while seen[2].1 < 30 && said < 400 {
        let burst = 1 + chance.next_u32() % 16;
        let mut sent = Vec::new();
        for _ in 0..burst {
            let text = format!("secret {said}").into_bytes();
            let envelope = seal(&mut ends[from], &mut attacker, &text);
            let steps = usize::try_from(epoch(&envelope) - stolen).expect("few").min(2);
            let read = attacker.read(usize::from(from != victim), &envelope);
            assert!(read.is_none() || read.as_ref() == Some(&text));
            seen[steps].0 += usize::from(read.is_some());
            seen[steps].1 += 1;
            said += 1;
            sent.push((text, envelope));
        }
        while !sent.is_empty() {
            let (text, envelope) = sent.swap_remove(chance.next_u32() as usize % sent.len());
            // The last one of a burst arrives, so that the other side has something to answer.
            if sent.is_empty() || chance.next_u32() % 5 != 0 {
                assert_eq!(ends[1 - from].open(&envelope).as_ref(), Ok(&text), "seed {seed}");
            }
        }
        from = 1 - from;
    }
    seen
}

fn nothing_is_read_after_two_steps(victim: usize) {
    let mut survived = 0;
    for seed in 0..1_000 {
        let seen @ [before, between, after] = conversation(victim, seed);
        assert_eq!(before.0, before.1, "seed {seed}: the attacker is no good: {seen:?}");
        assert_eq!(after.0, 0, "seed {seed}: {seen:?}");
        assert!(after.1 >= 30, "seed {seed}: they healed too late, or never: {seen:?}");
        survived += usize::from(between.0 > 0);
    }
    assert!(survived > 0, "no state was stolen while a step was under way");
}

/// [SESS-23]
#[test]
fn who_copied_the_initiators_state_and_breaks_x25519_reads_nothing_after_two_steps() {
    nothing_is_read_after_two_steps(0);
}

/// [SESS-23]
#[test]
fn who_copied_the_responders_state_and_breaks_x25519_reads_nothing_after_two_steps() {
    nothing_is_read_after_two_steps(1);
}
