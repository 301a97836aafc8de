//! Our tickets as our devices share them: one that was made on a device can be used when another one answers, and is used up on all.
//!
//! What used a ticket is told by the ids of the invites, so that an invite which came to two devices counts once. Uses and a revocation only add up:
//! what is here and what a record says are joined. Two devices that do not hear of each other may let in as many each.

use covey_pairing::identity::{Token, TokenId};
use covey_pairing::ids::InviteId;
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::notices::Notice;
use crate::engine::records::own_records;
use crate::engine::records::tickets::{self, Issued, MAX_NAMED};
use crate::engine::wire::own_record::{Key, MAX_VALUE, value_of};
use crate::engine::{Cx, EngineError};

/// Version, token while it is good, uses, used, the invites that did, when it was made, when it ends, revoked.
type Wire = (u8, Option<Token>, u32, u32, Vec<InviteId>, u64, u64, bool);

const VERSION: u8 = 1;

fn id_of(key: &Key) -> Option<TokenId> {
    <[u8; 8]>::try_from(key.1.as_slice()).ok().map(TokenId::from_bytes)
}

/// What there is to say of a ticket. One that was over before our account had other devices is not told of.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    let Some(mut issued) = id_of(key).map(|id| tickets::load(cx.tx, &id)).transpose()?.flatten() else {
        return Ok(None);
    };
    if issued.left(cx.now).is_none() && own_records::winner(cx.tx, key)?.is_none() {
        return Ok(None);
    }
    let token = tickets::book(cx.tx)?.get(&issued.id).map(|record| record.token.clone());
    issued.by.sort_unstable();
    let Issued { uses, used, by, created_at, expires_at, revoked, .. } = issued;
    Ok(Some(value_of(&(VERSION, token, uses, used, by, created_at, expires_at, revoked))?))
}

fn read(key: &Key, value: &[u8]) -> Option<(Option<Token>, Issued)> {
    let id = id_of(key)?;
    let (version, token, uses, used, by, created_at, expires_at, revoked): Wire =
        covey_codec::decode(value, MAX_VALUE).ok()?;
    // [OWN-11] A token is that of its id.
    let fits = version == VERSION && by.len() <= MAX_NAMED && token.as_ref().is_none_or(|token| token.id() == id);
    fits.then_some((token, Issued { id, uses, used, created_at, expires_at, revoked, by }))
}

/// Whether two records say the same of what is left. (A token that is over is forgotten at another time on each device.)
pub(super) fn is_same(key: &Key, a: &[u8], b: &[u8]) -> bool {
    let of = |value| read(key, value).map(|(_, issued)| (issued.used, issued.by, issued.revoked));
    of(a).is_some_and(|a| Some(a) == of(b))
}

/// A record of a ticket counts from now on.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let Some((token, told)) = read(key, value) else {
        debug!("a ticket of another device, as this version does not know it");
        return Ok(());
    };
    let issued = match tickets::load(cx.tx, &told.id)? {
        Some(mut known) => {
            known.join(&told);
            known
        }
        None => told,
    };
    tickets::save(cx.tx, &issued)?;
    tickets::follow(cx.tx, &issued, token.as_ref(), cx.now)?;
    // There may be more here than it says.
    cx.notices.push(Notice::Shared(key.clone()));
    Ok(())
}
