//! The keys of an account as one of its devices gives them to another: all operational ones, or those of a plain device. Never the seed.

use serde::{Deserialize, Serialize};

use super::AccountSecret;
use crate::{
    crypto::{dh::DhSecret, secret::Secret},
    ids::AccountId,
};

/// `[account id, rotations before these keys, signing key or null, DH key, KEM seed]`, for inside of something sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct HandedKeys(AccountId, u32, Option<Secret<32>>, Secret<32>, Secret<64>);

impl From<&AccountSecret> for HandedKeys {
    fn from(account: &AccountSecret) -> Self {
        let signing = account.signing.as_ref().map(|key| Secret::new(*key.expose_seed()));
        Self(account.id, account.index, signing, Secret::new(*account.dh.expose()), account.kem_seed.clone())
    }
}

impl From<HandedKeys> for AccountSecret {
    fn from(HandedKeys(id, index, signing, dh, kem_seed): HandedKeys) -> Self {
        let dh = DhSecret::from_bytes(*dh.expose());
        Self::of_keys(id, index, (signing.map(Into::into), dh, kem_seed), None)
    }
}
