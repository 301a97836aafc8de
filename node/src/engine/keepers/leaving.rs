//! The depositor: what a contact that is away has not acknowledged is left at its keepers, at two of them if it has several.

use covey_feed::run::RunLimits;
use covey_feed::{Entry, limits::MAX_RUN_ENTRIES};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{
    Deposit, InboxKey, KEPT_FOR_MS, KeeperFrame, MAX_CONTENT, Mailbox, MailboxAt, Receipt, kept_for,
};
use serde_bytes::{ByteArray, ByteBuf};
use tracing::{debug, warn};

use crate::engine::keepers::checking;
use crate::engine::keepers::places::{counts_until, delivered, is_here, places, waiting};
use crate::engine::keepers::say::send;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::feeds::{self, Feed};
use crate::engine::records::mailboxes::{self, Left, Pending, Span, Theirs};
use crate::engine::records::{messages, people};
use crate::engine::said::receipts;
use crate::engine::wire::mail::{Mail, RESERVED};
use crate::engine::{Cx, Effect, EngineError, PeerKey, tables};

/// Keepers of a contact at which the same is left.
const AT: usize = 2;
/// A keeper without room is tried again after this, in milliseconds.
const FULL: u64 = 3_600_000;
/// One that does not know the slot, unless the contact says something else before: it may have lost its disk.
const UNKNOWN: u64 = 24 * 3_600_000;

/// [MAIL-2] A device of a contact says where its mail waits.
pub(in crate::engine) fn told(cx: &mut Cx<'_, '_>, owner: DeviceRef, bytes: &[u8]) -> Result<(), EngineError> {
    let Ok(mailbox) = Mailbox::decode(bytes) else {
        debug!(device = %owner.device.fmt_short(), "a contact says something of its keepers that cannot be");
        return Ok(());
    };
    let account = &owner.account;
    let before = mailboxes::places(cx.tx, account)?;
    let theirs = Theirs { device: owner.device, mailbox, at: cx.now };
    cx.tx.save(&tables::theirs(account, &owner.device), &theirs);
    let after = mailboxes::places(cx.tx, account)?;
    let mut gone = Vec::new();
    for (at, key) in before {
        match after.iter().find(|(now, _)| now.slot == at.slot) {
            None => {
                gone.extend(mailboxes::left(cx.tx, account, &at.slot)?.kept);
                mailboxes::forget_left(cx.tx, account, &at.slot);
                cx.live.keepers.forget(&at.slot);
            }
            Some((now, now_key)) => anew(cx, account, now, *now_key != key, now.token != at.token)?,
        }
    }
    checking::tell(cx, account, &gone)?;
    cx.live.keepers.away(owner.account, cx.now);
    Ok(())
}

/// Something else is known of a slot. What a keeper has there it has: mail sealed to the key of before still opens.
fn anew(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    at: &MailboxAt,
    other_key: bool,
    other_token: bool,
) -> Result<(), EngineError> {
    if other_key {
        cx.tx.delete(&tables::pending(account, &at.slot));
        cx.live.keepers.answered(&at.slot);
    }
    let mut left = mailboxes::left(cx.tx, account, &at.slot)?;
    if other_token && left.closed_until > 0 {
        left.closed_until = 0;
        cx.tx.save(&tables::left(account, &at.slot), &left);
    }
    Ok(())
}

/// Something was written into our feed of a channel.
pub(in crate::engine) fn wrote(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    if let Some(account) = channels::by_no(cx.tx, no)?.and_then(|channel| channel.contact())
        && !is_here(cx, &account)
    {
        cx.live.keepers.wrote(account, cx.now);
    }
    Ok(())
}

/// The daemon started.
pub(super) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for contact in people::all(cx.tx)?.into_iter().filter(people::Contact::is_paired) {
        cx.live.keepers.away(contact.account, cx.now);
    }
    Ok(())
}

/// Time passed.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.keepers.due(cx.now).into_iter().try_for_each(|account| leave(cx, account))
}

/// A peer connected: what waits to be left there is.
pub(super) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let accounts = cx.live.keepers.at.remove(&peer).unwrap_or_default();
    for account in accounts {
        for (at, _) in places(cx, &account)?.into_iter().filter(|(at, _)| PeerKey(at.keeper.network) == peer) {
            hand_over(cx, &account, &at)?;
        }
    }
    Ok(())
}

