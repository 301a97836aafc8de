//! The keeper: whose mail lies here, who may leave some, who may fetch it.

use std::net::IpAddr;

use covey_api::{EventKind, Keeper, KeeperState};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::identity::{ContactCard, KeyLog, KnownLog, NotTaken};
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{
    KEEPER_TICKET_LIFETIME_MS, KeeperFrame, KeeperTicket, Limits, MAX_OWNERS, OVERHEAD, PARCEL_MAX, Receipt, Room,
    SlotEntry, SlotId, SlotToken, TicketSecret, Use, kept_for,
};
use serde_bytes::{ByteArray, ByteBuf};
use tracing::{debug, info};

use crate::engine::keepers::invites_kept;
use crate::engine::keepers::say::send;
use crate::engine::outbound::custody;
use crate::engine::records::keeping::{self, Found, Issued, Lying, Owner, Used};
use crate::engine::records::kept_slots;
use crate::engine::shown::keeper;
use crate::engine::{Cx, Effect, EngineError, PeerKey, journal, tables};
use crate::store::Tx;

/// Parcels sent for one question: less than a stream's queue holds.
const AT_ONCE: usize = 16;
/// Tickets that were not used, at a time; one more makes the oldest unusable.
const MAX_TICKETS: usize = 64;

/// Makes a ticket. `account`: the only one that may use it. `limit`: bytes that may lie here for whoever does.
pub(in crate::engine) fn ticket(
    cx: &mut Cx<'_, '_>,
    account: Option<AccountId>,
    limit: u64,
) -> Result<KeeperTicket, EngineError> {
    let mut open = cx.tx.scan_intact::<Issued>(&tables::keeper_tickets(), usize::MAX)?;
    open.sort_by_key(|(_, issued)| issued.expires_at);
    let surplus = (open.len() + 1).saturating_sub(MAX_TICKETS);
    for (at, (key, issued)) in open.iter().enumerate() {
        if at < surplus || issued.expires_at <= cx.now {
            cx.tx.delete(key);
        }
    }
    let secret = TicketSecret::random(cx.rng);
    let expires_at = cx.now.saturating_add(KEEPER_TICKET_LIFETIME_MS);
    cx.tx.put(&tables::keeper_ticket(&secret.hash()), &Issued { account, limit, expires_at })?;
    let (keeper, addresses) = (cx.me.device.keys(), cx.live.addresses.clone());
    let account = cx.me.account_id();
    Ok(KeeperTicket { account, keeper, secret, expires_at, addresses }.shortened())
}

/// [MAIL-3] An owner is here, or somebody with a ticket. A stranger without a good one is refused before anything is verified.
pub(in crate::engine) fn hello(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    secret: Option<&TicketSecret>,
    card: &[u8],
) -> Result<(), EngineError> {
    let before = keeping::owner_at(cx.tx, peer)?;
    let key = secret.map(|secret| tables::keeper_ticket(&secret.hash()));
    let ticket = key.as_ref().map(|key| cx.tx.get::<Issued>(key)).transpose()?.flatten();
    let ticket = ticket.filter(|ticket| ticket.expires_at > cx.now);
    let owner = match ContactCard::open(card, 0) {
        Ok(card) if before.is_some() || ticket.is_some() => admit(cx, peer, &card, ticket.as_ref())?,
        _ => None,
    };
    let Some(owner) = owner else {
        debug!(?peer, "somebody asked in vain to have mail kept");
        send(cx, peer, &KeeperFrame::Refused);
        return Ok(());
    };
    if let Some(key) = key {
        cx.tx.delete(&key);
    }
    let room = Room { account: Some(cx.me.account_id()), ..room(cx, &owner)? };
    let addresses = cx.live.addresses.clone();
    send(cx, peer, &KeeperFrame::welcome(room, addresses));
    Ok(())
}

