//! Floods.

use covey_overlay::Protocol;

use super::{
    harness::{Node, config, eventually, friends},
    mallory::Mallory,
};

#[tokio::test]
async fn a_stranger_gets_a_few_frames_through_and_then_a_refusal() {
    // [NET-STRANGER-BUDGET]
    let mut bob = Node::new(2).await;
    bob.event().await;
    let mut stranger = Mallory::against(11, &bob).await;
    let mut stream = stranger.open(&bob, Protocol::Pair).await;
    assert_eq!(stream.verdict().await, Some(1));
    for n in 0..100u8 {
        if !stream.frame(&[n]).await {
            break;
        }
    }
    assert_eq!(stream.all().await, [0]);
    for n in 0..16 {
        assert_eq!(bob.frame().await.2.as_ref(), [n]);
    }
    // A little later perhaps one more, but not the flood.
    let mut again = stranger.open(&bob, Protocol::Pair).await;
    again.frame(b"x").await;
    again.frame(b"x").await;
    again.frame(b"x").await;
    let answer = again.all().await;
    assert!(answer.ends_with(&[0]), "{answer:?}");
}

#[tokio::test]
async fn a_stranger_cannot_open_many_streams() {
    // [NET-STRANGER-BUDGET] [NET-STREAM-LIMIT]
    let bob = Node::new(2).await;
    let mut stranger = Mallory::against(11, &bob).await;
    let (mut accepted, mut streams) = (0, Vec::new());
    for _ in 0..60 {
        let Some(mut stream) = stranger.try_open(&bob, Protocol::Pair).await else { continue };
        if streams.len() < 2 {
            streams.push(stream);
            continue;
        }
        accepted += u32::from(stream.verdict().await == Some(1));
    }
    assert_eq!(accepted, 0, "one is read, one waits for its place, no third");
}

#[tokio::test]
async fn strangers_beyond_the_limit_are_turned_away_and_friends_are_not() {
    // [NET-LIMIT-UNKNOWN]
    let mut small = config(2);
    small.limits.unknown_inbound = 3;
    let bob = Node::start(small).await;
    let mut strangers = Vec::new();
    for seed in 11..15 {
        strangers.push(Mallory::against(seed, &bob).await);
    }
    eventually("three are in", || async { bob.status().await.peers == 3 }).await;
    let mut turned_away = 0;
    for stranger in &mut strangers {
        turned_away += usize::from(stranger.try_open(&bob, Protocol::Pair).await.is_none());
    }
    assert_eq!((bob.status().await.peers, turned_away), (3, 1));

    let alice = Node::new(1).await;
    bob.handle.allow(alice.peer(), Vec::new()).await.unwrap();
    alice.handle.dial(bob.peer(), vec![bob.address().await]).await.unwrap();
    eventually("alice is in", || async { bob.status().await.allowed_online == [alice.peer()] }).await;
}

#[tokio::test]
async fn friends_talk_while_strangers_flood() {
    // [NET-GATE]
    let (alice, mut bob) = friends().await;
    let mut floods = Vec::new();
    for seed in 11..15 {
        let mut stranger = Mallory::against(seed, &bob).await;
        let peer = bob.peer();
        floods.push(tokio::spawn(async move {
            loop {
                for protocol in Protocol::ALL {
                    if let Some(mut stream) = stranger.try_open_to(peer, protocol).await {
                        stream.frame(&[0; 1_000]).await;
                    }
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for n in 0..500u32 {
        alice.send(bob.peer(), Protocol::Sync, n.to_be_bytes().to_vec());
        loop {
            let (from, protocol, frame) = bob.frame().await;
            if from == alice.peer() {
                assert_eq!((protocol, frame.as_ref()), (Protocol::Sync, n.to_be_bytes().as_slice()));
                break;
            }
            // Within the budget of strangers, which both share.
            assert!(matches!(protocol, Protocol::Pair | Protocol::Keeper), "{protocol:?} of a stranger");
        }
    }
    assert!(bob.status().await.refused > 0);
    floods.iter().for_each(tokio::task::JoinHandle::abort);
}
