//! Asks a peer for a sign of life on one connection, when [`crate::pulse`] says so: libp2p's ping protocol, without its clock.

use std::{
    collections::VecDeque,
    future::Future,
    io, iter,
    pin::Pin,
    task::{Context, Poll},
};

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::{
    Multiaddr, OutboundUpgrade, PeerId, Stream, StreamProtocol,
    core::{Endpoint, UpgradeInfo, transport::PortUse, upgrade::DeniedUpgrade},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, OneShotHandler,
        OneShotHandlerConfig, StreamUpgradeError, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm,
    },
};
use rand::RngExt as _;

use crate::pulse::PING_TIMEOUT;

const PING: StreamProtocol = StreamProtocol::new("/ipfs/ping/1.0.0");
const SIZE: usize = 32;

/// What came of a question.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    /// False: the peer does not speak this at all.
    pub(crate) speaks: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Behaviour {
    events: VecDeque<ToSwarm<Answer, Ping>>,
}

impl Behaviour {
    pub(crate) fn ask(&mut self, peer_id: PeerId, connection: ConnectionId) {
        self.events.push_back(ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(connection), event: Ping });
    }
}

/// Writes some bytes and reads them back.
#[derive(Debug, Clone)]
pub(crate) struct Ping;

/// The bytes came back.
#[derive(Debug)]
pub(crate) struct Pong;

impl From<std::convert::Infallible> for Pong {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl UpgradeInfo for Ping {
    type Info = StreamProtocol;
    type InfoIter = iter::Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once(PING)
    }
}

impl OutboundUpgrade<Stream> for Ping {
    type Output = Pong;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Pong>> + Send>>;

    fn upgrade_outbound(self, mut stream: Stream, _: StreamProtocol) -> Self::Future {
        Box::pin(async move {
            let sent: [u8; SIZE] = rand::rng().random();
            stream.write_all(&sent).await?;
            stream.flush().await?;
            let mut came = [0; SIZE];
            stream.read_exact(&mut came).await?;
            // Err: the answer has come all the same.
            let _ = stream.close().await;
            if came == sent { Ok(Pong) } else { Err(io::ErrorKind::InvalidData.into()) }
        })
    }
}

type Handler = OneShotHandler<DeniedUpgrade, Ping, Pong>;

fn handler() -> Handler {
    let config = OneShotHandlerConfig { outbound_substream_timeout: PING_TIMEOUT, ..OneShotHandlerConfig::default() };
    OneShotHandler::new(SubstreamProtocol::new(DeniedUpgrade, ()), config)
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Answer;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(handler())
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        let speaks = match event {
            Ok(Pong) => true,
            Err(StreamUpgradeError::NegotiationFailed) => false,
            Err(error) => {
                // Silence speaks for itself.
                tracing::debug!(%peer, %error, "no answer to a ping");
                return;
            }
        };
        self.events.push_back(ToSwarm::GenerateEvent(Answer { peer, connection, speaks }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.events.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}
