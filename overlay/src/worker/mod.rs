//! The task that owns the swarm: takes commands and swarm events, keeps discovery running, tells the node what it
//! should know. Handlers are synchronous; nothing here waits for the network.

mod alone;
mod announcer;
mod commands;
mod discovery;
mod nat;
mod outward;
mod peers;
mod queries;
mod records;
mod relays;
mod seeds;
mod wall;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt as _;
use libp2p::{Multiaddr, PeerId, StreamProtocol, relay, swarm::SwarmEvent};
use rand::rngs::StdRng;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use self::{
    alone::Alone, announcer::Announcer, discovery::Discovery, nat::Reachability, peers::Resolved, records::Records,
    seeds::Seeds, wall::Wall,
};
use crate::{
    Backoff, Clock, Command, Config, DialError, Events, Handle, Reply, SpawnError,
    book::Book,
    dials::Dials,
    event, handle, listen,
    punches::Punches,
    seeker::Seeker,
    shared::Shared,
    streams::OpenStream,
    swarm::{self, BehavioursEvent, CoveySwarm},
};

/// Writers waiting for the worker to open their streams; they wait beyond it.
const OPENS: usize = 256;
/// Name resolutions on their way back.
const RESOLVED: usize = 64;
/// Connections get so long to close at shutdown.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts the overlay; returns when every listener is bound. Must be called inside a tokio runtime.
///
/// # Errors
/// [`SpawnError`] names the address or part that failed; nothing is left running.
pub async fn spawn(config: Config) -> Result<(Handle, Events), SpawnError> {
    let bootstrap = discovery::bootstrap_peers(&config)?;
    let (events, receiver) = event::channel(config.limits.events);
    let (opens, open_requests) = mpsc::channel(OPENS);
    let (commands, command_requests) = mpsc::channel(handle::COMMANDS);
    let (resolved_to, resolved) = mpsc::channel(RESOLVED);
    let shared = Arc::new(Shared::new(&config.limits, config.realm(), events, opens));
    shared.trust(bootstrap.iter().map(|seed| seed.peer).collect());
    let mut swarm = swarm::build(&config, &shared)?;
    let realm = config.realm();
    let listen: Vec<Multiaddr> = config.listen.iter().filter(|address| realm.has(address)).cloned().collect();
    let early = listen::bind(&mut swarm, &listen).await?;
    config.external.iter().for_each(|a| swarm.add_external_address(a.clone()));
    let handle = Handle::new(*swarm.local_peer_id(), commands, Arc::downgrade(&shared));
    let now = Instant::now();
    let mut worker = Worker {
        seeker: Seeker::new(config.backoff.clone()),
        announcer: Announcer::default(),
        alone: Alone::default(),
        discovery: Discovery::new(bootstrap, Book::new(&config.book, &config.peer_id()), now),
        seeds: Seeds::new(&config),
        kademlia: config.realm().kademlia(),
        reachability: Reachability::new(&config),
        records: Records::new(config.clock.clone()),
        dials: Dials::default(),
        punches: Punches::default(),
        wall: Wall::new(now, config.clock.now()),
        rng: rand::make_rng(),
        waiting: HashMap::new(),
        swarm,
        clock: config.clock.clone(),
        shared,
        resolved_to,
    };
    early.into_iter().for_each(|event| worker.on_swarm(event));
    worker.refresh_addresses();
    worker.use_seeds();
    worker.count_peers();
    let inputs = Inputs { commands: command_requests, opens: open_requests, resolved };
    tokio::spawn(worker.run(inputs));
    Ok((handle, receiver))
}

struct Inputs {
    commands: mpsc::Receiver<Command>,
    opens: mpsc::Receiver<OpenStream>,
    resolved: mpsc::Receiver<Resolved>,
}

struct Worker {
    swarm: CoveySwarm,
    clock: Clock,
    /// The name of the DHT.
    kademlia: StreamProtocol,
    shared: Arc<Shared>,
    seeker: Seeker,
    announcer: Announcer,
    alone: Alone,
    discovery: Discovery,
    reachability: Reachability,
    records: Records,
    seeds: Seeds,
    dials: Dials,
    punches: Punches,
    wall: Wall,
    rng: StdRng,
    /// The node's dials.
    waiting: HashMap<PeerId, Vec<Reply<Result<(), DialError>>>>,
    resolved_to: mpsc::Sender<Resolved>,
}

