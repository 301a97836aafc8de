//! The core of a node: store, engine and network, and the threads on which they run. It is what holds keys.
//!
//! A locked node has none. So that nothing is left behind in memory, everything that touches a key runs on threads that belong to
//! the core and end with it: their stacks go back to the system. What they had on the heap is overwritten when it is freed (the
//! allocator of the binary sees to that).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use covey_overlay::{Handle, Multiaddr, PeerId, SpawnError};
use rand::make_rng;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::opening::Opened;
use super::ports::{self, Ports};
use super::{Company, Provenance, StartError};
use crate::config::{self, Config};
use crate::engine::{Input, Policy};
use crate::health::Health;
use crate::lock::InstanceLock;
use crate::network_key;
use crate::paths::Paths;
use crate::runtime::{self, Connections, Echoes, EngineHandle, Errands, OverlayNetwork, Worker};
use crate::service::{self, Body};
use crate::settings::policy;
use crate::store::Reader;

/// Threads that do not end within this are left alone.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the free space on the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(60);

/// A running core.
pub(super) struct Core {
    pub(super) engine: EngineHandle,
    pub(super) body: Arc<Body>,
    pub(super) about: About,
    thread: JoinHandle<()>,
    network: Option<tokio::task::JoinHandle<()>>,
    company: Company,
    threads: Threads,
}

/// What is told of it.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) account: String,
    pub(super) device: String,
    pub(super) peer_id: PeerId,
    pub(super) addresses: Vec<String>,
    pub(super) new_account: bool,
    pub(super) knows_nobody: bool,
}

impl Core {
    /// Starts on threads of its own what `open` opens; `revoked` is cancelled when this device is none of the account any more. Also gives the data directory's lock, if it was taken.
    ///
    /// # Errors
    /// [`StartError`]; nothing keeps running.
    pub(super) async fn start(
        paths: &Paths,
        config: &Config,
        revoked: &CancellationToken,
        open: impl FnOnce() -> Result<Opened, StartError> + Send + 'static,
    ) -> Result<(Self, Option<InstanceLock>), StartError> {
        let threads = Threads::new()?;
        let (paths, config, revoked) = (paths.clone(), config.clone(), revoked.clone());
        let parts = threads.run(async move {
            let opened = tokio::task::spawn_blocking(open).await.map_err(std::io::Error::other);
            Box::pin(launch(opened.map_err(StartError::Thread)??, &paths, &config, revoked)).await
        });
        match parts.await {
            Ok((Launched { engine, body, about, thread, company, driver }, lock)) => {
                let network = driver.map(|driver| threads.spawn(driver));
                Ok((Self { engine, body, about, thread, network, company, threads }, lock))
            }
            Err(error) => {
                threads.end().await;
                Err(error)
            }
        }
    }

    /// Ends it: what was begun is finished and durable, peers are told by closed connections, no thread of it is left.
    pub(super) async fn stop(self) {
        let Self { engine, body, thread, network, company, threads, .. } = self;
        company.write(&body.overlay).await;
        body.overlay.shutdown().await;
        // Without an engine there is nothing to stop.
        let _ = engine.input(Input::Stop).await;
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            warn!("the engine had failed");
        }
        // The overlay's end has closed its events.
        if let Some(network) = network
            && network.await.is_err()
        {
            warn!("the network driver had failed");
        }
        threads.end().await;
    }
}

type Driver = futures::future::BoxFuture<'static, ()>;

/// A core whose driver does not run yet.
struct Launched {
    engine: EngineHandle,
    body: Arc<Body>,
    about: About,
    thread: JoinHandle<()>,
    company: Company,
    driver: Option<Driver>,
}

/// Starts overlay and engine over an open store.
async fn launch(
    opened: Opened,
    paths: &Paths,
    config: &Config,
    revoked: CancellationToken,
) -> Result<(Launched, Option<InstanceLock>), StartError> {
    let provenance = Provenance::of(&paths.database());
    let is_copy = match &provenance {
        Some(provenance) => provenance.is_copy(&Reader::new(&opened.store, &opened.vault))?,
        None => false,
    };
    let suspect_rollback = opened.suspect || is_copy;
    let company = Company::new(paths);
    let (overlay, events, ports) = spawn_overlay(&opened, config, &company).await?;
    tokio::spawn(company.clone().keep(overlay.clone()));
    let (network, errands) = OverlayNetwork::new(overlay.clone(), revoked);
    let knows_nobody = overlay.status().await.is_ok_and(|status| status.bootstrap.is_empty() && status.book.is_empty());
    let Opened { lock, store, vault, me, new_account, .. } = opened;
    let (account, device) = (me.account_id().to_string(), me.device_id().to_string());
    let (engine, thread) = runtime::spawn(Worker {
        store,
        vault,
        me: Arc::new(me),
        policy: Policy { suspect_rollback, ..policy(config) },
        network,
        rng: make_rng(),
        clock: tokio::runtime::Handle::current(),
    })
    .map_err(StartError::Thread)?;
    let (connections, echoes) = (Connections::default(), Echoes::default());
    let health = Health::new(engine.clone(), overlay.clone(), echoes.clone());
    let addresses = listening(&overlay).await;
    let peer_id = overlay.local_peer();
    let body = Arc::new(Body::new(overlay, connections.clone(), health));
    let driver = drive(engine.clone(), Arc::clone(&body), events, errands, echoes);
    let about = About { account, device, peer_id, addresses: addresses.clone(), new_account, knows_nobody };
    tokio::spawn(watch_disk(engine.clone(), paths.database()));
    let begun = begin(&engine, provenance, ports, addresses).await;
    let launched = Launched { engine, body, about, thread, company, driver: Some(driver) };
    match begun {
        Ok(()) => Ok((launched, lock)),
        Err(error) => {
            launched.body.overlay.shutdown().await;
            let _ = launched.engine.input(Input::Stop).await;
            let _ = tokio::task::spawn_blocking(move || launched.thread.join()).await;
            Err(error.into())
        }
    }
}

