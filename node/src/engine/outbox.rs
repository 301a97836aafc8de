//! What must still reach somebody. Nothing is kept here: the frames are in the relationships, so a restart rebuilds all.

use covey_pairing::ids::AccountId;
use rand_core::Rng;
use tracing::{debug, info};

use super::contacts::{self, Contact};
use super::live::{Live, Retry};
use super::tables::Counter;
use super::{
    Cx, Effect, EngineError, PeerKey, Protocol, audit, card, custody, ended, group, idempotency, journal, pairing,
    rollback, sync, tokens,
};

/// A clock that went back by more than this, in milliseconds, was set; less is the jitter of its corrections.
const SET_BACK: u64 = 5_000;
/// Slow work is done this often, in milliseconds.
const HOUSEKEEPING: u64 = 10 * 60_000;
/// What was too much for one time is gone on with after this pause, in milliseconds.
const HOUSEKEEPING_GOES_ON: u64 = 1_000;

/// When [`super::Input::Tick`] is next due, Unix milliseconds.
pub fn next_wake(live: &Live) -> u64 {
    let retries = live.waiting.values().map(|retry| retry.at);
    let syncs = live.contacts.values().filter_map(|contact| contact.sync.next_timeout());
    let slow = [live.published_at.saturating_add(card::PUBLISH_EVERY), next_housekeeping(live)];
    let penalties = live.penalties.values().copied();
    retries
        .chain(syncs)
        .chain(penalties)
        .chain(live.deadlines.values().copied())
        .chain(slow)
        .chain(group::next_wake(&live.groups))
        .min()
        .unwrap_or(u64::MAX)
}

/// When the slow work is next due.
fn next_housekeeping(live: &Live) -> u64 {
    live.housekept_at.saturating_add(HOUSEKEEPING)
}

/// Rebuilds what a running engine has in memory: after a start, and after a transaction that could not be kept.
pub(super) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.furthest.clear();
    group::load(cx)?;
    rollback::start(cx)?;
    for contact in contacts::all(cx.tx)? {
        if contact.is_paired() {
            card::allow(cx, &contact.account)?;
        }
        watch(cx, &contact)?;
    }
    let newest = Counter::Journal.get(cx.tx)?;
    cx.effects.push(Effect::Journal(newest));
    sync::reopen(cx)?;
    // Made now so that tickets and answers have one from the first moment.
    card::own(cx).map(drop)
}

/// Keeps an eye on a contact: frames to deliver, deadlines to meet, a card to find.
pub(super) fn watch(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
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
fn peers(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Vec<(PeerKey, Vec<String>)>, EngineError> {
    let mut peers: Vec<(PeerKey, Vec<String>)> = Vec::new();
    for device in contacts::devices(cx.tx, &contact.account)? {
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

/// Sends what waits for an account to those of its peers that are connected, and tries to reach it otherwise. `here`: a
/// peer that just sent us something, stranger or not.
pub(super) fn pursue(cx: &mut Cx<'_, '_>, contact: &Contact, here: Option<PeerKey>) -> Result<(), EngineError> {
    watch(cx, contact)?;
    let Some(retry) = cx.live.waiting.get(&contact.account).copied() else { return Ok(()) };
    let frames = contact.relationship.outstanding();
    let peers = peers(cx, contact)?;
    let mut reached = false;
    for (peer, addresses) in peers {
        if here == Some(peer) || cx.live.connected.contains(&peer) {
            send_all(cx, peer, &frames);
            reached = true;
        } else {
            cx.effects.push(Effect::Dial { peer, addresses });
        }
    }
    // Known addresses first; the network is asked when they did not do.
    if contact.wanted.is_some() || (!reached && (retry.attempts > 0 || contact.hints.is_empty())) {
        cx.effects.push(Effect::Lookup { account: contact.account });
    }
    let next = retry.again(cx.now, cx.rng.next_u64());
    cx.live.waiting.insert(contact.account, next);
    Ok(())
}

fn send_all(cx: &mut Cx<'_, '_>, peer: PeerKey, frames: &[(covey_pairing::consent::Slot, Vec<u8>)]) {
    for (_, frame) in frames {
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame: frame.clone() });
    }
}

/// A peer connected: hand over what waits for its account.
pub(super) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let hinted = cx.live.hints.get(&peer).copied();
    let account = match contacts::owner(cx.tx, peer)? {
        Some(owner) => Some(owner.account),
        None => hinted,
    };
    let Some(contact) = account.map(|account| contacts::load(cx.tx, &account)).transpose()?.flatten() else {
        return Ok(());
    };
    let frames = contact.relationship.outstanding();
    send_all(cx, peer, &frames);
    Ok(())
}

/// A look-up ended.
pub(super) fn found(cx: &mut Cx<'_, '_>, account: AccountId, bytes: Option<&[u8]>) -> Result<(), EngineError> {
    let Some(bytes) = bytes else {
        debug!(account = %account.fmt_short(), "no contact card was found; trying again later");
        return Ok(());
    };
    let Some(contact) = contacts::load(cx.tx, &account)? else { return Ok(()) };
    if !card::learn(cx, &account, bytes)? {
        return Ok(());
    }
    if contact.wanted.is_some() {
        return pairing::invite_found(cx, contact);
    }
    // New addresses, perhaps: dial them now. The next look-up waits its turn.
    for (peer, addresses) in peers(cx, &contact)? {
        if !cx.live.connected.contains(&peer) && cx.live.waiting.contains_key(&account) {
            cx.effects.push(Effect::Dial { peer, addresses });
        }
    }
    Ok(())
}

/// Time passed.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let now = cx.now;
    if now.saturating_add(SET_BACK) < cx.live.ticked_at {
        info!("the clock was set back; timers begin anew");
        cx.live.set_back(now);
        sync::reopen(cx)?;
    }
    cx.live.ticked_at = now;
    let due: Vec<AccountId> =
        cx.live.deadlines.iter().filter(|(_, at)| **at <= now).map(|(account, _)| *account).collect();
    for account in due {
        pairing::deadline(cx, &account)?;
    }
    let due: Vec<AccountId> =
        cx.live.waiting.iter().filter(|(_, retry)| retry.at <= now).map(|(account, _)| *account).collect();
    for account in due {
        match contacts::load(cx.tx, &account)? {
            Some(contact) => pursue(cx, &contact, None)?,
            None => drop(cx.live.waiting.remove(&account)),
        }
    }
    sync::tick(cx)?;
    group::tick(cx)?;
    card::tick(cx)?;
    if next_housekeeping(cx.live) <= now {
        let more = journal::prune(cx)? | audit::prune(cx)?;
        // A moment later if there is more to drop, so that it is dropped faster than anybody can write.
        cx.live.housekept_at = if more { now.saturating_sub(HOUSEKEEPING - HOUSEKEEPING_GOES_ON) } else { now };
        idempotency::prune(cx)?;
        tokens::prune(cx)?;
        custody::prune(cx)?;
        ended::tick(cx)?;
        cx.live.quotas.prune(cx.policy.quota, now);
        cx.live.misuse.prune(now);
        cx.live.works.prune(cx.policy.work, now);
        cx.live.proofs.prune(group::forks::PROOFS, now);
    }
    Ok(())
}
