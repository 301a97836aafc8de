//! What each member may read of our own: what we wrote after we saw them come in, whatever operations say about time.

use covey_pairing::ids::AccountId;

use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds;
use crate::engine::{Cx, EngineError, tables};

/// Somebody came in: what we wrote so far is not for them.
pub(in crate::engine) fn came(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    if feeds::of_author(cx.tx, channel.no, &cx.me.author())? == 0 {
        return Ok(());
    }
    let now = channels::ends(cx.tx, channel)?.lamport;
    Ok(cx.tx.put(&tables::reads_after(channel.no, account), &now)?)
}

/// Somebody is gone; if they come again, they begin anew.
pub(in crate::engine) fn went(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) {
    cx.tx.delete(&tables::reads_after(channel.no, account));
}
