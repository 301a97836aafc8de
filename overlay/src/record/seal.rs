//! Sealing, validating and opening one record.
//!
//! ```text
//! version 2 | blinded key 32 | period 8 | revision 8 | nonce 24 | ciphertext n + 16 | signature 64
//! ```
//! Numbers are big-endian. The signature is over a context and everything before it; everything before the
//! nonce is the ciphertext's associated data.
//!
//! Two records of neighbouring periods are published at the same moment and must have nothing in common by which a
//! storer could pair them. So the sequence is encrypted, the time of expiry follows from the period, and what storers
//! compare is a *revision*: offset + factor * sequence, where both are secret and new for each period. Tor hides the
//! same (rend-spec-v3, appendix F), but from the time of publication, which takes a costlier function.

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use ed25519_dalek::{
    Signature, SigningKey, VerifyingKey,
    hazmat::{ExpandedSecretKey, raw_sign},
};
use rand_core::CryptoRng;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::{PERIOD, blind, period};

/// Largest record value in bytes: a card of eight devices fits, a storer's memory is not a dump. `[NET-RECORD-SIZE]`
pub const MAX_VALUE: usize = 12 << 10;
/// Largest payload in bytes.
pub const MAX_PAYLOAD: usize = MAX_VALUE - OVERHEAD - SEQUENCE - LENGTH;
/// Longest time for which anybody keeps a record, in milliseconds: it is stored at the earliest in the period before
/// its own and ends with the one after it. `[NET-RECORD-EXPIRY]`
pub const LIFETIME: u64 = 3 * PERIOD;

const VERSION: u8 = 2;
const CONTEXT: &[u8] = b"covey card record v2\0";
const HEADER: usize = 1 + 32 + 8 + 8;
const NONCE: usize = 24;
const TAG: usize = 16;
const SIGNATURE: usize = 64;
const OVERHEAD: usize = HEADER + NONCE + TAG + SIGNATURE;
/// Of the length in front of the padded payload.
const LENGTH: usize = 2;
/// Of the sequence in front of that.
const SEQUENCE: usize = 8;
/// Greatest sequence that revisions tell apart; times the greatest factor it is 2^62.
const MOST_SEQUENCE: u64 = 1 << 46;
/// Payloads are padded to a multiple of this, so that the size says little about the card.
const PAD: usize = 1024;

/// A record as others store it: `value` under `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// H(blinded key, period).
    pub key: [u8; 32],
    /// Signed and encrypted, at most [`MAX_VALUE`] bytes.
    pub value: Vec<u8>,
}

/// What a storer learns: enough to keep the newest of two valid records under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validated {
    /// The higher one is the newer one. Says nothing about records of another period.
    pub revision: u64,
    /// Unix milliseconds: the end of the period after the record's.
    pub expires_at: u64,
}

/// What only those who know the account key can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Day number since 1970 that the record was published for.
    pub period: u64,
    /// The higher one is the newer one.
    pub sequence: u64,
    /// The opaque payload (a signed contact card).
    pub payload: Vec<u8>,
}

/// Why a record was not accepted or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Larger than [`MAX_VALUE`] (or, when sealing, the payload than [`MAX_PAYLOAD`]).
    #[error("the record is too large")]
    TooLarge,
    /// Not a record, or of an unknown version.
    #[error("malformed record")]
    Malformed,
    /// Stored under a key that does not follow from its blinded key and period.
    #[error("the record does not belong under this key")]
    WrongKey,
    /// Not signed by the blinded key.
    #[error("the record's signature does not verify")]
    BadSignature,
    /// Its time is over.
    #[error("the record has expired")]
    Expired,
    /// For a day after tomorrow.
    #[error("the record is for another period")]
    WrongPeriod,
    /// The account key is not a usable Ed25519 key, or the blinded key is another account's.
    #[error("the record is not of this account")]
    WrongAccount,
    /// The payload does not decrypt under the account key.
    #[error("the record does not decrypt")]
    Undecryptable,
}

