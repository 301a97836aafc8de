//! Our keepers and our inbox key as our devices share them: what is added on one device counts for all, and each of them can fetch and open
//! what waits.
//!
//! Records are numbered: a device that adds or takes away a keeper, or makes a new key, gives the record the number after the highest that it
//! knows. Of two records of a key the one with the higher number counts. A keeper that was taken away stays as a record that says so. Keys of
//! before are joined: mail may be sealed to any of them.

use covey_pairing::identity::DeviceKeys;
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::keeper::{InboxSecret, KEPT_FOR_MS, MAX_KEEPERS, TicketSecret, are_few};
use serde_bytes::ByteBuf;
use tracing::{debug, warn};

use crate::engine::notices::Notice;
use crate::engine::records::mailboxes::{self, Inbox, Mine, Stands};
use crate::engine::wire::own_record::{Key, MAX_VALUE, kind, value_of};
use crate::engine::{Cx, EngineError, PeerKey};

/// Device, addresses, secret of the ticket until it was used, since when, account.
type Added = (DeviceKeys, Vec<String>, Option<TicketSecret>, u64, Option<AccountId>);

/// Version, number, the keeper unless it was taken away.
type Wire = (u8, u64, Option<Added>);

/// Version, number, secret, devices that the account had lost, secrets of before and until when each is needed.
type InboxWire = (u8, u64, InboxSecret, u32, Vec<(InboxSecret, u64)>);

const VERSION: u8 = 1;

/// [OWN-15] A number this much higher than any known is believed: a stolen device cannot use them up.
const AHEAD: u64 = 1 << 20;

/// [OWN-15] Keepers that are taken over from records: devices that did not hear of each other may have added as many each.
const MOST: usize = 2 * MAX_KEEPERS;

/// Keys of before in a record.
const MAX_PAST: usize = 16;

fn read(key: &Key, value: &[u8]) -> Option<(u64, Option<Added>)> {
    let id = key.id()?;
    let (version, number, added) = covey_codec::decode::<Wire>(value, MAX_VALUE).ok()?;
    let fits = |(keys, addresses, ..): &Added| *keys.id.as_bytes() == id && are_few(addresses);
    (version == VERSION && added.as_ref().is_none_or(fits)).then_some((number, added))
}

fn read_inbox(value: &[u8]) -> Option<Inbox> {
    let (version, number, secret, losses, past) = covey_codec::decode::<InboxWire>(value, MAX_VALUE).ok()?;
    (version == VERSION && past.len() <= MAX_PAST).then_some(Inbox { number, secret, losses, past })
}

fn number(key: &Key, value: &[u8]) -> Option<u64> {
    match key.0 {
        kind::KEEPER => read(key, value).map(|(number, _)| number),
        _ => read_inbox(value).map(|inbox| inbox.number),
    }
}

/// [OWN-5] What is not understood ranks lowest.
pub(super) fn rank(key: &Key, value: &[u8]) -> u64 {
    number(key, value).unwrap_or(0)
}

/// [OWN-15] Whether a record can be of its key. One of a later version is kept for it.
pub(super) fn is_sound(cx: &Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<bool, EngineError> {
    // An array begins with its length, then comes the version.
    if value.get(1).is_some_and(|version| (VERSION + 1..24).contains(version)) {
        return Ok(true);
    }
    let known = mailboxes::number(cx.tx)?;
    let is_sound = number(key, value).is_some_and(|number| number <= known.saturating_add(AHEAD));
    if !is_sound {
        warn!("a device of this account says what cannot be of its keepers; it is ignored");
    }
    Ok(is_sound)
}

/// What there is to say of a keeper.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    let Some(mine) = find(cx, key)? else { return Ok(None) };
    let Mine { account, keeper, addresses, secret, since, number, stands, .. } = mine;
    let added: Option<Added> = (stands != Stands::Removed).then_some((keeper, addresses, secret, since, account));
    Ok(Some(value_of(&(VERSION, number, added))?))
}