impl Worker {
    async fn run(mut self, mut inputs: Inputs) {
        let farewell = loop {
            let wake = self.next_wake();
            let shared = self.shared.clone();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event),
                command = inputs.commands.recv() => match command {
                    Some(Command::Shutdown { respond_to }) => break Some(respond_to),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                Some(open) = inputs.opens.recv() => self.swarm.behaviour_mut().streams.open(open),
                Some(resolved) = inputs.resolved.recv() => self.dial_resolved(resolved),
                place = shared.events.reserve(), if self.announcer.has_news() => match place {
                    Ok(place) => if let Some(event) = self.announcer.next(&shared) { place.send(event.into()) },
                    Err(_) => break None,
                },
                // What was written may have to be answered sooner than anything else is due.
                () = shared.stir.notified() => {}
                () = sleep_until(wake) => self.on_timer(Instant::now()),
            }
        };
        Box::pin(self.end(farewell)).await;
    }

    fn next_wake(&self) -> Instant {
        let (silent, doubted) = (self.shared.next_silent(), self.reachability.next());
        let (joining, wall) = (Some(self.discovery.next()), Some(self.wall.next()));
        let times = [self.seeker.next(), self.records.next(), self.alone.next(), joining, silent, doubted, wall];
        times.into_iter().flatten().min().unwrap_or_else(Instant::now)
    }

    fn on_timer(&mut self, now: Instant) {
        if self.wall.slept(now, self.clock.now()) {
            tracing::info!("the machine slept, or its clock was set: connections are tried");
            self.on_moved();
        }
        self.seek(now);
        self.tend_records(now);
        self.tend_discovery(now);
        self.tend_reachability(now);
        self.give_up_silent(now);
        self.ask_for_life(now);
        if let Some(alone) = self.alone.news(now) {
            self.announcer.alone(alone);
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehavioursEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, .. } => self.on_disconnected(peer_id),
            SwarmEvent::OutgoingConnectionError { peer_id, connection_id, error, .. } => {
                self.shared.counters.outgoing_failed();
                self.reachability.outward.failed(connection_id);
                if let Some(peer) = peer_id {
                    self.on_dial_error(peer, &error);
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => self.on_listening(&address),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.on_address_gone(&address),
            SwarmEvent::ExternalAddrExpired { .. } => self.on_external_address_lost(),
            SwarmEvent::ExternalAddrConfirmed { address } => self.on_external_address(&address),
            SwarmEvent::ListenerClosed { listener_id, .. } => self.on_listener_closed(listener_id),
            SwarmEvent::IncomingConnectionError { error, .. } => {
                self.shared.counters.incoming_failed();
                tracing::debug!(%error, "connection refused");
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehavioursEvent) {
        match event {
            BehavioursEvent::Identify(event) => self.on_identify(event),
            BehavioursEvent::Kad(event) => self.on_kad(event),
            BehavioursEvent::Mdns(event) => self.on_mdns(event),
            BehavioursEvent::AutonatClient(event) => self.on_probed(&event),
            BehavioursEvent::RelayClient(event) => self.on_relay(&event),
            BehavioursEvent::Exchange(event) => self.on_seeds(event),
            BehavioursEvent::Heartbeat(answer) => self.on_answer(&answer),
            BehavioursEvent::Ping(event) => self.on_ping(&event),
            BehavioursEvent::Dcutr(event) => self.shared.counters.hole_punched(event.result.is_ok()),
            BehavioursEvent::RelayServer(relay::Event::ReservationReqAccepted { renewed: false, .. }) => {
                self.shared.counters.place_given();
            }
            BehavioursEvent::RelayServer(relay::Event::CircuitReqAccepted { .. }) => self.shared.counters.circuit(),
            other => tracing::trace!(?other, "behaviour"),
        }
    }

    async fn end(mut self, farewell: Option<Reply<()>>) {
        self.shared.close();
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            // Err: it is gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let _ = timeout(FAREWELL, async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        })
        .await;
        drop(self);
        if let Some(respond_to) = farewell {
            // A caller that no longer waits is normal.
            let _ = respond_to.send(());
        }
    }
}

/// The pauses between attempts to join the overlay. Short, for whoever waits for a network waits for these.
const REJOIN: Backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_secs(16) };
/// The same while others are connected and no bootstrap peer is: it is down, or the overlay has two parts.
const REUNITE: Backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_secs(300) };
