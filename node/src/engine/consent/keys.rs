//! The keys of an account that an invite of ours needs. Its X25519 key stands in a ticket and in the log on its card. Of its KEM key
//! both name the hash; the key itself is asked for, from a device of the account. Until all are known the invite waits.

use covey_pairing::consent::KeyFrame;
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::kem::{KemHash, KemPublic};
use covey_pairing::identity::KeyLog;
use covey_pairing::ids::AccountId;
use tracing::debug;

use crate::engine::records::devices;
use crate::engine::records::people::Contact;
use crate::engine::{Cx, Effect, EngineError};

/// What is known of the keys of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::engine) struct Keys {
    pub(in crate::engine) dh: Option<DhPublic>,
    /// None: nobody named one, so an invite is not sealed.
    pub(in crate::engine) kem: Option<KemHash>,
}

/// Those on the card of an account.
pub(in crate::engine) fn of_card(cx: &Cx<'_, '_>, account: &AccountId) -> Result<Keys, EngineError> {
    let Some(card) = devices::card(cx.tx, account)? else { return Ok(Keys::default()) };
    let dh = card.known()?.in_force().map(|log| log.dh());
    Ok(Keys { dh, kem: card.kem })
}

/// Those that an invite to the contact is made with. The X25519 key of a signed card is believed before that of a ticket, which
/// anybody can make up; the KEM key of a ticket is insisted on, whatever a card names.
pub(in crate::engine) fn of(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Keys, EngineError> {
    let card = of_card(cx, &contact.account)?;
    let ticket = contact.wanted.as_ref();
    let out = &contact.relationship;
    Ok(Keys {
        dh: card.dh.or(ticket.and_then(|wanted| wanted.dh)).or_else(|| out.invited_key()),
        kem: ticket.and_then(|wanted| wanted.kem).or(card.kem).or_else(|| out.invited_kem().map(KemPublic::hash)),
    })
}

/// The KEM key of this hash, if the contact's is at hand.
pub(in crate::engine) fn at_hand(contact: &Contact, hash: &KemHash) -> Option<KemPublic> {
    let known = contact.kem.as_ref().into_iter().chain(contact.relationship.invited_kem());
    known.into_iter().find(|key| key.hash() == *hash).cloned()
}

/// What the devices of a contact are asked, if an invite waits for its KEM key.
pub(in crate::engine) fn question(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Option<Vec<u8>>, EngineError> {
    if contact.wanted.is_none() {
        return Ok(None);
    }
    let missing = of(cx, contact)?.kem.filter(|hash| at_hand(contact, hash).is_none());
    Ok(missing.map(|hash| KeyFrame::Ask(hash).encode()))
}

/// Looks the card of an account up: where its operational key says, as far as that is known, and where its id does.
pub(in crate::engine) fn look_up(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let first = account.verifying_key();
    let mut under = vec![first];
    if let Some(known) = devices::known_log(cx.tx, account)? {
        let now = known.log().operational_key();
        if now != first {
            under.insert(0, now);
        }
    }
    debug!(account = %account.fmt_short(), "looking its contact card up");
    cx.effects.push(Effect::Lookup { account: *account, under });
    Ok(())
}

/// Nothing of the account counts until people have compared its safety number.
pub(super) struct Frozen;

/// The key log of a contact that counts: cards come by other ways than pairing frames, too.
pub(super) fn log_of(cx: &Cx<'_, '_>, contact: &Contact) -> Result<Result<Option<KeyLog>, Frozen>, EngineError> {
    Ok(match devices::known_log(cx.tx, &contact.account)? {
        Some(known) => known.in_force().map(Some).ok_or(Frozen),
        None => Ok(contact.relationship.log().cloned()),
    })
}
