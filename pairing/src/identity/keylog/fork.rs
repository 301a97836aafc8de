//! Two logs of one account: which is ahead, or the proof that they contradict each other.

use serde::{Deserialize, Serialize};

use super::SignedOp;
use crate::ids::AccountId;

/// How one log stands to another of the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrder {
    /// The same operations.
    Same,
    /// The first has more.
    Ahead,
    /// The second has more.
    Behind,
}

/// Two different operations, both signed by the account, for one position after one predecessor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    a: SignedOp,
    b: SignedOp,
}

impl Fork {
    pub(super) fn new(a: SignedOp, b: SignedOp) -> Self {
        Self { a, b }
    }

    /// Whether this proves that `account` signed two histories. Anyone can check it.
    pub fn is_proof_against(&self, account: &AccountId) -> bool {
        let (Ok(a), Ok(b)) = (self.a.open(account, 0), self.b.open(account, 0)) else { return false };
        let same_place = a.account == *account && b.account == *account && a.seq == b.seq && a.prev == b.prev;
        same_place && self.a.bytes() != self.b.bytes()
    }
}
