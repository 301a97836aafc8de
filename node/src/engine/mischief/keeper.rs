//! A keeper that lies about what it keeps: it loses what it has promised, says old things again and later things first, gives parcels out
//! as those of other slots and of other people, changes them, signs receipts for what it has not, and reports totals that never were.

use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{KeeperFrame, Receipt, Room, SlotId, Use};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::records::keeping;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol};

/// Frames that it remembers to say them again.
const REMEMBERED: usize = 64;
/// Parcels of an account among which it looks for one.
const LOOKED_AT: usize = 256;
/// Of so many inputs one makes it do something that nobody asked for.
const RARELY: u32 = 12;
/// Calls in one burst.
const CALLS: usize = 5;

/// After each input: what was to be said becomes something else.
pub(in crate::engine) fn after(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for effect in std::mem::take(&mut cx.effects) {
        match effect {
            Effect::Send { peer, protocol: Protocol::Keeper, frame } => spoil(cx, peer, frame)?,
            other => cx.effects.push(other),
        }
    }
    if cx.rng.random_range(0..RARELY) == 0 { unasked(cx) } else { Ok(()) }
}

/// A frame on its way out.
fn spoil(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Vec<u8>) -> Result<(), EngineError> {
    remember(cx, peer, &frame);
    match cx.rng.random_range(0..10) {
        0 => {}
        1 => {
            say(cx, peer, frame.clone());
            say(cx, peer, frame);
        }
        2 => cx.effects.insert(0, Effect::Send { peer, protocol: Protocol::Keeper, frame }),
        3..6 => {
            let lie = match KeeperFrame::decode(&frame) {
                Ok(true_one) => lie(cx, true_one)?.encode(),
                Err(_) => frame,
            };
            say(cx, peer, lie);
        }
        _ => say(cx, peer, frame),
    }
    Ok(())
}

fn say(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: Vec<u8>) {
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Keeper, frame });
}

fn remember(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &[u8]) {
    let place = cx.rng.random_range(0..REMEMBERED);
    match cx.live.overheard.get_mut(place) {
        Some(older) => *older = (peer, frame.to_vec()),
        None => cx.live.overheard.push((peer, frame.to_vec())),
    }
}

/// Something else than the truth.
fn lie(cx: &mut Cx<'_, '_>, frame: KeeperFrame) -> Result<KeeperFrame, EngineError> {
    Ok(match frame {
        KeeperFrame::Kept(receipt) => forged(cx, receipt)?,
        KeeperFrame::Parcel(number, slot, parcel) => elsewhere(cx, number, slot, parcel),
        KeeperFrame::Batch(upto, more, _) => {
            let upto = *[0, upto, upto.saturating_add(1), u64::MAX].choose(cx.rng).unwrap_or(&upto);
            KeeperFrame::Batch(upto, more ^ cx.rng.random::<bool>(), room(cx))
        }
        KeeperFrame::Welcome(_, addresses) => KeeperFrame::Welcome(room(cx), addresses),
        KeeperFrame::Open(list) => KeeperFrame::Open(list.wrapping_add(cx.rng.random_range(0..3))),
        KeeperFrame::Full(hash) => KeeperFrame::No(hash),
        KeeperFrame::No(hash) => KeeperFrame::Full(hash),
        // Strangers would seal to a key that the keeper has.
        KeeperFrame::Key(_) => KeeperFrame::Key(cx.me.account.kem_key().clone()),
        KeeperFrame::InvitesOpen(_) => KeeperFrame::InvitesOpen(cx.me.account.kem_key().hash()),
        other => other,
    })
}

/// Totals that never were.
fn room(cx: &mut Cx<'_, '_>) -> Room {
    let any = |cx: &mut Cx<'_, '_>| *[0, 1, 1 << 20, u64::MAX].choose(cx.rng).unwrap_or(&0);
    let used = Use { parcels: any(cx), bytes: any(cx) };
    let account = cx.rng.random::<bool>().then(|| AccountId::from_bytes(cx.rng.random()));
    Room { used, limit: any(cx), refused: cx.rng.random(), clock: any(cx), account }
}

