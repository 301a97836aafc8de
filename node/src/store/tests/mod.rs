//! The stores against a plain map, transactions against a model, and the disk store against bad days.

mod damage;
mod disk;
mod durable;
mod kill;
mod model;
mod tx;

use covey_pairing::crypto::secret::Secret;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::{Batch, DiskOptions, SledStore, Store};
use crate::vault::Vault;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn vault() -> Vault {
    Vault::new(&Secret::new([7; 32]))
}

fn open(dir: &std::path::Path) -> SledStore {
    SledStore::open(dir, DiskOptions::default()).expect("opens")
}

fn put(store: &mut dyn Store, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(key.to_vec(), value.to_vec());
    store.apply(batch).expect("applies");
}
