//! Between the engine and the overlay: effects out, events in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use covey_api::ApiError;
use covey_overlay::{Bytes, Event, Events, Gone, Handle, Protocol, PublishError, record};
use covey_pairing::crypto::sign::{SigningSecret, VerifyingKey};
use covey_pairing::ids::AccountId;
use rand::make_rng;
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::randomness::remix;
use super::{EngineHandle, Network};
use crate::addressing;
use crate::engine::{Command, Effect, Input, PeerKey};

/// Dials and look-ups under way at once; further ones wait.
const ERRANDS: usize = 32;
/// Peers that came or went and that a slow follower has not seen; it misses the older ones.
const CHANGES: usize = 256;
/// First pause before a card that nobody stored is published again.
const PUBLISH_AGAIN: Duration = Duration::from_secs(2);
/// Longest such pause.
const PUBLISH_AGAIN_MOST: Duration = Duration::from_secs(300);

/// The gate's state changes, in order.
enum Gate {
    Allow(PeerKey, Vec<String>),
    Revoke(PeerKey),
}

/// A card to publish.
type Publication = Option<(Vec<u8>, u64, Vec<SigningSecret>)>;

/// Carries the engine's effects to the overlay.
pub struct OverlayNetwork {
    overlay: Handle,
    // Unbounded, but never longer than the number of contacts' devices: the engine must not wait for the overlay,
    // which may be waiting for the engine.
    gate: mpsc::UnboundedSender<Gate>,
    publication: watch::Sender<Publication>,
    /// Cancelled when this device is none of the account any more.
    revoked: CancellationToken,
    errands: mpsc::UnboundedSender<Errand>,
}

/// Something that takes time and answers with an input.
enum Errand {
    Dial(PeerKey, Vec<String>),
    Lookup(AccountId, Vec<VerifyingKey>),
}

/// What is left to run once the engine is there.
pub struct Errands {
    overlay: Handle,
    errands: mpsc::UnboundedReceiver<Errand>,
}

impl OverlayNetwork {
    /// Connects to `overlay`. `revoked` is cancelled when the engine learns that this device is none of the account any more.
    pub fn new(overlay: Handle, revoked: CancellationToken) -> (Self, Errands) {
        let (gate, gated) = mpsc::unbounded_channel();
        let (publication, published) = watch::channel(None);
        let (errands, to_run) = mpsc::unbounded_channel();
        tokio::spawn(keep_gate(overlay.clone(), gated));
        tokio::spawn(keep_published(overlay.clone(), published));
        (Self { overlay: overlay.clone(), gate, publication, revoked, errands }, Errands { overlay, errands: to_run })
    }
}

impl Network for OverlayNetwork {
    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Send { peer, protocol, frame } => {
                let Some(peer) = addressing::peer_id(peer) else { return };
                if let Err(error) = self.overlay.send(peer, protocol, Bytes::from(frame)) {
                    debug!(%peer, %protocol, %error, "a frame was not sent; it is sent again when it matters");
                }
            }
            Effect::Repay { peer, len } => {
                if let Some(peer) = addressing::peer_id(peer) {
                    self.overlay.repay(peer, Protocol::Keeper, len);
                }
            }
            // Receivers end only with the daemon.
            Effect::Allow { peer, addresses } => drop(self.gate.send(Gate::Allow(peer, addresses))),
            Effect::Revoke { peer } => drop(self.gate.send(Gate::Revoke(peer))),
            Effect::Dial { peer, addresses } => drop(self.errands.send(Errand::Dial(peer, addresses))),
            Effect::Lookup { account, under } => drop(self.errands.send(Errand::Lookup(account, under))),
            Effect::Publish { card, sequence, under } => {
                drop(self.publication.send(Some((card, sequence, under))));
            }
            Effect::Revoked => self.revoked.cancel(),
            Effect::Journal(_) | Effect::Written(_) | Effect::Unwritten => {}
        }
    }
}

