//! Sealing, validating and opening one record.

use rand_core::CryptoRng;

/// A record as it is stored by others: `value` under `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// H(blinded key, period).
    pub key: [u8; 32],
    /// Signed and encrypted, at most [`super::MAX_VALUE`] bytes.
    pub value: Vec<u8>,
}

/// What only those who know the account key can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Day number since 1970 that the record was published for.
    pub period: u64,
    /// The higher one is the newer one.
    pub sequence: u64,
    /// Unix milliseconds.
    pub expires_at: u64,
    /// The opaque payload (a signed contact card).
    pub payload: Vec<u8>,
}

/// Why a record was not accepted or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Larger than [`super::MAX_VALUE`] (or, when sealing, the payload than [`super::MAX_PAYLOAD`]).
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
    /// Valid for longer than 48 hours from now.
    #[error("the record's expiry is too far away")]
    TooLong,
    /// For a day that is neither today nor a neighbour of it.
    #[error("the record is for another period")]
    WrongPeriod,
    /// The account key is not a point of the curve's prime-order group, or the blinded key is another account's.
    #[error("the record is not of this account")]
    WrongAccount,
    /// The payload does not decrypt under the account key.
    #[error("the record does not decrypt")]
    Undecryptable,
}

/// Seals `payload` for one period (day number), valid for 48 h from `now` (Unix milliseconds).
/// `account_seed` is the Ed25519 seed of the account signing key (RFC 8032, 5.1.5).
///
/// # Errors
/// [`RecordError::TooLarge`].
#[allow(clippy::todo)]
pub fn seal(
    _account_seed: &[u8; 32],
    _period: u64,
    _sequence: u64,
    _payload: &[u8],
    _now: u64,
    _rng: &mut impl CryptoRng,
) -> Result<Sealed, RecordError> {
    todo!()
}

/// The records to publish now: for the current period and, near its edge, for the neighbouring one.
///
/// # Errors
/// [`RecordError::TooLarge`].
#[allow(clippy::todo)]
pub fn seal_current(
    _account_seed: &[u8; 32],
    _sequence: u64,
    _payload: &[u8],
    _now: u64,
    _rng: &mut impl CryptoRng,
) -> Result<Vec<Sealed>, RecordError> {
    todo!()
}

/// What a storer can check without knowing the account: size, key, period, expiry, signature. Returns the sequence.
///
/// # Errors
/// [`RecordError`].
#[allow(clippy::todo)]
pub fn validate(_key: &[u8], _value: &[u8], _now: u64) -> Result<u64, RecordError> {
    todo!()
}

/// Validates and decrypts a record of the account whose Ed25519 public key is `account`.
///
/// # Errors
/// [`RecordError`].
#[allow(clippy::todo)]
pub fn open(_account: &[u8; 32], _period: u64, _value: &[u8], _now: u64) -> Result<Opened, RecordError> {
    todo!()
}
