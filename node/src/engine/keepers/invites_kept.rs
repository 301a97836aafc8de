//! The keeper: invites that strangers leave for those whose mail lies here. Anybody who has the ticket or card of an owner may, so what they leave is
//! little, of each network less, and takes no room from the owner's contacts.

use std::net::IpAddr;

use covey_pairing::consent::Source;
use covey_pairing::crypto::kem::{KemHash, KemPublic};
use covey_pairing::keeper::{
    INVITE_KEPT_FOR_MS, INVITE_PARCEL_MAX, INVITES_OF_NETWORK, INVITES_OF_RELAYS, KeeperFrame, OVERHEAD, Receipt,
    SlotId, has_room_for_invite,
};
use serde_bytes::ByteArray;
use tracing::debug;

use crate::engine::keepers::say::send;
use crate::engine::records::keeping::{self, Lying, Slot};
use crate::engine::records::kept_invites;
use crate::engine::{Cx, EngineError, PeerKey};

/// [MAIL-30] An owner lets strangers leave invites that are sealed to its account's KEM key, or none any more.
pub(super) fn open(cx: &mut Cx<'_, '_>, peer: PeerKey, kem: Option<&KemPublic>) -> Result<(), EngineError> {
    let Some(owner) = keeping::owner_at(cx.tx, peer)? else { return Ok(()) };
    let Some(kem) = kem else { return kept_invites::forget(cx.tx, &owner.account) };
    let Ok(kem) = KemPublic::from_bytes(kem.as_bytes()) else { return Ok(()) };
    let hash = kem.hash();
    kept_invites::open(cx.tx, &owner.account, kem)?;
    send(cx, peer, &KeeperFrame::InvitesOpen(hash));
    Ok(())
}

/// [MAIL-31] Somebody knows the hash of an owner's key, from its ticket or card, and asks for the key. Nobody else is answered.
pub(super) fn asked_key(cx: &mut Cx<'_, '_>, peer: PeerKey, hash: &KemHash) -> Result<(), EngineError> {
    if let Some(key) = kept_invites::key(cx.tx, hash)? {
        send(cx, peer, &KeeperFrame::Key(key));
    }
    Ok(())
}

/// [MAIL-32] Somebody leaves a parcel in an invite slot.
pub(super) fn deposit(
    cx: &mut Cx<'_, '_>,
    (peer, source): (PeerKey, Option<IpAddr>),
    (id, slot): (SlotId, Slot),
    (hash, parcel): (ByteArray<32>, &[u8]),
) -> Result<(), EngineError> {
    if !(OVERHEAD..=INVITE_PARCEL_MAX).contains(&parcel.len()) {
        send(cx, peer, &KeeperFrame::No(hash));
        return Ok(());
    }
    let Some(owner) = keeping::owner(cx.tx, &slot.owner)? else { return Ok(()) };
    let source = Source::of(source);
    if !cx.live.invites.admits(source, cx.now) {
        debug!(?peer, "strangers of a network leave more than they may");
        send(cx, peer, &KeeperFrame::Full(hash));
        return Ok(());
    }
    if let Some(same) = keeping::same(cx.tx, &id, &hash)? {
        let receipt = Receipt::sign(cx.me.device.signing(), id, parcel, same.until);
        send(cx, peer, &KeeperFrame::Kept(receipt));
        return Ok(());
    }
    let len = u64::try_from(parcel.len()).unwrap_or(u64::MAX);
    let stranger = ByteArray::new(source.hash(id.as_bytes()));
    if !is_room(&slot, source, stranger, len) {
        // What a device of the owner has lies on for the others only while nobody needs the room.
        keeping::delete_those(cx.tx, &owner.account, |lying| lying.slot == id && !lying.got.is_empty())?;
        let is_room = keeping::slot(cx.tx, &id)?.is_some_and(|slot| is_room(&slot, source, stranger, len));
        if !is_room {
            send(cx, peer, &KeeperFrame::Full(hash));
            return Ok(());
        }
    }
    let until = cx.now.saturating_add(INVITE_KEPT_FOR_MS);
    let lying = Lying { slot: id, hash, len, until, got: Vec::new(), stranger: Some(stranger) };
    keeping::put(cx.tx, &lying, parcel)?;
    let receipt = Receipt::sign(cx.me.device.signing(), id, parcel, until);
    send(cx, peer, &KeeperFrame::Kept(receipt));
    for device in owner.peers.into_iter().filter(|device| cx.live.connected.contains(device)).collect::<Vec<_>>() {
        send(cx, device, &KeeperFrame::Waiting);
    }
    Ok(())
}

/// [KEEP-31] Whether a stranger of this network may leave one more parcel of this length.
fn is_room(slot: &Slot, source: Source, stranger: ByteArray<8>, len: u64) -> bool {
    let of_network = slot.networks.iter().filter(|network| **network == stranger).count();
    let most = if source == Source::Relayed { INVITES_OF_RELAYS } else { INVITES_OF_NETWORK };
    has_room_for_invite(slot.used, len) && (of_network < most || source.is_this_machine())
}
