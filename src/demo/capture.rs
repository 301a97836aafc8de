//! A wire that remembers: a TCP proxy on loopback that records every byte in both directions.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// More than this of a short talk is not kept.
const LIMIT: usize = 16 * 1024 * 1024;

/// A wire that remembers. It is cut when dropped.
pub(super) struct Capture {
    pub(super) address: SocketAddr,
    recorded: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Capture {
    /// Passes everything on to a port of 127.0.0.1.
    pub(super) async fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&recorded);
        let task = tokio::spawn(async move {
            // Ends with the task, and its connections with it.
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(connect(near, port, Arc::clone(&record)));
            }
        });
        Ok(Self { address, recorded, task })
    }

    /// What went over it so far.
    pub(super) fn recorded(&self) -> Vec<u8> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn connect(near: TcpStream, port: u16, record: Arc<Mutex<Vec<u8>>>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    // Either end may hang up.
    let _ = tokio::join!(pass(near_in, far_out, &record), pass(far_in, near_out, &record));
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    record: &Mutex<Vec<u8>>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = from.read(&mut buffer).await?;
        let bytes = &buffer[..n];
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        {
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            let room = LIMIT.saturating_sub(record.len());
            record.extend_from_slice(&bytes[..n.min(room)]);
        }
        to.write_all(bytes).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_capture_passes_bytes_both_ways_and_keeps_them() {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let wire = Capture::to(server.local_addr().expect("an address").port()).await.expect("a wire");
        let mut near = TcpStream::connect(wire.address).await.expect("connects");
        near.write_all(b"ping").await.expect("sends");
        let (mut far, _) = server.accept().await.expect("arrives");
        let mut heard = [0; 4];
        far.read_exact(&mut heard).await.expect("hears");
        far.write_all(b"pong").await.expect("answers");
        near.read_exact(&mut heard).await.expect("hears");
        assert_eq!(&heard, b"pong");
        assert_eq!(wire.recorded(), b"pingpong");
    }
}
