//! Connections that look well and are dead.

use std::sync::Arc;

use covey_overlay::{Multiaddr, Protocol};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Mutex, Notify},
    task::JoinHandle,
};

use libp2p::swarm::dial_opts::DialOpts;

use super::{
    harness::{Node, config, peer_of},
    mallory::Mallory,
};

/// Passes connections on to a node until it forgets them: then each end is left with a connection by which nothing
/// comes and which nobody ends, as after a change of address.
struct Router {
    address: Multiaddr,
    forget: Arc<Notify>,
    /// What is left of forgotten connections.
    left: Arc<Mutex<Vec<TcpStream>>>,
    task: JoinHandle<()>,
}

/// What those who dialled see when their connection is forgotten.
#[derive(Clone, Copy)]
enum Dialer {
    Nothing,
    Reset,
}

impl Drop for Router {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Router {
    async fn before(node: &Node, dialer: Dialer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("/ip4/127.0.0.1/tcp/{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let target = node.address().await.to_string().rsplit('/').next().unwrap().parse::<u16>().unwrap();
        let (forget, left) = (Arc::new(Notify::new()), Arc::new(Mutex::new(Vec::new())));
        let (forgets, leaves) = (forget.clone(), left.clone());
        let task = tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let (forget, left) = (forgets.clone(), leaves.clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        () = forget.notified() => {
                            let mut left = left.lock().await;
                            left.push(far);
                            if matches!(dialer, Dialer::Nothing) {
                                left.push(near);
                            }
                        }
                    }
                });
            }
        });
        Self { address, forget, left, task }
    }

    /// Forgets the connections that there are; new ones are passed on.
    async fn forget(&self) {
        self.forget.notify_waiters();
        while self.left.lock().await.is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

/// Alice and Bob, connected by Alice through a router.
async fn through_a_router(dialer: Dialer) -> (Node, Node, Router) {
    let (mut alice, mut bob) = (Node::new(1).await, Node::start(config(2)).await);
    let router = Router::before(&bob, dialer).await;
    bob.handle.allow(alice.peer(), Vec::new()).await.unwrap();
    alice.handle.allow(bob.peer(), vec![router.address.clone()]).await.unwrap();
    alice.opened(bob.peer(), Protocol::Sync).await;
    bob.opened(alice.peer(), Protocol::Sync).await;
    (alice, bob, router)
}

#[tokio::test]
async fn a_connection_by_which_nothing_comes_is_given_up_and_made_anew() {
    // [NET-LIVE]
    let (mut alice, mut bob, router) = through_a_router(Dialer::Nothing).await;
    router.forget().await;
    alice.disconnected(bob.peer()).await;
    alice.opened(bob.peer(), Protocol::Sync).await;
    alice.send(bob.peer(), Protocol::Sync, "there again");
    assert_eq!(bob.frame().await.2.as_ref(), b"there again");
    bob.send(alice.peer(), Protocol::Sync, "so am I");
    assert_eq!(alice.frame().await.2.as_ref(), b"so am I");
}

#[tokio::test]
async fn frames_follow_a_peer_to_its_new_connection_while_the_old_one_looks_well() {
    let (mut alice, mut bob, router) = through_a_router(Dialer::Reset).await;
    router.forget().await;
    alice.disconnected(bob.peer()).await;
    alice.opened(bob.peer(), Protocol::Sync).await;
    // Bob sees two connections, and only the new one leads to alice.
    bob.opened(alice.peer(), Protocol::Sync).await;
    bob.send(alice.peer(), Protocol::Sync, "I followed you");
    assert_eq!(alice.frame().await.2.as_ref(), b"I followed you");
}

#[tokio::test]
async fn the_stream_of_a_connection_that_is_given_up_is_opened_on_another_though_nobody_writes() {
    // [NET-LIVE]
    let mut alice = Node::start(config(1)).await;
    let router = Router::before(&alice, Dialer::Nothing).await;
    alice.handle.allow(peer_of(9), Vec::new()).await.unwrap();
    let (peer, through_router) = (alice.peer(), router.address.clone());
    let mut other = Mallory::with(9, |swarm| {
        swarm.dial(DialOpts::peer_id(peer).addresses(vec![through_router]).build()).unwrap();
    })
    .await;
    let mut streams = other.accept(Protocol::Sync);
    let mut first = streams.stream().await;
    assert!(first.write(&[1]).await);
    alice.opened(other.peer, Protocol::Sync).await;

    router.forget().await;
    other.dial(&alice).await;
    let mut second = streams.stream().await;
    assert!(second.write(&[1]).await);
    alice.opened(other.peer, Protocol::Sync).await;
}
