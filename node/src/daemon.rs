//! A running node, from an empty directory to a graceful end.

mod company;
mod errors;
mod ports;
mod provenance;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use covey_overlay::{Handle, Multiaddr, PeerId, SpawnError};
use covey_pairing::identity::AccountSecret;
use futures::FutureExt as _;
use rand::make_rng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use company::Company;
pub use errors::StartError;

use crate::access::{Access, Caller};
use crate::config::{self, Config, Layers, Overrides};
use crate::db;
use crate::engine::{Input, Me, Policy};
use crate::health::Health;
use crate::lock::InstanceLock;
use crate::metrics::{self, Metrics};
use crate::network_key;
use crate::paths::Paths;
use crate::rpc::{self, Probes, ServerOptions};
use crate::runtime::{self, Connections, Echoes, EngineHandle, OverlayNetwork, Worker};
use crate::service::{Seen, Service};
use crate::settings::{LogSwitch, Settings, policy};
use crate::store::{DiskOptions, DurableStore, Reader, Store, Tx};
use crate::vault::{Passphrase, Vault, VaultFiles};
pub(crate) use provenance::Provenance;
pub use words::{Initialised, init, phrase, seal, written_down};

/// What a node is started with.
pub struct Options {
    /// Where everything is.
    pub paths: Paths,
    /// Checked configuration.
    pub config: Config,
    /// Opens the vault, if it is locked by one.
    pub passphrase: Option<Passphrase>,
    /// The flags among the sources of the configuration, for when it is read again.
    pub flags: Overrides,
    /// Changes the level of the log. Without it the level stays as it is.
    pub log: Option<Arc<dyn LogSwitch>>,
}

/// What the operator is told when the node is up.
#[derive(Debug, Clone)]
pub struct Started {
    /// The account id, `cv1…`.
    pub account: String,
    /// The network name.
    pub peer_id: PeerId,
    /// Addresses listened on.
    pub addresses: Vec<String>,
    /// A ticket without a token.
    pub ticket: String,
    /// The data directory.
    pub data_dir: String,
    /// The web page with a code that signs one browser in, if there is a port.
    pub browser_url: Option<String>,
    /// This start made the account.
    pub new_account: bool,
    /// It knows of no node through which to join a network: only the local one is searched.
    pub knows_nobody: bool,
}

/// A running node.
pub struct Daemon {
    started: Started,
    core: Core,
    front: Front,
}

/// Overlay and engine: what a node is.
struct Core {
    overlay: Handle,
    engine: EngineHandle,
    thread: JoinHandle<()>,
    company: Company,
    _lock: InstanceLock,
}

/// What connects the core to the network and to local clients.
struct Front {
    service: Arc<Service>,
    server: rpc::Server,
    network: tokio::task::JoinHandle<()>,
}

/// An opened data directory: held by this process, its vault open.
struct Opened {
    lock: InstanceLock,
    store: DurableStore,
    vault: Vault,
    me: Me,
    new_account: bool,
    /// The database may be an older state of itself.
    suspect: bool,
}

/// Opens the data directory. `create`: makes an account if there is none (the given one, or a new one).
fn open(options: &Options, create: Option<Option<AccountSecret>>, rng: &mut StdRng) -> Result<Opened, StartError> {
    let paths = &options.paths;
    let files = VaultFiles::new(paths.data_dir());
    if create.is_none() && !files.exist() {
        return Err(StartError::NotInitialised { dir: paths.data_dir().to_owned() });
    }
    let lock = InstanceLock::acquire(paths.data_dir())?;
    db::resume_compaction(paths).map_err(StartError::Mark)?;
    let vault = files.open_or_create(options.passphrase.as_ref(), paths.database().exists(), rng)?;
    let disk = DiskOptions { cache_bytes: options.config.storage.cache_bytes() };
    let db::Opening { mut store, suspect } = db::open(&db::places(paths), disk, &vault, rng)?;
    db::end_compaction(paths);
    let loaded = Me::load(&Reader::new(&store, &vault))?;
    if let Some(mut me) = loaded {
        // A crash may have come between the account and its mark.
        mark_initialised(paths)?;
        let mut tx = Tx::new(&store, &vault);
        if me.commit_recovery(&mut tx)? {
            let batch = tx.into_batch(rng)?;
            store.apply(batch)?;
            store.flush()?;
            info!("the account committed to its recovery key");
        }
        return Ok(Opened { lock, store, vault, me, new_account: false, suspect });
    }
    let Some(account) = create else {
        return Err(StartError::NotInitialised { dir: paths.data_dir().to_owned() });
    };
    // An unreadable log looks empty to sled: what had an account once never gets another one by itself.
    if paths.initialised_file().exists() {
        return Err(StartError::AccountMissing { dir: paths.data_dir().to_owned() });
    }
    let account = account.unwrap_or_else(|| AccountSecret::generate(rng));
    let mut tx = Tx::new(&store, &vault);
    let me = Me::create(&mut tx, account, runtime::now(), rng)?;
    let batch = tx.into_batch(rng)?;
    store.apply(batch)?;
    store.flush()?;
    mark_initialised(paths)?;
    Ok(Opened { lock, store, vault, me, new_account: true, suspect })
}

