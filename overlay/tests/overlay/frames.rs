//! Order, sizes, pace.

use std::time::Duration;

use covey_overlay::{Event, Protocol, SendError};

use super::{
    harness::{Node, befriend, config, friends, peer_of},
    mallory::Mallory,
};

#[tokio::test]
async fn frames_keep_their_order_and_share_writes() {
    // [NET-STREAM-COALESCE]
    let (alice, mut bob) = friends().await;
    let count = 5_000u32;
    let sender = tokio::spawn({
        let (handle, to) = (alice.handle.clone(), bob.peer());
        async move {
            for n in 0..count {
                while let Err(error) = handle.send(to, Protocol::Sync, n.to_be_bytes().to_vec().into()) {
                    assert_eq!(error, SendError::QueueFull);
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    for n in 0..count {
        assert_eq!(bob.frame().await.2.as_ref(), n.to_be_bytes());
    }
    sender.await.unwrap();
    let status = alice.status().await;
    assert!(status.frames_sent >= u64::from(count));
    assert!(status.writes * 2 < status.frames_sent, "{} writes", status.writes);
}

#[tokio::test]
async fn protocols_do_not_mix() {
    let (alice, mut bob) = friends().await;
    for protocol in Protocol::ALL {
        alice.send(bob.peer(), protocol, protocol.name());
    }
    for _ in Protocol::ALL {
        let (_, protocol, frame) = bob.frame().await;
        assert_eq!(frame, protocol.name());
    }
}

#[tokio::test]
async fn the_largest_frames_pass_and_larger_or_empty_ones_are_the_callers_error() {
    // [NET-FRAME-MAX]
    let (alice, mut bob) = friends().await;
    for protocol in Protocol::ALL {
        let max = protocol.max_frame();
        alice.send(bob.peer(), protocol, vec![7; max]);
        assert_eq!(bob.frame().await.2.len(), max);
        let over = alice.handle.send(bob.peer(), protocol, vec![7; max + 1].into());
        assert_eq!(over, Err(SendError::Size { len: max + 1, max }));
        assert_eq!(alice.handle.send(bob.peer(), protocol, "".into()), Err(SendError::Size { len: 0, max }));
    }
}

#[tokio::test]
async fn a_frame_of_a_forbidden_size_ends_the_stream_before_anything_is_read() {
    // [NET-FRAME-MAX]
    let mut bob = Node::new(2).await;
    bob.event().await;
    bob.handle.allow(peer_of(11), Vec::new()).await.unwrap();
    let mut mallory = Mallory::against(11, &bob).await;
    for length in [0, u32::try_from(Protocol::Sync.max_frame()).unwrap() + 1, u32::MAX] {
        let mut stream = mallory.open(&bob, Protocol::Sync).await;
        assert_eq!(stream.verdict().await, Some(1));
        stream.frame(b"good").await;
        assert_eq!(bob.frame().await.2.as_ref(), b"good");
        stream.write(&length.to_be_bytes()).await;
        assert!(stream.all().await.is_empty(), "closed without a word");
    }
}

#[tokio::test]
async fn a_frame_that_dribbles_in_is_not_waited_for() {
    // [NET-FRAME-SLOW]
    let mut config = config(2);
    config.limits.frame_timeout = Duration::from_millis(300);
    config.limits.stranger_frame_timeout = Duration::from_millis(300);
    config.limits.stranger_idle = Duration::from_millis(300);
    let mut bob = Node::start(config).await;
    bob.event().await;
    bob.handle.allow(peer_of(11), Vec::new()).await.unwrap();
    let (mut friend, mut stranger) = (Mallory::against(11, &bob).await, Mallory::against(12, &bob).await);
    let mut slow = friend.open(&bob, Protocol::Sync).await;
    assert_eq!(slow.verdict().await, Some(1));
    slow.write(&[0, 0, 0, 5, 1, 2]).await;
    assert!(slow.all().await.is_empty());
    for begun in [vec![], vec![0], vec![0, 0, 0, 5, 1, 2]] {
        let mut slow = stranger.open(&bob, Protocol::Pair).await;
        assert_eq!(slow.verdict().await, Some(1));
        slow.write(&begun).await;
        assert!(slow.all().await.is_empty(), "{begun:?}");
    }
    assert!(bob.events.try_recv().is_none_or(|e| !matches!(e, Event::Frame { .. })), "nothing was delivered");
}

#[tokio::test]
async fn a_slow_node_slows_its_peer_and_loses_nothing() {
    // [NET-QUEUE-LIMIT]
    let mut slow = config(2);
    slow.limits.events = 4;
    let (alice, mut bob) = befriend(Node::new(1).await, Node::start(slow).await).await;
    let mut carol = Node::new(3).await;
    alice.allow(&carol).await;
    carol.allow(&alice).await;
    carol.connected(alice.peer()).await;

    let frame = |n: u32| [&n.to_be_bytes()[..], &[0; 100_000]].concat();
    let mut sent = 0;
    // Bob does not read: the streams fill up, then the queue, and then the sender is told.
    loop {
        match alice.handle.send(bob.peer(), Protocol::Sync, frame(sent).into()) {
            Ok(()) => sent += 1,
            Err(SendError::QueueFull) => break,
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
    assert!(sent < 10_000, "bounded");
    alice.send(carol.peer(), Protocol::Sync, "not held up");
    assert_eq!(carol.frame().await.2.as_ref(), b"not held up");
    for n in 0..sent {
        assert_eq!(bob.frame().await.2[..4], n.to_be_bytes());
    }
}

#[tokio::test]
async fn a_stream_that_replaces_another_comes_after_it() {
    let mut bob = Node::new(2).await;
    bob.handle.allow(peer_of(11), Vec::new()).await.unwrap();
    let mut peer = Mallory::against(11, &bob).await;
    let mut first = peer.open(&bob, Protocol::Sync).await;
    assert_eq!(first.verdict().await, Some(1));
    first.frame(b"1").await;
    let mut second = peer.open(&bob, Protocol::Sync).await;
    second.frame(b"3").await;
    first.frame(b"2").await;
    drop(first);
    for expected in [b"1", b"2", b"3"] {
        assert_eq!(bob.frame().await.2.as_ref(), expected);
    }
    assert_eq!(second.verdict().await, Some(1));
}

#[tokio::test]
async fn a_stream_that_does_not_end_is_ended_by_its_replacement() {
    // [NET-STREAM-LIMIT]
    let mut bob = Node::new(2).await;
    bob.handle.allow(peer_of(11), Vec::new()).await.unwrap();
    let mut peer = Mallory::against(11, &bob).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(peer.open(&bob, Protocol::Sync).await);
    }
    assert_eq!(streams[0].verdict().await, Some(1));
    let mut third = peer.open(&bob, Protocol::Sync).await;
    assert_eq!(third.verdict().await, Some(0), "two at a time");
    assert_eq!(streams[1].verdict().await, Some(1), "the first was ended");
    streams[1].frame(b"here").await;
    assert_eq!(bob.frame().await.2.as_ref(), b"here");
    streams[0].frame(b"too late").await;
    streams[1].frame(b"there").await;
    assert_eq!(bob.frame().await.2.as_ref(), b"there");
}
