//! A seed: a node through which others meet. It has no account and no store; it routes, relays, and remembers peers.

mod metrics;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use covey_overlay::{Config, Events, Handle, Limits, SpawnError};
pub use covey_overlay::{Multiaddr, PeerId};
use rand::rngs::StdRng;
use rand::{Rng as _, make_rng};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::daemon::{Company, StartError};
use crate::files;
use crate::lock::InstanceLock;
use crate::network_key;
use crate::paths::Paths;

/// The port of covey, and the one that networks let out which let out little.
const PORTS: [u16; 2] = [7421, 443];
/// Files that a seed has open beside its connections.
const OTHER_FILES: u64 = 128;

/// What a seed is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its files are.
    pub paths: Paths,
    /// Where to listen; empty: TCP and QUIC on ports 7421 and 443, IPv4 and IPv6, where that is allowed.
    pub listen: Vec<Multiaddr>,
    /// Where others reach it, if it cannot know.
    pub external: Vec<Multiaddr>,
    /// Other seeds.
    pub bootstrap: Vec<Multiaddr>,
    /// The key of a private network.
    pub key_file: Option<PathBuf>,
    /// Whose seed lists are passed on.
    pub seeds_key: Option<[u8; 32]>,
    /// Where `/metrics` is.
    pub metrics: Option<SocketAddr>,
}

/// A running seed.
pub struct Seed {
    overlay: Handle,
    company: Company,
    addresses: Vec<Multiaddr>,
    users: u32,
    _lock: InstanceLock,
}

impl Seed {
    /// Starts it; when this returns it listens.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let lock = InstanceLock::acquire(options.paths.data_dir())?;
        let company = Company::new(&options.paths);
        let mut config = Config::new(*own_key(&options.paths)?);
        config.external = options.external;
        config.bootstrap = options.bootstrap;
        config.book = company.peers();
        (config.seeds_key, config.seeds) = (options.seeds_key, company.seeds());
        if let Some(file) = &options.key_file {
            config.network_key = Some(network_key::read(file)?);
        }
        (config.mdns, config.upnp, config.relay_server) = (false, false, true);
        config.relay_use = covey_overlay::RelayUse::Never;
        config.limits = limits(open_files());
        let users = config.limits.unknown_inbound;
        let (overlay, events) = if options.listen.is_empty() {
            listen_where_allowed(config).await?
        } else {
            on(config, options.listen).await?
        };
        tokio::spawn(forget(events));
        tokio::spawn(company.clone().keep(overlay.clone()));
        if let Some(address) = options.metrics {
            metrics::serve(address, overlay.clone()).await.map_err(|source| StartError::Metrics { address, source })?;
        }
        let listen = overlay.status().await.map(|status| status.listen).unwrap_or_default();
        let peer = overlay.local_peer();
        let addresses: Vec<Multiaddr> = listen.into_iter().filter_map(|address| address.with_p2p(peer).ok()).collect();
        info!(users, "seed ready");
        Ok(Self { overlay, company, addresses, users, _lock: lock })
    }

    /// Where it listens, each address ending in its peer id.
    pub fn addresses(&self) -> &[Multiaddr] {
        &self.addresses
    }

    /// Its network name.
    pub fn peer_id(&self) -> PeerId {
        self.overlay.local_peer()
    }

    /// For how many users at a time it has room.
    pub fn users(&self) -> u32 {
        self.users
    }

    /// Logs how it is.
    pub async fn log_status(&self) {
        if let Ok(status) = self.overlay.status().await {
            let (peers, known) = (status.peers, status.routing_table);
            info!(peers, known, places_given = status.places_given, circuits = status.circuits, "status");
        }
    }

    /// Ends it; what it knows of its company is written down.
    pub async fn stop(self) {
        self.company.write(&self.overlay).await;
        self.overlay.shutdown().await;
    }
}

