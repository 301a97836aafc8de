//! What others showed us of our own account that we did not write.

use covey_pairing::identity::SignedOp;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// What another history of our account is to ours. The worst is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::engine) enum Is {
    /// It goes on from ours: somebody with our operational key added or revoked devices.
    Longer,
    /// It contradicts ours.
    Other,
    /// Another device of the account put this one out.
    Revoked,
    /// The account was recovered with its words, and this device is to stay.
    Kept,
    /// The account was recovered with its words, and this device is not part of it any more.
    Rotated,
}

/// A history of our account that is not ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct SecondHistory {
    pub(in crate::engine) is: Is,
    /// When it was seen, Unix milliseconds.
    pub(in crate::engine) at: u64,
    /// The contact who has it; our own account if it was found in the DHT.
    pub(in crate::engine) from: AccountId,
    /// The proof: it itself, verified.
    pub(in crate::engine) log: Vec<SignedOp>,
}

/// An objection of ours to a recovery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Objection {
    /// When it was made, Unix milliseconds.
    pub(in crate::engine) at: u64,
    pub(in crate::engine) contest: ByteBuf,
}

/// A recovery that keeps this device, which its operator accepted. The account's new keys are still to come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Accepted {
    /// When, Unix milliseconds.
    pub(in crate::engine) at: u64,
    /// The log with the rotation, verified.
    pub(in crate::engine) log: Vec<SignedOp>,
}

/// The recovery that was accepted, if there is one.
pub(in crate::engine) fn accepted(tx: &Tx<'_>) -> Result<Option<Accepted>, EngineError> {
    Ok(tx.get(&tables::accepted())?)
}

/// This device is part of what was recovered: there is nothing more to wonder about.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>) {
    tx.delete(&tables::accepted());
    tx.delete(&tables::second_history());
}

/// The worst that was seen.
pub(in crate::engine) fn second(tx: &Tx<'_>) -> Result<Option<SecondHistory>, EngineError> {
    Ok(tx.get(&tables::second_history())?)
}

/// Our objection, if we made one.
pub(in crate::engine) fn objection(tx: &Tx<'_>) -> Result<Option<Objection>, EngineError> {
    Ok(tx.get(&tables::objection())?)
}
