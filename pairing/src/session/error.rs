//! What can go wrong with bundles and envelopes, and whose fault it is.

use covey_codec::DecodeError;

/// Why a prekey bundle is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not a bundle of a version we know, or without its KEM part, or with an unusable key.
    #[error("malformed prekey bundle: {0}")]
    Malformed(String),
    /// A prekey is not signed by the device the bundle is used for.
    #[error("prekey bundle is not signed by that device")]
    BadSignature,
    /// The signed prekey is so old that its owner has deleted it.
    #[error("prekey bundle is out of date")]
    Stale,
}

impl From<DecodeError> for BundleError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Why an envelope was not sealed or opened. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no session to send on: get a bundle and `initiate`.
    #[error("no session with this device yet")]
    NoSession,
    /// Their prekey bundle is not usable.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Not an envelope, or of a version or suite we do not know, or with an unusable key, or with an offer or answer where
    /// none may be.
    #[error("malformed envelope: {0}")]
    Malformed(String),
    /// The plaintext is over [`super::limits::MAX_PLAINTEXT`].
    #[error("plaintext is too long")]
    TooLong,
    /// The envelope belongs to a session we do not have (any more). Heal: `initiate` and ask for it again.
    #[error("envelope of an unknown session")]
    UnknownSession,
    /// A first message that names a prekey we do not have (any more). Heal: `initiate` and ask for it again.
    #[error("first message names an unknown prekey")]
    UnknownPrekey,
    /// A first message of a session we do not have: call `decrypt`, with the prekey store.
    #[error("first message needs the prekey store")]
    NeedsPrekeys,
    /// A first message that was used before, of a session we no longer have.
    #[error("first message was used before")]
    Replayed,
    /// The message key was used or evicted: a duplicate, a replay, or far too late.
    #[error("message key was used or evicted")]
    KeyGone,
    /// More messages are missing before this one than may be skipped.
    #[error("too many messages are missing before this one")]
    TooFarAhead,
    /// A first message of a suite that starts no sessions any more. Heal: `initiate` and ask for it again.
    #[error("first message of a suite that starts no sessions any more")]
    OldSuite,
    /// An envelope of another suite than its session.
    #[error("envelope of another suite than its session")]
    WrongSuite,
    /// Not the post-quantum epoch of this chain or the next one of the session, or a step that we did not answer.
    #[error("envelope of another post-quantum epoch")]
    WrongEpoch,
    /// The envelope answers a KEM key that we did not offer, or erased.
    #[error("answer to a KEM key that was not offered")]
    UnknownOffer,
    /// The envelope does not authenticate.
    #[error("envelope does not authenticate")]
    Forged,
    /// They sent as many first messages with our last-resort key as we remember.
    #[error("too many first messages from this device")]
    TooManyHandshakes,
}

impl SessionError {
    /// Whether a fresh session from our side heals this, if the envelope is honest and was never opened before. Only who
    /// carries the envelope knows that (a feed entry is applied once): the error of a replay looks the same.
    pub fn heals_by_initiating(&self) -> bool {
        match self {
            Self::UnknownSession
            | Self::UnknownPrekey
            | Self::Replayed
            | Self::KeyGone
            | Self::TooFarAhead
            | Self::OldSuite
            | Self::WrongEpoch
            | Self::UnknownOffer
            | Self::Forged
            | Self::TooManyHandshakes => true,
            Self::NoSession
            | Self::Bundle(_)
            | Self::Malformed(_)
            | Self::TooLong
            | Self::NeedsPrekeys
            | Self::WrongSuite => false,
        }
    }
}

impl From<DecodeError> for SessionError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}
