//! `keeper.*`

use covey_api::{
    ApiError, Keeper, KeeperAccept, KeeperAdd, KeeperAsk, KeeperRemove, KeeperReport, KeeperRole, KeeperServe,
    KeeperState, KeeperTicket, Reason, Time, sentence,
};
use covey_pairing::keeper::{self as tickets, MAX_KEEPERS, MAX_OWNERS, OWNER_BYTES, Use};

use crate::engine::keepers::{asking, keeping, mine};
use crate::engine::names::{self, pick};
use crate::engine::outbound::custody;
use crate::engine::records::keeper_requests::{self, Answer};
use crate::engine::records::{keeping as kept, mailboxes};
use crate::engine::shown::{self, keeper};
use crate::engine::{Cx, EngineError, PeerKey};

/// Largest limit that one ticket gives, in MiB.
const MAX_LIMIT_MIB: u32 = 1_024;

/// `keeper.serve`
///
/// # Errors
/// Nobody, or several, are called that; a limit that cannot be.
pub fn serve(cx: &mut Cx<'_, '_>, params: &KeeperServe) -> Result<KeeperTicket, ApiError> {
    let account = match &params.contact {
        Some(name) => Some(names::contact(cx, name, pick::Purpose::Change)?.account),
        None => None,
    };
    let limit = limit(params.limit_mib)?;
    let ticket = keeping::ticket(cx, account, limit)?;
    Ok(KeeperTicket { ticket: ticket.to_string(), expires_at: Time::from_unix_ms(ticket.expires_at) })
}

fn limit(mib: Option<u32>) -> Result<u64, ApiError> {
    match mib {
        None => Ok(OWNER_BYTES),
        Some(mib @ 1..=MAX_LIMIT_MIB) => Ok(u64::from(mib) << 20),
        Some(_) => Err(ApiError::new(Reason::InvalidParams, format!("The limit is 1 to {MAX_LIMIT_MIB} MiB."))),
    }
}

fn many_keepers() -> ApiError {
    let sentence = format!("You have {MAX_KEEPERS} keepers, which is the most. `covey keeper remove` takes one away.");
    ApiError::new(Reason::LimitReached, sentence).with_data(serde_json::json!({ "limit": MAX_KEEPERS }))
}

/// `keeper.ask`, up to what is sent.
///
/// # Errors
/// Nobody, or several, are called that; you are not paired; there are as many keepers as there may be.
pub fn ask(cx: &mut Cx<'_, '_>, params: &KeeperAsk) -> Result<Keeper, ApiError> {
    let contact = names::contact(cx, &params.contact, pick::Purpose::Change)?;
    if !contact.is_paired() {
        return Err(shown::contact::not_paired(&contact));
    }
    if mailboxes::all_mine(cx.tx)?.len() >= MAX_KEEPERS {
        return Err(many_keepers());
    }
    let asked = asking::ask(cx, contact.account)?;
    Ok(keeper::asked(cx, &asked)?)
}

/// `keeper.accept`
///
/// # Errors
/// Nobody, or several, are called that; they did not ask; mail is kept for as many as there may be; a limit that cannot be.
pub fn accept(cx: &mut Cx<'_, '_>, params: &KeeperAccept) -> Result<Keeper, ApiError> {
    let contact = names::contact(cx, &params.contact, pick::Purpose::Change)?;
    let limit = limit(params.limit_mib)?;
    let Some(wanted) = keeper_requests::wanted(cx.tx, &contact.account)? else {
        let sentence =
            "They have not asked that their mail is kept here. `covey keeper serve --for` makes a ticket for them.";
        return Err(ApiError::new(Reason::NoSuchKeeper, sentence));
    };
    let (owners, most) = (kept::owners(cx.tx)?, cx.policy.mail_accounts.min(MAX_OWNERS));
    // Those whose mail is kept already take no other's place.
    if owners.len() >= most && owners.iter().all(|owner| owner.account != contact.account) {
        let sentence = format!("This node keeps the mail of {most} accounts, which is the most.");
        return Err(ApiError::new(Reason::LimitReached, sentence).with_data(serde_json::json!({ "limit": most })));
    }
    let accepted = asking::accept(cx, wanted, limit)?;
    Ok(keeper::wanted(cx, &accepted)?)
}

/// `keeper.status`
///
/// # Errors
/// Those of the store.
pub fn status(cx: &mut Cx<'_, '_>) -> Result<KeeperReport, ApiError> {
    let mine = list(cx)?.into_iter().filter(|shown| shown.role == KeeperRole::Mine);
    let (mut all, mut unreached) = (0, 0);
    for shown in mine {
        all += 1;
        unreached += u32::from(shown.state == KeeperState::Unreached);
    }
    let waits = keeper_requests::all_wanted(cx.tx)?.into_iter().filter(|wanted| wanted.answer == Answer::None);
    let (counted, mut found, mut agrees, owners) = (kept::total(cx.tx)?, Use::default(), true, kept::owners(cx.tx)?);
    for owner in &owners {
        let here = kept::recount(cx.tx, &owner.account)?;
        agrees &= here == kept::used(cx.tx, &owner.account)?.used;
        found = Use { parcels: found.parcels + here.parcels, bytes: found.bytes + here.bytes };
    }
    let groups = custody::recount(cx)?;
    agrees &= groups == custody::total(cx)?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(KeeperReport {
        mine: all,
        unreached,
        accounts: count(owners.len()),
        requests: count(waits.count()),
        parcels: counted.parcels,
        used: counted.bytes,
        found_parcels: found.parcels,
        found_used: found.bytes,
        agrees: agrees && found == counted,
        group_parcels: groups.parcels,
        group_used: groups.bytes,
    })
}

