//! The depositor: what is to be said of a pairing to somebody who is away, an invite or its answer above all, is left at keepers that their ticket
//! or card names. Who is asked need not be online at the same time as who asks, ever.

use std::collections::BTreeSet;

use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::hash::blake3;
use covey_pairing::crypto::kem::{KemHash, KemPublic};
use covey_pairing::identity::InvitePlace;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{
    INVITE_KEPT_FOR_MS, INVITE_PARCEL_MAX, KeeperFrame, MailboxLetter, Receipt, SlotId, SlotToken, seal_left,
};
use serde_bytes::{ByteArray, ByteBuf};
use tracing::{debug, info};

use crate::engine::consent::{found, keys, pursuit, step};
use crate::engine::keepers::places::counts_until;
use crate::engine::keepers::say::send;
use crate::engine::keepers::slots;
use crate::engine::records::left_frames::{self, Left, LeftFrame};
use crate::engine::records::people::{self, Contact};
use crate::engine::{Cx, Effect, EngineError, PeerKey};

/// Keepers of an account at which the same is left.
const AT: usize = 2;
/// A keeper without room is tried again after this, in milliseconds.
const FULL: u64 = 3_600_000;
/// One that does not know the slot.
const UNKNOWN: u64 = 6 * 3_600_000;
/// A keeper is asked so often whether it still has what was left, in milliseconds.
const CHECK_EVERY: u64 = 24 * 3_600_000;

/// The daemon started: what does not have to lie anywhere any more is forgotten.
pub(super) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for account in left_frames::accounts(cx.tx)? {
        if !cx.live.waiting.contains_key(&account) {
            left_frames::forget(cx.tx, &account)?;
        }
    }
    Ok(())
}

/// Time passed.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let waiting: BTreeSet<AccountId> = cx.live.waiting.keys().copied().collect();
    for account in cx.live.invites.follow(&waiting, cx.now) {
        rest(cx, &account)?;
    }
    cx.live.invites.due(cx.now).into_iter().try_for_each(|account| leave(cx, account))
}

/// A peer connected: if it is a keeper to which something is to be said, it is.
pub(super) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.invites.waiting_at(peer).into_iter().try_for_each(|account| leave(cx, account))
}

/// Nothing is to be left for an account.
fn rest(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    cx.live.invites.rest(account);
    left_frames::forget(cx.tx, account)
}

/// What an account is left: the keys to which it is sealed, as far as they are known, and the frames.
struct Mail {
    account: AccountId,
    dh: DhPublic,
    hash: KemHash,
    kem: Option<KemPublic>,
    /// Each with what it is known by.
    frames: Vec<(ByteArray<32>, Vec<u8>)>,
}

