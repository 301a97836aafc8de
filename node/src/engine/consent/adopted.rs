//! A contact as another device of our account has it: what was decided there holds here, with all that follows from it.

use covey_pairing::consent::{Input, PairFrame, PairSecret, State};
use covey_pairing::ids::AccountId;
use tracing::debug;

use crate::engine::consent::{pacts, pursuit, step};
use crate::engine::records::own_records;
use crate::engine::records::people::{self, Contact};
use crate::engine::{Cx, EngineError, tables};

/// Takes a contact over as another device of ours has it, but for what is of this device alone.
pub(in crate::engine) fn adopt(cx: &mut Cx<'_, '_>, contact: Contact) -> Result<(), EngineError> {
    let account = contact.account;
    let was = people::load_or_new(cx.tx, &account, cx.now)?;
    let (before, verified) = (was.relationship.invite_ids(), contact.verified);
    let states = (was.relationship.state(), contact.relationship.state());
    debug!(account = %account.fmt_short(), from = %states.0, to = %states.1, "a contact as another device of ours has it");
    let mut contact = Contact { channel: was.channel, bundles: was.bundles.clone(), ..contact };
    rename(cx, &was, &mut contact)?;
    step::index(cx, &contact, &before)?;
    contact.save(cx.tx)?;
    let id = |contact: &Contact| contact.relationship.pair_secret().map(PairSecret::channel_id);
    let is_blocked = |contact: &Contact| contact.relationship.state() == State::Blocked;
    if id(&was) == id(&contact) {
        match (is_blocked(&was), is_blocked(&contact)) {
            (false, true) if contact.has_pact() => pacts::paused(cx, &contact)?,
            (true, false) if contact.has_pact() => pacts::resumed(cx, &mut contact)?,
            _ => {}
        }
    } else {
        if was.has_pact() {
            contact.bundles.clear();
            pacts::unpaired(cx, &mut contact, was.channel)?;
        }
        if let Some(secret) = contact.relationship.pair_secret().cloned() {
            pacts::paired(cx, &mut contact, &secret)?;
            if is_blocked(&contact) {
                pacts::paused(cx, &contact)?;
            }
        }
    }
    contact.verified = verified;
    contact.save(cx.tx)?;
    cx.live.pending = None;
    cx.live.waiting.remove(&account);
    pursuit::watch(cx, &contact)?;
    step::announce(cx, &contact)
}

/// Our name for them. If two contacts were given one name on two devices, the one with the lower account id keeps it, on all of them.
fn rename(cx: &mut Cx<'_, '_>, was: &Contact, contact: &mut Contact) -> Result<(), EngineError> {
    if was.alias == contact.alias {
        return Ok(());
    }
    if let Some(old) = &was.alias {
        cx.tx.delete(&tables::alias(old));
    }
    let Some(alias) = contact.alias.clone() else { return Ok(()) };
    if let Some(other) = cx.tx.get::<AccountId>(&tables::alias(&alias))?.filter(|other| *other != contact.account) {
        if other < contact.account {
            contact.alias = None;
            return Ok(());
        }
        if let Some(mut other) = people::load(cx.tx, &other)? {
            other.alias = None;
            other.save(cx.tx)?;
        }
    }
    Ok(cx.tx.put(&tables::alias(&alias), &contact.account)?)
}

/// [OWN-6] A frame that does not fit what we have: another device of ours invited them or answered their invite at the same time, and that is
/// what they took. Whether that was so. It is our wish still unless we decided otherwise since: then they are removed, and told so.
pub(in crate::engine) fn confirms_rival(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
    frame: &PairFrame,
) -> Result<bool, EngineError> {
    let Some(contact) = people::load(cx.tx, account)? else { return Ok(false) };
    let state = contact.relationship.state();
    for rival in own_records::rivals(cx.tx, account)? {
        let Some(relationship) = rival.relationship() else { continue };
        let Some(confirmed) = step::confirmed_by(cx, &relationship, frame)? else { continue };
        let is_wanted = match state {
            State::Invited | State::Pending | State::Paired => true,
            State::Removed => false,
            // What was decided of an invite does not count before their word [OWN-10].
            _ => step::holds_with(cx, &contact, &confirmed)?,
        };
        if !is_wanted && state == State::Declined {
            return Ok(false);
        }
        let ended = if is_wanted { None } else { step::trial(cx, &confirmed, Input::Remove)? };
        let relationship = ended.unwrap_or(relationship);
        own_records::forget_rivals(cx.tx, account);
        let relationship = step::in_place_of(cx, &relationship, &contact.relationship)?;
        adopt(cx, Contact { relationship, ..contact })?;
        cx.notices.contact(account);
        return Ok(true);
    }
    Ok(false)
}
