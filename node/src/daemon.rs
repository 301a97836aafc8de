//! A running node, from an empty directory to a graceful end.

mod company;
mod core;
mod errors;
mod keeper;
mod linking;
mod opening;
mod passphrase;
mod pause;
mod ports;
mod provenance;
mod recover;
mod words;

use std::sync::Arc;

use covey_overlay::PeerId;
use futures::FutureExt as _;
use rand::make_rng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::core::{About, Core};
pub(crate) use company::Company;
pub use errors::StartError;
pub use keeper::Keeper;
pub use linking::{LinkFailure, Linked, Progress, link};
pub use passphrase::change_passphrase;

use crate::access::{Access, Caller};
use crate::config::{Config, Layers, Overrides};
use crate::lock::InstanceLock;
use crate::metrics::{self, Metrics};
use crate::paths::Paths;
use crate::rpc::{self, Probes, ServerOptions};
use crate::runtime;
use crate::service::{Identity, Service};
use crate::settings::{LogSwitch, Settings};
use crate::slot::Slot;
use crate::vault::Passphrase;
pub(crate) use provenance::Provenance;
pub use recover::{Found, Plan, RecoverError, Recovered, find, may_recover, named, recover};
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
    service: Arc<Service>,
    server: rpc::Server,
    keeper: Arc<Keeper>,
    /// Cancelled when another device of the account revoked this one.
    revoked: CancellationToken,
    /// Of the data directory, also while the node is locked. Let go when all else has ended.
    _lock: Option<InstanceLock>,
}

impl Daemon {
    /// Starts a node; when this returns it listens, answers its RPC, and has made its account if there was none.
    ///
    /// # Errors
    /// [`StartError`] says what is in the way; nothing keeps running.
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        let (paths, config) = (options.paths.clone(), options.config.clone());
        let rpc_options = ServerOptions::new(&config.rpc, &paths)?;
        let (flags, log) = (std::mem::replace(&mut options.flags, Overrides::new()), options.log.take());
        let open = move || words::open_to_start(&options, &mut make_rng::<StdRng>());
        let revoked = CancellationToken::new();
        let (core, lock) = Box::pin(Core::start(&paths, &config, &revoked, open)).await?;
        let (engine, body) = (Slot::new(core.engine.clone()), Slot::new(Arc::clone(&core.body)));
        let settings = Settings::new(Layers::of_process(&paths, flags), config, engine.clone(), log);
        let settings = Arc::new(settings);
        let About { account, device, peer_id, addresses, new_account, knows_nobody } = core.about.clone();
        let keeper =
            Keeper::new(paths.clone(), Arc::clone(&settings), core, (engine.clone(), body.clone()), revoked.clone());
        let keeper = Arc::new(keeper);
        let served = async {
            let access = Access::load(engine.clone()).await?;
            tokio::spawn(Arc::clone(&access).keep_books());
            let service = Arc::new(Service {
                engine,
                body,
                keeper: Arc::clone(&keeper),
                identity: Identity { account: account.clone(), device, peer_id: peer_id.to_string() },
                metrics: Metrics::default(),
                data_dir: paths.data_dir().display().to_string(),
                settings,
                started_at: runtime::now(),
                stop: CancellationToken::new(),
                access: Arc::clone(&access),
                consumers: Arc::default(),
                caller: Caller::Node,
            });
            let module = covey_api::module(Arc::clone(&service)).map_err(|error| StartError::Rpc(error.to_string()))?;
            let server = rpc::serve(module, rpc_options, probes(&service), access, &mut make_rng::<StdRng>()).await?;
            let ticket = covey_api::AccountApi::ticket(service.as_ref(), covey_api::AccountTicket::default()).await?;
            service.look_at_itself().await?;
            // Without a port there is no page.
            let page = service.access.open_page(&Caller::Node).await;
            Ok((service, server, ticket.ticket, page.map(|page| page.url).ok()))
        };
        match Box::pin(served).await {
            Ok((service, server, ticket, browser_url)) => {
                let data_dir = service.data_dir.clone();
                info!(version = env!("CARGO_PKG_VERSION"), data = data_dir, new_account, "ready");
                let started =
                    Started { account, peer_id, addresses, ticket, data_dir, browser_url, new_account, knows_nobody };
                Ok(Self { started, service, server, keeper, revoked, _lock: lock })
            }
            Err(error) => {
                keeper.end().await;
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
        &self.service
    }

    /// Returns when a client asked the daemon to stop, or when it must because this device was revoked.
    pub async fn stop_requested(&self) {
        tokio::select! {
            () = self.service.stop.cancelled() => {}
            () = self.revoked.cancelled() => {}
        }
    }

    /// Whether another device of the account revoked this one.
    pub fn is_revoked(&self) -> bool {
        self.revoked.is_cancelled()
    }

    /// Ends the node: no new requests, what was begun is finished and durable, peers are told by closed connections.
    pub async fn stop(self) {
        info!("stopping");
        self.server.shutdown().await;
        self.service.access.write_down(0).await;
        self.keeper.end().await;
        info!("stopped");
    }
}

fn probes(service: &Arc<Service>) -> Probes {
    let (service, measured) = (Arc::clone(service), Arc::clone(service));
    let metrics = move || {
        let service = Arc::clone(&measured);
        async move { metrics::scrape(&service).await }.boxed()
    };
    let ready = move || {
        let service = Arc::clone(&service);
        async move { service.readiness().await }.boxed()
    };
    Probes { ready: Arc::new(ready), metrics: Arc::new(metrics) }
}
