//! Our own tickets, as stored.

use covey_pairing::identity::TokenId;
use serde::{Deserialize, Serialize};

/// What is kept of a ticket with a token.
#[derive(Serialize, Deserialize)]
pub(crate) struct Issued {
    pub(in crate::engine) id: TokenId,
    pub(in crate::engine) uses: u32,
    pub(crate) used: u32,
    pub(in crate::engine) created_at: u64,
    pub(in crate::engine) expires_at: u64,
    pub(in crate::engine) revoked: bool,
}
