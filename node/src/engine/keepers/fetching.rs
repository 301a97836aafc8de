//! The owner: its keepers, the slots of its contacts there, and what lies in them.

use std::collections::BTreeSet;

use covey_pairing::crypto::hash::blake3;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{
    InboxSecret, KeeperFrame, KeeperTicket, MAX_SLOTS, Mailbox, MailboxAt, Room, SlotEntry, SlotId, SlotToken,
};
use serde_bytes::ByteBuf;
use tracing::{info, warn};

use crate::engine::counters::Counter;
use crate::engine::keepers::opening::{self, Brings};
use crate::engine::keepers::say::send;
use crate::engine::live::keepers::Fetching;
use crate::engine::outbound::control;
use crate::engine::records::mailboxes::{self, Given, GivenAt, Mine, Stands};
use crate::engine::records::sessions::Scope;
use crate::engine::records::{devices, people};
use crate::engine::wire::control::Control;
use crate::engine::{Cx, Effect, EngineError, PeerKey, card, tables};

/// A keeper that did not answer is asked again after this, in milliseconds.
const ANSWERS: u64 = 15_000;
/// What did not fit is fetched again after this, in milliseconds: what is missing before it may have come another way.
const FITS: u64 = 10 * 60_000;

/// Mail for us is to be kept by this keeper from now on.
pub(in crate::engine) fn add(cx: &mut Cx<'_, '_>, ticket: KeeperTicket) -> Result<Mine, EngineError> {
    if mailboxes::inbox(cx.tx)?.is_none() {
        let secret = InboxSecret::random(cx.rng);
        cx.tx.put(&tables::inbox(), &secret)?;
    }
    let peer = PeerKey(ticket.keeper.network);
    let before = mailboxes::mine(cx.tx, peer)?;
    let mine = Mine {
        keeper: ticket.keeper,
        addresses: ticket.addresses,
        secret: Some(ticket.secret),
        stands: Stands::Asked,
        list: before.as_ref().map_or(0, |before| before.list),
        room: None,
        reached: before.as_ref().and_then(|before| before.reached),
        since: before.map_or(cx.now, |before| before.since),
    };
    mine.save(cx.tx);
    cx.effects.push(Effect::Allow { peer, addresses: mine.addresses.clone() });
    peer_came(cx, peer)?;
    Ok(mine)
}

/// A keeper is one no more. What lies there is deleted, if it can be told, or runs out.
pub(in crate::engine) fn remove(cx: &mut Cx<'_, '_>, mine: &Mine) -> Result<(), EngineError> {
    let peer = mine.peer();
    if cx.live.connected.contains(&peer) {
        let list = Counter::Slots.next(cx.tx)?;
        send(cx, peer, &KeeperFrame::Slots(list, Vec::new()));
    }
    cx.tx.delete(&tables::my_keeper(peer));
    cx.live.keepers.fetching.remove(&peer);
    cx.live.keepers.changed = true;
    Ok(())
}

/// A peer connected: if it is a keeper of ours, it is told who we are.
pub(super) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    cx.live.keepers.fetching.remove(&peer);
    let Some(mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.stands != Stands::Refused) else { return Ok(()) };
    if cx.live.connected.contains(&peer) {
        let own = ByteBuf::from(card::own(cx)?);
        send(cx, peer, &KeeperFrame::Hello(mine.secret, own));
    }
    Ok(())
}

/// The daemon started.
pub(super) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.keepers.changed = true;
    allow(cx)
}

/// Connections to keepers are kept up.
pub(super) fn allow(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for mine in mailboxes::all_mine(cx.tx)? {
        cx.effects.push(Effect::Allow { peer: mine.peer(), addresses: mine.addresses });
    }
    Ok(())
}

/// A keeper keeps our mail.
pub(super) fn welcome(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    room: Room,
    addresses: Vec<String>,
) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)? else { return Ok(()) };
    if mine.stands != Stands::Keeps {
        info!("a keeper keeps mail for this account");
    }
    // It may have lost its disk, or come back from an old copy: what it was told is told again.
    (mine.stands, mine.secret) = (Stands::Keeps, None);
    (mine.room, mine.reached) = (Some(room), Some(cx.now));
    if !addresses.is_empty() {
        mine.addresses = addresses;
    }
    mine.save(cx.tx);
    cx.live.keepers.changed = true;
    register(cx, peer)?;
    ask(cx, peer, 0);
    Ok(())
}

/// A keeper does not keep our mail.
pub(super) fn refused(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)? else { return Ok(()) };
    warn!("a keeper does not keep mail for this account (any more); see `covey keeper list`");
    (mine.stands, mine.reached) = (Stands::Refused, Some(cx.now));
    mine.save(cx.tx);
    cx.live.keepers.fetching.remove(&peer);
    cx.live.keepers.changed = true;
    Ok(())
}

