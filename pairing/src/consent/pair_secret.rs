//! The pair secret: the record of consent, known to both sides of a pair and to nobody else.

use serde::{Deserialize, Serialize};

use super::handshake::Keys;
use crate::{
    crypto::{hash::derive_key, kdf::hkdf, secret::Secret},
    ids::AccountId,
};

const INFO: &[u8] = b"covey pair secret v1";
const CHANNEL_CONTEXT: &str = "covey 2026 direct channel id v1";
const SESSION_CONTEXT: &str = "covey 2026 session psk v1";
const CONTROL_CONTEXT: &str = "covey 2026 pair control key v1";
const MAILBOX_CONTEXT: &str = "covey 2026 pair mailbox key v1";

/// 32 secret bytes that both sides derived from one consent handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PairSecret(Secret<32>);

impl PairSecret {
    /// `HKDF(salt = handshake hash, ikm = both split keys || KEM secret, info = constant || inviter || invitee)`.
    pub(super) fn derive(keys: &Keys, kem: &Secret<32>, inviter: &AccountId, invitee: &AccountId) -> Self {
        let mut ikm = Secret::<96>::new([0; 96]);
        ikm.copy_in(0, keys.to_responder.expose());
        ikm.copy_in(32, keys.to_initiator.expose());
        ikm.copy_in(64, kem.expose());
        Self(hkdf(&keys.hash, ikm.expose(), &[INFO, inviter.as_bytes(), invitee.as_bytes()].concat()))
    }

    /// Id of the direct channel of the two accounts. Not secret.
    pub fn channel_id(&self) -> [u8; 32] {
        *derive_key(CHANNEL_CONTEXT, self.0.expose()).expose()
    }

    /// Pre-shared key of every session between devices of the two accounts.
    pub fn session_psk(&self) -> Secret<32> {
        derive_key(SESSION_CONTEXT, self.0.expose())
    }

    /// Key of what the two say of their keepers before they have met ([`crate::keeper::MailboxLetter`]).
    pub fn mailbox_key(&self) -> Secret<32> {
        derive_key(MAILBOX_CONTEXT, self.0.expose())
    }

    /// Key of the notices about the pairing itself.
    pub fn control_key(&self) -> Secret<32> {
        derive_key(CONTROL_CONTEXT, self.0.expose())
    }
}
