//! Somebody who has nothing but the words of an account asks what we know of it. Cards in the DHT run out within two days; contacts, keepers and
//! other devices know the account for as long as they have to do with it.

use std::net::IpAddr;

use covey_pairing::consent::State;
use covey_pairing::identity::{AccountWanted, KeyLog};
use serde_bytes::ByteBuf;
use tracing::{debug, info};

use crate::engine::records::people::{self, Contact};
use crate::engine::records::{devices, keeping};
use crate::engine::wire::account;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, card};

/// [FOUND-1], [FOUND-2] Whether a frame on the protocol of pairing was such a question. Who has not the key that the account has now gets no answer.
pub(in crate::engine) fn frame(
    cx: &mut Cx<'_, '_>,
    peer: PeerKey,
    source: Option<IpAddr>,
    bytes: &[u8],
) -> Result<bool, EngineError> {
    let Some(wanted) = account::asked(bytes) else { return Ok(false) };
    let now = cx.now;
    // It takes a look at everybody whom we know.
    if !cx.live.groups.knocks.admit(source, now) {
        debug!(?peer, "somebody asks for an account too often");
        return Ok(true);
    }
    if let Some((log, card)) = known(cx, &wanted)? {
        info!(account = %log.account().fmt_short(), "somebody who has the words of an account is told what is known of it");
        let frame = account::answer(&log, card);
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    }
    Ok(true)
}

/// Whether an account may hear that we know it: it is paired with us, or we invited it, as we do after each recovery. To others this node says nothing
/// that they were not told.
fn is_told(contact: &Contact) -> bool {
    contact.is_paired() || contact.relationship.state() == State::Invited
}

/// What is known of the account that is asked for: it is our own, a contact, or one whose mail lies here.
fn known(cx: &mut Cx<'_, '_>, wanted: &AccountWanted) -> Result<Option<(KeyLog, Option<ByteBuf>)>, EngineError> {
    let asked = cx.me.device.keys().network;
    if wanted.is_about(&cx.me.key_log, &asked) {
        return Ok(Some((cx.me.key_log.clone(), Some(ByteBuf::from(card::own(cx)?)))));
    }
    for contact in people::all(cx.tx)?.into_iter().filter(is_told) {
        let Some(card) = devices::card(cx.tx, &contact.account)? else { continue };
        let known = card.known()?;
        if wanted.is_about(known.log(), &asked) {
            return Ok(Some((known.log().clone(), Some(card.signed))));
        }
    }
    let mut owners = keeping::owners(cx.tx)?.into_iter();
    let owner = owners.find(|owner| wanted.is_about(owner.known.log(), &asked));
    Ok(owner.map(|owner| (owner.known.log().clone(), None)))
}
