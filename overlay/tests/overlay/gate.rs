//! Who may do what.

use covey_overlay::{Event, Protocol, SendError};

use super::{
    harness::{Node, befriend, friends, peer_of},
    mallory::{Mallory, framed},
};

#[tokio::test]
async fn whatever_a_stranger_asks_for_the_refusal_is_the_same() {
    // [NET-GATE-UNIFORM]
    let (alice, mut bob) = friends().await;
    alice.send(bob.peer(), Protocol::Sync, "there is a channel here");
    bob.frame().await;
    let mut stranger = Mallory::against(11, &bob).await;
    let mut answers = Vec::new();
    for protocol in [Protocol::Sync, Protocol::Parcel] {
        for asked in [vec![], framed(b"give me the feed"), framed(&[0; 100_000]), vec![0xff; 64], vec![0; 4]] {
            let mut stream = stranger.open(&bob, protocol).await;
            stream.write(&asked).await;
            answers.push(stream.all().await);
        }
    }
    // One who knows a great deal: it was a friend until a moment ago.
    bob.handle.allow(peer_of(12), Vec::new()).await.unwrap();
    let mut former = Mallory::against(12, &bob).await;
    assert_eq!(former.open(&bob, Protocol::Sync).await.verdict().await, Some(1));
    bob.handle.revoke(peer_of(12)).await.unwrap();
    for protocol in [Protocol::Sync, Protocol::Parcel] {
        let mut stream = former.open(&bob, protocol).await;
        stream.write(&framed(b"go on")).await;
        answers.push(stream.all().await);
    }
    assert_eq!(answers, vec![vec![0]; 12]);
}

#[tokio::test]
async fn nothing_a_stranger_does_reaches_the_node_but_pair_frames() {
    // [NET-GATE]
    let mut bob = Node::new(2).await;
    bob.event().await;
    let mut stranger = Mallory::against(11, &bob).await;
    for protocol in [Protocol::Sync, Protocol::Parcel] {
        let mut stream = stranger.open(&bob, protocol).await;
        stream.frame(b"let me in").await;
        assert_eq!(stream.all().await, [0]);
    }
    let mut stream = stranger.open(&bob, Protocol::Pair).await;
    assert_eq!(stream.verdict().await, Some(1));
    stream.frame(b"an invite").await;
    match bob.event().await {
        Event::Frame { peer, protocol: Protocol::Pair, source: Some(source), frame } => {
            assert_eq!((peer, frame.as_ref()), (stranger.peer, b"an invite".as_slice()));
            assert!(source.is_loopback());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_revoked_peer_is_cut_off_at_once() {
    // [NET-GATE-REVOKE]
    let (mut alice, mut bob) = friends().await;
    alice.send(bob.peer(), Protocol::Parcel, "a parcel");
    alice.send(bob.peer(), Protocol::Sync, "before");
    for _ in 0..2 {
        bob.frame().await;
    }
    bob.handle.revoke(alice.peer()).await.unwrap();
    assert_eq!(bob.handle.send(alice.peer(), Protocol::Sync, "x".into()), Err(SendError::NotAllowed));
    for _ in 0..2 {
        alice
            .until("told that it is refused", |e| matches!(e, Event::Closed { refused: true, .. }).then_some(()))
            .await;
    }
    alice.send(bob.peer(), Protocol::Sync, "after");
    alice.send(bob.peer(), Protocol::Pair, "but why?");
    let (_, protocol, frame) = bob.frame().await;
    assert_eq!((protocol, frame.as_ref()), (Protocol::Pair, b"but why?".as_slice()));
}

#[tokio::test]
async fn one_sided_permission_opens_as_soon_as_the_other_side_agrees() {
    let (mut alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.allow(&bob).await;
    let refused = Event::Closed { peer: bob.peer(), protocol: Protocol::Sync, refused: true };
    alice.until("refused", |e| (e == refused).then_some(())).await;
    bob.handle.allow(alice.peer(), Vec::new()).await.unwrap();
    bob.connected(alice.peer()).await;
    alice.opened(bob.peer(), Protocol::Sync).await;
    alice.send(bob.peer(), Protocol::Sync, "at last");
    assert_eq!(bob.frame().await.2.as_ref(), b"at last");
}

#[tokio::test]
async fn a_peer_that_is_connected_when_it_becomes_allowed_is_told_of() {
    let (alice, mut bob) = (Node::new(1).await, Node::new(2).await);
    alice.handle.dial(bob.peer(), vec![bob.address().await]).await.unwrap();
    alice.send(bob.peer(), Protocol::Pair, "an invite");
    bob.frame().await;
    let (alice, mut bob) = befriend(alice, bob).await;
    bob.send(alice.peer(), Protocol::Sync, "welcome");
    let mut alice = alice;
    assert_eq!(alice.frame().await.2.as_ref(), b"welcome");
    // Allowed twice is allowed once.
    bob.allow(&alice).await;
    alice.send(bob.peer(), Protocol::Sync, "thanks");
    match bob.event().await {
        Event::Frame { frame, .. } => assert_eq!(frame.as_ref(), b"thanks"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sending_needs_a_connection_and_permission() {
    let (alice, bob) = (Node::new(1).await, Node::new(2).await);
    let send = |protocol| alice.handle.send(bob.peer(), protocol, "x".into());
    assert_eq!(send(Protocol::Pair), Err(SendError::NotConnected));
    assert_eq!(send(Protocol::Sync), Err(SendError::NotAllowed));
    alice.handle.dial(bob.peer(), vec![bob.address().await]).await.unwrap();
    assert_eq!(send(Protocol::Pair), Ok(()));
    assert_eq!(send(Protocol::Parcel), Err(SendError::NotAllowed));
}

#[tokio::test]
async fn nothing_is_told_to_a_peer_that_refuses() {
    // [NET-STREAM-VERDICT]
    let mut alice = Node::new(1).await;
    let mut mallory = Mallory::with(11, |_| ()).await;
    let mut incoming = mallory.accept(Protocol::Sync);
    alice.handle.allow(mallory.peer, vec![mallory.address.clone()]).await.unwrap();
    alice.connected(mallory.peer).await;
    alice.send(mallory.peer, Protocol::Sync, "a secret");
    let mut refused = incoming.stream().await;
    refused.write(&[0]).await;
    assert!(refused.all().await.is_empty());
    let closed = Event::Closed { peer: mallory.peer, protocol: Protocol::Sync, refused: true };
    alice.until("told", |e| (e == closed).then_some(())).await;
    // She thinks better of it, and gets what is sent from then on.
    alice.send(mallory.peer, Protocol::Sync, "a word");
    let mut accepted = incoming.stream().await;
    accepted.write(&[1]).await;
    assert_eq!(accepted.read(10).await, framed(b"a word"));
}
