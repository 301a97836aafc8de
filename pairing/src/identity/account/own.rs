//! What the devices of one account share without telling each other: it follows from the account's DH key, which all of them hold.

use super::AccountSecret;
use crate::crypto::{hash::derive_key, secret::Secret};

const CHANNEL_CONTEXT: &str = "covey 2026 own channel v1";
const SLOTS_CONTEXT: &str = "covey 2026 own slots v1";
const SESSION_CONTEXT: &str = "covey 2026 own session psk v1";

impl AccountSecret {
    /// [OWN-1] Id of the channel between the account's devices: nobody else can guess it.
    pub fn own_channel_id(&self) -> [u8; 32] {
        *derive_key(CHANNEL_CONTEXT, self.dh.expose()).expose()
    }

    /// [OWN-1] The key that every session between two devices of the account starts from.
    pub fn own_session_psk(&self) -> Secret<32> {
        derive_key(SESSION_CONTEXT, self.dh.expose())
    }

    /// [KEEP-10] What slots of contacts at keepers are derived from, so that all devices of the account name the same ones.
    pub fn own_slot_root(&self) -> Secret<32> {
        derive_key(SLOTS_CONTEXT, self.dh.expose())
    }
}