/// `keeper.add`, up to what is sent.
///
/// # Errors
/// The ticket is none, or of this device or account; there are as many keepers as there may be.
pub fn add(cx: &mut Cx<'_, '_>, params: &KeeperAdd) -> Result<Keeper, ApiError> {
    let ticket: tickets::KeeperTicket = params.ticket.parse().map_err(|error: tickets::KeeperTicketError| {
        ApiError::new(Reason::InvalidTicket, sentence(&error.to_string()))
    })?;
    if cx.me.key_log.names(&ticket.keeper.id) || ticket.keeper.network == cx.me.device.keys().network {
        let sentence = "This ticket is from a device of your own account, which has your messages anyway. A keeper is a node with an account of its own.";
        return Err(ApiError::new(Reason::OwnDevice, sentence));
    }
    let mine = mailboxes::all_mine(cx.tx)?;
    let is_new = mine.iter().all(|mine| mine.peer() != PeerKey(ticket.keeper.network));
    if is_new && mine.len() >= MAX_KEEPERS {
        return Err(many_keepers());
    }
    let added = mine::add(cx, ticket)?;
    Ok(keeper::mine(cx, &added)?)
}

/// A keeper of ours, by its id.
///
/// # Errors
/// Those of the store.
pub fn one(cx: &mut Cx<'_, '_>, id: &str) -> Result<Option<Keeper>, ApiError> {
    let found = mailboxes::all_mine(cx.tx)?.into_iter().find(|mine| mine.keeper.id.to_string() == id);
    Ok(found.map(|mine| keeper::mine(cx, &mine)).transpose()?)
}

/// `keeper.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>) -> Result<Vec<Keeper>, ApiError> {
    let mut mine = mailboxes::all_mine(cx.tx)?;
    mine.sort_by_key(|mine| mine.since);
    let mut owners = kept::owners(cx.tx)?;
    owners.sort_by_key(|owner| owner.since);
    let mine = mine.iter().map(|mine| keeper::mine(cx, mine)).collect::<Result<Vec<_>, _>>()?;
    let held = owners.iter().map(|owner| keeper::held(cx, owner)).collect::<Result<Vec<_>, _>>()?;
    let asked = keeper_requests::all_asked(cx.tx)?;
    let asked = asked.iter().map(|asked| keeper::asked(cx, asked)).collect::<Result<Vec<_>, _>>()?;
    let mut wanted = keeper_requests::all_wanted(cx.tx)?;
    // Who asks again although mail of theirs is kept, or was once, waits for an answer like anybody else.
    wanted.retain(|wanted| match wanted.answer {
        Answer::None => true,
        Answer::Yes => owners.iter().all(|owner| owner.account != wanted.account),
        Answer::No => false,
    });
    let wanted = wanted.iter().map(|wanted| keeper::wanted(cx, wanted)).collect::<Result<Vec<_>, _>>()?;
    Ok([mine, asked, held, wanted].concat())
}

/// `keeper.remove`
///
/// # Errors
/// None or several are called that.
pub fn remove(cx: &mut Cx<'_, '_>, params: &KeeperRemove) -> Result<Keeper, ApiError> {
    let wanted = params.keeper.trim();
    let is_meant = |shown: &Keeper| {
        shown.keeper == wanted
            || pick::names_id(&shown.keeper, wanted)
            || shown.name.as_ref().is_some_and(|name| name.to_lowercase() == wanted.to_lowercase())
    };
    let mut found: Vec<Keeper> = list(cx)?.into_iter().filter(is_meant).collect();
    // What waits for an answer is answered first.
    if found.iter().any(|keeper| keeper.state == KeeperState::Requested) {
        found.retain(|keeper| keeper.state == KeeperState::Requested);
    }
    let (Some(meant), true) = (found.pop(), found.is_empty()) else {
        let what = if found.is_empty() { "No keeper is" } else { "Several keepers are" };
        let sentence = format!("{what} called \"{wanted}\". `covey keeper list` shows them with their ids.");
        return Err(ApiError::new(Reason::NoSuchKeeper, sentence));
    };
    take_away(cx, &meant)?;
    Ok(meant)
}

fn take_away(cx: &mut Cx<'_, '_>, meant: &Keeper) -> Result<(), EngineError> {
    let is_meant = |id: &dyn ToString| id.to_string() == meant.keeper;
    if meant.role == KeeperRole::Mine {
        for mine in mailboxes::all_mine(cx.tx)?.into_iter().filter(|mine| is_meant(&mine.keeper.id)) {
            mine::remove(cx, mine)?;
        }
        for asked in keeper_requests::all_asked(cx.tx)?.into_iter().filter(|asked| is_meant(&asked.account)) {
            asking::take_back(cx, &asked)?;
        }
        return Ok(());
    }
    if meant.state != KeeperState::Requested {
        for owner in kept::owners(cx.tx)?.into_iter().filter(|owner| is_meant(&owner.account)) {
            keeping::end(cx, &owner)?;
        }
    }
    for wanted in keeper_requests::all_wanted(cx.tx)?.into_iter().filter(|wanted| is_meant(&wanted.account)) {
        asking::decline(cx, &wanted)?;
    }
    Ok(())
}
