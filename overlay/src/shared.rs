//! What the handle, the worker and the tasks of streams share: who is connected, who is allowed, the queues.
//!
//! All locks are held for a few map operations only, never across an await.

mod links;

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, atomic::AtomicUsize},
};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    time::Instant,
};

use crate::{
    Limits, Protocol, SendError,
    address::relay_of,
    counters::Counters,
    event::Queued,
    familiar::{Familiar, Host},
    pulse::Pulse,
    realm::Realm,
    session::Session,
    streams::{Budget, Inbound, Need, OpenStream, Origin, REFUSALS, Slot, Writer, ip_of},
    surroundings::Surroundings,
};

/// Bytes of strangers' frames waiting for the node, apart from those of allowed peers.
const STRANGER_BYTES: usize = 2 << 20;

/// The gate's decision on an inbound stream.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Read frames.
    Read { place: crate::streams::Place, origin: Origin, source: Option<IpAddr>, pulse: Arc<Pulse> },
    /// Answer with the uniform refusal.
    Refuse,
}

/// What the node should know of a peer now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) generation: u64,
    pub(crate) address: Multiaddr,
    pub(crate) relayed: bool,
    pub(crate) dialed: bool,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    realm: Realm,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) events: mpsc::Sender<Queued>,
    pub(crate) event_bytes: Arc<Semaphore>,
    pub(crate) stranger_bytes: Arc<Semaphore>,
    pub(crate) opens: mpsc::Sender<OpenStream>,
    pub(crate) queued: Arc<AtomicUsize>,
    pub(crate) refusals: Arc<Semaphore>,
    pub(crate) counters: Counters,
    /// Something was written, or is doubted: somebody has to be asked for a sign of life.
    pub(crate) stir: Arc<Notify>,
    allowed: RwLock<HashSet<PeerId>>,
    familiar: Mutex<Familiar>,
    surroundings: RwLock<Surroundings>,
    /// The configured bootstrap peers: the operator chose where they are.
    trusted: OnceLock<HashSet<PeerId>>,
    budget: Mutex<Budget>,
    /// Of those who leave mail: a flood of invites does not keep them out.
    mail_budget: Mutex<Budget>,
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    generation: u64,
    by_peer: HashMap<PeerId, Session>,
    /// The node ends: there will be no more.
    closed: bool,
}

