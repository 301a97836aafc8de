//! The mocked twin, as tests of the node use it.

use covey_overlay::{Command, Event, Handle, Protocol, SendError};

use super::harness::{peer_of, within};

#[tokio::test]
async fn a_mocked_handle_shows_commands_and_takes_answers() {
    let (handle, mut events, mut mock) = Handle::mocked(peer_of(1));
    assert_eq!(handle.local_peer(), peer_of(1));
    let allowing = tokio::spawn({
        let handle = handle.clone();
        async move { handle.allow(peer_of(2), Vec::new()).await }
    });
    match within("a command", mock.next()).await {
        Some(Command::Allow { peer, respond_to, .. }) if peer == peer_of(2) => respond_to.send(()).unwrap(),
        other => panic!("{other:?}"),
    }
    assert_eq!(allowing.await.unwrap(), Ok(()));

    handle.send(peer_of(2), Protocol::Sync, "hello".into()).unwrap();
    match within("a command", mock.next()).await {
        Some(Command::Send { peer, protocol: Protocol::Sync, frame }) => {
            assert_eq!((peer, frame.as_ref()), (peer_of(2), b"hello".as_slice()));
        }
        other => panic!("{other:?}"),
    }

    assert!(mock.emit(Event::Disconnected { peer: peer_of(2) }).await);
    assert_eq!(events.recv().await, Some(Event::Disconnected { peer: peer_of(2) }));
}

#[tokio::test]
async fn a_mocked_handle_has_the_limits_of_a_live_one() {
    let (handle, _events, mock) = Handle::mocked(peer_of(1));
    let too_long = vec![0; Protocol::Pair.max_frame() + 1];
    assert!(matches!(handle.send(peer_of(2), Protocol::Pair, too_long.into()), Err(SendError::Size { .. })));
    let refused = std::iter::repeat_with(|| handle.send(peer_of(2), Protocol::Pair, "x".into()))
        .take(10_000)
        .find_map(Result::err);
    assert_eq!(refused, Some(SendError::QueueFull));
    drop(mock);
    assert_eq!(handle.send(peer_of(2), Protocol::Pair, "x".into()), Err(SendError::Gone));
}
