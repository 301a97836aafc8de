//! What must still reach somebody. Nothing is kept here: the frames are in the relationships, so a restart rebuilds all.

use covey_pairing::ids::AccountId;
use rand_core::Rng;

use crate::engine::consent::keys;
use crate::engine::live::retry::Retry;
use crate::engine::records::devices;
use crate::engine::records::people::{self, Contact};
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol};

/// Keeps an eye on a contact: frames to deliver, deadlines to meet, keys to find.
pub(in crate::engine) fn watch(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let account = contact.account;
    match contact.relationship.next_deadline() {
        Some(at) => cx.live.deadlines.insert(account, at),
        None => cx.live.deadlines.remove(&account),
    };
    if contact.wanted.is_none() && contact.relationship.outstanding().is_empty() {
        cx.live.waiting.remove(&account);
        cx.live.hints.retain(|_, hinted| *hinted != account);
        return Ok(());
    }
    for peer in peers(cx, contact)? {
        cx.live.hints.insert(peer.0, account);
    }
    cx.live.waiting.entry(account).or_insert(Retry { attempts: 0, at: cx.now });
    Ok(())
}

/// Peers of an account with what we know of their addresses: from its card, then from its ticket.
pub(in crate::engine) fn peers(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Vec<(PeerKey, Vec<String>)>, EngineError> {
    let mut peers: Vec<(PeerKey, Vec<String>)> = Vec::new();
    for device in devices::devices(cx.tx, &contact.account)? {
        peers.push((device.peer, device.addresses));
    }
    for hint in &contact.hints {
        match peers.iter_mut().find(|(peer, _)| *peer == hint.peer) {
            Some((_, addresses)) => {
                let new: Vec<_> = hint.addresses.iter().filter(|hinted| !addresses.contains(hinted)).cloned().collect();
                addresses.extend(new);
            }
            None => peers.push((hint.peer, hint.addresses.clone())),
        }
    }
    Ok(peers)
}

/// Something new is to be sent to an account: earlier waits do not count.
pub(in crate::engine) fn anew(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    cx.live.waiting.remove(account);
    match people::load(cx.tx, account)? {
        Some(contact) => pursue(cx, &contact, None),
        None => Ok(()),
    }
}

/// Sends what waits for an account to those of its peers that are connected, and tries to reach it otherwise. `here`: a
/// peer that just sent us something, stranger or not.
pub(in crate::engine) fn pursue(
    cx: &mut Cx<'_, '_>,
    contact: &Contact,
    here: Option<PeerKey>,
) -> Result<(), EngineError> {
    watch(cx, contact)?;
    let Some(retry) = cx.live.waiting.get(&contact.account).copied() else { return Ok(()) };
    if is_held(cx, contact) {
        cx.live.waiting.insert(contact.account, Retry { attempts: 0, at: contact.held_until() });
        return Ok(());
    }
    let reached = reach(cx, contact, here)?;
    let nobody_known = contact.wanted.is_some() && keys::of(cx, contact)?.dh.is_none();
    // Known addresses first; the network is asked when they did not do.
    if nobody_known || (!reached && (retry.attempts > 0 || contact.hints.is_empty())) {
        keys::look_up(cx, &contact.account)?;
    }
    let next = retry.again(cx.now, cx.rng.next_u64());
    cx.live.waiting.insert(contact.account, next);
    Ok(())
}

/// Sends what waits for an account to those of its peers that are connected, and dials the others. Whether one was connected.
pub(in crate::engine) fn reach(
    cx: &mut Cx<'_, '_>,
    contact: &Contact,
    here: Option<PeerKey>,
) -> Result<bool, EngineError> {
    let frames = waiting(cx, contact)?;
    let mut reached = false;
    for (peer, addresses) in peers(cx, contact)? {
        if here == Some(peer) || cx.live.connected.contains(&peer) {
            send_all(cx, peer, &frames);
            reached = true;
        } else {
            cx.effects.push(Effect::Dial { peer, addresses });
        }
    }
    Ok(reached)
}

/// Whether nothing is sent to the account yet, which was recovered a moment ago.
fn is_held(cx: &Cx<'_, '_>, contact: &Contact) -> bool {
    contact.held_until() > cx.now
}

/// The frames that wait for an account.
fn waiting(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Vec<Vec<u8>>, EngineError> {
    if is_held(cx, contact) {
        return Ok(Vec::new());
    }
    let frames = contact.relationship.outstanding().into_iter().map(|(_, frame)| frame);
    Ok(frames.chain(keys::question(cx, contact)?).collect())
}

fn send_all(cx: &mut Cx<'_, '_>, peer: PeerKey, frames: &[Vec<u8>]) {
    for frame in frames {
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame: frame.clone() });
    }
}

/// A peer connected: hand over what waits for its account.
pub(in crate::engine) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let hinted = cx.live.hints.get(&peer).copied();
    let account = match devices::owner(cx.tx, peer)? {
        Some(owner) => Some(owner.account),
        None => hinted,
    };
    let Some(contact) = account.map(|account| people::load(cx.tx, &account)).transpose()?.flatten() else {
        return Ok(());
    };
    let frames = waiting(cx, &contact)?;
    send_all(cx, peer, &frames);
    Ok(())
}
