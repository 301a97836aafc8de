//! Accepting connections: bounded in number and in patience, and ended on request.

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::Router;
use covey_api::{ApiError, Reason};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use jsonrpsee::{
    MethodResponse,
    types::{ErrorObjectOwned, Id},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::files::effective_uid;

/// How long a client may take for the head of a request, and keep a connection without one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept: the process is out of file descriptors, and asking at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Refusals under way at once; further ones are not said.
const MAX_REFUSALS: usize = 32;
/// How long a client that finds no place has to read that.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

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
        let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
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
                tracing::warn!(limit = self.max_connections, "too many RPC connections; refused the newest");
                if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                    self.tasks.spawn(refuse(stream, self.max_connections, place));
                }
                continue;
            };
            self.tasks.spawn(connection(stream, router.clone(), Place(Arc::new(place)), self.stop.clone()));
        }
    }
}

/// A client's place among [`Acceptor::max_connections`]. Every request carries it, so that a WebSocket keeps it too.
#[derive(Clone)]
struct Place(#[allow(dead_code, reason = "kept until the client is gone")] Arc<OwnedSemaphorePermit>);

/// Says that there is no place. It reads a little of the request, or the answer may be lost with it.
async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin, limit: usize, place: OwnedSemaphorePermit) {
    let error = ApiError::new(Reason::LimitReached, "Too many clients are connected; close some, or try again later.")
        .with_data(serde_json::json!({ "limit": limit }));
    let body = MethodResponse::error(Id::Null, ErrorObjectOwned::from(error)).into_json();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.get().len()
    );
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut request = [0; 16_384];
        while stream.read(&mut request).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(REFUSAL_TIME, Box::pin(told)).await;
    drop(place);
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    place: Place,
    stop: CancellationToken,
) {
    let service = router.map_request(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(place.clone());
        request
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
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
