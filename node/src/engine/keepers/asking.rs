//! Contacts that keep mail for each other: one asks, the other says yes or no, inside their session. Nothing is kept, and nobody is a
//! keeper, before a person said so.

use covey_api::{EventKind, Keeper, KeeperState};
use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{KeeperTicket, MAX_KEEPERS};
use tracing::{debug, info};

use crate::engine::keepers::{keeping, mine};
use crate::engine::outbound::control;
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::keeper_requests::{self, Answer, Asked, Wanted};
use crate::engine::records::sessions::Scope;
use crate::engine::records::{mailboxes, people};
use crate::engine::shown::keeper;
use crate::engine::wire::control::Control;
use crate::engine::{Cx, EngineError, journal, tables};

/// Contacts who wait for an answer; more are refused.
const MAX_WANTED: usize = 64;
/// Whoever was declined and asks again within this time, in milliseconds, is declined without a word to the operator.
const DECLINED_FOR: u64 = 7 * 24 * 3_600_000;

/// Asks a contact, on all its devices: the one on which it is accepted becomes the keeper.
pub(in crate::engine) fn ask(cx: &mut Cx<'_, '_>, account: AccountId) -> Result<Asked, EngineError> {
    let asked = Asked { account, at: cx.now, refused: false };
    cx.tx.save(&tables::asked_keeping(&account), &asked);
    say(cx, &account, &Control::KeeperWanted(true))?;
    Ok(asked)
}

/// What was asked of a contact is taken back.
pub(in crate::engine) fn take_back(cx: &mut Cx<'_, '_>, asked: &Asked) -> Result<(), EngineError> {
    cx.tx.delete(&tables::asked_keeping(&asked.account));
    say(cx, &asked.account, &Control::KeeperWanted(false))
}

/// A contact who asked is given a ticket that only its account can use.
pub(in crate::engine) fn accept(cx: &mut Cx<'_, '_>, wanted: Wanted, limit: u64) -> Result<Wanted, EngineError> {
    let ticket = keeping::ticket(cx, Some(wanted.account), limit)?;
    let accepted = Wanted { at: cx.now, answer: Answer::Yes, ..wanted };
    cx.tx.save(&tables::wanted_keeping(&wanted.account), &accepted);
    say(cx, &wanted.account, &Control::KeeperAnswer(Some(ticket.to_string())))?;
    Ok(accepted)
}

/// A contact who asked is refused.
pub(in crate::engine) fn decline(cx: &mut Cx<'_, '_>, wanted: &Wanted) -> Result<(), EngineError> {
    let declined = Wanted { at: cx.now, answer: Answer::No, ..*wanted };
    cx.tx.save(&tables::wanted_keeping(&wanted.account), &declined);
    say(cx, &wanted.account, &Control::KeeperAnswer(None))
}

/// Says something to all devices of a contact.
fn say(cx: &mut Cx<'_, '_>, account: &AccountId, control: &Control) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        control::tell(cx, Scope::Pair, account, &device, control, false)?;
    }
    Ok(())
}

fn answer(cx: &mut Cx<'_, '_>, to: DeviceRef, ticket: Option<String>) -> Result<(), EngineError> {
    let Some(device) = devices::device(cx.tx, &to.account, &to.device)? else { return Ok(()) };
    control::tell(cx, Scope::Pair, &to.account, &device, &Control::KeeperAnswer(ticket), false)
}

fn is_paired(cx: &Cx<'_, '_>, account: &AccountId) -> Result<bool, EngineError> {
    Ok(people::load(cx.tx, account)?.is_some_and(|contact| contact.is_paired()))
}

/// [MAIL-13] A contact wants its mail kept here, or wants it no more. It waits for the operator's yes.
pub(in crate::engine) fn wanted(cx: &mut Cx<'_, '_>, by: DeviceRef, wants: bool) -> Result<(), EngineError> {
    let account = by.account;
    if !is_paired(cx, &account)? {
        return Ok(());
    }
    let known = keeper_requests::wanted(cx.tx, &account)?;
    match known {
        Some(known) if !wants => {
            cx.tx.delete(&tables::wanted_keeping(&account));
            let shown = Keeper { state: KeeperState::Removed, ..keeper::wanted(cx, &known)? };
            return if known.answer == Answer::None { requested(cx, &shown) } else { Ok(()) };
        }
        None if !wants => return Ok(()),
        // It asks again: it may have lost what it was told.
        Some(Wanted { answer: Answer::None, .. }) => return Ok(()),
        Some(Wanted { answer: Answer::No, at, .. }) if at.saturating_add(DECLINED_FOR) > cx.now => {
            return answer(cx, by, None);
        }
        _ => {}
    }
    let waiting = keeper_requests::all_wanted(cx.tx)?.into_iter().filter(|wanted| wanted.answer == Answer::None);
    if !cx.policy.keeps_for_contacts || waiting.count() >= MAX_WANTED {
        return answer(cx, by, None);
    }
    let wanted = Wanted { account, at: cx.now, answer: Answer::None };
    cx.tx.save(&tables::wanted_keeping(&account), &wanted);
    info!(account = %account.fmt_short(), "a contact asks that its mail is kept here");
    let shown = keeper::wanted(cx, &wanted)?;
    requested(cx, &shown)
}

fn requested(cx: &mut Cx<'_, '_>, shown: &Keeper) -> Result<(), EngineError> {
    journal::record(cx, EventKind::KeeperRequested, shown)
}

/// [MAIL-13] A device of a contact whom we asked answers. A ticket counts if it is of that very device: it sends us to nobody else.
pub(in crate::engine) fn answered(cx: &mut Cx<'_, '_>, by: DeviceRef, ticket: Option<&str>) -> Result<(), EngineError> {
    let account = by.account;
    let Some(asked) = keeper_requests::asked(cx.tx, &account)?.filter(|asked| ticket.is_some() || !asked.refused)
    else {
        return Ok(());
    };
    let ticket = ticket.and_then(|text| text.parse::<KeeperTicket>().ok());
    let ticket = ticket.filter(|ticket| ticket.keeper.id == by.device);
    let Some(ticket) = ticket.filter(|_| is_paired(cx, &account).unwrap_or(false)) else {
        debug!(account = %account.fmt_short(), "a contact keeps no mail for this account");
        let refused = Asked { refused: true, ..asked };
        cx.tx.save(&tables::asked_keeping(&account), &refused);
        let shown = keeper::asked(cx, &refused)?;
        return journal::record(cx, EventKind::KeeperChanged, &shown);
    };
    if mailboxes::all_mine(cx.tx)?.len() >= MAX_KEEPERS {
        debug!("a contact would keep mail for this account, which has as many keepers as there may be");
        return Ok(());
    }
    cx.tx.delete(&tables::asked_keeping(&account));
    mine::add(cx, ticket)?;
    // Its other devices need not be asked any more.
    for device in devices::devices(cx.tx, &account)?.into_iter().filter(|device| device.id != by.device) {
        control::tell(cx, Scope::Pair, &account, &device, &Control::KeeperWanted(false), false)?;
    }
    Ok(())
}

/// From time to time: who was answered long ago is forgotten.
pub(super) fn keep_house(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for wanted in keeper_requests::all_wanted(cx.tx)? {
        if wanted.answer != Answer::None && wanted.at.saturating_add(DECLINED_FOR) <= cx.now {
            cx.tx.delete(&tables::wanted_keeping(&wanted.account));
        }
    }
    Ok(())
}