impl Mail {
    /// What there is for a contact. None, if it cannot be sealed to it.
    fn of(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<Option<Self>, EngineError> {
        let keys = keys::of(cx, contact)?;
        let (Some(dh), Some(hash)) = (keys.dh, keys.kem) else { return Ok(None) };
        let frames = contact.relationship.outstanding().into_iter();
        let mut frames: Vec<_> = frames.map(|(_, frame)| (ByteArray::new(blake3(&frame)), frame)).collect();
        frames.extend(letter(cx, contact)?);
        Ok(Some(Self { account: contact.account, dh, hash, kem: keys::at_hand(contact, &hash), frames }))
    }
}

/// [MAIL-36] Where our mail waits, for a contact whom we have not met, and what it is known by.
fn letter(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<Option<(ByteArray<32>, Vec<u8>)>, EngineError> {
    let relationship = &contact.relationship;
    let (Some(secret), Some(id)) = (relationship.pair_secret(), relationship.pact_id()) else { return Ok(None) };
    let Some(mailbox) = slots::letter(cx, contact)? else { return Ok(None) };
    let hash = ByteArray::new(blake3(&[id.as_bytes().as_slice(), &mailbox].concat()));
    let (account, device) = (cx.me.account_id(), cx.me.device_id());
    let letter = MailboxLetter::seal(secret, id, (&account, &device), &mailbox, cx.rng);
    Ok(Some((hash, letter.encode())))
}

/// [MAIL-34] Leaves for an account what is to be said to it, if it is away.
fn leave(cx: &mut Cx<'_, '_>, account: AccountId) -> Result<(), EngineError> {
    let contact = people::load(cx.tx, &account)?;
    let has_something = |c: &Contact| c.wanted.is_some() || !c.relationship.outstanding().is_empty();
    let Some(contact) = contact.filter(has_something) else { return rest(cx, &account) };
    let is_here = pursuit::peers(cx, &contact)?.iter().any(|(peer, _)| cx.live.connected.contains(peer));
    let mail = if is_here || contact.held_until() > cx.now { None } else { Mail::of(cx, &contact)? };
    let Some(mail) = mail else {
        cx.live.invites.tried(&account, cx.now);
        return Ok(());
    };
    let own = cx.me.device.keys().network;
    let (mut used, mut busy, mut ends) = (0, false, u64::MAX);
    for place in left_frames::places(cx.tx, &contact)?.into_iter().filter(|place| place.network != own) {
        let left = left_frames::at(cx.tx, &account, PeerKey(place.network))?;
        if left.closed_until > cx.now || used >= AT {
            busy |= left.closed_until > cx.now;
            continue;
        }
        used += 1;
        match &mail.kem {
            None => {
                say(cx, &account, &place, &[KeeperFrame::AskKey(mail.hash)]);
                busy = true;
            }
            Some(kem) => {
                let left = prepare(cx, &mail, kem, &place, left)?;
                busy |= hand_over(cx, &mail, &place, left)?;
            }
        }
        let left = left_frames::at(cx.tx, &account, PeerKey(place.network))?;
        ends = left.frames.iter().map(|frame| frame.until).fold(ends, u64::min);
    }
    if busy || used == 0 {
        cx.live.invites.tried(&account, cx.now);
    } else {
        cx.live.invites.idle(&account, cx.now, ends);
    }
    Ok(())
}

/// Seals and stores what is to lie at a keeper and was not left there yet; forgets what need not any more.
fn prepare(
    cx: &mut Cx<'_, '_>,
    mail: &Mail,
    kem: &KemPublic,
    place: &InvitePlace,
    mut left: Left,
) -> Result<Left, EngineError> {
    let before = left.clone();
    left.frames.retain(|known| mail.frames.iter().any(|(hash, _)| *hash == known.frame));
    for (frame, bytes) in &mail.frames {
        if left.frames.iter().any(|known| known.frame == *frame) {
            continue;
        }
        match seal_left(&mail.account, (&mail.dh, kem), bytes, cx.rng) {
            Ok(parcel) if parcel.len() <= INVITE_PARCEL_MAX => {
                let hash = ByteArray::new(blake3(&parcel));
                left.frames.push(LeftFrame { frame: *frame, hash, parcel: ByteBuf::from(parcel), until: 0 });
            }
            Ok(_) => debug!("a pairing frame is too long to be left with a keeper"),
            Err(error) => debug!(%error, "a pairing frame cannot be sealed"),
        }
    }
    if left != before {
        left.save(cx.tx, &mail.account, PeerKey(place.network))?;
    }
    Ok(left)
}

/// Sends a keeper what it does not have, or asks once a day whether it has it. Whether an answer is awaited.
fn hand_over(cx: &mut Cx<'_, '_>, mail: &Mail, place: &InvitePlace, mut left: Left) -> Result<bool, EngineError> {
    let slot = SlotId::of_invites(&mail.account, &mail.hash);
    let token = || SlotToken::of_invites(&mail.account, &mail.hash);
    let missing = left.frames.iter().filter(|frame| frame.until <= cx.now);
    let deposits: Vec<KeeperFrame> =
        missing.map(|frame| KeeperFrame::Deposit(slot, token(), frame.parcel.clone())).collect();
    if !deposits.is_empty() {
        say(cx, &mail.account, place, &deposits);
        return Ok(true);
    }
    if left.frames.is_empty() || left.checked_at.saturating_add(CHECK_EVERY) > cx.now {
        return Ok(false);
    }
    let hashes = left.frames.iter().map(|frame| frame.hash).collect();
    if say(cx, &mail.account, place, &[KeeperFrame::Check(slot, token(), hashes)]) {
        (left.asked, left.checked_at) = (true, cx.now);
        left.save(cx.tx, &mail.account, PeerKey(place.network))?;
    }
    Ok(true)
}

/// Says something to a keeper, or connects to it first. Whether it was said.
fn say(cx: &mut Cx<'_, '_>, account: &AccountId, place: &InvitePlace, frames: &[KeeperFrame]) -> bool {
    let peer = PeerKey(place.network);
    cx.live.invites.at.entry(peer).or_default().insert(*account);
    if cx.live.connected.contains(&peer) {
        frames.iter().for_each(|frame| send(cx, peer, frame));
        return true;
    }
    cx.live.keepers.miss(place.account, peer, cx.now);
    cx.effects.push(Effect::Dial { peer, addresses: place.addresses.clone() });
    false
}

/// [MAIL-31] A keeper says a key. It is the one of the hash, or it is none.
pub(super) fn key(cx: &mut Cx<'_, '_>, peer: PeerKey, key: &KemPublic) -> Result<(), EngineError> {
    for account in cx.live.invites.waiting_at(peer) {
        let Some(mut contact) = people::load(cx.tx, &account)? else { continue };
        let hash = keys::of(cx, &contact)?.kem.filter(|hash| keys::at_hand(&contact, hash).is_none());
        let Some(hash) = hash else { continue };
        let Some(kem) = KemPublic::from_bytes(key.as_bytes()).ok().filter(|key| key.hash() == hash) else {
            debug!(account = %account.fmt_short(), ?peer, "a KEM key is not the one that was asked for");
            continue;
        };
        contact.kem = Some(kem);
        contact.save(cx.tx)?;
        if contact.wanted.is_some() {
            found::invite(cx, contact, None)?;
        }
        leave(cx, account)?;
    }
    Ok(())
}

/// For whom this parcel is, of those for whom something is to be said to a keeper, and what was left there.
fn left_by(cx: &Cx<'_, '_>, peer: PeerKey, hash: &[u8; 32]) -> Result<Option<(AccountId, Left)>, EngineError> {
    for account in cx.live.invites.waiting_at(peer) {
        let left = left_frames::at(cx.tx, &account, peer)?;
        if left.frames.iter().any(|frame| *frame.hash == *hash) {
            return Ok(Some((account, left)));
        }
    }
    Ok(None)
}

/// [MAIL-35] A keeper has a parcel. Its word counts if it was given the parcel: it could as well drop what it signed for.
pub(super) fn kept(cx: &mut Cx<'_, '_>, peer: PeerKey, receipt: &Receipt) -> Result<(), EngineError> {
    let Some((account, mut left)) = left_by(cx, peer, &receipt.parcel)? else { return Ok(()) };
    let (now, mut is_news) = (cx.now, false);
    let until = counts_until(receipt.until, now, INVITE_KEPT_FOR_MS, INVITE_KEPT_FOR_MS);
    for frame in left.frames.iter_mut().filter(|frame| frame.hash == receipt.parcel) {
        is_news |= frame.until <= now;
        frame.until = until;
    }
    left.checked_at = now;
    left.save(cx.tx, &account, peer)?;
    if !is_news {
        return Ok(());
    }
    info!(account = %account.fmt_short(), "what was to be said of a pairing lies at a keeper of theirs");
    if let Some(contact) = people::load(cx.tx, &account)? {
        step::announce(cx, &contact)?;
    }
    // Looks again when the other keepers have answered.
    if left.frames.iter().all(|frame| frame.until > now) { leave(cx, account) } else { Ok(()) }
}

/// A keeper has no room for a parcel, or does not take it: others are tried meanwhile.
pub(super) fn refused(cx: &mut Cx<'_, '_>, peer: PeerKey, hash: &[u8; 32], is_full: bool) -> Result<(), EngineError> {
    let Some((account, mut left)) = left_by(cx, peer, hash)? else { return Ok(()) };
    left.closed_until = cx.now.saturating_add(if is_full { FULL } else { UNKNOWN });
    if !is_full {
        // What lay there is gone with the slot.
        left.frames.iter_mut().for_each(|frame| frame.until = 0);
    }
    left.save(cx.tx, &account, peer)?;
    leave(cx, account)
}

/// A keeper says which parcels it has no more, and that nobody fetched them. They are left there again.
pub(super) fn missing(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    slot: &SlotId,
    hashes: &[ByteArray<32>],
) -> Result<(), EngineError> {
    for account in cx.live.invites.waiting_at(peer) {
        let Some(contact) = people::load(cx.tx, &account)? else { continue };
        let kem = keys::of(cx, &contact)?.kem;
        let mut left = left_frames::at(cx.tx, &account, peer)?;
        if !left.asked || kem.is_none_or(|kem| SlotId::of_invites(&account, &kem) != *slot) {
            continue;
        }
        left.asked = false;
        left.frames.iter_mut().filter(|frame| hashes.contains(&frame.hash)).for_each(|frame| frame.until = 0);
        left.save(cx.tx, &account, peer)?;
        leave(cx, account)?;
    }
    Ok(())
}