/// A receipt for another slot, another parcel or another time: signed by nobody, or by us.
fn forged(cx: &mut Cx<'_, '_>, receipt: Receipt) -> Result<KeeperFrame, EngineError> {
    let mut unsigned = receipt.clone();
    Ok(match cx.rng.random_range(0..6) {
        0 => KeeperFrame::Full(receipt.parcel),
        1 => KeeperFrame::No(receipt.parcel),
        2 => {
            unsigned.until = u64::MAX;
            KeeperFrame::Kept(unsigned)
        }
        3 => {
            unsigned.slot = SlotId::random(cx.rng);
            KeeperFrame::Kept(unsigned)
        }
        4 => {
            unsigned.parcel = ByteArray::new(cx.rng.random());
            KeeperFrame::Kept(unsigned)
        }
        _ => {
            let Some(parcel) = parcel(cx, &receipt)? else { return Ok(KeeperFrame::Kept(receipt)) };
            let until = *[0, cx.now, cx.now.saturating_add(60_000), u64::MAX].choose(cx.rng).unwrap_or(&0);
            KeeperFrame::Kept(Receipt::sign(cx.me.device.signing(), receipt.slot, &parcel, until))
        }
    })
}

/// The parcel that a receipt is about, if it lies here.
fn parcel(cx: &Cx<'_, '_>, receipt: &Receipt) -> Result<Option<ByteBuf>, EngineError> {
    for owner in keeping::owners(cx.tx)? {
        for (number, lying) in keeping::lying(cx.tx, &owner.account, 0, LOOKED_AT)? {
            if lying.hash == receipt.parcel {
                return keeping::bytes(cx.tx, &owner.account, number);
            }
        }
    }
    Ok(None)
}

/// A parcel as if it had lain in another slot or under another number, or with other bytes.
fn elsewhere(cx: &mut Cx<'_, '_>, number: u64, slot: SlotId, mut parcel: ByteBuf) -> KeeperFrame {
    match cx.rng.random_range(0..4) {
        3 => {
            // What was left for somebody else, by a contact or by a stranger.
            let parcels = cx.live.overheard.iter().filter_map(|(_, frame)| match KeeperFrame::decode(frame) {
                Ok(KeeperFrame::Parcel(_, _, other)) => Some(other),
                _ => None,
            });
            let parcels: Vec<ByteBuf> = parcels.collect();
            KeeperFrame::Parcel(number, slot, parcels.choose(cx.rng).cloned().unwrap_or(parcel))
        }
        0 => {
            let others = cx.live.overheard.iter().filter_map(|(_, frame)| match KeeperFrame::decode(frame) {
                Ok(KeeperFrame::Parcel(_, other, _)) => Some(other),
                _ => None,
            });
            let others: Vec<SlotId> = others.collect();
            KeeperFrame::Parcel(number, *others.choose(cx.rng).unwrap_or(&slot), parcel)
        }
        1 => KeeperFrame::Parcel(cx.rng.next_u64() >> cx.rng.random_range(0..64), slot, parcel),
        _ => {
            let at = cx.rng.random_range(0..parcel.len().max(1));
            if let Some(byte) = parcel.get_mut(at) {
                *byte ^= 1 << cx.rng.random_range(0..8);
            }
            KeeperFrame::Parcel(number, slot, parcel)
        }
    }
}

/// Loses something, calls for nothing, or says again what it said before, to the same or to somebody else.
fn unasked(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let owners = keeping::owners(cx.tx)?;
    let Some(owner) = owners.choose(cx.rng) else { return Ok(()) };
    match cx.rng.random_range(0..3) {
        0 => {
            let lying = keeping::lying(cx.tx, &owner.account, 0, LOOKED_AT)?;
            if let Some((number, _)) = lying.choose(cx.rng) {
                keeping::delete(cx.tx, &owner.account, *number)?;
            }
        }
        1 => {
            let Some(peer) = owner.peers.choose(cx.rng).copied() else { return Ok(()) };
            (0..CALLS).for_each(|_| say(cx, peer, KeeperFrame::Waiting.encode()));
        }
        _ => {
            let Some((peer, frame)) = cx.live.overheard.choose(cx.rng).cloned() else { return Ok(()) };
            let to = if cx.rng.random() { Some(peer) } else { owner.peers.choose(cx.rng).copied() };
            if let Some(to) = to {
                say(cx, to, frame);
            }
        }
    }
    Ok(())
}
