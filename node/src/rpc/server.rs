//! Starting and stopping the server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jsonrpsee::core::server::Methods;
use rand_core::CryptoRng;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ServeError,
    accept::Acceptor,
    cookie::{Cookie, Endpoint},
    guard::Guard,
    http::{App, Probes},
    socket::{self, RemoveOnDrop},
};
use crate::{
    access::Access,
    config::{self, ConfigError},
    files::effective_uid,
    paths::Paths,
};

/// How long clients get to read their last answers when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Where to serve, and where to say so.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Loopback address; port 0 takes any free port, `None` opens no port.
    pub listen: Option<SocketAddr>,
    /// Path of the Unix socket.
    pub socket: Option<PathBuf>,
    /// Where the token is written.
    pub cookie: PathBuf,
    /// Where the [`Endpoint`] is written.
    pub endpoint: PathBuf,
    /// Most connections, on the port and on the socket each.
    pub max_connections: u32,
}

impl ServerOptions {
    /// The options that a configuration asks for.
    ///
    /// # Errors
    /// [`ConfigError::Value`] if the address is none, or not a loopback one.
    pub fn new(config: &config::Rpc, paths: &Paths) -> Result<Self, ConfigError> {
        let socket = if config.socket.is_empty() { paths.socket() } else { PathBuf::from(&config.socket) };
        Ok(Self {
            listen: config.address()?,
            socket: Some(socket),
            cookie: paths.cookie(),
            endpoint: paths.endpoint(),
            max_connections: config.max_connections,
        })
    }
}

/// The running server. Dropping it removes its files but lets connections go on; use [`Server::shutdown`].
#[derive(Debug)]
pub struct Server {
    address: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
    _files: RemoveOnDrop,
}

/// Serves `methods` until [`Server::shutdown`]; when this returns, clients can connect and find the endpoint file.
///
/// # Errors
/// [`ServeError`]; then nothing is left behind.
pub async fn serve(
    methods: impl Into<Methods>,
    options: ServerOptions,
    probes: Probes,
    access: Arc<Access>,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Server, ServeError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ServeError::Io { path, source }
    };
    let mut files = RemoveOnDrop(Vec::new());
    let port = match options.listen {
        Some(address) => Some(socket::bind_port(address).await?),
        None => None,
    };
    let unix = options.socket.as_deref().map(socket::bind_socket).transpose()?;
    files.0.extend(options.socket.clone());
    let address = port.as_ref().and_then(|listener| listener.local_addr().ok());
    let cookie = Cookie::new(rng);
    files.0.extend([options.cookie.clone(), options.endpoint.clone()]);
    cookie.write(&options.cookie).map_err(io(&options.cookie))?;

    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let app = App::new(methods.into(), probes, Arc::clone(&access), stop.clone(), tasks.clone());
    let max_connections = usize::try_from(options.max_connections).unwrap_or(usize::MAX);
    let acceptor = Acceptor { stop: stop.clone(), tasks: tasks.clone(), max_connections };
    if let (Some(listener), Some(address)) = (port, address) {
        access.set_page(url(address));
        let router = app.clone().router(Guard::port(address, cookie.clone(), access));
        tasks.spawn(acceptor.clone().run(listener, router));
    }
    if let Some(listener) = unix {
        let router = app.router(Guard::Socket { uid: effective_uid() });
        tasks.spawn(acceptor.run(listener, router));
    }

    let endpoint = Endpoint {
        url: address.map(url),
        socket: options.socket,
        cookie: options.cookie,
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let server = Server { address, stop, tasks, _files: files };
    if let Err(source) = endpoint.write(&options.endpoint) {
        server.shutdown().await;
        return Err(ServeError::Io { path: options.endpoint, source });
    }
    Ok(server)
}

impl Server {
    /// The address of the port, with the port that was really taken.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The address of the port as a URL, if there is a port.
    pub fn url(&self) -> Option<String> {
        self.address.map(url)
    }

    /// Takes no more requests, lets those that are being answered finish (for 5 s at most), removes the files.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::info!("some RPC clients did not finish in time");
        }
    }
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