/// Leaves for a contact what it has not acknowledged, if it is still away.
fn leave(cx: &mut Cx<'_, '_>, account: AccountId) -> Result<(), EngineError> {
    checking::expire(cx, &account)?;
    let places = if is_here(cx, &account) { Vec::new() } else { places(cx, &account)? };
    let Some((channel, feed)) = waiting(cx, &account)?.filter(|_| !places.is_empty()) else {
        cx.live.keepers.rest(&account);
        return Ok(());
    };
    let (mut used, mut busy) = (0, false);
    for (at, key) in places {
        let left = mailboxes::left(cx.tx, &account, &at.slot)?;
        if left.closed_until > cx.now || used >= AT {
            busy |= left.closed_until > cx.now;
            continue;
        }
        used += 1;
        prepare(cx, (&account, &channel, &feed), &at, &key, left)?;
        busy |= hand_over(cx, &account, &at)?;
    }
    if busy {
        cx.live.keepers.tried(&account, cx.now);
    } else {
        let ends = mailboxes::next_end(cx.tx, &account)?;
        cx.live.keepers.idle(account, cx.now, ends);
    }
    Ok(())
}

/// Makes and stores the next parcel for a slot, unless one is on its way or there is nothing for it.
fn prepare(
    cx: &mut Cx<'_, '_>,
    (account, channel, feed): (&AccountId, &Channel, &Feed),
    at: &MailboxAt,
    key: &InboxKey,
    mut left: Left,
) -> Result<(), EngineError> {
    let has = delivered(cx, account, feed)?;
    left.kept.retain(|span| span.fid != feed.fid || span.last > has);
    cx.tx.save(&tables::left(account, &at.slot), &left);
    let before = mailboxes::pending(cx.tx, account, &at.slot)?;
    if before.is_some_and(|pending| pending.fid == feed.fid && pending.last > has) {
        return Ok(());
    }
    cx.tx.delete(&tables::pending(account, &at.slot));
    let (first, room) = left.gap(feed.fid, has);
    let entries = room.and_then(|room| usize::try_from(room).ok()).unwrap_or(MAX_RUN_ENTRIES).min(MAX_RUN_ENTRIES);
    let limits = RunLimits { entries, bytes: MAX_CONTENT - RESERVED };
    let run = if says_something(cx, channel, feed, first)? { feeds::serve(cx.tx, feed, first, limits)? } else { None };
    let Some(run) = run else { return Ok(()) };
    let last = run.last();
    let runs = vec![(feed.key.author, feed.key.incarnation, ByteBuf::from(run.encode()))];
    let content = Mail { channel: channel.id, runs, has: ends(cx, channel)? }.encode()?;
    match Deposit::seal(&cx.me.device, key, &at.slot, &content, cx.rng) {
        Ok(parcel) => {
            let hash = ByteArray::new(blake3(&parcel));
            let pending = Pending { hash, parcel: ByteBuf::from(parcel), fid: feed.fid, first, last };
            cx.tx.put(&tables::pending(account, &at.slot), &pending)?;
        }
        Err(error) => warn!(%error, "mail cannot be left for a contact"),
    }
    Ok(())
}

/// Whether there is a message among the entries: receipts alone are not left.
fn says_something(cx: &Cx<'_, '_>, channel: &Channel, feed: &Feed, first: u64) -> Result<bool, EngineError> {
    let longest = first.saturating_add(MAX_RUN_ENTRIES as u64 - 1);
    let last = feed.head.map_or(0, |head| head.seq).min(longest);
    let mut next = first;
    while next <= last {
        let entries = feeds::some(cx.tx, feed.fid, next, last)?;
        for entry in &entries {
            if messages::at(cx.tx, channel.no, &entry.order())?.is_some_and(|message| message.is_shown()) {
                return Ok(true);
            }
        }
        let Some(end) = entries.last().map(Entry::seq) else { break };
        next = end.saturating_add(1);
    }
    Ok(false)
}

/// How far the other side's feeds are durable here.
fn ends(cx: &Cx<'_, '_>, channel: &Channel) -> Result<Vec<(covey_feed::Author, u64, u64)>, EngineError> {
    let feeds = feeds::all(cx.tx, channel.no)?.into_iter().filter(|feed| !cx.me.is_ours(&feed.account));
    Ok(feeds.filter_map(|feed| Some((feed.key.author, feed.key.incarnation, feed.head?.seq))).collect())
}

/// Sends the parcel that waits for a slot, or asks what lies there, or connects to the keeper first. Whether there was anything to say.
fn hand_over(cx: &mut Cx<'_, '_>, account: &AccountId, at: &MailboxAt) -> Result<bool, EngineError> {
    let peer = PeerKey(at.keeper.network);
    let deposit = mailboxes::pending(cx.tx, account, &at.slot)?
        .map(|pending| KeeperFrame::Deposit(at.slot, at.token.clone(), pending.parcel));
    let is_question = deposit.is_none();
    let frame = match deposit {
        Some(deposit) => Some(deposit),
        None => checking::question(cx, account, at)?,
    };
    let Some(frame) = frame else { return Ok(false) };
    if !cx.live.connected.contains(&peer) {
        cx.live.keepers.miss(at.account, peer, cx.now);
        cx.effects.push(Effect::Dial { peer, addresses: at.addresses.clone() });
    } else if is_question {
        cx.live.keepers.asks(at.slot, cx.now);
        send(cx, peer, &frame);
    } else if cx.live.keepers.may_send(at.slot, cx.now) {
        send(cx, peer, &frame);
    }
    let waiting = cx.live.keepers.at.entry(peer).or_default();
    if !waiting.contains(account) {
        waiting.push(*account);
    }
    Ok(true)
}

