//! Why a link came to nothing.

use serde::{Deserialize, Serialize};

/// Why a link ended before the new device had the account. Travels by these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum End {
    /// The ten minutes are over.
    #[error("the link has expired: links last 10 minutes")]
    Expired,
    /// Another device used the ticket before.
    #[error("this link was used before: each is for one device and one time")]
    Used,
    /// The digits were typed wrong three times.
    #[error("the digits did not match three times, so the link was ended")]
    Digits,
    /// The operator of either side ended it.
    #[error("the link was cancelled")]
    Cancelled,
    /// The account has as many devices as it can have.
    #[error("the account has 8 devices, which is the most: revoke one first")]
    Full,
    /// The account cannot take this device: it was a device of it before, or the host may not add devices any more.
    #[error("the account cannot take this device")]
    NotAdded,
    /// What was handed over did not verify.
    #[error("what the other device handed over is not in order")]
    HandOver,
}
