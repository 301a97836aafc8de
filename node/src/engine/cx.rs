//! What every handler works with.

use std::sync::Arc;

use rand::rngs::StdRng;

use crate::engine::notices::Notices;
use crate::engine::{Appended, Asker, Effect, EngineError, Live, Me, Policy};
use crate::store::Tx;

/// One input's context: who we are, what is in memory, the transaction, the time and the random source.
pub struct Cx<'a, 's> {
    /// Our own identities. An input that changes them ([`Cx::become_now`]) leaves the new ones here for those after it.
    pub me: Arc<Me>,
    /// What the operator configured.
    pub policy: &'a Policy,
    /// What is in memory only: connected peers, retry times.
    pub live: &'a mut Live,
    /// The transaction of this input.
    pub tx: &'a mut Tx<'s>,
    /// Now, in Unix milliseconds.
    pub now: u64,
    /// Cryptographic randomness.
    pub rng: &'a mut StdRng,
    /// On whose behalf, where that narrows what may be seen and done.
    pub asker: Asker,
    /// What is put into its place now is history: it is nothing to tell clients of.
    pub quiet: bool,
    /// What was appended to feeds of our own and waits for [`crate::engine::input::settle`].
    pub appended: Appended,
    /// What others have to hear of.
    pub notices: Notices,
    /// What to do once the transaction is durable.
    pub effects: Vec<Effect>,
}

impl<'a, 's> Cx<'a, 's> {
    /// That of an input of anybody who may see and do everything.
    pub fn new(
        me: &Arc<Me>,
        policy: &'a Policy,
        live: &'a mut Live,
        tx: &'a mut Tx<'s>,
        now: u64,
        rng: &'a mut StdRng,
    ) -> Self {
        let (asker, quiet, appended, notices, effects) = Default::default();
        Self { me: Arc::clone(me), policy, live, tx, now, rng, asker, quiet, appended, notices, effects }
    }

    /// Stores other identities of ours. They hold from now on, for this input and, if it is kept, for those after it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn become_now(&mut self, me: Me) -> Result<(), EngineError> {
        me.save(self.tx)?;
        self.me = Arc::new(me);
        Ok(())
    }
}