/// Whose parcel this is, of those that wait for an answer of a keeper, and its place.
fn pending(
    cx: &Cx<'_, '_>,
    peer: PeerKey,
    hash: &[u8; 32],
) -> Result<Option<(AccountId, MailboxAt, Pending)>, EngineError> {
    for account in cx.live.keepers.at.get(&peer).into_iter().flatten() {
        for (at, _) in places(cx, account)?.into_iter().filter(|(at, _)| PeerKey(at.keeper.network) == peer) {
            let found = mailboxes::pending(cx.tx, account, &at.slot)?;
            if let Some(pending) = found.filter(|pending| *pending.hash == *hash) {
                return Ok(Some((*account, at, pending)));
            }
        }
    }
    Ok(None)
}

/// [MAIL-8] A keeper has a parcel. It counts with a receipt that its device signed, for what was sent there and not answered yet.
pub(super) fn kept(cx: &mut Cx<'_, '_>, peer: PeerKey, receipt: &Receipt) -> Result<(), EngineError> {
    let Some((account, at, pending)) = pending(cx, peer, &receipt.parcel)? else { return Ok(()) };
    if receipt.slot != at.slot || receipt.verify(&at.keeper.id).is_err() {
        warn!(?peer, "a keeper gives receipts that are not its own");
        return Ok(());
    }
    let Pending { fid, first, last, hash, parcel } = pending;
    cx.tx.delete(&tables::pending(&account, &at.slot));
    let mut left = mailboxes::left(cx.tx, &account, &at.slot)?;
    let until = counts_until(receipt.until, cx.now, KEPT_FOR_MS, kept_for(parcel.len()));
    left.kept.push(Span { fid, first, last, until, hash: Some(hash) });
    left.reached = cx.now;
    cx.tx.save(&tables::left(&account, &at.slot), &left);
    cx.live.keepers.answered(&at.slot);
    cx.live.keepers.checked(at.slot, cx.now);
    cx.live.keepers.took(account, cx.now);
    if let Some((channel, _)) = waiting(cx, &account)?.filter(|(_, feed)| feed.fid == fid) {
        receipts::kept(cx, &channel, fid, (first, last))?;
    }
    leave(cx, account)
}

/// A keeper has no room for a parcel: it is tried again later, and others meanwhile.
pub(super) fn full(cx: &mut Cx<'_, '_>, peer: PeerKey, hash: &[u8; 32]) -> Result<(), EngineError> {
    let Some((account, at, _)) = pending(cx, peer, hash)? else { return Ok(()) };
    let mut left = mailboxes::left(cx.tx, &account, &at.slot)?;
    (left.closed_until, left.reached) = (cx.now.saturating_add(FULL), cx.now);
    cx.tx.save(&tables::left(&account, &at.slot), &left);
    cx.live.keepers.answered(&at.slot);
    leave(cx, account)
}

/// A keeper does not take a parcel: for a day nothing is left there, unless the contact names another slot.
pub(super) fn no(cx: &mut Cx<'_, '_>, peer: PeerKey, hash: &[u8; 32]) -> Result<(), EngineError> {
    let Some((account, at, _)) = pending(cx, peer, hash)? else { return Ok(()) };
    cx.tx.delete(&tables::pending(&account, &at.slot));
    // What lay there is gone with the slot.
    checking::lost(cx, &account, &at.slot)?;
    let mut left = mailboxes::left(cx.tx, &account, &at.slot)?;
    (left.closed_until, left.reached) = (cx.now.saturating_add(UNKNOWN), cx.now);
    cx.tx.save(&tables::left(&account, &at.slot), &left);
    cx.live.keepers.answered(&at.slot);
    leave(cx, account)
}

/// [MAIL-20] A keeper was left too much at once: it is given the same again a moment later.
pub(super) fn later(cx: &mut Cx<'_, '_>, peer: PeerKey, hash: &[u8; 32]) -> Result<(), EngineError> {
    if let Some((account, at, _)) = pending(cx, peer, hash)? {
        cx.live.keepers.answered(&at.slot);
        cx.live.keepers.later(account, cx.now);
    }
    Ok(())
}