/// Seals `payload` for one period (day number). `sequence` tells newer from older; storers do not learn it.
/// `account_seed` is the Ed25519 seed of the account signing key (RFC 8032, 5.1.5).
///
/// # Errors
/// [`RecordError::TooLarge`].
pub fn seal(
    account_seed: &[u8; 32],
    period: u64,
    sequence: u64,
    payload: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Sealed, RecordError> {
    let plaintext = pad(sequence, payload)?;
    let signing = SigningKey::from_bytes(account_seed);
    let account = signing.verifying_key().to_bytes();
    let h = blind::factor(&account, period);
    let blinded = blind::blind_public(&account, h).map_err(|_| RecordError::WrongAccount)?;
    let secret = blind::blind_secret(&ExpandedSecretKey::from(account_seed), h);

    let mut value = Vec::with_capacity(OVERHEAD + plaintext.len());
    value.push(VERSION);
    value.extend_from_slice(&blinded);
    value.extend_from_slice(&period.to_be_bytes());
    value.extend_from_slice(&revision(&secret, period, sequence).to_be_bytes());
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    let ciphertext = cipher(&account, &blinded, period)
        .encrypt(&XNonce::from(nonce), Payload { msg: &plaintext, aad: &value })
        .map_err(|_| RecordError::TooLarge)?;
    value.extend_from_slice(&nonce);
    value.extend_from_slice(&ciphertext);

    let public = VerifyingKey::from(&secret);
    let signature = raw_sign::<Sha512>(&secret, &signed(&value), &public);
    value.extend_from_slice(&signature.to_bytes());
    Ok(Sealed { key: record_key(&blinded, period), value })
}

/// The records to publish at `now`: for the current period and, near its edge, for the neighbouring one.
///
/// # Errors
/// [`RecordError::TooLarge`].
pub fn seal_current(
    account_seed: &[u8; 32],
    sequence: u64,
    payload: &[u8],
    now: u64,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Sealed>, RecordError> {
    period::current_and_neighbour(now).into_iter().map(|p| seal(account_seed, p, sequence, payload, rng)).collect()
}

/// What a storer checks, knowing nothing of the account: size, version, key, period, expiry, signature.
///
/// # Errors
/// [`RecordError`]; the cheap checks come first, the signature last.
pub fn validate(key: &[u8], value: &[u8], now: u64) -> Result<Validated, RecordError> {
    let record = Parsed::new(value)?;
    // [NET-RECORD-KEY]
    let first = record_key(record.blinded, record.period);
    if key != first && key != second_key(&first) {
        return Err(RecordError::WrongKey);
    }
    record.check(now)
}

/// Validates and decrypts a record of the account whose Ed25519 public key is `account`.
///
/// # Errors
/// [`RecordError`].
pub fn open(account: &[u8; 32], period: u64, value: &[u8], now: u64) -> Result<Opened, RecordError> {
    let record = Parsed::new(value)?;
    let blinded =
        blind::blind_public(account, blind::factor(account, period)).map_err(|_| RecordError::WrongAccount)?;
    // [NET-RECORD-KEY]
    if record.period != period || *record.blinded != blinded {
        return Err(RecordError::WrongAccount);
    }
    record.check(now)?;
    let plaintext = cipher(account, &blinded, period)
        .decrypt(&XNonce::from(*record.nonce), Payload { msg: record.ciphertext, aad: &value[..HEADER] })
        .map_err(|_| RecordError::Undecryptable)?;
    let (sequence, payload) = unpad(&plaintext)?;
    Ok(Opened { period, sequence, payload: payload.to_vec() })
}

/// The key under which the record of `blinded` for `period` is stored.
#[must_use]
pub fn record_key(blinded: &[u8; 32], period: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("covey card record key v2");
    hasher.update(blinded).update(&period.to_be_bytes());
    *hasher.finalize().as_bytes()
}

/// The second place of a record that is stored under `first`: elsewhere in the DHT, so that whoever surrounds one place
/// with nodes of their own hides nothing. `[NET-RECORD-PLACES]`
#[must_use]
pub fn second_key(first: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("covey card record second place v2", first)
}

impl Sealed {
    /// The record at both of its places. `[NET-RECORD-PLACES]`
    pub(crate) fn at_both_places(&self) -> [Self; 2] {
        [self.clone(), Self { key: second_key(&self.key), value: self.value.clone() }]
    }
}

/// The keys to ask for at `now`, each with its period: two places for each period.
///
/// # Errors
/// [`RecordError::WrongAccount`] when `account` is not a usable Ed25519 key.
pub(crate) fn lookup_keys(account: &[u8; 32], now: u64) -> Result<Vec<(u64, [u8; 32])>, RecordError> {
    let mut keys = Vec::new();
    for period in period::current_and_neighbour(now) {
        let factor = blind::factor(account, period);
        let blinded = blind::blind_public(account, factor).map_err(|_| RecordError::WrongAccount)?;
        let first = record_key(&blinded, period);
        keys.extend([(period, first), (period, second_key(&first))]);
    }
    Ok(keys)
}

struct Parsed<'a> {
    blinded: &'a [u8; 32],
    period: u64,
    revision: u64,
    nonce: &'a [u8; NONCE],
    ciphertext: &'a [u8],
    unsigned: &'a [u8],
    signature: &'a [u8; SIGNATURE],
}

impl<'a> Parsed<'a> {
    fn new(value: &'a [u8]) -> Result<Self, RecordError> {
        // [NET-RECORD-SIZE]
        if value.len() > MAX_VALUE {
            return Err(RecordError::TooLarge);
        }
        let (unsigned, signature) = value.split_last_chunk().ok_or(RecordError::Malformed)?;
        let ([version], rest) = unsigned.split_first_chunk().ok_or(RecordError::Malformed)?;
        let (blinded, rest) = rest.split_first_chunk().ok_or(RecordError::Malformed)?;
        let (period, rest) = rest.split_first_chunk().ok_or(RecordError::Malformed)?;
        let (revision, rest) = rest.split_first_chunk().ok_or(RecordError::Malformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(RecordError::Malformed)?;
        if *version != VERSION || ciphertext.len() < TAG {
            return Err(RecordError::Malformed);
        }
        let [period, revision] = [period, revision].map(|b| u64::from_be_bytes(*b));
        Ok(Self { blinded, period, revision, nonce, ciphertext, unsigned, signature })
    }

    fn check(&self, now: u64) -> Result<Validated, RecordError> {
        // [NET-RECORD-EXPIRY]
        if self.period.saturating_add(1) < period::current(now) {
            return Err(RecordError::Expired);
        }
        // [NET-RECORD-PERIOD]
        if self.period > period::current(now).saturating_add(1) {
            return Err(RecordError::WrongPeriod);
        }
        // [NET-RECORD-SIGNATURE]
        let key = VerifyingKey::from_bytes(self.blinded).map_err(|_| RecordError::BadSignature)?;
        key.verify_strict(&signed(self.unsigned), &Signature::from_bytes(self.signature))
            .map_err(|_| RecordError::BadSignature)?;
        Ok(Validated { revision: self.revision, expires_at: self.period.saturating_add(2).saturating_mul(PERIOD) })
    }
}

fn signed(unsigned: &[u8]) -> Vec<u8> {
    [CONTEXT, unsigned].concat()
}

fn cipher(account: &[u8; 32], blinded: &[u8; 32], period: u64) -> XChaCha20Poly1305 {
    let mut hasher = blake3::Hasher::new_derive_key("covey card record encryption v2");
    hasher.update(account).update(blinded).update(&period.to_be_bytes());
    let key = Zeroizing::new(*hasher.finalize().as_bytes());
    XChaCha20Poly1305::new(&Key::from(*key))
}

/// What storers compare. It grows with the sequence; without the secret it says nothing about the sequence, nor about
/// the revision of the same sequence in another period.
fn revision(blinded: &ExpandedSecretKey, period: u64, sequence: u64) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("covey card record revision v2");
    hasher.update(&blinded.scalar.to_bytes()).update(&period.to_be_bytes());
    let [a, b, c, d, e, f, g, h, i, j, ..]: [u8; 32] = *hasher.finalize().as_bytes();
    let offset = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
    let factor = u64::from(u16::from_be_bytes([i, j])) + 1;
    offset + factor * sequence.min(MOST_SEQUENCE)
}

fn pad(sequence: u64, payload: &[u8]) -> Result<Vec<u8>, RecordError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(RecordError::TooLarge);
    }
    let len = u16::try_from(payload.len()).map_err(|_| RecordError::TooLarge)?;
    let mut padded = sequence.to_be_bytes().to_vec();
    padded.extend_from_slice(&len.to_be_bytes());
    padded.extend_from_slice(payload);
    padded.resize(padded.len().next_multiple_of(PAD).min(SEQUENCE + LENGTH + MAX_PAYLOAD), 0);
    Ok(padded)
}

fn unpad(padded: &[u8]) -> Result<(u64, &[u8]), RecordError> {
    let (sequence, rest) = padded.split_first_chunk::<SEQUENCE>().ok_or(RecordError::Malformed)?;
    let (len, rest) = rest.split_first_chunk::<LENGTH>().ok_or(RecordError::Malformed)?;
    let payload = rest.get(..usize::from(u16::from_be_bytes(*len))).ok_or(RecordError::Malformed)?;
    Ok((u64::from_be_bytes(*sequence), payload))
}
