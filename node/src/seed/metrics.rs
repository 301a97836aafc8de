//! `/metrics` of a seed: one page by HTTP, for a collector on this machine or its network.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use covey_overlay::Handle;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A request is read and answered within this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest head of a request.
const HEAD: usize = 4_096;
/// Requests at a time; others are closed unread.
const AT_ONCE: usize = 8;

/// Listens, and answers until the process ends.
pub(super) async fn serve(address: SocketAddr, overlay: Handle) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let (places, started_at) = (Arc::new(Semaphore::new(AT_ONCE)), crate::runtime::now());
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PATIENCE).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let overlay = overlay.clone();
            tokio::spawn(async move {
                let _place = place;
                // Who does not read the answer does not get it.
                let _ = timeout(PATIENCE, answer(stream, &overlay, started_at)).await;
            });
        }
    });
    Ok(())
}

async fn answer(mut stream: TcpStream, overlay: &Handle, started_at: u64) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 512];
        let read = stream.read(&mut part).await?;
        if read == 0 || head.len() + read > HEAD {
            return Ok(());
        }
        head.extend_from_slice(&part[..read]);
    }
    let (status, body) = match overlay.status().await {
        Ok(status) if head.starts_with(b"GET /metrics ") => ("200 OK", crate::metrics::of_overlay(&status, started_at)),
        Ok(_) => ("404 Not Found", String::new()),
        Err(_) => ("503 Service Unavailable", String::new()),
    };
    let kind = "text/plain; version=0.0.4";
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
