//! How an account's secrets are stored: as its seed alone, as they always were, or key by key.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};

use super::AccountSecret;
use crate::{
    crypto::{dh::DhSecret, secret::Secret},
    ids::AccountId,
    version::Version,
};

/// A byte string, the seed of an account without rotations; or an array of the keys, for one that is sealed or was rotated. On a
/// plain device the first key is null, which versions from before there were such devices do not read.
pub(super) enum Stored {
    Seed(Secret<32>),
    Keys(Box<Keys>),
}

#[derive(Serialize)]
pub(super) struct Keys(Version<1>, AccountId, u32, Option<Secret<32>>, Secret<32>, Secret<64>, Option<Secret<32>>);

impl From<AccountSecret> for Stored {
    fn from(account: AccountSecret) -> Self {
        if let (Some(seed), 0, true) = (&account.seed, account.index, account.is_first()) {
            return Self::Seed(seed.clone());
        }
        let signing = account.signing.as_ref().map(|key| Secret::new(*key.expose_seed()));
        let dh = Secret::new(*account.dh.expose());
        let AccountSecret { id, index, kem_seed, seed, .. } = account;
        Self::Keys(Box::new(Keys(Version, id, index, signing, dh, kem_seed, seed)))
    }
}

impl From<Stored> for AccountSecret {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Seed(seed) => Self::new(seed),
            Stored::Keys(keys) => {
                let Keys(_, id, index, signing, dh, kem_seed, seed) = *keys;
                let dh = DhSecret::from_bytes(*dh.expose());
                Self::of_keys(id, index, (signing.map(Into::into), dh, kem_seed), seed)
            }
        }
    }
}

impl Serialize for Stored {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seed(seed) => seed.serialize(serializer),
            Self::Keys(keys) => keys.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Stored;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a seed or the keys of an account")
            }

            fn visit_bytes<E: Error>(self, seed: &[u8]) -> Result<Stored, E> {
                let seed = seed.try_into().map_err(|_| E::invalid_length(seed.len(), &"32"))?;
                Ok(Stored::Seed(Secret::new(seed)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Stored, A::Error> {
                fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(from: &mut A) -> Result<T, A::Error> {
                    from.next_element()?.ok_or_else(|| A::Error::custom("too few keys of an account"))
                }
                let version = next(&mut from)?;
                let (id, index) = (next(&mut from)?, next(&mut from)?);
                let (signing, dh, kem) = (next(&mut from)?, next(&mut from)?, next(&mut from)?);
                Ok(Stored::Keys(Box::new(Keys(version, id, index, signing, dh, kem, next(&mut from)?))))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