/// The owner whose card it is, as it is from now on, if it may be one and the peer is a device of it.
fn admit(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    card: &ContactCard,
    ticket: Option<&Issued>,
) -> Result<Option<Owner>, EngineError> {
    let account = card.account();
    let mut owner = match (keeping::owner(cx.tx, &account)?, ticket) {
        (Some(mut owner), ticket) => {
            match owner.known.learn(card.log(), cx.now) {
                Ok(_) => {}
                // Another device knows more; that is what counts.
                Err(refusal) if refusal.why == NotTaken::Older => {}
                Err(_) => return Ok(None),
            }
            owner.limit = ticket.map_or(owner.limit, |ticket| ticket.limit.max(owner.limit));
            owner
        }
        (None, Some(ticket)) => {
            let is_meant = ticket.account.is_none_or(|only| only == account);
            if !is_meant
                || cx.me.is_ours(&account)
                || keeping::owners(cx.tx)?.len() >= cx.policy.mail_accounts.min(MAX_OWNERS)
            {
                return Ok(None);
            }
            info!(account = %account.fmt_short(), "mail is kept for another account from now on");
            let known = KnownLog::new(card.log(), cx.now);
            let (peers, asked, limit) = (Vec::new(), Vec::new(), ticket.limit);
            Owner { account, name: None, known, peers, limit, since: cx.now, seen: cx.now, asked }
        }
        (None, None) => return Ok(None),
    };
    let log = owner.known.in_force();
    let peers: Vec<PeerKey> = log.iter().flat_map(KeyLog::active).map(|d| PeerKey(d.keys.network)).collect();
    if !peers.contains(&peer) {
        return Ok(None);
    }
    for gone in owner.peers.iter().filter(|before| !peers.contains(before)) {
        kept_slots::forget_device(cx.tx, &account, *gone)?;
        cx.effects.push(Effect::Revoke { peer: *gone });
    }
    for new in &peers {
        // [MAIL-4] A peer is of one account: an account cannot take another one's by naming it, since it has to sign that it agrees.
        cx.tx.save(&tables::kept_peer(*new), &account);
    }
    let name = Some(card.content().name.clone()).filter(|name| covey_pairing::is_name(name));
    (owner.peers, owner.name, owner.seen) = (peers, name, cx.now);
    owner.asks(peer, cx.now);
    cx.tx.save(&tables::kept_owner(&account), &owner);
    if owner.since == cx.now {
        // It used what it was given.
        cx.tx.delete(&tables::wanted_keeping(&account));
        told(cx, &owner)?;
    }
    owner.peers.iter().for_each(|peer| cx.effects.push(Effect::Allow { peer: *peer, addresses: Vec::new() }));
    Ok(Some(owner))
}

/// Tells clients how it stands with an account whose mail is kept.
fn told(cx: &mut Cx<'_, '_>, owner: &Owner) -> Result<(), EngineError> {
    let shown = keeper::held(cx, owner)?;
    journal::record(cx, EventKind::KeeperChanged, &shown)
}

/// What an owner uses and may use.
fn room(cx: &Cx<'_, '_>, owner: &Owner) -> Result<Room, EngineError> {
    let Used { used, refused } = keeping::used(cx.tx, &owner.account)?;
    Ok(Room { used, limit: owner.limit, refused, clock: cx.now, account: None })
}

/// [MAIL-10] A device of an owner names its slots, all that it knows.
pub(in crate::engine) fn slots(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    list: u64,
    slots: &[SlotEntry],
) -> Result<(), EngineError> {
    let Some(owner) = keeping::owner_at(cx.tx, peer)? else { return Ok(()) };
    kept_slots::register(cx.tx, &owner.account, peer, slots)?;
    send(cx, peer, &KeeperFrame::Open(list));
    Ok(())
}

