//! What happens when time passes, and at the start of the daemon.

pub(super) mod groups;

use std::sync::Arc;

use covey_pairing::ids::AccountId;
use tracing::info;

use crate::engine::consent::{ended, found, lost, pursuit, step};
use crate::engine::counters::Counter;
use crate::engine::devices::{joining, kept, link};
use crate::engine::group::{invites, listing, load};
use crate::engine::keepers::roles;
use crate::engine::notices::Notice;
use crate::engine::outbound::custody;
use crate::engine::records::people;
use crate::engine::replication::{forks, parked, rollback, sync};
use crate::engine::said::edits;
use crate::engine::sealing::sessions;
use crate::engine::{
    Cx, Effect, EngineError, Live, Me, audit, card, gate, idempotency, journal, own, tokens, transfer,
};

/// A clock that went back by more than this, in milliseconds, was set; less is the jitter of its corrections.
const SET_BACK: u64 = 5_000;

/// Slow work is done this often, in milliseconds.
const HOUSEKEEPING: u64 = 10 * 60_000;

/// What was too much for one time is gone on with after this pause, in milliseconds.
const HOUSEKEEPING_GOES_ON: u64 = 1_000;

/// When [`crate::engine::input::Input::Tick`] is next due, Unix milliseconds.
pub fn next_wake(live: &Live) -> u64 {
    let retries = live.waiting.values().map(|retry| retry.at);
    let syncs = live.contacts.values().filter_map(|contact| contact.sync.next_timeout());
    let slow = [live.published_at.saturating_add(card::PUBLISH_EVERY), next_housekeeping(live)];
    let penalties = live.penalties.values().copied();
    retries
        .chain(syncs)
        .chain(penalties)
        .chain(live.deadlines.values().copied())
        .chain(live.lost.next())
        .chain(slow)
        .chain(live.link.map(|(_, at)| at))
        .chain(groups::next_wake(&live.groups))
        .chain(live.own_at)
        .chain(live.turns.values().copied())
        .chain(live.keepers.next())
        .chain(live.invites.next())
        .chain(live.transfer.next)
        .chain(live.keys_wanted_at)
        .min()
        .unwrap_or(u64::MAX)
}

/// When the slow work is next due.
fn next_housekeeping(live: &Live) -> u64 {
    live.housekept_at.saturating_add(HOUSEKEEPING)
}

/// Rebuilds what a running engine has in memory: after a start, and after a transaction that could not be kept.
pub(super) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if let Some(me) = Me::load(cx.tx)? {
        cx.me = Arc::new(me);
    }
    cx.live.furthest.clear();
    load::load(cx)?;
    rollback::start(cx)?;
    let own = cx.me.account_id();
    gate::allow_contact(cx, &own)?;
    cx.notices.push(Notice::OwnDevices);
    for contact in people::all(cx.tx)? {
        if contact.is_paired() {
            gate::allow_contact(cx, &contact.account)?;
            cx.live.lost.add(contact.account, cx.now);
        }
        pursuit::watch(cx, &contact)?;
    }
    let newest = Counter::Journal.get(cx.tx)?;
    cx.effects.push(Effect::Journal(newest));
    transfer::take::start(cx)?;
    sync::reopen(cx)?;
    joining::start(cx)?;
    kept::start(cx)?;
    link::start(cx)?;
    roles::start(cx)?;
    // Made now so that tickets and answers have one from the first moment.
    card::own(cx).map(drop)
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
        step::deadline(cx, &account)?;
    }
    let due: Vec<AccountId> =
        cx.live.waiting.iter().filter(|(_, retry)| retry.at <= now).map(|(account, _)| *account).collect();
    for account in due {
        match people::load(cx.tx, &account)? {
            Some(contact) => pursuit::pursue(cx, &contact, None)?,
            None => drop(cx.live.waiting.remove(&account)),
        }
    }
    found::tick(cx)?;
    lost::tick(cx)?;
    sync::tick(cx)?;
    link::tick(cx)?;
    kept::tick(cx)?;
    roles::tick(cx)?;
    groups::tick(cx)?;
    own::write::tick(cx)?;
    transfer::progress::tick(cx)?;
    card::tick(cx)?;
    if next_housekeeping(cx.live) <= now {
        let more = journal::prune(cx)? | audit::prune(cx)? | edits::look_through(cx)? | sessions::expire(cx)?;
        // A moment later if there is more to drop, so that it is dropped faster than anybody can write.
        cx.live.housekept_at = if more { now.saturating_sub(HOUSEKEEPING - HOUSEKEEPING_GOES_ON) } else { now };
        idempotency::prune(cx)?;
        tokens::prune(cx)?;
        custody::prune(cx)?;
        roles::keep_house(cx)?;
        ended::tick(cx)?;
        listing::tick(cx)?;
        invites::take_up(cx)?;
        parked::wake(cx)?;
        cx.live.quotas.prune(cx.policy.quota, now);
        cx.live.misuse.prune(now);
        cx.live.works.prune(cx.policy.work, now);
        cx.live.proofs.prune(forks::PROOFS, now);
    }
    Ok(())
}