/// Sends a keeper all slots.
fn register(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.stands == Stands::Keeps) else {
        return Ok(());
    };
    let mut slots = Vec::new();
    for (_, given) in cx.tx.scan_intact::<Given>(&tables::all_given(), usize::MAX)? {
        let here = given.at.iter().filter(|at| at.peer == peer);
        slots.extend(here.map(|at| SlotEntry(at.slot, at.token.hash())));
    }
    slots.truncate(MAX_SLOTS);
    mine.list = Counter::Slots.next(cx.tx)?;
    mine.save(cx.tx);
    if cx.live.connected.contains(&peer) {
        send(cx, peer, &KeeperFrame::Slots(mine.list, slots));
    }
    Ok(())
}

/// A keeper has made our slots durable: contacts can be told of them.
pub(super) fn open(cx: &mut Cx<'_, '_>, peer: PeerKey, list: u64) -> Result<(), EngineError> {
    let Some(mut mine) = mailboxes::mine(cx.tx, peer)?.filter(|mine| mine.list == list) else { return Ok(()) };
    mine.reached = Some(cx.now);
    mine.save(cx.tx);
    for (key, mut given) in cx.tx.scan_intact::<Given>(&tables::all_given(), usize::MAX)? {
        let mut new = given.at.iter_mut().filter(|at| at.peer == peer && !at.open).peekable();
        if new.peek().is_some() {
            new.for_each(|at| at.open = true);
            cx.tx.save(&key, &given);
        }
    }
    tell(cx)
}

/// Contacts, their devices or our keepers are others than before: gives every paired contact a slot at each keeper, takes those of others
/// away, and replaces the tokens of a contact that lost a device. Whether anything was done.
pub(in crate::engine) fn follow(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    if !std::mem::take(&mut cx.live.keepers.changed) || mailboxes::inbox(cx.tx)?.is_none() {
        return Ok(false);
    }
    let keepers: Vec<Mine> = mailboxes::all_mine(cx.tx)?;
    let peers: Vec<PeerKey> = keepers.iter().filter(|m| m.stands == Stands::Keeps).map(Mine::peer).collect();
    let mut changed = BTreeSet::new();
    for contact in people::all(cx.tx)? {
        let is_paired = contact.is_paired();
        changed.extend(give(cx, &contact.account, if is_paired { &peers } else { &[] })?);
    }
    for peer in &changed {
        register(cx, *peer)?;
    }
    tell(cx)?;
    Ok(true)
}

/// Gives a contact a slot at each of these keepers and at no other. The keepers at which something changed.
fn give(cx: &mut Cx<'_, '_>, account: &AccountId, peers: &[PeerKey]) -> Result<Vec<PeerKey>, EngineError> {
    let known = mailboxes::given(cx.tx, account)?;
    if known.is_none() && peers.is_empty() {
        return Ok(Vec::new());
    }
    let before = known.unwrap_or_default();
    let devices: Vec<_> = devices::devices(cx.tx, account)?.into_iter().map(|device| device.id).collect();
    // A device that was revoked knows the tokens.
    let lost_one = before.devices.iter().any(|device| !devices.contains(device));
    let (mut at, mut changed) = (Vec::new(), Vec::new());
    for known in before.at {
        if lost_one || !peers.contains(&known.peer) {
            cx.tx.delete(&tables::given_slot(&known.slot));
            changed.push(known.peer);
        } else {
            at.push(known);
        }
    }
    for peer in peers {
        if at.iter().all(|known| known.peer != *peer) {
            let (slot, token) = (SlotId::random(cx.rng), SlotToken::random(cx.rng));
            cx.tx.save(&tables::given_slot(&slot), account);
            at.push(GivenAt { peer: *peer, slot, token, open: false });
            changed.push(*peer);
        }
    }
    if changed.is_empty() && before.devices == devices {
        return Ok(changed);
    }
    if at.is_empty() && peers.is_empty() {
        cx.tx.delete(&tables::given(account));
    } else {
        cx.tx.save(&tables::given(account), &Given { at, devices });
    }
    Ok(changed)
}

/// Tells each device of a contact where our mail waits, if it was told something else before.
fn tell(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let Some(secret) = mailboxes::inbox(cx.tx)? else { return Ok(()) };
    let keepers = mailboxes::all_mine(cx.tx)?;
    let key = secret.public();
    for contact in people::all(cx.tx)?.into_iter().filter(people::Contact::is_paired) {
        let given = mailboxes::given(cx.tx, &contact.account)?.unwrap_or_default();
        let at = given.at.into_iter().filter(|at| at.open).filter_map(|GivenAt { peer, slot, token, .. }| {
            let mine = keepers.iter().find(|mine| mine.peer() == peer && mine.stands == Stands::Keeps)?;
            Some(MailboxAt { keeper: mine.keeper, addresses: mine.addresses.clone(), slot, token })
        });
        let at: Vec<MailboxAt> = at.collect();
        let is_none = at.is_empty();
        let mailbox = Mailbox { key: key.clone(), at }.shortened().encode();
        let hash = ByteBuf::from(blake3(&mailbox).to_vec());
        for device in devices::devices(cx.tx, &contact.account)? {
            let place = tables::mailbox_told(&device.id);
            let before = cx.tx.load::<ByteBuf>(&place)?;
            if before.as_ref() == Some(&hash) || (is_none && before.is_none()) {
                continue;
            }
            let control = Control::Mailbox(ByteBuf::from(mailbox.clone()));
            if control::told(cx, Scope::Pair, &contact.account, &device, &control, false)? {
                cx.tx.save(&place, &hash);
            }
        }
    }
    Ok(())
}

