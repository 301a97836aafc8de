//! Frames of the keeper protocol, sent.

use covey_pairing::keeper::KeeperFrame;

use crate::engine::{Cx, Effect, PeerKey, Protocol};

pub(super) fn send(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &KeeperFrame) {
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Keeper, frame: frame.encode() });
}
