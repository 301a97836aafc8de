//! Which conversation is meant when a contact is named, and what conversations are called. After pairing again there are several with one contact;
//! all devices of ours answer alike.

use crate::engine::EngineError;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::{messages, people};
use crate::store::Tx;

/// The conversation with a contact: that of the pact that stands, else the one in which something was said last.
pub(in crate::engine) fn with(tx: &Tx<'_>, contact: &people::Contact) -> Result<Option<Channel>, EngineError> {
    let own = contact.channel.map(|no| channels::by_no(tx, no)).transpose()?.flatten();
    if contact.has_pact() || (own.is_none() && contact.relationship.last_ended().is_none()) {
        return Ok(own);
    }
    let mut newest: Option<(u64, [u8; 32], u64)> = None;
    for channel in channels::all(tx)?.into_iter().filter(|channel| channel.contact() == Some(contact.account)) {
        let Some(place) = channel.newest else { continue };
        let said_at = messages::at(tx, channel.no, &place)?.map_or(0, |message| message.body.sent_at);
        newest = newest.max(Some((said_at, *channel.id.as_bytes(), channel.no)));
    }
    newest.map(|(.., no)| channels::by_no(tx, no)).transpose().map(Option::flatten)
}

/// Whether it has ended without a word: nobody misses it, and not all of our devices may know of it.
pub(in crate::engine) fn is_silent_and_over(tx: &Tx<'_>, channel: &Channel) -> Result<bool, EngineError> {
    let Some(contact) = channel.contact().filter(|_| channel.newest.is_none() && !channel.open) else {
        return Ok(false);
    };
    Ok(people::load(tx, &contact)?.is_none_or(|contact| !contact.keeps(channel.no)))
}

/// What to call it.
pub(in crate::engine) fn name(tx: &Tx<'_>, channel: &Channel) -> Result<String, EngineError> {
    Ok(match (&channel.contact(), &channel.name) {
        (Some(contact), _) => {
            let name = people::name_of(tx, contact)?.unwrap_or_else(|| contact.fmt_short());
            // After pairing again there are several of one contact.
            let present = people::load(tx, contact)?.map(|contact| with(tx, &contact)).transpose()?.flatten();
            let is_earlier = present.is_some_and(|present| present.no != channel.no);
            if is_earlier { format!("{name} (earlier, {})", channel.id.fmt_short()) } else { name }
        }
        (None, Some(name)) => name.clone(),
        (None, None) => channel.id.fmt_short(),
    })
}