/// Remembers outside of the database that this directory has an account.
fn mark_initialised(paths: &Paths) -> Result<(), StartError> {
    let file = paths.initialised_file();
    if file.exists() { Ok(()) } else { crate::files::write_private(&file, b"").map_err(StartError::Mark) }
}

impl Daemon {
    /// Starts a node; when this returns it listens, answers its RPC, and has made its account if there was none.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way; nothing keeps running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let mut rng: StdRng = make_rng();
        let opened = words::open_to_start(&options, &mut rng)?;
        let Options { paths, config, flags, log, .. } = options;
        let provenance = Provenance::of(&paths.database());
        let is_copy = match &provenance {
            Some(provenance) => provenance.is_copy(&Reader::new(&opened.store, &opened.vault))?,
            None => false,
        };
        let suspect_rollback = opened.suspect || is_copy;
        let company = Company::new(&paths);
        let (overlay, events, ports) = spawn_overlay(&opened, &config, &company).await?;
        tokio::spawn(company.clone().keep(overlay.clone()));
        let (network, errands) = OverlayNetwork::new(overlay.clone(), opened.me.account.signing().cloned());
        let knows_nobody =
            overlay.status().await.is_ok_and(|status| status.bootstrap.is_empty() && status.book.is_empty());
        let (account, new_account) = (opened.me.account_id().to_string(), opened.new_account);
        let (engine, thread) = runtime::spawn(Worker {
            store: opened.store,
            vault: opened.vault,
            me: Arc::new(opened.me),
            policy: Policy { suspect_rollback, ..policy(&config) },
            network,
            rng: make_rng(),
            clock: tokio::runtime::Handle::current(),
        })
        .map_err(StartError::Thread)?;
        let settings = Settings::new(Layers::of_process(&paths, flags), config.clone(), engine.clone(), log);
        let core = Core { overlay, engine, thread, company, _lock: opened.lock };
        let bring_up = bring_up(&core, &paths, &config, settings, (events, errands), (ports, provenance), &mut rng);
        match Box::pin(bring_up).await {
            Ok((front, addresses, ticket)) => {
                // Without a port there is no page.
                let page = front.service.access.open_page(&Caller::Node).await;
                let browser_url = page.map(|page| page.url).ok();
                let started = Started {
                    account,
                    peer_id: core.overlay.local_peer(),
                    addresses,
                    ticket,
                    data_dir: paths.data_dir().display().to_string(),
                    browser_url,
                    new_account,
                    knows_nobody,
                };
                info!(version = env!("CARGO_PKG_VERSION"), data = started.data_dir, new_account, "ready");
                Ok(Self { started, core, front })
            }
            Err(error) => {
                core.stop().await;
                Err(error)
            }
        }
    }

    /// What to tell the operator.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// The methods of its RPC, for a process that runs the node inside itself.
    pub fn service(&self) -> &Arc<Service> {
        &self.front.service
    }

    /// Returns when a client asked the daemon to stop.
    pub async fn stop_requested(&self) {
        self.front.service.stop.cancelled().await;
    }

    /// Ends the node: no new requests, what was begun is finished and durable, peers are told by closed connections.
    pub async fn stop(self) {
        info!("stopping");
        self.front.server.shutdown().await;
        self.front.service.access.write_down(0).await;
        self.core.stop().await;
        // The overlay's end has closed the events.
        if self.front.network.await.is_err() {
            warn!("the network driver had failed");
        }
        info!("stopped");
    }
}

impl Core {
    async fn stop(self) {
        self.company.write(&self.overlay).await;
        self.overlay.shutdown().await;
        // Without an engine there is nothing to stop.
        let _ = self.engine.input(Input::Stop).await;
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            warn!("the engine had failed");
        }
    }
}

