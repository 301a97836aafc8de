//! Why a list of operations is not a key log.

/// Why a list of operations is not a key log. Operations are counted from 0, as they stand in the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyLogError {
    /// No operation at all.
    #[error("key log is empty")]
    Empty,
    /// More than 64 operations since the newest rotation.
    #[error("key log has too many operations")]
    TooLong,
    /// More than 32 rotations.
    #[error("key log has more than 32 rotations")]
    TooManyRotations,
    /// An operation does not decode.
    #[error("operation {0} is malformed")]
    Malformed(usize),
    /// An operation is not signed by the account's operational key.
    #[error("operation {0} is not signed by the account")]
    Signature(usize),
    /// An operation does not follow the one before it (sequence, hash or account).
    #[error("operation {0} does not follow the one before")]
    Chain(usize),
    /// A genesis that is not first, or a log that does not begin with one.
    #[error("operation {0}: a log begins with its only genesis")]
    Genesis(usize),
    /// A device that is or was in the log already.
    #[error("operation {0} adds a device that is already known")]
    Known(usize),
    /// A device that did not agree to belong to the account.
    #[error("operation {0} adds a device without its agreement")]
    Proof(usize),
    /// A device that is revoked, or that a rotation keeps, is not active.
    #[error("operation {0} names a device that is not active")]
    NotActive(usize),
    /// A limit (devices, cut-offs, name) is exceeded.
    #[error("operation {0} exceeds a limit")]
    Limit(usize),
    /// The number of a device is not higher than those before it, or too high.
    #[error("operation {0} gives a device a number that is taken or too high")]
    Number(usize),
    /// A commitment where there is one already.
    #[error("operation {0} commits an account that has a recovery key already")]
    Committed(usize),
    /// A rotation of an account that never named a recovery key.
    #[error("operation {0} rotates an account that committed to no recovery key")]
    Uncommitted(usize),
    /// A rotation by another key than the one committed to, or not signed by it.
    #[error("operation {0} rotates the account without the recovery key that it committed to")]
    Recovery(usize),
    /// A rotation that the key it brings did not sign.
    #[error("operation {0} brings an operational key that did not sign it")]
    Successor(usize),
    /// A rotation that stands before another rotation or the commitment that it needs, or further on than any log goes.
    #[error("operation {0} supersedes a rotation or the beginning of the log, or is nowhere near it")]
    Supersedes(usize),
    /// An older rotation that is not folded, the newest one that is, or operations between rotations.
    #[error("operation {0} is not folded as the format asks")]
    Folding(usize),
    /// The seed that a rotation is made with is not here.
    #[error("the recovery key is not on this device: it needs the 24 words")]
    Sealed,
    /// The key that signs operations is not here.
    #[error("this device may not change the account's list of devices: it was linked without that right")]
    NotHolder,
}
