//! One engine without a network: identity, memory and disk.

use std::cell::RefCell;
use std::sync::Arc;

use covey_pairing::crypto::secret::Secret;
use covey_pairing::identity::AccountSecret;
use covey_pairing::ids::AccountId;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::engine::{Cx, Effect, Live, Me, PeerKey, Policy, input};
use crate::store::{Cache, MemoryStore, Store, Tx};
use crate::vault::Vault;

pub(super) struct Node {
    pub(super) me: Arc<Me>,
    pub(super) policy: Policy,
    pub(super) live: Live,
    pub(super) cache: RefCell<Cache>,
    pub(super) store: MemoryStore,
    pub(super) vault: Vault,
    pub(super) rng: StdRng,
    pub(super) up: bool,
}

impl Node {
    /// With nothing but an identity.
    pub(super) fn new(seed: u64, policy: Policy) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let vault = Vault::new(&Secret::random(&mut rng));
        Self::with_vault(rng, vault, policy)
    }

    /// The same, with a store under a given key.
    pub(super) fn with_vault(mut rng: StdRng, vault: Vault, policy: Policy) -> Self {
        let mut store = MemoryStore::default();
        let mut tx = Tx::new(&store, &vault);
        let account = AccountSecret::generate(&mut rng);
        let me = Me::create(&mut tx, account, 1, &mut rng).unwrap();
        let batch = tx.into_batch(&mut rng).expect("encodes");
        store.apply(batch).unwrap();
        store.flush().unwrap();
        let live = Live::new(&policy);
        Self { me: Arc::new(me), policy, live, cache: RefCell::default(), store, vault, rng, up: true }
    }

    /// A fresh device with this identity.
    pub(super) fn of(seed: u64, policy: Policy, me: Me) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let vault = Vault::new(&Secret::random(&mut rng));
        let mut store = MemoryStore::default();
        let mut tx = Tx::new(&store, &vault);
        me.save(&mut tx).unwrap();
        let batch = tx.into_batch(&mut rng).expect("encodes");
        store.apply(batch).unwrap();
        store.flush().unwrap();
        let live = Live::new(&policy);
        Self { me: Arc::new(me), policy, live, cache: RefCell::default(), store, vault, rng, up: true }
    }

    pub(super) fn account(&self) -> AccountId {
        self.me.account_id()
    }

    pub(super) fn peer(&self) -> PeerKey {
        PeerKey(self.me.device.keys().network)
    }

    /// One transaction: what it does is durable before its effects are returned; what is refused leaves no trace.
    pub(super) fn transact<T, E>(
        &mut self,
        now: u64,
        run: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, E>,
    ) -> Result<(T, Vec<Effect>), E> {
        let mut tx = Tx::with_cache(&self.store, &self.vault, &self.cache);
        let mut cx = Cx::new(&self.me, &self.policy, &mut self.live, &mut tx, now, &mut self.rng);
        let value = run(&mut cx)?;
        input::settle(&mut cx).expect("a sound store");
        let effects = std::mem::take(&mut cx.effects);
        self.me = cx.me;
        let (batch, decoded) = tx.into_parts(&mut self.rng).expect("encodes");
        if !batch.is_empty() {
            self.store.apply(batch).unwrap();
            self.store.flush().unwrap();
            self.cache.borrow_mut().applied(decoded);
        }
        Ok((value, effects))
    }

    /// A look that leaves no trace.
    pub(super) fn look<T>(&mut self, now: u64, look: impl FnOnce(&mut Cx<'_, '_>) -> T) -> T {
        let mut tx = Tx::with_cache(&self.store, &self.vault, &self.cache);
        look(&mut Cx::new(&self.me, &self.policy, &mut self.live, &mut tx, now, &mut StdRng::seed_from_u64(0)))
    }

    /// The memory of a process that has just begun.
    pub(super) fn forget(&mut self) {
        self.live = Live::new(&self.policy);
        self.cache.borrow_mut().clear();
    }
}
