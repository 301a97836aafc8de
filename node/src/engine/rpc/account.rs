//! `account.*`

use covey_api::names::name;
use covey_api::{
    Account, AccountAccept, AccountCondition, AccountRename, AccountRevokeTicket, AccountSafetyNumber, AccountTicket,
    ApiError, EventKind, Reason, SafetyNumber, Ticket, TicketInfo, TicketState, Time, sentence,
};
use covey_pairing::identity::{self, TicketPeer, TokenError};

use crate::engine::contacts::{numbers, renewal, witness};
use crate::engine::devices::kept;
use crate::engine::names;
use crate::engine::names::pick::{self, Purpose};
use crate::engine::notices::Notice;
use crate::engine::records::tickets::Issued;
use crate::engine::records::{devices, history, mailboxes, people, tickets};
use crate::engine::rpc::range;
use crate::engine::wire::own_record::Key;
use crate::engine::{Cx, EngineError, journal, tables};

/// A token lives this long unless told, in seconds: a week.
const LIFETIME: u64 = 7 * 24 * 3_600;

/// Longest life of a token, in seconds: a year.
const MAX_LIFETIME: u64 = 366 * 24 * 3_600;

/// Addresses put into a ticket: few enough for a QR code.
const MAX_ADDRESSES: usize = 4;

/// Keepers at which an invite may be left, likewise.
const MAX_KEEPERS: usize = 2;

/// Addresses of each of them.
const MAX_KEEPER_ADDRESSES: usize = 2;

/// Other devices of ours that a ticket names, likewise.
const MAX_OTHERS: usize = 2;

/// Our own account; `peer_id` is the text form that only the network side knows.
///
/// # Errors
/// Those of the store.
pub fn show(cx: &mut Cx<'_, '_>, peer_id: String) -> Result<Account, ApiError> {
    Ok(Account {
        account: cx.me.account_id().to_string(),
        device: cx.me.device_id().to_string(),
        peer_id,
        addresses: cx.live.addresses.clone(),
        name: people::own_name(cx.tx)?.unwrap_or_default(),
    })
}

/// `account.ticket`
///
/// # Errors
/// Too many tokens, or numbers that make no sense.
pub fn ticket(cx: &mut Cx<'_, '_>, params: &AccountTicket) -> Result<Ticket, ApiError> {
    let mut ticket =
        identity::Ticket::new(cx.me.account_id(), cx.me.account.dh().public(), Some(cx.me.account.kem_key().hash()));
    // The peer is named by its key already.
    let bare = |address: &String| address.split("/p2p/").next().unwrap_or_default().to_owned();
    let direct = cx.live.addresses.iter().filter(|address| !address.contains("/p2p-circuit"));
    let addresses = direct.take(MAX_ADDRESSES).map(bare).collect();
    ticket.peers = vec![TicketPeer { network: cx.me.device.keys().network, addresses }];
    // Who comes with the ticket may find another device of ours instead.
    for device in devices::devices(cx.tx, &cx.me.account_id())?.into_iter().take(MAX_OTHERS) {
        let direct = device.addresses.iter().filter(|address| !address.contains("/p2p-circuit"));
        let addresses = direct.take(1).map(bare).collect();
        ticket.peers.push(TicketPeer { network: device.peer.0, addresses });
    }
    let keepers = mailboxes::invite_places(cx.tx, &cx.me.account.kem_key().hash())?.into_iter();
    ticket.keepers = keepers.take(MAX_KEEPERS).map(|place| place.shortened(MAX_KEEPER_ADDRESSES)).collect();
    let mut issued = None;
    if params.uses.is_some() || params.expires_in.is_some() {
        issued = Some(issue(cx, params.uses.unwrap_or(1), params.expires_in.unwrap_or(LIFETIME), &mut ticket)?);
    }
    // A ticket that is too long loses addresses, the last ones first: they can be looked up.
    let text = loop {
        match ticket.to_text() {
            Ok(text) => break text,
            Err(error) => {
                if !shorten(&mut ticket) {
                    return Err(EngineError::bug(error).into());
                }
            }
        }
    };
    Ok(Ticket {
        ticket: text,
        id: issued.as_ref().map(|issued| issued.id.to_string()),
        uses: issued.as_ref().map(|issued| issued.uses),
        expires_at: issued.as_ref().map(|issued| Time::from_unix_ms(issued.expires_at)),
    })
}

/// Leaves one thing out of a ticket. Whether there was any.
fn shorten(ticket: &mut identity::Ticket) -> bool {
    if ticket.peers.len() > 1 {
        return ticket.peers.pop().is_some();
    }
    let long = ticket.keepers.iter_mut().rfind(|keeper| keeper.addresses.len() > 1);
    if let Some(keeper) = long {
        return keeper.addresses.pop().is_some();
    }
    let own = ticket.peers.first_mut().and_then(|peer| peer.addresses.pop());
    own.is_some() || ticket.keepers.pop().is_some()
}

