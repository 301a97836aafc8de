//! Cards that were looked up.

use covey_pairing::consent::Input;
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::identity::KeyLog;
use covey_pairing::ids::AccountId;
use tracing::debug;

use crate::engine::consent::{pursuit, step};
use crate::engine::contacts::cards;
use crate::engine::records::devices;
use crate::engine::records::people::{self, Contact};
use crate::engine::{Cx, Effect, EngineError};

/// The account DH key that a card of the account names.
pub(in crate::engine) fn dh_of_card(cx: &Cx<'_, '_>, account: &AccountId) -> Result<Option<DhPublic>, EngineError> {
    let Some(card) = devices::card(cx.tx, account)? else { return Ok(None) };
    Ok(Some(KeyLog::verify(card.log).map_err(EngineError::bug)?.dh()))
}

/// The card of somebody we want to invite was found: invite them.
pub(in crate::engine) fn invite_found(cx: &mut Cx<'_, '_>, mut contact: Contact) -> Result<(), EngineError> {
    let (Some(wanted), Some(their_dh)) = (contact.wanted.take(), dh_of_card(cx, &contact.account)?) else {
        return Ok(());
    };
    let input = Input::Invite { their_dh, note: wanted.note, token: wanted.token };
    if let Err(error) = step::step(cx, contact, input, None)? {
        debug!(%error, "the account that was looked up cannot be invited any more");
    }
    Ok(())
}

/// A look-up ended.
pub(in crate::engine) fn found(
    cx: &mut Cx<'_, '_>,
    account: AccountId,
    bytes: Option<&[u8]>,
) -> Result<(), EngineError> {
    let Some(bytes) = bytes else {
        debug!(account = %account.fmt_short(), "no contact card was found; trying again later");
        return Ok(());
    };
    let Some(contact) = people::load(cx.tx, &account)? else { return Ok(()) };
    if !cards::learn(cx, &account, bytes)? {
        return Ok(());
    }
    if contact.wanted.is_some() {
        return invite_found(cx, contact);
    }
    // New addresses, perhaps: dial them now. The next look-up waits its turn.
    for (peer, addresses) in pursuit::peers(cx, &contact)? {
        if !cx.live.connected.contains(&peer) && cx.live.waiting.contains_key(&account) {
            cx.effects.push(Effect::Dial { peer, addresses });
        }
    }
    Ok(())
}