/// [MAIL-11] A device of an owner asks for what lies here and it does not have.
pub(in crate::engine) fn fetch(cx: &mut Cx<'_, '_>, peer: PeerKey, after: u64) -> Result<(), EngineError> {
    let Some(mut owner) = keeping::owner_at(cx.tx, peer)? else { return Ok(()) };
    if owner.asks(peer, cx.now) {
        cx.tx.save(&tables::kept_owner(&owner.account), &owner);
    }
    let Found { parcels, upto, more } = keeping::for_device(cx.tx, (&owner.account, peer), after, AT_ONCE)?;
    for (number, lying) in parcels {
        if let Some(parcel) = keeping::bytes(cx.tx, &owner.account, number)? {
            send(cx, peer, &KeeperFrame::Parcel(number, lying.slot, parcel));
        }
    }
    let room = room(cx, &owner)?;
    if room.refused && !more {
        cx.tx.save(&tables::kept_used(&owner.account), &Used { used: room.used, refused: false });
    }
    send(cx, peer, &KeeperFrame::Batch(upto, more, room));
    Ok(())
}

/// [MAIL-11] A device of an owner has parcels, or does not want them.
pub(in crate::engine) fn got(cx: &mut Cx<'_, '_>, peer: PeerKey, numbers: &[u64]) -> Result<(), EngineError> {
    let Some(owner) = keeping::owner_at(cx.tx, peer)? else { return Ok(()) };
    numbers.iter().try_for_each(|number| keeping::got(cx.tx, &owner, (peer, *number), cx.now))
}

/// [MAIL-5] Somebody leaves a parcel. Unknown slots and wrong tokens get the same answer.
pub(in crate::engine) fn deposit(
    cx: &mut Cx<'_, '_>,
    (peer, source): (PeerKey, Option<IpAddr>),
    id: SlotId,
    token: &SlotToken,
    parcel: &[u8],
) -> Result<(), EngineError> {
    let hash = ByteArray::new(blake3(parcel));
    let slot = keeping::slot(cx.tx, &id)?.filter(|slot| slot.token.is_of(token));
    let Some(slot) = slot.filter(|_| (OVERHEAD..=PARCEL_MAX).contains(&parcel.len())) else {
        send(cx, peer, &KeeperFrame::No(hash));
        return Ok(());
    };
    if slot.strangers {
        return invites_kept::deposit(cx, (peer, source), (id, slot), (hash, parcel));
    }
    // [MAIL-20]
    if !cx.live.keepers.admits(id, cx.now) {
        send(cx, peer, &KeeperFrame::Later(hash));
        return Ok(());
    }
    // Whoever brings the right token is no stranger.
    cx.effects.push(Effect::Repay { peer, len: parcel.len() });
    if let Some(same) = keeping::same(cx.tx, &id, &hash)? {
        let receipt = Receipt::sign(cx.me.device.signing(), id, parcel, same.until);
        send(cx, peer, &KeeperFrame::Kept(receipt));
        return Ok(());
    }
    let Some(owner) = keeping::owner(cx.tx, &slot.owner)? else { return Ok(()) };
    let len = u64::try_from(parcel.len()).unwrap_or(u64::MAX);
    let groups = custody::total(cx)?.bytes;
    let most = Most { allowed: cx.policy.mail_bytes, free_disk: cx.live.free_disk, groups };
    if !has_room(cx.tx, &owner, &id, len, most)?
        && !keeping::make_room(cx.tx, (&owner.account, &id), |tx| has_room(tx, &owner, &id, len, most))?
    {
        let used = keeping::used(cx.tx, &owner.account)?;
        if !used.refused {
            cx.tx.save(&tables::kept_used(&owner.account), &Used { refused: true, ..used });
            told(cx, &owner)?;
        }
        send(cx, peer, &KeeperFrame::Full(hash));
        return Ok(());
    }
    let until = cx.now.saturating_add(kept_for(parcel.len()));
    keeping::put(cx.tx, &Lying { slot: id, hash, len, until, got: Vec::new(), stranger: None }, parcel)?;
    let receipt = Receipt::sign(cx.me.device.signing(), id, parcel, until);
    send(cx, peer, &KeeperFrame::Kept(receipt));
    for device in owner.peers.into_iter().filter(|device| cx.live.connected.contains(device)).collect::<Vec<_>>() {
        send(cx, device, &KeeperFrame::Waiting);
    }
    Ok(())
}

