//! What everybody can read on the wire about post-quantum steps, and what stands in the state.

use covey_pairing::{
    crypto::{
        aead,
        dh::{DhPublic, DhSecret},
        kdf,
        secret::Secret,
    },
    session::DeviceSessions,
};
use rand_core::Rng;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_bytes::{ByteArray, ByteBuf};

use super::{
    AAD, End,
    wire::{Envelope, Header, decode},
};

pub(crate) type KeyId = ByteArray<8>;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) e: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) s: Option<KeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) k: Option<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) a: Option<(KeyId, ByteBuf)>,
}

fn field(envelope: &[u8]) -> ByteBuf {
    let Envelope(_, header, _) = decode(envelope);
    let header: Header = decode(&header);
    header.6
}

pub(crate) fn of(envelope: &[u8]) -> Said {
    let said = field(envelope);
    if said.is_empty() { Said::default() } else { decode(&said) }
}

/// How much longer an envelope is than without steps; the lengths of three strings stand before them.
pub(crate) fn bytes(envelope: &[u8]) -> usize {
    match field(envelope).len() {
        0 => 0,
        len @ 1..24 => len,
        len => len + 3,
    }
}

#[derive(Deserialize)]
struct State {
    a: Active,
}
#[derive(Deserialize)]
struct Active {
    r: Ratchet,
}
#[derive(Deserialize)]
struct Ratchet {
    q: Steps,
}
#[derive(Deserialize)]
struct Steps {
    #[serde(default)]
    o: Vec<Offer>,
}
#[derive(Deserialize)]
struct Offer {
    k: Option<IgnoredAny>,
}

/// Decapsulation keys stored in the active session.
pub(crate) fn decapsulation_keys(sessions: &DeviceSessions) -> usize {
    let State { a } = decode(&super::encode(sessions));
    a.r.q.o.iter().filter(|offer| offer.k.is_some()).count()
}

/// What a changed client can do: an envelope of `end`, which is left unchanged, with another header about steps (bytes as they
/// are), and perhaps another number in its chain, sealed with the right key. It begins a chain if it is the turn of `end`.
pub(crate) fn sealed_by_hand(end: &End, change: impl FnOnce(&mut ByteBuf)) -> Vec<u8> {
    let Sealing { a } = decode(&super::encode(&end.sessions));
    let mut honest = end.clone();
    let Envelope(version, header, _) = decode(&honest.seal(b"by hand"));
    let (chain, number) = match &a.r.s {
        Some((chain, number)) => (chain.clone(), *number),
        None => {
            let mut drawn = [0; 32];
            end.rng.clone().fill_bytes(&mut drawn);
            let theirs = DhPublic::from_bytes(*a.r.c.last().expect("their turn was heard").k).expect("a key");
            let shared = DhSecret::from_bytes(drawn).agree(&theirs).expect("a good key");
            let okm = kdf::hkdf::<64>(a.r.r.expose(), shared.expose(), b"covey ratchet root v1");
            (Secret::new(okm.expose()[32..].try_into().expect("32 bytes")), 0)
        }
    };
    let mut inner: Header = decode(&header);
    assert_eq!(inner.5, number);
    change(&mut inner.6);
    let header = super::encode(&inner);
    let key = kdf::hmac(chain.expose(), &[1]);
    let len = u32::try_from(header.len()).expect("short").to_be_bytes();
    let aad = [a.t.as_slice(), &len, &header, AAD].concat();
    let sealed = aead::seal(&key, &[0; 12], &aad, b"by hand");
    super::encode(&Envelope(version, ByteBuf::from(header), ByteBuf::from(sealed)))
}

#[derive(Deserialize)]
struct Sealing {
    a: SealingSession,
}
#[derive(Deserialize)]
struct SealingSession {
    t: ByteArray<32>,
    r: SealingRatchet,
}
#[derive(Deserialize)]
struct SealingRatchet {
    r: Secret<32>,
    s: Option<(Secret<32>, u64)>,
    c: Vec<SealingChain>,
}
#[derive(Deserialize)]
struct SealingChain {
    k: ByteArray<32>,
}

/// The envelope with another header about steps, as somebody on the way can make it.
pub(crate) fn with(envelope: &[u8], said: &Said) -> Vec<u8> {
    let Envelope(version, header, ciphertext) = decode(envelope);
    let mut inner: Header = decode(&header);
    inner.6 = if said.e == 0 && said.s.is_none() && said.k.is_none() && said.a.is_none() {
        ByteBuf::new()
    } else {
        ByteBuf::from(super::encode(said))
    };
    super::encode(&Envelope(version, ByteBuf::from(super::encode(&inner)), ciphertext))
}
