//! What each member may read of our own: what we wrote after we saw them come in, whatever operations say about time.

use covey_feed::Entry;
use covey_pairing::ids::AccountId;

use super::rosters::get;
use crate::engine::channels::{self, Channel};
use crate::engine::{Cx, EngineError, feeds, tables};

/// Somebody came in: what we wrote so far is not for them.
pub(super) fn came(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    if feeds::of_author(cx.tx, channel.no, &cx.me.author())? == 0 {
        return Ok(());
    }
    let now = channels::ends(cx.tx, channel)?.lamport;
    Ok(cx.tx.put(&tables::reads_after(channel.no, account), &now)?)
}

/// Somebody is gone; if they come again, they begin anew.
pub(super) fn went(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) {
    cx.tx.delete(&tables::reads_after(channel.no, account));
}

/// Whether `account` may read an entry of ours.
pub(in crate::engine) fn may_read(
    cx: &Cx<'_, '_>,
    channel: &Channel,
    account: &AccountId,
    entry: &Entry,
) -> Result<bool, EngineError> {
    let Some(group) = get(cx, channel.no) else { return Ok(!channel.is_group()) };
    let Some(member) = group.roster.member(account) else { return Ok(false) };
    // Nothing is kept of those who were there before we wrote anything.
    let after = cx.tx.get::<u64>(&tables::reads_after(channel.no, account))?;
    let after = after.or_else(|| group.lamports.get(&member.joined).copied());
    Ok(after.is_some_and(|after| entry.lamport() > after))
}
