//! A contact that leaves mail as nobody may: too much, too long, into slots that are not there or with tokens that do not open them, garbage,
//! and what is sealed and signed as it must be and says nothing. It also speaks as owners and keepers do, and floods invite slots ([`stranger`]).

use covey_pairing::crypto::hash::blake3;
use covey_pairing::keeper::{
    Deposit, KeeperFrame, MAX_CONTENT, MailboxAt, OVERHEAD, PARCEL_MAX, Receipt, SlotEntry, SlotId, SlotToken,
    TicketSecret,
};
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::mischief::random::bytes;
use crate::engine::mischief::stranger;
use crate::engine::records::channels;
use crate::engine::records::mailboxes::{self, Theirs};
use crate::engine::records::people;
use crate::engine::wire::mail::Mail;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, card};

/// Of so many frames that arrive, one makes it act; it also does whenever time passes.
const RARELY: u32 = 4;
/// Frames in one burst, at most.
const BURST: usize = 12;

/// After each input. `came`: it was a frame.
pub(in crate::engine) fn after(cx: &mut Cx<'_, '_>, came: bool) -> Result<(), EngineError> {
    if came && cx.rng.random_range(0..RARELY) > 0 { Ok(()) } else { act(cx) }
}

/// Some frames to one keeper of one contact, in the slot that we were given or in that of strangers.
pub(in crate::engine) fn act(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.rng.random() { mail(cx) } else { invites(cx) }
}

fn invites(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let Some(victim) = stranger::victim(cx)? else { return Ok(()) };
    if is_here(cx, PeerKey(victim.place.network), &victim.place.addresses) {
        for frame in stranger::frames(cx, &victim) {
            let effect =
                Effect::Send { peer: PeerKey(victim.place.network), protocol: Protocol::Keeper, frame: frame.encode() };
            cx.effects.push(effect);
        }
    }
    Ok(())
}

/// Whether a keeper is connected; else it is dialled.
fn is_here(cx: &mut Cx<'_, '_>, peer: PeerKey, addresses: &[String]) -> bool {
    let is_here = cx.live.connected.contains(&peer);
    if !is_here {
        cx.effects.push(Effect::Dial { peer, addresses: addresses.to_vec() });
    }
    is_here
}

fn mail(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let mut places = Vec::new();
    for contact in people::all(cx.tx)? {
        for Theirs { mailbox, .. } in mailboxes::theirs(cx.tx, &contact.account)? {
            places.extend(mailbox.at.iter().map(|at| (at.clone(), mailbox.key.clone())));
        }
    }
    let Some((at, key)) = places.choose(cx.rng).cloned() else { return Ok(()) };
    let peer = PeerKey(at.keeper.network);
    if !is_here(cx, peer, &at.addresses) {
        return Ok(());
    }
    for _ in 0..cx.rng.random_range(1..=BURST) {
        let frame = frame(cx, &at, &key)?;
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Keeper, frame });
    }
    Ok(())
}

fn frame(cx: &mut Cx<'_, '_>, at: &MailboxAt, key: &covey_pairing::keeper::InboxKey) -> Result<Vec<u8>, EngineError> {
    let deposit = |parcel: Vec<u8>| KeeperFrame::Deposit(at.slot, at.token.clone(), ByteBuf::from(parcel));
    let frame = match cx.rng.random_range(0..12) {
        0 | 1 => deposit(bytes(cx, OVERHEAD, PARCEL_MAX)),
        2 => deposit(bytes(cx, 0, OVERHEAD)),
        3 => deposit(bytes(cx, PARCEL_MAX, PARCEL_MAX + 10_000)),
        4 => {
            let (wrong, parcel) = (SlotToken::random(cx.rng), bytes(cx, OVERHEAD, 4_000));
            KeeperFrame::Deposit(at.slot, wrong, ByteBuf::from(parcel))
        }
        5 => {
            let (nowhere, parcel) = (SlotId::random(cx.rng), bytes(cx, OVERHEAD, 4_000));
            KeeperFrame::Deposit(nowhere, at.token.clone(), ByteBuf::from(parcel))
        }
        6 | 7 => {
            let content = content(cx)?;
            let sealed = Deposit::seal(&cx.me.device, key, &at.slot, &content, cx.rng);
            deposit(sealed.unwrap_or_default())
        }
        8 | 9 => as_another(cx, at)?,
        _ => return Ok(bytes(cx, 0, 80_000)),
    };
    let mut encoded = frame.encode();
    if cx.rng.random_range(0..8) == 0 {
        let len = cx.rng.random_range(0..encoded.len().max(1));
        encoded.truncate(len);
    }
    Ok(encoded)
}

/// What an owner or a keeper would say.
fn as_another(cx: &mut Cx<'_, '_>, at: &MailboxAt) -> Result<KeeperFrame, EngineError> {
    Ok(match cx.rng.random_range(0..6) {
        0 => {
            let secret = Some(TicketSecret::random(cx.rng)).filter(|_| cx.rng.random());
            KeeperFrame::Hello(secret, ByteBuf::from(card::own(cx)?))
        }
        1 => KeeperFrame::Fetch(0),
        2 => KeeperFrame::Got((0..256).collect()),
        3 => KeeperFrame::Slots(1, vec![SlotEntry(at.slot, at.token.hash(), u32::MAX)]),
        4 => KeeperFrame::Kept(Receipt::sign(cx.me.device.signing(), at.slot, b"nothing", u64::MAX)),
        _ => KeeperFrame::No(ByteArray::new(blake3(b"nothing"))),
    })
}

/// Of a deposit that opens: nothing that can be read, or runs that are none, of any channel of ours.
fn content(cx: &mut Cx<'_, '_>) -> Result<Vec<u8>, EngineError> {
    let channels = channels::all(cx.tx)?;
    let Some(channel) = channels.choose(cx.rng).filter(|_| cx.rng.random()) else {
        return Ok(bytes(cx, 0, MAX_CONTENT));
    };
    let mut runs = Vec::new();
    for incarnation in 0..cx.rng.random_range(0..40) {
        runs.push((cx.me.author(), incarnation, ByteBuf::from(bytes(cx, 0, 1_000))));
    }
    runs.shuffle(cx.rng);
    let has = vec![(cx.me.author(), 0, u64::MAX); cx.rng.random_range(0..3)];
    Mail { channel: channel.id, runs, has }.encode()
}
