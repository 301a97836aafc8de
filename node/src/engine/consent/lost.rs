//! Contacts who cannot be reached for a while: perhaps they moved, or brought their account back on another machine. Their cards are
//! looked up again and again, ever more rarely; those of contacts who are connected a few times a day.

use std::collections::BTreeSet;

use covey_pairing::ids::AccountId;
use rand_core::Rng as _;

use crate::engine::consent::keys;
use crate::engine::records::people;
use crate::engine::{Cx, EngineError};

/// Contacts looked up in one go.
const BATCH: usize = 8;

/// [WITNESS-5] Looks up those whose turn it is.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let due = cx.live.lost.due(cx.now, BATCH);
    if due.is_empty() {
        return Ok(());
    }
    let opened = cx.live.opened.iter().filter_map(|peer| cx.live.contacts.get(peer));
    let connected: BTreeSet<AccountId> = opened.map(|peer| peer.account).collect();
    for account in due {
        let is_paired = people::load(cx.tx, &account)?.is_some_and(|contact| contact.is_paired());
        if !is_paired {
            cx.live.lost.remove(&account);
            continue;
        }
        let random = cx.rng.next_u64();
        if !connected.contains(&account) {
            cx.live.lost.searched(&account, cx.now, random);
        } else if !cx.live.lost.connected(&account, cx.now, random) {
            continue;
        }
        keys::look_up(cx, &account)?;
    }
    Ok(())
}
