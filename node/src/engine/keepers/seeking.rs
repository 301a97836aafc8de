//! Keepers that moved, ours and those of contacts. They are dialled where they were last; meanwhile the card of their account is looked up, as
//! those of contacts are. An owner that was away for a month has no card any more, and neither side needs it: the keeper's is enough.

use covey_pairing::identity::{ContactCard, KeyLog};
use covey_pairing::ids::AccountId;
use rand_core::Rng as _;

use crate::engine::consent::keys;
use crate::engine::records::mailboxes::{self, Stands};
use crate::engine::{Cx, Effect, EngineError, PeerKey, tables};

/// Accounts looked up in one go.
const BATCH: usize = 8;
/// Addresses remembered of a keeper.
const ADDRESSES: usize = 8;

/// [MAIL-23] Looks those up whose turn it is.
pub(super) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for account in cx.live.keepers.sought.due(cx.now, BATCH) {
        for peer in cx.live.keepers.missed(&account) {
            if !is_wanted(cx, peer)? {
                cx.live.keepers.found(peer);
            }
        }
        if cx.live.keepers.missed(&account).is_empty() {
            cx.live.keepers.sought.remove(&account);
            continue;
        }
        let random = cx.rng.next_u64();
        cx.live.keepers.sought.searched(&account, cx.now, random);
        keys::look_up(cx, &account)?;
    }
    Ok(())
}

/// Whether it is a keeper of ours, or something waits to be left there.
fn is_wanted(cx: &Cx<'_, '_>, peer: PeerKey) -> Result<bool, EngineError> {
    let is_mine = mailboxes::mine(cx.tx, peer)?.is_some_and(|mine| mine.stands != Stands::Refused);
    Ok(is_mine || cx.live.keepers.at.contains_key(&peer) || cx.live.invites.at.contains_key(&peer))
}

/// Cards of an account were found: if a keeper is missed that is a device of it, it is tried where they say. A card that is not its own costs a
/// dial, since whoever answers there has to be that peer.
pub(in crate::engine) fn found(cx: &mut Cx<'_, '_>, account: &AccountId, cards: &[Vec<u8>]) -> Result<(), EngineError> {
    let missed = cx.live.keepers.missed(account);
    if missed.is_empty() {
        return Ok(());
    }
    let cards = cards.iter().filter_map(|card| ContactCard::open_of(account, card, 0).ok());
    for card in cards.collect::<Vec<_>>() {
        for device in KeyLog::active(card.log()) {
            let peer = PeerKey(device.keys.network);
            let listed = card.content().devices.iter().find(|listed| listed.device == device.keys.id);
            if let Some(listed) = listed.filter(|listed| missed.contains(&peer) && !listed.addresses.is_empty()) {
                is_at(cx, peer, &listed.addresses)?;
            }
        }
    }
    Ok(())
}

/// A keeper is at these addresses, perhaps: remembers them before the others, and tries them.
fn is_at(cx: &mut Cx<'_, '_>, peer: PeerKey, addresses: &[String]) -> Result<(), EngineError> {
    let with = |before: &[String]| -> Vec<String> {
        let before = before.iter().filter(|known| !addresses.contains(known));
        addresses.iter().chain(before).take(ADDRESSES).cloned().collect()
    };
    if let Some(mut mine) = mailboxes::mine(cx.tx, peer)? {
        mine.addresses = with(&mine.addresses);
        mine.save(cx.tx);
        cx.effects.push(Effect::Allow { peer, addresses: mine.addresses });
    }
    for account in cx.live.keepers.at.get(&peer).cloned().unwrap_or_default() {
        for mut theirs in mailboxes::theirs(cx.tx, &account)? {
            let at = theirs.mailbox.at.iter_mut().filter(|at| PeerKey(at.keeper.network) == peer);
            at.for_each(|at| at.addresses = with(&at.addresses));
            cx.tx.save(&tables::theirs(&account, &theirs.device), &theirs);
        }
    }
    cx.effects.push(Effect::Dial { peer, addresses: addresses.to_vec() });
    Ok(())
}