/// Connects a started core to the network and to local clients. Also gives the addresses listened on and a ticket.
async fn bring_up(
    core: &Core,
    paths: &Paths,
    config: &Config,
    settings: Settings,
    (events, errands): (covey_overlay::Events, runtime::Errands),
    (ports, provenance): (ports::Ports, Option<Provenance>),
    rng: &mut StdRng,
) -> Result<(Front, Vec<String>, String), StartError> {
    let options = ServerOptions::new(&config.rpc, paths)?;
    // The engine has dealt with a copy before it takes this.
    if let Some(provenance) = provenance {
        provenance.remember(&core.engine).await?;
    }
    ports::remember(&core.engine, ports).await?;
    let addresses = listening(&core.overlay).await;
    core.engine.input(Input::Addresses(addresses.clone())).await?;
    let (connections, echoes) = (Connections::default(), Echoes::default());
    let access = Access::load(core.engine.clone()).await?;
    tokio::spawn(Arc::clone(&access).keep_books());
    let service = Arc::new(Service {
        engine: core.engine.clone(),
        overlay: core.overlay.clone(),
        connections: connections.clone(),
        health: Arc::new(Health::new(core.engine.clone(), core.overlay.clone(), echoes.clone())),
        seen: Seen::default(),
        metrics: Metrics::default(),
        data_dir: paths.data_dir().display().to_string(),
        settings: Arc::new(settings),
        started_at: runtime::now(),
        stop: CancellationToken::new(),
        access: Arc::clone(&access),
        consumers: Arc::default(),
        caller: Caller::Node,
    });
    let module = covey_api::module(Arc::clone(&service)).map_err(|error| StartError::Rpc(error.to_string()))?;
    let server = rpc::serve(module, options, probes(&service), access, rng).await?;
    let ticket = covey_api::AccountApi::ticket(service.as_ref(), covey_api::AccountTicket::default()).await?;
    service.look_at_itself().await?;
    let (engine, told) = (core.engine.clone(), Arc::clone(&service));
    let network = tokio::spawn(async move {
        tokio::select! {
            () = runtime::drive_network(engine, events, errands, connections, echoes) => {}
            () = told.tell_of_network() => {}
        }
    });
    Ok((Front { service, server, network }, addresses, ticket.ticket))
}

type Spawned = (Handle, covey_overlay::Events, ports::Ports);

/// Starts the overlay, on the ports of last time if they were any and are still free.
async fn spawn_overlay(opened: &Opened, config: &Config, company: &Company) -> Result<Spawned, StartError> {
    let wanted = parse("network.listen", &config.network.listen)?;
    let known = ports::load(&Reader::new(&opened.store, &opened.vault))?;
    let mut overlay = overlay_config(opened, config)?;
    overlay.book = company.peers();
    overlay.seeds = company.seeds().filter(|_| config.network.uses_seed_list());
    overlay.listen = known.apply(&wanted);
    let spawned = match covey_overlay::spawn(overlay.clone()).await {
        Err(SpawnError::AddressInUse { address }) if overlay.listen != wanted => {
            info!(%address, "the port of last time is taken; taking another");
            overlay.listen.clone_from(&wanted);
            covey_overlay::spawn(overlay).await
        }
        other => other,
    };
    let (handle, events) = spawned?;
    let bound = handle.status().await.map(|status| status.listen).unwrap_or_default();
    let ports = ports::Ports::of(&wanted, &bound);
    Ok((handle, events, ports))
}

fn overlay_config(opened: &Opened, config: &Config) -> Result<covey_overlay::Config, StartError> {
    let network = &config.network;
    let mut overlay = covey_overlay::Config::new(opened.me.device.network_seed());
    overlay.external = parse("network.external", &network.external)?;
    overlay.bootstrap = parse("network.bootstrap", &network.named_bootstrap())?;
    overlay.seeds_key = network_key::parse(&network.seeds_key).filter(|_| network.uses_seed_list());
    if !network.key_file.is_empty() {
        overlay.network_key = Some(network_key::read(Path::new(&network.key_file))?);
    }
    overlay.mdns = network.mdns;
    overlay.upnp = network.upnp;
    overlay.relay_server = network.relay_server;
    overlay.relay_use = match network.relay_use {
        config::RelayUse::Never => covey_overlay::RelayUse::Never,
        config::RelayUse::WhenPrivate => covey_overlay::RelayUse::WhenPrivate,
        config::RelayUse::Always => covey_overlay::RelayUse::Always,
    };
    overlay.limits.connections = network.max_connections;
    overlay.limits.unknown_inbound = network.max_strangers;
    overlay.limits.per_prefix = network.max_strangers_per_prefix;
    overlay.limits.memory = (network.max_memory_mib as usize) << 20;
    if network.relay_server {
        overlay.limits = overlay.limits.for_relay();
    }
    Ok(overlay)
}

fn parse(key: &'static str, texts: &[String]) -> Result<Vec<Multiaddr>, StartError> {
    let parse = |text: &String| text.parse().map_err(|_| StartError::Address { key, text: text.clone() });
    texts.iter().map(parse).collect()
}

async fn listening(overlay: &Handle) -> Vec<String> {
    let Ok(status) = overlay.status().await else { return Vec::new() };
    let peer = status.peer_id;
    let with_peer = |address: &Multiaddr| address.clone().with_p2p(peer).map(|address| address.to_string()).ok();
    status.external.iter().chain(&status.listen).filter_map(with_peer).collect()
}

fn probes(service: &Arc<Service>) -> Probes {
    let (service, measured) = (Arc::clone(service), Arc::clone(service));
    let metrics = move || {
        let service = Arc::clone(&measured);
        async move { metrics::scrape(&service).await }.boxed()
    };
    let ready = move || {
        let service = Arc::clone(&service);
        async move { service.health.check().await.ready() }.boxed()
    };
    Probes { ready: Arc::new(ready), metrics: Arc::new(metrics) }
}
