//! Ties streams to connections: keeps the sessions in [`Shared`], opens streams, hands inbound ones to the gate.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, behaviour::ConnectionEstablished,
    },
};

use super::{
    Inbound, accept,
    handler::{Handler, Open, OpenReply},
};
use crate::{Protocol, pulse::Pulse, shared::Shared};

/// A connection that a stream is on.
#[derive(Debug, Clone)]
pub(crate) struct Via {
    pub(crate) connection: ConnectionId,
    pub(crate) pulse: Arc<Pulse>,
}

/// A writer's request for its stream.
#[derive(Debug)]
pub(crate) struct OpenStream {
    pub(crate) peer: PeerId,
    pub(crate) protocol: Protocol,
    pub(crate) reply: OpenReply,
}

/// Opens and accepts the streams of covey's protocols.
pub(crate) struct Behaviour {
    shared: Arc<Shared>,
    opening: VecDeque<ToSwarm<std::convert::Infallible, Open>>,
}

impl Behaviour {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, opening: VecDeque::new() }
    }

    /// Opens a stream on the best connection to the peer; `reply` is dropped when there is none.
    pub(crate) fn open(&mut self, request: OpenStream) {
        let OpenStream { peer, protocol, reply } = request;
        if let Some(via) = self.shared.best_connection(&peer) {
            self.opening.push_back(ToSwarm::NotifyHandler {
                peer_id: peer,
                handler: NotifyHandler::One(via.connection),
                event: Open { protocol, via, reply },
            });
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = std::convert::Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(peer, self.shared.clone()))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(peer, self.shared.clone()))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, endpoint, .. }) => {
                self.shared.connected(peer_id, connection_id, endpoint);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                self.shared.disconnected(peer_id, connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, opened: THandlerOutEvent<Self>) {
        let inbound = Inbound { peer, connection, protocol: opened.protocol, stream: opened.stream };
        accept(&self.shared, inbound);
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.opening.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}
