//! One member's process: engine, memory and disk.

use covey_pairing::crypto::secret::Secret;
use covey_pairing::identity::AccountSecret;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::engine::{Cx, Effect, Live, Me, PeerKey, Policy};
use crate::store::{MemoryStore, Store, Tx};
use crate::vault::Vault;

pub(super) struct Node {
    pub(super) me: Me,
    policy: Policy,
    pub(super) live: Live,
    pub(super) store: MemoryStore,
    vault: Vault,
    rng: StdRng,
    pub(super) up: bool,
    /// Counts the processes: what was meant for an earlier one does not reach this one.
    pub(super) life: u64,
    /// When it wants to be woken.
    pub(super) wake: u64,
    /// Journal cursor up to which its client has read.
    pub(super) told: u64,
}

impl Node {
    /// A member with nothing but an identity. Vaults are alike, so that stores with the same content share it.
    pub(super) fn new(seed: u64, policy: Policy) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let vault = Vault::new(&Secret::new([7; 32]));
        let mut store = MemoryStore::default();
        let mut tx = Tx::new(&store, &vault);
        let account = AccountSecret::generate(&mut rng);
        let me = Me::create(&mut tx, account, "test", 1, &mut rng).unwrap();
        let batch = tx.into_batch(&mut rng);
        store.apply(batch).unwrap();
        store.flush().unwrap();
        let live = Live::new(&policy);
        Self { me, policy, live, store, vault, rng, up: false, life: 0, wake: u64::MAX, told: 0 }
    }

    pub(super) fn peer(&self) -> PeerKey {
        PeerKey(self.me.device.keys().network)
    }

    /// One transaction, durable before its effects are returned. What is refused leaves no trace.
    pub(super) fn transact<T, E>(
        &mut self,
        now: u64,
        run: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, E>,
    ) -> Result<(T, Vec<Effect>), E> {
        let mut tx = Tx::new(&self.store, &self.vault);
        let mut cx = Cx {
            me: &self.me,
            policy: &self.policy,
            live: &mut self.live,
            tx: &mut tx,
            now,
            rng: &mut self.rng,
            effects: Vec::new(),
        };
        let value = run(&mut cx)?;
        let effects = std::mem::take(&mut cx.effects);
        let batch = tx.into_batch(&mut self.rng);
        if !batch.is_empty() {
            self.store.apply(batch).unwrap();
            self.store.flush().unwrap();
        }
        Ok((value, effects))
    }

    /// A look without a trace.
    pub(super) fn look<T>(&mut self, now: u64, look: impl FnOnce(&mut Cx<'_, '_>) -> T) -> T {
        let mut tx = Tx::new(&self.store, &self.vault);
        let mut rng = StdRng::seed_from_u64(0);
        look(&mut Cx {
            me: &self.me,
            policy: &self.policy,
            live: &mut self.live,
            tx: &mut tx,
            now,
            rng: &mut rng,
            effects: Vec::new(),
        })
    }

    /// The process is killed: memory is gone, the disk stays.
    pub(super) fn die(&mut self) {
        self.up = false;
        self.life += 1;
        self.wake = u64::MAX;
        self.live = Live::new(&self.policy);
    }
}
