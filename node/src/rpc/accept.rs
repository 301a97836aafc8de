//! Accepting connections: bounded in number and in patience, and ended on request.

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::files::effective_uid;

/// How long a client may take for the head of a request, and keep a connection without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept: the process is out of file descriptors, and asking at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where connections come from.
pub(crate) trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection from somebody who may connect at all; `None` for anybody else.
    fn accept(&mut self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<Option<TcpStream>> {
        let (stream, _) = Self::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok(Some(stream))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = Self::accept(self).await?;
        let uid = stream.peer_cred()?.uid();
        if uid == effective_uid() || uid == 0 {
            return Ok(Some(stream));
        }
        tracing::warn!(uid, "refused a process of another user on the RPC socket");
        Ok(None)
    }
}

/// What the accept loops share.
#[derive(Clone)]
pub(crate) struct Acceptor {
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) max_connections: usize,
}

impl Acceptor {
    /// Serves `router` to everyone who connects, until stopped.
    pub(crate) async fn run(self, mut listener: impl Listener, router: Router) {
        let places = Arc::new(Semaphore::new(self.max_connections));
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok(Some(stream)) => stream,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an RPC connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(limit = self.max_connections, "too many RPC connections; closed the newest");
                continue;
            };
            let connection = connection(stream, router.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stop: CancellationToken,
) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let result = tokio::select! {
        result = &mut serving => result,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "RPC connection ended");
    }
}
