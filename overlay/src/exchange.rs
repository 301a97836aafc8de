//! `/covey/seeds/1`: asks a peer for a newer seed list. The request is the sequence that one has (8 bytes, big-endian; 0 for
//! none), the answer a signed list or nothing. `[NET-SEEDS-PASS]`

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::{
    StreamProtocol,
    request_response::{self, ProtocolSupport},
};

use crate::seeds::MAX_LIST;

/// The name on the wire.
pub(crate) const SEEDS: StreamProtocol = StreamProtocol::new("/covey/seeds/1");
/// A question and its answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Questions of all peers that are answered at once. `[NET-SEEDS-PASS]`
const AT_ONCE: usize = 16;

pub(crate) type Behaviour = request_response::Behaviour<Codec>;

pub(crate) fn behaviour() -> Behaviour {
    let config = request_response::Config::default().with_request_timeout(TIMEOUT).with_max_concurrent_streams(AT_ONCE);
    request_response::Behaviour::with_codec(Codec, [(SEEDS, ProtocolSupport::Full)], config)
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Codec;

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = u64;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<u64> {
        let mut sequence = [0; 8];
        io.read_exact(&mut sequence).await?;
        Ok(u64::from_be_bytes(sequence))
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut list = Vec::new();
        io.take(MAX_LIST as u64 + 1).read_to_end(&mut list).await?;
        if list.len() > MAX_LIST { Err(io::ErrorKind::InvalidData.into()) } else { Ok(list) }
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        sequence: u64,
    ) -> io::Result<()> {
        io.write_all(&sequence.to_be_bytes()).await?;
        io.close().await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        list: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&list).await?;
        io.close().await
    }
}