/// Tells the engine how much is free on the disk, as long as it runs: what it keeps for others depends on that.
async fn watch_disk(engine: EngineHandle, database: PathBuf) {
    loop {
        let place = database.clone();
        let look = move || rustix::fs::statvfs(&place).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        if let Ok(Ok(free)) = tokio::task::spawn_blocking(look).await
            && engine.input(Input::FreeDisk(free)).await.is_err()
        {
            return;
        }
        tokio::time::sleep(DISK_EVERY).await;
    }
}

/// What is written down and told at every start.
async fn begin(
    engine: &EngineHandle,
    provenance: Option<Provenance>,
    ports: Ports,
    addresses: Vec<String>,
) -> Result<(), covey_api::ApiError> {
    // The engine has dealt with a copy before it takes this.
    if let Some(provenance) = provenance {
        provenance.remember(engine).await?;
    }
    ports::remember(engine, ports).await?;
    engine.input(Input::Addresses(addresses)).await
}

/// Hands the engine what the network brings, and the journal who comes and goes, until the overlay ends.
fn drive(
    engine: EngineHandle,
    body: Arc<Body>,
    events: covey_overlay::Events,
    errands: Errands,
    echoes: Echoes,
) -> Driver {
    Box::pin(async move {
        let connections = body.connections.clone();
        tokio::select! {
            () = runtime::drive_network(engine.clone(), events, errands, connections, echoes) => {}
            () = service::tell_of_network(&engine, &body) => {}
        }
    })
}

type Spawned = (Handle, covey_overlay::Events, Ports);

/// Starts the overlay, on the ports of last time if they were any and are still free.
async fn spawn_overlay(opened: &Opened, config: &Config, company: &Company) -> Result<Spawned, StartError> {
    let wanted = parse("network.listen", &config.network.listen)?;
    let known = ports::load(&Reader::new(&opened.store, &opened.vault))?;
    let mut overlay = overlay_config(opened.me.device.network_seed(), config)?;
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
    let ports = Ports::of(&wanted, &bound);
    Ok((handle, events, ports))
}

/// What the configuration says of the overlay, for a node with this network key.
pub(super) fn overlay_config(network_seed: [u8; 32], config: &Config) -> Result<covey_overlay::Config, StartError> {
    let network = &config.network;
    let mut overlay = covey_overlay::Config::new(network_seed);
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

pub(super) fn parse(key: &'static str, texts: &[String]) -> Result<Vec<Multiaddr>, StartError> {
    let parse = |text: &String| text.parse().map_err(|_| StartError::Address { key, text: text.clone() });
    texts.iter().map(parse).collect()
}

pub(super) async fn listening(overlay: &Handle) -> Vec<String> {
    let Ok(status) = overlay.status().await else { return Vec::new() };
    let peer = status.peer_id;
    let with_peer = |address: &Multiaddr| address.clone().with_p2p(peer).map(|address| address.to_string()).ok();
    status.external.iter().chain(&status.listen).filter_map(with_peer).collect()
}

/// Threads that belong to the core.
struct Threads(Option<Runtime>);

impl Threads {
    fn new() -> Result<Self, StartError> {
        let runtime = Builder::new_multi_thread().thread_name("core").enable_all().build();
        runtime.map(|runtime| Self(Some(runtime))).map_err(StartError::Thread)
    }

    fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
        self.0.as_ref().expect("there until the end").spawn(work)
    }

    /// Runs something on them.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StartError>> + Send + 'static,
    ) -> Result<T, StartError> {
        match self.spawn(work).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(StartError::Thread(std::io::Error::other(error))),
        }
    }

    /// Ends them.
    async fn end(mut self) {
        let Some(runtime) = self.0.take() else { return };
        let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await;
    }
}

/// Where a start is given up halfway: a runtime must not wait for its threads inside of another one.
impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
