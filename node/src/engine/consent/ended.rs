//! What has ended is forgotten: contacts of whom nothing is left to say, and ids of invites that no frame can be about any
//! more. So strangers, whose invites run out by themselves, leave nothing behind.

use std::collections::BTreeSet;

use covey_pairing::consent::State;
use covey_pairing::ids::AccountId;

use crate::engine::members::rosters;
use crate::engine::outbound::post;
use crate::engine::records::own_records::Rival;
use crate::engine::records::people::{self, Contact};
use crate::engine::records::{channels, devices, keeper_requests, mailboxes, own_records};
use crate::engine::sealing::sessions;
use crate::engine::{Cx, EngineError, tables};
use crate::store::{Key, Table};

/// An ended contact is kept for this long, in milliseconds: longer than any invite could be replayed, and than anybody
/// wonders what became of one.
const KEEP: u64 = 60 * 24 * 3_600_000;

/// This is looked through once a day, in milliseconds.
const EVERY: u64 = 24 * 3_600_000;

/// Forgets what has ended, if it is time to look.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.pruned_at.saturating_add(EVERY) > cx.now {
        return Ok(());
    }
    cx.live.pruned_at = cx.now;
    let talked: BTreeSet<AccountId> = channels::all(cx.tx)?.iter().filter_map(channels::Channel::contact).collect();
    let mut invites = BTreeSet::new();
    for contact in people::all(cx.tx)? {
        if is_over(&contact, cx.now) && !talked.contains(&contact.account) {
            forget(cx, &contact)?;
        } else {
            let rivals = own_records::rivals(cx.tx, &contact.account)?;
            let rivals = rivals.iter().filter_map(Rival::relationship).flat_map(|rival| rival.invite_ids());
            let ids = contact.relationship.invite_ids().into_iter().chain(rivals);
            invites.extend(ids.map(|id| cx.tx.stored_key(&tables::invite(&id))));
        }
    }
    for key in cx.tx.keys(&Key::table(Table::Invite))? {
        if !invites.contains(&cx.tx.stored_key(&key)) {
            cx.tx.delete(&key);
        }
    }
    cx.live.expiring = Some((Table::Session, Key::table(Table::Session)));
    Ok(())
}

/// Nothing waits, nothing could be replayed, and the operator has decided nothing that must be remembered.
fn is_over(contact: &Contact, now: u64) -> bool {
    let relationship = &contact.relationship;
    if contact.wanted.is_some() || relationship.next_deadline().is_some() || !relationship.outstanding().is_empty() {
        return false;
    }
    let since = relationship.since().max(contact.changed_at);
    match relationship.state() {
        // A block that was lifted is remembered: another device of ours may not have heard.
        State::Stranger => relationship.blocks() == 0 && !contact.remembered,
        State::Expired | State::Cancelled | State::Refused | State::Removed => {
            contact.alias.is_none() && since.saturating_add(KEEP) <= now
        }
        State::Invited | State::Pending | State::Paired | State::Declined | State::Blocked => false,
    }
}

fn forget(cx: &mut Cx<'_, '_>, contact: &Contact) -> Result<(), EngineError> {
    let account = &contact.account;
    if let Some(alias) = &contact.alias {
        cx.tx.delete(&tables::alias(alias));
    }
    sessions::forget_bundles(cx, account)?;
    mailboxes::forget(cx.tx, account)?;
    keeper_requests::forget(cx.tx, account);
    cx.tx.delete(&tables::contact(account));
    cx.live.deadlines.remove(account);
    if rosters::knows(cx, account) {
        return Ok(());
    }
    for device in devices::devices(cx.tx, account)? {
        cx.tx.delete(&tables::peer(device.peer));
        cx.tx.delete(&tables::session(&device.id));
        post::forget(cx, &device.id)?;
    }
    cx.tx.delete(&tables::card(account));
    Ok(())
}