fn find(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<Mine>, EngineError> {
    let Some(id) = key.id().map(DeviceId::from_bytes) else { return Ok(None) };
    Ok(mailboxes::ever_mine(cx.tx)?.into_iter().find(|mine| mine.keeper.id == id))
}

/// Whether two records say the same of a keeper. (Where it listens each device hears from itself.)
pub(super) fn is_same(key: &Key, a: &[u8], b: &[u8]) -> bool {
    let of = |value| read(key, value).map(|(number, added)| (number, added.is_some()));
    of(a).is_some_and(|a| Some(a) == of(b))
}

/// A record of a keeper counts from now on.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let Some((number, added)) = read(key, value) else {
        debug!("a keeper of this account, as this version does not know it");
        return Ok(());
    };
    let mine = match (find(cx, key)?, added) {
        // There may be more here than it says.
        (Some(known), _) if known.number > number => {
            cx.notices.push(Notice::Shared(key.clone()));
            return Ok(());
        }
        (Some(known), None) => Mine { stands: Stands::Removed, secret: None, number, ..known },
        (Some(known), Some(_)) if known.number == number && known.stands != Stands::Removed => return Ok(()),
        (None, None) => return Ok(()),
        (known, Some((keeper, addresses, secret, since, account))) => {
            if known.is_none() && !may_add(cx, &keeper)? {
                return Ok(());
            }
            let (list, reached, ahead, invites) =
                known.map_or((0, None, None, None), |known| (known.list, known.reached, known.ahead, known.invites));
            let stands = Stands::Asked;
            let room = None;
            Mine { account, keeper, addresses, secret, stands, list, room, reached, since, number, ahead, invites }
        }
    };
    mine.save(cx.tx);
    cx.live.keepers.greet(mine.peer());
    Ok(())
}

/// [OWN-15] Whether a keeper of which there is no row can be taken over: it is no device of ours, nobody else's peer, and there are not too many.
fn may_add(cx: &Cx<'_, '_>, keeper: &DeviceKeys) -> Result<bool, EngineError> {
    let is_other = !cx.me.key_log.names(&keeper.id) && mailboxes::any_mine(cx.tx, PeerKey(keeper.network))?.is_none();
    Ok(is_other && mailboxes::all_mine(cx.tx)?.len() < MOST)
}

/// What there is to say of the inbox key.
pub(super) fn current_inbox(cx: &Cx<'_, '_>) -> Result<Option<ByteBuf>, EngineError> {
    let Some(Inbox { number, secret, losses, past }) = mailboxes::inbox(cx.tx)? else { return Ok(None) };
    Ok(Some(value_of(&(VERSION, number, secret, losses, past))?))
}

/// Whether a record says all that another one of the inbox key does. (What ran out is forgotten at another time on each device.)
pub(super) fn is_same_inbox(a: &[u8], b: &[u8]) -> bool {
    let (Some(a), Some(b)) = (read_inbox(a), read_inbox(b)) else { return false };
    let knows = |(secret, _): &(InboxSecret, u64)| b.past.iter().any(|(known, _)| known == secret);
    (a.number, &a.secret, a.losses) == (b.number, &b.secret, b.losses) && a.past.iter().all(knows)
}

/// A record of the inbox key counts from now on.
pub(super) fn apply_inbox(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let Some(told) = read_inbox(value) else {
        debug!("an inbox key of this account, as this version does not know it");
        return Ok(());
    };
    let joined = match mailboxes::inbox(cx.tx)? {
        None => told,
        Some(ours) => {
            let (counts, other) = if ours.number > told.number { (ours, told) } else { (told, ours) };
            let until = cx.now.saturating_add(KEPT_FOR_MS);
            counts.with_past(other.past.into_iter().chain([(other.secret, until)]), cx.now)
        }
    };
    joined.save(cx.tx)?;
    cx.live.keepers.changed = true;
    // There may be more here than it says.
    cx.notices.push(Notice::Shared(key.clone()));
    Ok(())
}
