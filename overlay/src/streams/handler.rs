//! Negotiates the stream protocols on one connection.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::{Ready, ready};
use libp2p::{
    PeerId, Stream, StreamProtocol,
    core::upgrade::{InboundUpgrade, OutboundUpgrade, ReadyUpgrade, UpgradeInfo},
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use tokio::sync::oneshot;

use super::Via;
use crate::{Protocol, shared::Shared};

/// Streams waiting to be negotiated on one connection; more means that nobody limits the openers.
const OPENING: usize = 32;

/// Where an opened stream goes; dropped when it could not be opened.
pub(crate) type OpenReply = oneshot::Sender<(Stream, Via)>;

/// Asks the handler for a stream.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) protocol: Protocol,
    pub(super) via: Via,
    pub(super) reply: OpenReply,
}

/// A stream that the remote opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) protocol: Protocol,
    pub(super) stream: Stream,
}

pub(crate) struct Handler {
    peer: PeerId,
    shared: Arc<Shared>,
    requests: VecDeque<Open>,
    inbound: VecDeque<Opened>,
}

impl Handler {
    pub(super) fn new(peer: PeerId, shared: Arc<Shared>) -> Self {
        Self { peer, shared, requests: VecDeque::new(), inbound: VecDeque::new() }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Opened;
    type InboundProtocol = Offer;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = (Via, OpenReply);

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer, ())
    }

    /// Connections to allowed peers are kept even while no stream is open.
    fn connection_keep_alive(&self) -> bool {
        self.shared.is_allowed(&self.peer)
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (Via, OpenReply), Opened>> {
        if let Some(opened) = self.inbound.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(opened));
        }
        if let Some(Open { protocol, via, reply }) = self.requests.pop_front() {
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(protocol.stream()), (via, reply));
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, open: Open) {
        if self.requests.len() < OPENING {
            self.requests.push_back(open);
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, Self::OutboundProtocol, (), (Via, OpenReply)>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol), ..
            }) => {
                // Bounded by the streams that may be in negotiation on one connection.
                self.inbound.push_back(Opened { protocol, stream });
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream,
                info: (via, reply),
            }) => {
                // A writer that no longer waits drops the stream, which resets it.
                let _ = reply.send((stream, via));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: (_, reply), error }) => {
                tracing::debug!(peer = %self.peer, %error, "stream not opened");
                drop(reply);
            }
            _ => {}
        }
    }
}

/// The stream protocols offered to the remote: all of them to everybody, so that refusals are all alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer;

impl UpgradeInfo for Offer {
    type Info = Offered;
    type InfoIter = std::array::IntoIter<Offered, 4>;

    fn protocol_info(&self) -> Self::InfoIter {
        Protocol::ALL.map(Offered).into_iter()
    }
}

/// One protocol by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered(Protocol);

impl AsRef<str> for Offered {
    fn as_ref(&self) -> &str {
        self.0.name()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, Protocol);
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, stream: Stream, Offered(protocol): Offered) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = (Stream, Protocol);
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, stream: Stream, Offered(protocol): Offered) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
