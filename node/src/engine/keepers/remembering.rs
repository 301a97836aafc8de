//! The list of contacts, for the day on which this account is brought back with its words: left at our keepers, and fetched from one when that day has
//! come. What is fetched is remembered and no more: whoever stole a device could have written it, so nobody on it is asked or paired by itself.

use covey_pairing::crypto::hash::blake3;
use covey_pairing::keeper::{ContactList, KeeperFrame, Remembered};
use serde_bytes::{ByteArray, ByteBuf};
use tracing::{info, warn};

use crate::engine::consent::adopted;
use crate::engine::keepers::say::send;
use crate::engine::me::ListKeys;
use crate::engine::records::mailboxes::{self, ListTold, Stands};
use crate::engine::records::people::{self, Contact};
use crate::engine::{Cx, EngineError, PeerKey, tables};

/// A list that changed is left anew after this, in milliseconds: not with each contact, which a keeper would see.
const EVERY: u64 = 24 * 3_600_000;

/// The daemon started.
pub(super) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if ListKeys::load(cx.tx)?.is_none() {
        ListKeys::save(cx.tx, &cx.me.account, None)?;
    }
    Ok(())
}

/// Time passed: keepers that have an older list are given the newest.
pub(super) fn keep_house(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for mine in mailboxes::all_mine(cx.tx)? {
        if mine.stands == Stands::Keeps && cx.live.connected.contains(&mine.peer()) {
            leave(cx, mine.peer())?;
        }
    }
    Ok(())
}

/// A keeper is there: it is asked for the list, if this account was just brought back, and else given it.
pub(super) fn keeper_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(keys) = ListKeys::load(cx.tx)? else { return Ok(()) };
    if keys.read.is_some() {
        send(cx, peer, &KeeperFrame::GetList);
        return Ok(());
    }
    leave(cx, peer)
}

/// [MAIL-26] Leaves the list at a keeper, unless it has the same, or was given one today.
fn leave(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(keys) = ListKeys::load(cx.tx)?.filter(|keys| keys.read.is_none()) else { return Ok(()) };
    let contacts = people::all(cx.tx)?.into_iter().filter(|contact| contact.is_paired() || contact.is_remembered());
    let contacts: Vec<_> = contacts.map(|contact| Remembered(contact.account, contact.alias)).collect();
    let hash = ByteArray::new(ContactList { at: 0, contacts: contacts.clone() }.hash());
    let told = cx.tx.load::<ListTold>(&tables::list_told(peer))?;
    let is_told = |told: &ListTold| told.hash == hash || told.at.saturating_add(EVERY) > cx.now;
    if told.as_ref().is_some_and(is_told) {
        return Ok(());
    }
    let list = ContactList { at: cx.now, contacts };
    match list.seal(&keys.write, &cx.me.account_id(), cx.rng) {
        Ok(sealed) => {
            cx.live.keepers.lists.insert(peer, (blake3(&sealed), hash));
            send(cx, peer, &KeeperFrame::PutList(ByteBuf::from(sealed)));
        }
        Err(error) => warn!(%error, "the list of contacts cannot be sealed"),
    }
    Ok(())
}

/// A keeper has made the list durable.
pub(super) fn kept(cx: &mut Cx<'_, '_>, peer: PeerKey, sealed: &[u8; 32]) -> Result<(), EngineError> {
    // It may be given two that are on their way: the newer one stays.
    let Some((_, hash)) = cx.live.keepers.lists.get(&peer).copied().filter(|(sent, _)| sent == sealed) else {
        return Ok(());
    };
    cx.live.keepers.lists.remove(&peer);
    cx.tx.save(&tables::list_told(peer), &ListTold { hash, at: cx.now });
    Ok(())
}

/// [MAIL-27] A keeper says what list it has. It counts once, and only while this account has just been brought back.
pub(super) fn found(cx: &mut Cx<'_, '_>, peer: PeerKey, sealed: Option<&[u8]>) -> Result<(), EngineError> {
    let Some(keys) = ListKeys::load(cx.tx)? else { return Ok(()) };
    let is_mine = mailboxes::mine(cx.tx, peer)?.is_some_and(|mine| mine.stands == Stands::Keeps);
    let (Some(secret), Some(sealed), true) = (keys.read.as_ref(), sealed, is_mine) else { return Ok(()) };
    let account = cx.me.account_id();
    let list = match ContactList::open(secret, &account, sealed) {
        Ok(list) => list,
        Err(error) => {
            warn!(%error, "a keeper has a list of contacts that does not open");
            return Ok(());
        }
    };
    info!(contacts = list.contacts.len(), "the list of contacts of this account is back");
    for Remembered(of, alias) in list.contacts {
        remember(cx, of, alias)?;
    }
    cx.tx.put(&tables::list_keys(), &ListKeys { read: None, ..keys })?;
    Ok(())
}

fn remember(
    cx: &mut Cx<'_, '_>,
    account: covey_pairing::ids::AccountId,
    alias: Option<String>,
) -> Result<(), EngineError> {
    let contact = people::load_or_new(cx.tx, &account, cx.now)?;
    if cx.me.is_ours(&account) || contact.alias.is_some() {
        return Ok(());
    }
    let alias = alias.filter(|alias| covey_api::names::name(alias).is_ok());
    let remembered = !people::is_known(&contact);
    adopted::adopt(cx, Contact { alias, remembered, changed_at: cx.now, ..contact })?;
    cx.notices.contact(&account);
    Ok(())
}
