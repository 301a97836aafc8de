//! Nodes on loopback with ephemeral ports; waiting for events instead of sleeping.

use std::{future::Future, time::Duration};

use covey_overlay::{Backoff, Bytes, Config, Event, Events, Handle, Multiaddr, PeerId, Protocol, Status, spawn};

/// Generous: the machine may be busy. Nothing waits so long when things work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Node {
    pub(crate) handle: Handle,
    pub(crate) events: Events,
}

pub(crate) fn config(seed: u8) -> Config {
    let mut config = Config::new([seed; 32]);
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    config.mdns = false;
    config.upnp = false;
    // It counts the memory of the process, and that may be a whole network.
    config.limits.memory = usize::MAX;
    config.backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1) };
    config
}

pub(crate) fn peer_of(seed: u8) -> PeerId {
    config(seed).peer_id()
}

pub(crate) async fn within<T>(what: &str, task: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, task).await.unwrap_or_else(|_| panic!("timed out: {what}"))
}

impl Node {
    pub(crate) async fn start(config: Config) -> Self {
        let (handle, events) = spawn(config).await.unwrap();
        Self { handle, events }
    }

    pub(crate) async fn new(seed: u8) -> Self {
        Self::start(config(seed)).await
    }

    pub(crate) async fn joining(seed: u8, hub: &Self) -> Self {
        let mut config = config(seed);
        config.bootstrap = vec![hub.full_address().await];
        Self::start(config).await
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.handle.local_peer()
    }

    pub(crate) async fn status(&self) -> Status {
        self.handle.status().await.unwrap()
    }

    pub(crate) async fn address(&self) -> Multiaddr {
        self.status().await.listen[0].clone()
    }

    pub(crate) async fn full_address(&self) -> Multiaddr {
        self.address().await.with_p2p(self.peer()).unwrap()
    }

    pub(crate) async fn allow(&self, other: &Self) {
        self.handle.allow(other.peer(), vec![other.address().await]).await.unwrap();
    }

    pub(crate) async fn event(&mut self) -> Event {
        within("an event", self.events.recv()).await.expect("the overlay runs")
    }

    /// Skips events until one of them yields something.
    pub(crate) async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        within(what, async {
            loop {
                let event = self.events.recv().await.expect("the overlay runs");
                if let Some(picked) = pick(event) {
                    return picked;
                }
            }
        })
        .await
    }

    pub(crate) async fn connected(&mut self, to: PeerId) {
        self.until("connected", |e| matches!(e, Event::Connected { peer, .. } if peer == to).then_some(())).await;
    }

    pub(crate) async fn disconnected(&mut self, from: PeerId) {
        self.until("disconnected", |e| (e == Event::Disconnected { peer: from }).then_some(())).await;
    }

    pub(crate) async fn opened(&mut self, to: PeerId, protocol: Protocol) {
        self.until("opened", |e| (e == Event::Opened { peer: to, protocol }).then_some(())).await;
    }

    /// The next frame, skipping other events.
    pub(crate) async fn frame(&mut self) -> (PeerId, Protocol, Bytes) {
        self.until("a frame", |e| match e {
            Event::Frame { peer, protocol, frame, .. } => Some((peer, protocol, frame)),
            _ => None,
        })
        .await
    }

    pub(crate) fn send(&self, to: PeerId, protocol: Protocol, frame: impl Into<Bytes>) {
        self.handle.send(to, protocol, frame.into()).unwrap();
    }
}

/// Two nodes that allow each other, with their sync streams open.
pub(crate) async fn friends() -> (Node, Node) {
    befriend(Node::new(1).await, Node::new(2).await).await
}

pub(crate) async fn befriend(mut a: Node, mut b: Node) -> (Node, Node) {
    a.allow(&b).await;
    b.allow(&a).await;
    a.opened(b.peer(), Protocol::Sync).await;
    b.opened(a.peer(), Protocol::Sync).await;
    (a, b)
}

/// Asks again and again until the answer is right; for what no event tells.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    within(what, async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