/// Its key, made at the first start: others know the seed by it.
fn own_key(paths: &Paths) -> Result<Zeroizing<[u8; 32]>, StartError> {
    let file = paths.seed_key_file();
    match std::fs::read(&file) {
        Ok(bytes) => {
            let bytes = Zeroizing::new(bytes);
            let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| StartError::SeedKey { file })?;
            Ok(Zeroizing::new(key))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut key = Zeroizing::new([0; 32]);
            make_rng::<StdRng>().fill_bytes(key.as_mut());
            files::create_private(&file, key.as_ref()).map_err(StartError::Mark)?;
            Ok(key)
        }
        Err(error) => Err(StartError::Mark(error)),
    }
}

/// Room by what a connection costs: one open file each.
fn limits(files: u64) -> Limits {
    let room = u32::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(u32::MAX);
    Limits::default().for_seed(room)
}

/// How many files this process may have open, after asking for as many as it is allowed.
fn open_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(1 << 16).min(1 << 16);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    if raised.is_ok() { wanted } else { current.unwrap_or(1_024) }
}

async fn on(mut config: Config, listen: Vec<Multiaddr>) -> Result<(Handle, Events), StartError> {
    config.listen = listen;
    Ok(covey_overlay::spawn(config).await?)
}

/// Listens everywhere; leaves out port 443 where it is not allowed or in use by another program.
async fn listen_where_allowed(config: Config) -> Result<(Handle, Events), StartError> {
    let mut listen = everywhere();
    loop {
        match on(config.clone(), listen.clone()).await {
            Err(StartError::Overlay(SpawnError::AddressInUse { address } | SpawnError::Listen { address, .. }))
                if listen.iter().any(|at| is_left_out(at, &address)) =>
            {
                warn!(%address, "cannot listen here; networks that let out web traffic only need port 443");
                listen.retain(|at| !is_left_out(at, &address));
            }
            other => return other,
        }
    }
}

/// Both families and transports on the port that failed.
fn is_left_out(listened: &Multiaddr, failed: &Multiaddr) -> bool {
    let text = failed.to_string();
    let listened = listened.to_string();
    (text.contains("/443") || text.is_empty()) && listened.contains("/443")
}

fn everywhere() -> Vec<Multiaddr> {
    let texts = PORTS.iter().flat_map(|port| {
        ["/ip4/0.0.0.0", "/ip6/::"].map(|any| [format!("{any}/tcp/{port}"), format!("{any}/udp/{port}/quic-v1")])
    });
    texts.flatten().filter_map(|text| text.parse().ok()).collect()
}

/// A seed has nothing to do with what its peers send.
async fn forget(mut events: Events) {
    while events.recv().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_keeps_its_name_and_refuses_a_key_file_that_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let paths = Paths::resolve(Some(dir.path()), None, |_| None).expect("paths");
        let key = own_key(&paths).expect("a key");
        assert_eq!(*own_key(&paths).expect("the same"), *key);
        std::fs::write(paths.seed_key_file(), "short").expect("writes");
        assert!(own_key(&paths).is_err_and(|error| error.to_string().contains("seed.key")));
    }

    #[test]
    fn a_seed_has_room_for_as_many_as_it_may_have_files() {
        assert_eq!(limits(1_024).connections, 896);
        assert!(limits(1_024).unknown_inbound <= 896 && limits(1_024).per_prefix >= 500);
        assert_eq!(limits(1 << 16).connections, 4_096);
    }

    #[test]
    fn ports_that_are_not_allowed_are_left_out_and_the_own_one_never() {
        let at = |text: &str| text.parse::<Multiaddr>().expect("an address");
        assert!(is_left_out(&at("/ip4/0.0.0.0/tcp/443"), &at("/ip6/::/udp/443/quic-v1")));
        assert!(!is_left_out(&at("/ip4/0.0.0.0/tcp/7421"), &at("/ip4/0.0.0.0/tcp/443")));
        assert!(!is_left_out(&at("/ip4/0.0.0.0/tcp/443"), &at("/ip4/0.0.0.0/tcp/7421")));
        assert_eq!(everywhere().len(), 8);
    }
}
