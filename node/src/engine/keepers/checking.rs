//! Whether keepers still have what was left there. Their promises end; they lose disks, come back from old copies, and delete what lies in a slot
//! that its owner withdrew. What nobody has any more is told, and left anew by [`super::leaving`].

use std::collections::BTreeSet;

use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{KeeperFrame, MAX_CHECKED, MailboxAt, SlotId};
use serde_bytes::ByteArray;
use tracing::info;

use crate::engine::keepers::places;
use crate::engine::records::mailboxes::{self, Span};
use crate::engine::said::receipts;
use crate::engine::{Cx, EngineError, PeerKey, tables};

/// [MAIL-22] Forgets what keepers promised up to now of what was left for a contact, and tells what none of them has any more.
pub(super) fn expire(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let now = cx.now;
    let mut gone = Vec::new();
    for (at, _) in mailboxes::places(cx.tx, account)? {
        gone.extend(take(cx, account, &at.slot, |span| span.until <= now)?);
    }
    tell(cx, account, &gone)
}

/// A keeper has nothing any more of what was left in a slot.
pub(super) fn lost(cx: &mut Cx<'_, '_>, account: &AccountId, slot: &SlotId) -> Result<(), EngineError> {
    let gone = take(cx, account, slot, |_| true)?;
    tell(cx, account, &gone)
}

/// Takes what a keeper has no more out of what it is known to have.
pub(super) fn take(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    slot: &SlotId,
    which: impl Fn(&Span) -> bool,
) -> Result<Vec<Span>, EngineError> {
    let mut left = mailboxes::left(cx.tx, account, slot)?;
    let gone: Vec<Span> = left.kept.extract_if(.., |span| which(span)).collect();
    if !gone.is_empty() {
        cx.tx.save(&tables::left(account, slot), &left);
    }
    Ok(gone)
}

/// Tells of the messages in these entries that no keeper has any more, and the contact neither.
pub(super) fn tell(cx: &mut Cx<'_, '_>, account: &AccountId, gone: &[Span]) -> Result<(), EngineError> {
    let Some((channel, feed)) = places::waiting(cx, account)?.filter(|_| !gone.is_empty()) else { return Ok(()) };
    let has = places::delivered(cx, account, &feed)?;
    let spans = gone.iter().filter(|span| span.fid == feed.fid);
    let entries: BTreeSet<u64> = spans.flat_map(|span| span.first.max(has + 1)..=span.last).collect();
    receipts::kept_no_more(cx, &channel, feed.fid, account, &entries)
}

/// What a keeper is asked about a slot, if it was not asked lately.
pub(super) fn question(
    cx: &Cx<'_, '_>,
    account: &AccountId,
    at: &MailboxAt,
) -> Result<Option<KeeperFrame>, EngineError> {
    if !cx.live.keepers.may_check(&at.slot, cx.now) {
        return Ok(None);
    }
    let left = mailboxes::left(cx.tx, account, &at.slot)?;
    let hashes: Vec<_> = left.kept.iter().rev().filter_map(|span| span.hash).take(MAX_CHECKED).collect();
    Ok((!hashes.is_empty()).then(|| KeeperFrame::Check(at.slot, at.token.clone(), hashes)))
}

/// [MAIL-21] A keeper says which parcels it has no more, when it was asked.
pub(super) fn missing(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    slot: &SlotId,
    hashes: &[ByteArray<32>],
) -> Result<(), EngineError> {
    for account in cx.live.keepers.at.get(&peer).cloned().unwrap_or_default() {
        let places = places::places(cx, &account)?;
        let is_there = |at: &MailboxAt| at.slot == *slot && PeerKey(at.keeper.network) == peer;
        if !places.iter().any(|(at, _)| is_there(at)) || !cx.live.keepers.checked(*slot, cx.now) {
            continue;
        }
        let left = mailboxes::left(cx.tx, &account, slot)?;
        cx.tx.save(&tables::left(&account, slot), &mailboxes::Left { reached: cx.now, ..left });
        let gone = take(cx, &account, slot, |span| span.hash.is_some_and(|hash| hashes.contains(&hash)))?;
        if !gone.is_empty() {
            info!(contact = %account.fmt_short(), "a keeper has lost what was left for a contact; it is left there again");
            tell(cx, &account, &gone)?;
            cx.live.keepers.wrote(account, cx.now);
        }
    }
    Ok(())
}