async fn keep_gate(overlay: Handle, mut gated: mpsc::UnboundedReceiver<Gate>) {
    while let Some(change) = gated.recv().await {
        let (Gate::Allow(key, _) | Gate::Revoke(key)) = &change;
        let Some(peer) = addressing::peer_id(*key) else { continue };
        let done = match change {
            Gate::Allow(_, addresses) => overlay.allow(peer, addressing::multiaddrs(&addresses)).await,
            Gate::Revoke(_) => overlay.revoke(peer).await,
        };
        if done.is_err() {
            return;
        }
    }
}

/// Publishes the newest card until somebody has stored it at each of its places.
async fn keep_published(overlay: Handle, mut published: watch::Receiver<Publication>) {
    let mut rng: StdRng = make_rng();
    while published.changed().await.is_ok() {
        let mut pause = PUBLISH_AGAIN;
        let Some((card, sequence, mut under)) = published.borrow_and_update().clone() else { continue };
        loop {
            let mut missing = Vec::new();
            for key in under {
                match publish(&overlay, &key, &card, sequence, &mut rng).await {
                    Ok(true) => {}
                    Ok(false) => missing.push(key),
                    Err(Gone) => return,
                }
            }
            if missing.is_empty() {
                break;
            }
            under = missing;
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PUBLISH_AGAIN_MOST),
                changed = published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    published.mark_changed();
                    break;
                }
            }
        }
    }
}

/// Publishes a card under the place of one key. Whether there is nothing more to do.
async fn publish(
    overlay: &Handle,
    key: &SigningSecret,
    card: &[u8],
    sequence: u64,
    rng: &mut StdRng,
) -> Result<bool, Gone> {
    remix(rng);
    let records = match record::seal_current(key.expose_seed(), sequence, card, super::clock::now(), rng) {
        Ok(records) => records,
        Err(error) => {
            warn!(%error, "the contact card cannot be published");
            return Ok(true);
        }
    };
    match overlay.publish(records).await {
        Ok(stored) => {
            debug!(stored, sequence, "contact card published");
            Ok(true)
        }
        Err(PublishError::Gone) => Err(Gone),
        Err(PublishError::Invalid(error)) => {
            warn!(%error, "the contact card cannot be published");
            Ok(true)
        }
        Err(error) => {
            debug!(%error, "contact card not published yet");
            Ok(false)
        }
    }
}

/// A connection of a peer that the overlay tells about.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Where the peer is.
    pub address: String,
    /// Through a relay?
    pub relayed: bool,
    /// Since when, Unix milliseconds.
    pub since: u64,
}

/// Who is connected, for people to look at.
#[derive(Debug, Clone)]
pub struct Connections {
    known: Arc<Mutex<BTreeMap<PeerKey, Connection>>>,
    /// Whoever follows who comes and goes.
    changes: broadcast::Sender<Change>,
    /// Since when this node is connected to nobody.
    alone: watch::Sender<Option<u64>>,
}

/// A peer connected, or disconnected.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who.
    pub peer: PeerKey,
    /// Its connection; of one that disconnected, the last one.
    pub connection: Connection,
    /// Is it there?
    pub connected: bool,
}

impl Default for Connections {
    fn default() -> Self {
        let (changes, alone) = (broadcast::Sender::new(CHANGES), watch::Sender::new(None));
        Self { known: Arc::default(), changes, alone }
    }
}

impl Connections {
    /// Peers that come and go from now on. Whoever does not keep up misses some.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Watches since when this node is connected to nobody, in Unix milliseconds.
    pub fn alone(&self) -> watch::Receiver<Option<u64>> {
        self.alone.subscribe()
    }

    fn tell(&self, peer: PeerKey, connection: Connection, connected: bool) {
        // Nobody may be following.
        let _ = self.changes.send(Change { peer, connection, connected });
    }

    /// A snapshot.
    pub fn list(&self) -> BTreeMap<PeerKey, Connection> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, event: &Event) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Connected { peer, address, relayed, .. } => {
                if let Some(peer) = addressing::peer_key(peer) {
                    let (address, since) = (address.to_string(), super::clock::now());
                    let connection = Connection { address, relayed: *relayed, since };
                    if known.insert(peer, connection.clone()).is_none() {
                        self.tell(peer, connection, true);
                    }
                }
            }
            Event::Rerouted { peer, address, relayed } => {
                if let Some(connection) = addressing::peer_key(peer).and_then(|peer| known.get_mut(&peer)) {
                    (connection.address, connection.relayed) = (address.to_string(), *relayed);
                }
            }
            Event::Disconnected { peer } => {
                if let Some(peer) = addressing::peer_key(peer)
                    && let Some(connection) = known.remove(&peer)
                {
                    self.tell(peer, connection, false);
                }
            }
            Event::Alone { since } => drop(self.alone.send_replace(*since)),
            _ => {}
        }
    }
}