/// Asks a keeper for what lies there after a number. One that keeps us busy with nothing is left alone for some minutes.
fn ask(cx: &mut Cx<'_, '_>, peer: PeerKey, after: u64) {
    if cx.live.keepers.is_tiresome(peer, cx.now) {
        warn!(?peer, "a keeper answers without end and brings nothing; it is asked again in some minutes");
        let at = cx.now.saturating_add(FITS);
        cx.live
            .keepers
            .fetching
            .insert(peer, Fetching { after: 0, at, asked: false, skipped: true, rang: false, brought: false });
        return;
    }
    let at = cx.now.saturating_add(ANSWERS);
    // From the beginning: what was skipped comes again.
    let skipped = after > 0 && cx.live.keepers.fetching.get(&peer).is_some_and(|fetching| fetching.skipped);
    let asked = Fetching { after, at, asked: true, skipped, rang: false, brought: false };
    cx.live.keepers.fetching.insert(peer, asked);
    send(cx, peer, &KeeperFrame::Fetch(after));
}

/// Something new lies at a keeper.
pub(super) fn waiting(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(mine) = mailboxes::mine(cx.tx, peer)? else { return Ok(()) };
    if mine.stands != Stands::Keeps {
        return Ok(());
    }
    match cx.live.keepers.fetching.get_mut(&peer) {
        Some(fetching) if fetching.asked => fetching.rang = true,
        // Numbers only grow: what is new comes after what was looked at.
        Some(fetching) => {
            let after = fetching.after;
            ask(cx, peer, after);
        }
        None => ask(cx, peer, 0),
    }
    Ok(())
}

/// A parcel that lay there. It is acknowledged once what it brings is durable.
pub(super) fn parcel(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    number: u64,
    slot: SlotId,
    parcel: &[u8],
) -> Result<(), EngineError> {
    if cx.live.keepers.is_tiresome(peer, cx.now) {
        return Ok(());
    }
    // Nobody brings what was not asked for.
    let Some(fetching) = cx.live.keepers.fetching.get_mut(&peer).filter(|fetching| fetching.asked) else {
        return Ok(());
    };
    fetching.at = cx.now.saturating_add(ANSWERS);
    let brings = opening::take(cx, &slot, parcel)?;
    let Some(fetching) = cx.live.keepers.fetching.get_mut(&peer) else { return Ok(()) };
    match brings {
        Brings::Something => fetching.brought = true,
        Brings::Nothing => cx.live.keepers.brought_nothing(peer, cx.now),
        Brings::NotYet => {
            fetching.skipped = true;
            return Ok(());
        }
    }
    send(cx, peer, &KeeperFrame::Got(vec![number]));
    Ok(())
}

/// A keeper has sent everything up to a number.
pub(super) fn batch(cx: &mut Cx<'_, '_>, peer: PeerKey, upto: u64, more: bool, room: Room) -> Result<(), EngineError> {
    let Some(fetching) = cx.live.keepers.fetching.get(&peer).copied().filter(|fetching| fetching.asked) else {
        return Ok(());
    };
    // An honest one has nothing new now and then.
    if !fetching.brought {
        cx.live.keepers.brought_nothing(peer, cx.now);
    }
    if let Some(mut mine) = mailboxes::mine(cx.tx, peer)? {
        (mine.room, mine.reached) = (Some(room), Some(cx.now));
        mine.save(cx.tx);
    }
    let upto = upto.max(fetching.after);
    // A keeper that has more and gets no further would be asked for ever.
    if (more && upto > fetching.after) || fetching.rang {
        ask(cx, peer, upto);
        return Ok(());
    }
    let rest = Fetching { after: upto, at: cx.now.saturating_add(FITS), asked: false, ..fetching };
    cx.live.keepers.fetching.insert(peer, rest);
    Ok(())
}

/// Time passed: keepers that did not answer are asked again, and for what did not fit.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let due = |fetching: &Fetching| (fetching.asked || fetching.skipped) && fetching.at <= cx.now;
    let due: Vec<_> = cx.live.keepers.fetching.iter().filter(|(_, f)| due(f)).map(|(p, f)| (*p, *f)).collect();
    for (peer, fetching) in due {
        if cx.live.connected.contains(&peer) {
            ask(cx, peer, if fetching.asked { fetching.after } else { 0 });
        } else {
            cx.live.keepers.fetching.remove(&peer);
        }
    }
    Ok(())
}
