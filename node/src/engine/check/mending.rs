//! What a repair is doing.

use rand_core::CryptoRng;

use crate::engine::EngineError;
use crate::store::{Store, Tx};
use crate::vault::Vault;

/// What became of a database that was repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rebuilt {
    /// What is lost, or only others have, for people.
    pub(crate) lost: Vec<String>,
    /// What comes back from contacts, for people.
    pub(crate) returning: Vec<String>,
}

/// A database that is being mended, step by step, each step a transaction.
pub(in crate::engine) struct Mending<'a, R: ?Sized> {
    pub(in crate::engine) store: &'a mut dyn Store,
    pub(in crate::engine) vault: &'a Vault,
    pub(in crate::engine) rng: &'a mut R,
    pub(in crate::engine) told: Rebuilt,
}

impl<R: CryptoRng + ?Sized> Mending<'_, R> {
    /// Reads.
    pub(in crate::engine) fn tx(&self) -> Tx<'_> {
        Tx::new(self.store, self.vault)
    }

    /// Changes something.
    pub(in crate::engine) fn step<T>(
        &mut self,
        change: impl FnOnce(&mut Tx<'_>, &mut Rebuilt) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let mut tx = Tx::new(self.store, self.vault);
        let made = change(&mut tx, &mut self.told)?;
        let batch = tx.into_batch(self.rng)?;
        if !batch.is_empty() {
            self.store.apply(batch)?;
        }
        Ok(made)
    }
}