/// The newest probe that came all the way from the overlay through the engine, to wait on.
#[derive(Debug, Clone)]
pub struct Echoes(watch::Sender<u64>);

impl Default for Echoes {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Echoes {
    /// Watches the numbers of probes.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    /// What goes through the engine and then tells that it did.
    fn input(&self, number: u64) -> Input {
        let heard = self.0.clone();
        Input::Command(Command::new(
            |_| Ok(()),
            move |_: Result<(), ApiError>| {
                heard.send_if_modified(|newest| std::mem::replace(newest, number.max(*newest)) < number);
            },
        ))
    }
}

/// Runs the engine's errands and hands it the overlay's events until the overlay ends.
pub async fn drive_network(
    engine: EngineHandle,
    mut events: Events,
    errands: Errands,
    connections: Connections,
    echoes: Echoes,
) {
    let runner = tokio::spawn(run_errands(engine.clone(), errands));
    while let Some(event) = events.recv().await {
        connections.note(&event);
        let input = match event {
            Event::Probe(number) => Some(echoes.input(number)),
            other => input_of(other),
        };
        let Some(input) = input else { continue };
        if engine.input(input).await.is_err() {
            break;
        }
    }
    runner.abort();
}

async fn run_errands(engine: EngineHandle, mut errands: Errands) {
    let places = Arc::new(Semaphore::new(ERRANDS));
    while let Some(errand) = errands.errands.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (engine, overlay) = (engine.clone(), errands.overlay.clone());
        tokio::spawn(async move {
            let _place = place;
            if let Some(input) = run_errand(&overlay, errand).await {
                // The engine may have stopped meanwhile.
                let _ = engine.input(input).await;
            }
        });
    }
}

async fn run_errand(overlay: &Handle, errand: Errand) -> Option<Input> {
    match errand {
        Errand::Dial(key, addresses) => {
            let peer = addressing::peer_id(key)?;
            match overlay.dial(peer, addressing::multiaddrs(&addresses)).await {
                Ok(()) => Some(Input::Connected { peer: key }),
                Err(error) => {
                    debug!(%peer, %error, "not reached yet");
                    None
                }
            }
        }
        Errand::Lookup(account, under) => {
            let mut cards = Vec::new();
            for key in under {
                match overlay.lookup(*key.as_bytes()).await {
                    Ok(found) => {
                        cards = found.into_iter().map(|opened| opened.payload).collect();
                        break;
                    }
                    Err(error) => debug!(account = %account.fmt_short(), %error, "no contact card found here yet"),
                }
            }
            Some(Input::Found { account, cards })
        }
    }
}

fn input_of(event: Event) -> Option<Input> {
    match event {
        Event::Connected { peer, .. } => Some(Input::Connected { peer: addressing::peer_key(&peer)? }),
        Event::Disconnected { peer } => Some(Input::Disconnected { peer: addressing::peer_key(&peer)? }),
        Event::Opened { peer, protocol: Protocol::Sync } => Some(Input::Opened { peer: addressing::peer_key(&peer)? }),
        Event::Closed { peer, protocol: Protocol::Sync, .. } => {
            Some(Input::Closed { peer: addressing::peer_key(&peer)? })
        }
        Event::Opened { .. }
        | Event::Closed { .. }
        | Event::Rerouted { .. }
        | Event::Alone { .. }
        | Event::Probe(_) => None,
        Event::Frame { peer, protocol, source, frame } => {
            Some(Input::Frame { peer: addressing::peer_key(&peer)?, protocol, source, frame: frame.to_vec() })
        }
        Event::Addresses(addresses) => Some(Input::Addresses(addresses.iter().map(ToString::to_string).collect())),
    }
}