impl Shared {
    pub(crate) fn new(
        limits: &Limits,
        realm: Realm,
        events: mpsc::Sender<Queued>,
        opens: mpsc::Sender<OpenStream>,
    ) -> Self {
        Self {
            limits: limits.clone(),
            realm,
            runtime: tokio::runtime::Handle::current(),
            events,
            // A budget below one frame would never let one through.
            event_bytes: Arc::new(Semaphore::new(limits.event_bytes.max(Protocol::Sync.max_frame()))),
            stranger_bytes: Arc::new(Semaphore::new(STRANGER_BYTES)),
            opens,
            queued: Arc::default(),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            counters: Counters::default(),
            stir: Arc::default(),
            allowed: RwLock::default(),
            familiar: Mutex::default(),
            surroundings: RwLock::default(),
            trusted: OnceLock::new(),
            budget: Mutex::new(Budget::new(Instant::now())),
            mail_budget: Mutex::new(Budget::new(Instant::now())),
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn is_allowed(&self, peer: &PeerId) -> bool {
        self.allowed.read().unwrap_or_else(PoisonError::into_inner).contains(peer)
    }

    pub(crate) fn allowed(&self) -> Vec<PeerId> {
        self.allowed.read().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Opens the gate. True when it was closed.
    pub(crate) fn allow(self: &Arc<Self>, peer: PeerId) -> bool {
        let new = self.allowed.write().unwrap_or_else(PoisonError::into_inner).insert(peer);
        if new {
            self.greet(peer);
        }
        new
    }

    /// Addresses at which an allowed peer is, or says that it is: the guard recognizes it there.
    pub(crate) fn recognize<'a>(&self, peer: PeerId, addresses: impl IntoIterator<Item = &'a Multiaddr>) {
        // Under the lock, so that nothing is learned after a revocation.
        let allowed = self.allowed.read().unwrap_or_else(PoisonError::into_inner);
        if allowed.contains(&peer) {
            self.familiar.lock().unwrap_or_else(PoisonError::into_inner).learn(peer, addresses);
        }
    }

    /// Whether an allowed peer is known to be there.
    pub(crate) fn is_familiar(&self, host: &Host) -> bool {
        self.familiar.lock().unwrap_or_else(PoisonError::into_inner).knows(host)
    }

    pub(crate) fn set_surroundings(&self, surroundings: Surroundings) {
        *self.surroundings.write().unwrap_or_else(PoisonError::into_inner) = surroundings;
    }

    /// Once, at the start.
    pub(crate) fn trust(&self, peers: HashSet<PeerId>) {
        // Err: it was done before.
        let _ = self.trusted.set(peers);
    }

    pub(crate) fn is_trusted(&self, peer: &PeerId) -> bool {
        self.trusted.get().is_some_and(|peers| peers.contains(peer))
    }

    /// Whether an address that somebody named may be dialled. By a relay that is connected nobody new is dialled,
    /// whatever address of it the circuit names. `[NET-DIAL-SCOPE]`
    pub(crate) fn may_dial(&self, address: &Multiaddr) -> bool {
        if !self.realm.has(address) {
            return false;
        }
        let is_here = || relay_of(address).is_some_and(|relay| self.is_connected(&relay));
        self.surroundings.read().unwrap_or_else(PoisonError::into_inner).may_dial(address) || is_here()
    }

    /// Whether a circuit names a place of its relay that others could mean. `[NET-RELAY-ADDRESS]`
    pub(crate) fn is_placed_well(&self, circuit: &Multiaddr) -> bool {
        self.surroundings.read().unwrap_or_else(PoisonError::into_inner).may_dial(circuit)
    }

    /// Closes the gate and ends what went through it. `[NET-GATE-REVOKE]`
    pub(crate) fn revoke(&self, peer: &PeerId) {
        self.allowed.write().unwrap_or_else(PoisonError::into_inner).remove(peer);
        self.familiar.lock().unwrap_or_else(PoisonError::into_inner).forget(peer);
        if let Some(session) = self.lock().by_peer.get_mut(peer) {
            session.shut(Protocol::gated);
            session.wanted = false;
            session.announced.send_replace(false);
        }
    }

    /// Whether the node hears of the peer's comings and goings.
    pub(crate) fn is_reported(&self, peer: &PeerId) -> bool {
        self.is_allowed(peer) || self.lock().by_peer.get(peer).is_some_and(|s| s.wanted)
    }

    /// The node dialled this peer. True when it is connected.
    pub(crate) fn want(&self, peer: &PeerId) -> bool {
        self.lock().by_peer.get_mut(peer).is_some_and(|session| {
            session.wanted = true;
            true
        })
    }

    /// Ends every stream, and lets no other one begin: who connects while the node takes its leave would hold it up.
    pub(crate) fn close(&self) {
        let mut sessions = self.lock();
        sessions.closed = true;
        for (_, mut session) in sessions.by_peer.drain() {
            session.shut(|_| true);
        }
    }

    pub(crate) fn presence(&self, peer: &PeerId) -> Option<Presence> {
        let allowed = self.is_allowed(peer);
        let sessions = self.lock();
        let session = sessions.by_peer.get(peer).filter(|s| allowed || s.wanted)?;
        let (_, link) = session.best(Instant::now())?;
        let (relayed, dialed) = (link.relayed, link.dialed);
        Some(Presence { generation: session.generation, address: link.address.clone(), relayed, dialed })
    }

    pub(crate) fn set_announced(&self, peer: &PeerId, generation: u64) {
        if let Some(session) = self.lock().by_peer.get(peer).filter(|s| s.generation == generation) {
            session.announced.send_replace(true);
        }
    }

    /// Waits until the node knows that a peer of which it wants to know is connected.
    pub(crate) async fn announced(&self, peer: &PeerId) {
        loop {
            let Some(mut announced) = self.lock().by_peer.get(peer).map(|s| s.announced.subscribe()) else { return };
            if *announced.borrow_and_update() || !self.is_reported(peer) || announced.changed().await.is_err() {
                return;
            }
        }
    }

    /// The gate. `[NET-GATE]`
    pub(crate) fn admit(&self, inbound: &Inbound) -> Admission {
        let mut sessions = self.lock();
        // Under the lock, so that a revocation comes either before this or ends what this lets in.
        let allowed = self.is_allowed(&inbound.peer);
        let Some(session) = sessions.by_peer.get_mut(&inbound.peer) else { return Admission::Refuse };
        let Some(link) = session.links.get(&inbound.connection) else { return Admission::Refuse };
        let (origin, source, pulse) = (link.origin, ip_of(&link.address), link.pulse.clone());
        if !allowed
            && (inbound.protocol.gated() || !self.stranger_stream(inbound.protocol, origin.budget(inbound.peer)))
        {
            return Admission::Refuse;
        }
        let Some(place) = session.slots.entry(inbound.protocol).or_insert_with(Slot::new).enter() else {
            return Admission::Refuse;
        };
        session.follow(inbound.protocol, inbound.connection);
        Admission::Read { place, origin, source, pulse }
    }

    pub(crate) fn stranger_frame(
        &self,
        protocol: Protocol,
        key: (Origin, Option<PeerId>),
        len: u32,
        now: Instant,
    ) -> bool {
        self.budget_of(protocol).frame(key, len, now)
    }

    fn budget_of(&self, protocol: Protocol) -> MutexGuard<'_, Budget> {
        let budget = if protocol == Protocol::Keeper { &self.mail_budget } else { &self.budget };
        budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`crate::Handle::repay`].
    pub(crate) fn repay(&self, peer: PeerId, protocol: Protocol, len: u32) {
        // Allowed peers pay nothing. Of several links the frame came by one.
        let link = self.lock().by_peer.get(&peer).and_then(|s| s.links.values().next().map(|link| link.origin));
        if let Some(origin) = link.filter(|_| !self.is_allowed(&peer)) {
            self.budget_of(protocol).repay(origin.budget(peer), len);
        }
    }

    /// Whether a record that came by this connection may be looked at.
    pub(crate) fn may_store(&self, peer: PeerId, connection: ConnectionId) -> bool {
        let origin = {
            let sessions = self.lock();
            let link = sessions.by_peer.get(&peer).and_then(|s| s.links.get(&connection));
            link.map_or(Origin::Local, |l| l.origin)
        };
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.record(origin.budget(peer), Instant::now())
    }

    fn stranger_stream(&self, protocol: Protocol, key: (Origin, Option<PeerId>)) -> bool {
        self.budget_of(protocol).stream(key, Instant::now())
    }

    /// See [`crate::Handle::send`]; the size was checked there.
    pub(crate) fn send(self: &Arc<Self>, peer: PeerId, protocol: Protocol, frame: Bytes) -> Result<(), SendError> {
        let mut sessions = self.lock();
        // Under the lock, as in `admit`.
        if protocol.gated() && !self.is_allowed(&peer) {
            return Err(SendError::NotAllowed);
        }
        let session = sessions.by_peer.get_mut(&peer).ok_or(SendError::NotConnected)?;
        let writer =
            session.writers.entry(protocol).or_insert_with(|| Writer::start(self, peer, protocol, Need::Frames));
        writer.push(frame)
    }

    /// Opens the sync stream to an allowed, connected peer.
    fn greet(self: &Arc<Self>, peer: PeerId) {
        if let Some(session) = self.lock().by_peer.get_mut(&peer) {
            let start = || Writer::start(self, peer, Protocol::Sync, Need::Always);
            session.writers.entry(Protocol::Sync).or_insert_with(start);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