fn issue(cx: &mut Cx<'_, '_>, uses: u32, expires_in: u64, ticket: &mut identity::Ticket) -> Result<Issued, ApiError> {
    range::within("expires_in", expires_in, 1, MAX_LIFETIME)?;
    let expires_at = cx.now.saturating_add(expires_in.saturating_mul(1_000));
    let mut book = tickets::book(cx.tx)?;
    let token = book.issue(uses, expires_at, cx.now, cx.rng).map_err(|error| match error {
        TokenError::Full => ApiError::new(Reason::LimitReached, sentence(&error.to_string())),
        _ => ApiError::invalid_params(sentence(&error.to_string())),
    })?;
    tickets::save_book(cx.tx, &book)?;
    let (id, created_at, by) = (token.id(), cx.now, Vec::new());
    let issued = Issued { id, uses, used: 0, created_at, expires_at, revoked: false, by };
    tickets::save(cx.tx, &issued)?;
    cx.notices.push(Notice::Shared(Key::ticket(&issued.id)));
    ticket.token = Some(token);
    ticket.expires_at = Some(expires_at);
    Ok(issued)
}

/// `account.tickets`
///
/// # Errors
/// Those of the store.
pub fn tickets(cx: &mut Cx<'_, '_>) -> Result<Vec<TicketInfo>, ApiError> {
    let mut issued = tickets::all(cx.tx)?;
    issued.sort_by_key(|issued| std::cmp::Reverse(issued.created_at));
    Ok(issued.iter().map(|issued| info(issued, cx.now)).collect())
}

fn info(issued: &Issued, now: u64) -> TicketInfo {
    let state = if issued.revoked {
        TicketState::Revoked
    } else if issued.used >= issued.uses {
        TicketState::Used
    } else if issued.expires_at <= now {
        TicketState::Expired
    } else {
        TicketState::Active
    };
    TicketInfo {
        id: issued.id.to_string(),
        state,
        uses: issued.uses,
        used: issued.used,
        created_at: Time::from_unix_ms(issued.created_at),
        expires_at: Some(Time::from_unix_ms(issued.expires_at)),
    }
}

/// `account.revoke_ticket`
///
/// # Errors
/// Unknown ticket.
pub fn revoke_ticket(cx: &mut Cx<'_, '_>, params: &AccountRevokeTicket) -> Result<TicketInfo, ApiError> {
    let mut found = tickets::all(cx.tx)?;
    found.retain(|issued| pick::names_id(&issued.id.to_string(), &params.id));
    let mut issued = match found.len() {
        1 => found.remove(0),
        count => {
            let what = if count == 0 { "No ticket has" } else { "Several tickets have" };
            return Err(ApiError::new(
                Reason::NoSuchTicket,
                format!("{what} the id \"{}\". `covey account tickets` lists them.", params.id),
            ));
        }
    };
    issued.revoked = true;
    tickets::save(cx.tx, &issued)?;
    tickets::follow(cx.tx, &issued, None, cx.now)?;
    cx.notices.push(Notice::Shared(Key::ticket(&issued.id)));
    Ok(info(&issued, cx.now))
}

/// `account.safety_number`
///
/// # Errors
/// Unknown contact.
pub fn safety(cx: &mut Cx<'_, '_>, params: &AccountSafetyNumber) -> Result<SafetyNumber, ApiError> {
    let contact = names::contact(cx, &params.contact, Purpose::Read)?;
    Ok(SafetyNumber {
        contact: contact.account.to_string(),
        safety_number: numbers::with(cx, &contact.account)?.to_string(),
        alias: contact.alias,
        verified: contact.verified,
    })
}

/// `account.status`
///
/// # Errors
/// Those of the store.
pub fn status(cx: &mut Cx<'_, '_>) -> Result<AccountCondition, ApiError> {
    let second = history::second(cx.tx)?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(AccountCondition {
        account: cx.me.account_id().to_string(),
        device: cx.me.device_id().to_string(),
        devices: count(cx.me.key_log.active().count()),
        recoveries: count(cx.me.key_log.rotations().len()),
        backed_up: cx.me.backed_up,
        sealed: cx.me.account.is_sealed(),
        objected: history::objection(cx.tx)?.is_some(),
        accepted: history::accepted(cx.tx)?.is_some(),
        second_history: second.map(|second| witness::show(cx, &second)).transpose()?,
    })
}

/// `account.contest`
///
/// # Errors
/// No recovery was seen that this device could object to.
pub fn contest(cx: &mut Cx<'_, '_>) -> Result<AccountCondition, ApiError> {
    if !witness::object(cx)? {
        return Err(ApiError::new(
            Reason::WrongState,
            "No contact has told this node of a recovery of your account. There is nothing to object to.",
        ));
    }
    status(cx)
}

/// `account.accept`
///
/// # Errors
/// No recovery was seen that keeps this device, or these are not its digits.
pub fn accept(cx: &mut Cx<'_, '_>, params: &AccountAccept) -> Result<AccountCondition, ApiError> {
    kept::accept(cx, &params.digits)?;
    status(cx)
}

/// `account.rename`
///
/// # Errors
/// A name that is not possible.
pub fn rename(cx: &mut Cx<'_, '_>, params: &AccountRename, peer_id: String) -> Result<Account, ApiError> {
    let name = name(&params.name).map_err(|why| ApiError::invalid_params(why.to_string()))?.to_owned();
    cx.tx.put(&tables::own_name(), &name)?;
    cx.notices.push(Notice::Shared(Key::name()));
    renewal::renewed(cx)?;
    let shown = show(cx, peer_id)?;
    journal::record(cx, EventKind::Account, &shown)?;
    Ok(shown)
}
