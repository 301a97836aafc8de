//! `keeper.*`

use covey_api::{
    ApiError, Keeper, KeeperAdd, KeeperRemove, KeeperRole, KeeperServe, KeeperState, KeeperTicket, Reason, Time,
    sentence,
};
use covey_pairing::keeper::{self, MAX_KEEPERS, OWNER_BYTES};

use crate::engine::keepers::{keeping, mine};
use crate::engine::names::{self, pick};
use crate::engine::records::keeping::Owner;
use crate::engine::records::mailboxes::{Mine, Stands};
use crate::engine::records::{devices, keeping as kept, mailboxes, people};
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
    let limit = match params.limit_mib {
        None => OWNER_BYTES,
        Some(mib @ 1..=MAX_LIMIT_MIB) => u64::from(mib) << 20,
        Some(_) => {
            let sentence = format!("The limit is 1 to {MAX_LIMIT_MIB} MiB.");
            return Err(ApiError::new(Reason::InvalidParams, sentence));
        }
    };
    let ticket = keeping::ticket(cx, account, limit)?;
    Ok(KeeperTicket { ticket: ticket.to_string(), expires_at: Time::from_unix_ms(ticket.expires_at) })
}

/// `keeper.add`, up to what is sent.
///
/// # Errors
/// The ticket is none, or of this device or account; there are as many keepers as there may be.
pub fn add(cx: &mut Cx<'_, '_>, params: &KeeperAdd) -> Result<Keeper, ApiError> {
    let ticket: keeper::KeeperTicket = params.ticket.parse().map_err(|error: keeper::KeeperTicketError| {
        ApiError::new(Reason::InvalidTicket, sentence(&error.to_string()))
    })?;
    if cx.me.key_log.names(&ticket.keeper.id) || ticket.keeper.network == cx.me.device.keys().network {
        let sentence = "This ticket is from a device of your own account, which has your messages anyway. A keeper is a node with an account of its own.";
        return Err(ApiError::new(Reason::OwnDevice, sentence));
    }
    let mine = mailboxes::all_mine(cx.tx)?;
    let is_new = mine.iter().all(|mine| mine.peer() != PeerKey(ticket.keeper.network));
    if is_new && mine.len() >= MAX_KEEPERS {
        let sentence =
            format!("You have {MAX_KEEPERS} keepers, which is the most. `covey keeper remove` takes one away.");
        return Err(
            ApiError::new(Reason::LimitReached, sentence).with_data(serde_json::json!({ "limit": MAX_KEEPERS }))
        );
    }
    let added = mine::add(cx, ticket)?;
    Ok(show_mine(cx, &added)?)
}

/// A keeper of ours, by its id.
///
/// # Errors
/// Those of the store.
pub fn one(cx: &mut Cx<'_, '_>, id: &str) -> Result<Option<Keeper>, ApiError> {
    let found = mailboxes::all_mine(cx.tx)?.into_iter().find(|mine| mine.keeper.id.to_string() == id);
    Ok(found.map(|mine| show_mine(cx, &mine)).transpose()?)
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
    let mine = mine.iter().map(|mine| show_mine(cx, mine)).collect::<Result<Vec<_>, _>>()?;
    let held = owners.iter().map(|owner| show_held(cx, owner)).collect::<Result<Vec<_>, _>>()?;
    Ok([mine, held].concat())
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
    let (Some(meant), true) = (found.pop(), found.is_empty()) else {
        let what = if found.is_empty() { "No keeper is" } else { "Several keepers are" };
        let sentence = format!("{what} called \"{wanted}\". `covey keeper list` shows them with their ids.");
        return Err(ApiError::new(Reason::NoSuchKeeper, sentence));
    };
    match meant.role {
        KeeperRole::Mine => {
            let mine = mailboxes::all_mine(cx.tx)?.into_iter();
            for mine in mine.filter(|mine| mine.keeper.id.to_string() == meant.keeper) {
                mine::remove(cx, mine)?;
            }
        }
        KeeperRole::Held => {
            let owners = kept::owners(cx.tx)?.into_iter();
            for owner in owners.filter(|owner| owner.account.to_string() == meant.keeper) {
                keeping::end(cx, &owner)?;
            }
        }
    }
    Ok(meant)
}

fn show_mine(cx: &Cx<'_, '_>, mine: &Mine) -> Result<Keeper, EngineError> {
    let owner = devices::owner(cx.tx, mine.peer())?;
    let name = owner.map(|owner| people::name_of(cx.tx, &owner.account)).transpose()?.flatten();
    let used = mine.room.map(|room| room.used).unwrap_or_default();
    Ok(Keeper {
        keeper: mine.keeper.id.to_string(),
        name,
        role: KeeperRole::Mine,
        reached: reached(cx, mine.peer(), mine.reached).map(Time::from_unix_ms),
        used: used.bytes,
        limit: mine.room.map_or(0, |room| room.limit),
        parcels: used.parcels,
        refused: mine.room.is_some_and(|room| room.refused),
        state: match mine.stands {
            Stands::Asked => KeeperState::Asked,
            Stands::Keeps => KeeperState::Keeps,
            Stands::Refused | Stands::Removed => KeeperState::Refused,
        },
    })
}

/// When a peer was last in touch: now, if it is connected.
fn reached(cx: &Cx<'_, '_>, peer: PeerKey, before: Option<u64>) -> Option<u64> {
    if cx.live.connected.contains(&peer) { Some(cx.now) } else { before }
}

fn show_held(cx: &Cx<'_, '_>, owner: &Owner) -> Result<Keeper, EngineError> {
    let room = keeping::room(cx, owner)?;
    Ok(Keeper {
        keeper: owner.account.to_string(),
        name: people::name_of(cx.tx, &owner.account)?.or_else(|| owner.name.clone()),
        role: KeeperRole::Held,
        reached: owner
            .peers
            .iter()
            .filter_map(|peer| reached(cx, *peer, Some(owner.seen)))
            .max()
            .map(Time::from_unix_ms),
        used: room.used.bytes,
        limit: room.limit,
        parcels: room.used.parcels,
        refused: room.refused,
        state: KeeperState::Keeps,
    })
}