/// What the operator allows for all accounts together, and what is free on the disk, in bytes.
#[derive(Clone, Copy)]
struct Most {
    allowed: u64,
    free_disk: Option<u64>,
    /// Bytes of what lies here for members of groups.
    groups: u64,
}

/// [KEEP-5] Whether there is room for a parcel of this length, beside all mail and what is kept for members of groups.
fn has_room(tx: &Tx<'_>, owner: &Owner, slot: &SlotId, len: u64, most: Most) -> Result<bool, EngineError> {
    let mail = keeping::total(tx)?;
    let total = Use { bytes: mail.bytes.saturating_add(most.groups), ..mail };
    let limits = Limits { owner: owner.limit, all: keeping::most(most.allowed, most.free_disk, total.bytes) };
    let slot = keeping::slot(tx, slot)?.map_or_else(Use::default, |slot| slot.used);
    Ok(limits.has_room(slot, keeping::used(tx, &owner.account)?.used, total, len))
}

/// [MAIL-21] Somebody asks which of its parcels are still here. Unknown slots and wrong tokens get the same answer.
pub(in crate::engine) fn check(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    id: SlotId,
    token: &SlotToken,
    hashes: Vec<ByteArray<32>>,
) -> Result<(), EngineError> {
    let slot = keeping::slot(cx.tx, &id)?.filter(|slot| slot.token.is_of(token));
    let missing = match slot {
        Some(slot) => keeping::missing(cx.tx, &id, &slot, &hashes)?,
        None => hashes,
    };
    send(cx, peer, &KeeperFrame::Missing(id, missing));
    Ok(())
}

/// An owner leaves its list of contacts, sealed, in place of the one of before.
pub(in crate::engine) fn put_list(cx: &mut Cx<'_, '_>, peer: PeerKey, sealed: &[u8]) -> Result<(), EngineError> {
    let owner = keeping::owner_at(cx.tx, peer)?;
    let Some(owner) = owner.filter(|_| (OVERHEAD..=PARCEL_MAX).contains(&sealed.len())) else { return Ok(()) };
    cx.tx.put_raw(&tables::contact_list(&owner.account), sealed);
    send(cx, peer, &KeeperFrame::ListKept(ByteArray::new(blake3(sealed))));
    Ok(())
}

/// An owner asks for its list: perhaps it has nothing else any more.
pub(in crate::engine) fn get_list(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(owner) = keeping::owner_at(cx.tx, peer)? else { return Ok(()) };
    let sealed = cx.tx.get_raw(&tables::contact_list(&owner.account))?.map(ByteBuf::from);
    send(cx, peer, &KeeperFrame::List(sealed));
    Ok(())
}

/// Mail of this account is kept no more; what lies here is deleted.
pub(in crate::engine) fn end(cx: &mut Cx<'_, '_>, owner: &Owner) -> Result<(), EngineError> {
    let shown = Keeper { state: KeeperState::Removed, ..keeper::held(cx, owner)? };
    journal::record(cx, EventKind::KeeperChanged, &shown)?;
    kept_slots::forget(cx.tx, owner)?;
    for peer in &owner.peers {
        send(cx, *peer, &KeeperFrame::Refused);
    }
    Ok(())
}

/// Owners may connect whenever they want.
pub(super) fn allow(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for owner in keeping::owners(cx.tx)? {
        owner.peers.iter().for_each(|peer| cx.effects.push(Effect::Allow { peer: *peer, addresses: Vec::new() }));
    }
    Ok(())
}

/// Deletes what was kept long enough.
pub(super) fn expire(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let now = cx.now;
    for owner in keeping::owners(cx.tx)? {
        keeping::expire(cx.tx, &owner, now)?;
        kept_slots::prune(cx.tx, &owner.account)?;
    }
    Ok(())
}
