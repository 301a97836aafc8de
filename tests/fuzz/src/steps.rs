//! What headers say of post-quantum steps, from a contact with a changed client: whatever it says, the envelope authenticates.

use std::sync::OnceLock;

use covey_pairing::{
    crypto::{
        aead,
        dh::{DhPublic, DhSecret},
        kdf,
        secret::Secret,
    },
    session::{DeviceSessions, limits},
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::{ByteArray, ByteBuf};

use super::{
    pairing::NOW,
    sessions::{AAD, End, stages},
};

#[derive(Clone, Serialize, Deserialize)]
struct Envelope(u8, ByteBuf, ByteBuf);
#[derive(Clone, Serialize, Deserialize)]
struct Header(u8, u8, ByteBuf, ByteBuf, u64, u64, ByteBuf, Option<u8>);

#[derive(Deserialize)]
struct State {
    a: Session,
}
#[derive(Deserialize)]
struct Session {
    t: ByteArray<32>,
    r: Ratchet,
}
#[derive(Deserialize)]
struct Ratchet {
    r: Secret<32>,
    s: Option<(Secret<32>, u64)>,
    c: Vec<Chain>,
}
#[derive(Deserialize)]
struct Chain {
    k: ByteArray<32>,
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> T {
    covey_codec::decode(bytes, limits::MAX_SESSIONS_BYTES).expect("our own bytes decode")
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    covey_codec::encode(value).expect("plain data encodes")
}

/// No two chains begin with the same key.
fn seal(end: &mut End, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    end.sessions.encrypt(b"text", AAD, NOW, &mut rng).expect("there is a session")
}

/// One end, and all that the other one needs to seal its next envelope for it.
pub struct Stage {
    reader: End,
    transcript: [u8; 32],
    header: Header,
    key: Secret<32>,
    /// The id of the key that the reader offers, if it does.
    pub offered: Option<[u8; 8]>,
}

impl Stage {
    fn new(reader: End, writer: &End, offer: Option<&[u8]>) -> Self {
        let State { a } = decode(&encode(&writer.sessions));
        let Envelope(_, header, _) = decode(&seal(&mut writer.clone(), 9));
        let chain = match a.r.s {
            Some((chain, _)) => chain,
            // It begins a chain: the first thing that is drawn is its ratchet key.
            None => {
                let mut drawn = [0; 32];
                ChaCha20Rng::seed_from_u64(9).fill_bytes(&mut drawn);
                let theirs = DhPublic::from_bytes(*a.r.c.last().expect("they talked").k).expect("a key");
                let shared = DhSecret::from_bytes(drawn).agree(&theirs).expect("a good key");
                let okm = kdf::hkdf::<64>(a.r.r.expose(), shared.expose(), b"covey ratchet root v1");
                Secret::new(okm.expose()[32..].try_into().expect("32 bytes"))
            }
        };
        #[derive(Deserialize)]
        struct Said {
            k: Option<ByteBuf>,
        }
        let offered = offer.and_then(|envelope| {
            let Envelope(_, header, _) = decode(envelope);
            let header: Header = decode(&header);
            let said: Said = decode(&header.6);
            covey_pairing::crypto::hash::blake3(&said.k?)[..8].try_into().ok()
        });
        let key = kdf::hmac(chain.expose(), &[1]);
        Self { reader, transcript: *a.t, header: decode(&header), key, offered }
    }

    fn seal(&self, said: &[u8]) -> Vec<u8> {
        let mut header = self.header.clone();
        header.6 = ByteBuf::from(said);
        let header = encode(&header);
        let len = u32::try_from(header.len()).expect("short").to_be_bytes();
        let aad = [self.transcript.as_slice(), &len, &header, AAD].concat();
        let sealed = aead::seal(&self.key, &[0; 12], &aad, b"text");
        encode(&Envelope(1, ByteBuf::from(header), ByteBuf::from(sealed)))
    }
}

/// Alice begins a chain; she does, and Bob has offered her a key; she goes on in one.
pub fn steps_stages() -> &'static [Stage] {
    static STAGES: OnceLock<Vec<Stage>> = OnceLock::new();
    STAGES.get_or_init(|| {
        let (alice, bob) = stages()[2].clone();
        let begins = Stage::new(bob.clone(), &alice, None);

        let (mut a, mut b) = (alice.clone(), bob.clone());
        let turn = seal(&mut a, 1);
        assert!(b.open(&turn));
        b.sessions.renew();
        let offer = seal(&mut b, 2);
        assert!(a.open(&offer));
        let answers = Stage::new(b, &a, Some(&offer));

        let (mut a, mut b) = (alice, bob);
        let first = seal(&mut a, 3);
        assert!(b.open(&first));
        vec![begins, answers, Stage::new(b, &a, None)]
    })
}

/// First byte: which of them. The rest is what the header says.
pub fn header(bytes: &[u8]) -> bool {
    let Some((which, said)) = bytes.split_first() else { return false };
    if said.len() > limits::MAX_ENVELOPE - 1_024 {
        return false;
    }
    let stages = steps_stages();
    let stage = &stages[usize::from(*which) % stages.len()];
    let mut reader = stage.reader.clone();
    let before = encode(&reader.sessions);
    if !reader.open(&stage.seal(said)) {
        assert_eq!(encode(&reader.sessions), before, "what is refused leaves no trace");
        return false;
    }
    let after = encode(&reader.sessions);
    assert!(after.len() < before.len() + 4_096, "{} bytes", after.len());
    assert_eq!(decode::<DeviceSessions>(&after), reader.sessions);
    reader.seal(b"and so it goes on");
    true
}
