//! Cards that were looked up and KEM keys that were asked for: what an invite waits for.

use covey_pairing::consent::{Input, KeyFrame};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::debug;

use crate::engine::consent::{keys, pursuit, step};
use crate::engine::contacts::cards;
use crate::engine::records::devices;
use crate::engine::records::people::{self, Contact};
use crate::engine::{Cx, Effect, EngineError, PeerKey};

/// [OWN-14] How long a device waits for another one of ours to make an invite, in milliseconds: long enough for a restart.
const TURN: u64 = 5 * 60_000;

/// A look-up ended. Of several cards the one counts whose key log outranks: whoever stole an account's key can publish any number of others.
pub(in crate::engine) fn found(cx: &mut Cx<'_, '_>, account: AccountId, found: &[Vec<u8>]) -> Result<(), EngineError> {
    if found.is_empty() {
        debug!(account = %account.fmt_short(), "no contact card was found; trying again later");
    }
    let waits = people::load(cx.tx, &account)?.map(|contact| contact.wanted.is_some());
    if waits.is_none() && !cx.me.is_ours(&account) {
        return Ok(());
    }
    let mut usable = false;
    for card in found {
        usable |= cards::learn(cx, &account, card)?;
    }
    // The cards may have told something of it.
    let Some(contact) = people::load(cx.tx, &account)?.filter(|_| usable) else { return Ok(()) };
    if waits == Some(true) {
        return invite(cx, contact, None);
    }
    // New addresses, perhaps: dial them now. The next look-up waits its turn.
    for (peer, addresses) in pursuit::peers(cx, &contact)? {
        if !cx.live.connected.contains(&peer) && cx.live.waiting.contains_key(&account) {
            cx.effects.push(Effect::Dial { peer, addresses });
        }
    }
    Ok(())
}

/// [PAIR-83] Invites the contact, if all keys that this takes are known; else its devices are asked. `here`: a peer that just
/// sent us something.
pub(in crate::engine) fn invite(
    cx: &mut Cx<'_, '_>,
    mut contact: Contact,
    here: Option<PeerKey>,
) -> Result<(), EngineError> {
    let keys = keys::of(cx, &contact)?;
    let Some(their_dh) = keys.dh else { return Ok(()) };
    let their_kem = keys.kem.and_then(|hash| keys::at_hand(&contact, &hash));
    if keys.kem.is_some() && their_kem.is_none() {
        pursuit::reach(cx, &contact, here)?;
        return Ok(());
    }
    if !is_our_turn(cx, &contact) {
        return Ok(());
    }
    let Some(wanted) = contact.wanted.take() else { return Ok(()) };
    let input = if wanted.renewal {
        Input::Renew { their_dh, their_kem }
    } else {
        Input::Invite { their_dh, their_kem, note: wanted.note, token: wanted.token }
    };
    if let Err(error) = step::step(cx, contact, input, here)? {
        debug!(%error, "the account that was looked up cannot be invited any more");
    }
    Ok(())
}

/// [OWN-14] Whether this device makes an invite that all devices of ours know to be wanted, so that the contact is sent one of them: the device on
/// which it was asked for does, and each other one if those before it did not for a while.
fn is_our_turn(cx: &mut Cx<'_, '_>, contact: &Contact) -> bool {
    let asked = contact.wanted.as_ref().and_then(|wanted| wanted.of);
    let mut devices: Vec<DeviceId> = cx.me.key_log.active().map(|device| device.keys.id).collect();
    devices.sort_by_key(|device| (asked != Some(*device), *device));
    let before = devices.iter().take_while(|device| !cx.me.is_this_device(device)).count();
    let now = cx.now;
    let due = || now.saturating_add(TURN.saturating_mul(before as u64));
    if before > 0 && *cx.live.turns.entry(contact.account).or_insert_with(due) > now {
        return false;
    }
    cx.live.turns.remove(&contact.account);
    true
}

/// Makes the invites that no other device of ours has made.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let turns = cx.live.turns.iter().filter(|(_, at)| **at <= cx.now).map(|(account, _)| *account);
    for account in turns.collect::<Vec<_>>() {
        if let Some(contact) = people::load(cx.tx, &account)?.filter(|contact| contact.wanted.is_some()) {
            invite(cx, contact, None)?;
        }
        cx.live.turns.remove(&account);
    }
    Ok(())
}

/// [PAIR-84] A frame about a KEM key, from anybody: ours is given to whoever knows its hash; theirs is taken if it is the one that
/// an invite waits for.
pub(in crate::engine) fn key(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &KeyFrame) -> Result<(), EngineError> {
    if let Some(answer) = frame.answer(&cx.me.account) {
        step::reply(cx, peer, Some(answer.encode()));
        return Ok(());
    }
    let owner = devices::owner(cx.tx, peer)?.map(|owner| owner.account);
    let hinted = cx.live.hints.get(&peer).copied();
    for account in owner.into_iter().chain(hinted.filter(|hinted| owner != Some(*hinted))) {
        let Some(mut contact) = people::load(cx.tx, &account)?.filter(|contact| contact.wanted.is_some()) else {
            continue;
        };
        let Some(hash) = keys::of(cx, &contact)?.kem else { continue };
        if let Some(key) = frame.clone().key_of(&hash) {
            contact.kem = Some(key);
            contact.save(cx.tx)?;
            return invite(cx, contact, Some(peer));
        }
        debug!(account = %account.fmt_short(), ?peer, "a KEM key is not the one that was asked for");
    }
    Ok(())
}
