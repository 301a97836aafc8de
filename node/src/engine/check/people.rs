//! Contacts, their cards and channels, the indices of them, and the counters.

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::identity::ContactCard;
use covey_pairing::ids::AccountId;

use crate::engine::card::Own;
use crate::engine::check::feeds::Known;
use crate::engine::check::findings::Findings;
use crate::engine::counters::Counter;
use crate::engine::records::channels::Channel;
use crate::engine::records::devices::{Card, DeviceRef};
use crate::engine::records::people::Contact;
use crate::engine::{EngineError, journal, tables};
use crate::store::{Key, Table, Tx};

const ALL: usize = usize::MAX;

/// Checks what people are to us.
pub(super) fn check(tx: &Tx<'_>, found: &mut Findings) -> Result<(), EngineError> {
    let mut contacts = BTreeMap::new();
    for (key, contact) in tx.scan::<Contact>(&tables::contacts(), None, ALL, false)? {
        if tx.stored_key(&tables::contact(&contact.account)) != tx.stored_key(&key) {
            found.problem(format!("the contact {} is in the wrong place", contact.account.fmt_short()));
        }
        if contact.relationship.log().is_some_and(|log| log.verify_again().is_err()) {
            found.problem(format!("the key log of {} does not verify", contact.account.fmt_short()));
        }
        contacts.insert(contact.account, contact);
    }
    aliases(tx, &contacts, found)?;
    for (_, account) in tx.scan::<AccountId>(&Key::table(Table::Invite), None, ALL, false)? {
        if !contacts.contains_key(&account) {
            found.problem(format!("an invite of {}, who is no contact", account.fmt_short()));
        }
    }
    for contact in contacts.values() {
        for invite in contact.relationship.invite_ids() {
            if tx.get::<AccountId>(&tables::invite(&invite))? != Some(contact.account) {
                found.problem(format!("an invite of {} is not found by its id", contact.account.fmt_short()));
            }
        }
    }
    peers(tx, found)?;
    channels(tx, &contacts, found)
}

fn aliases(tx: &Tx<'_>, contacts: &BTreeMap<AccountId, Contact>, found: &mut Findings) -> Result<(), EngineError> {
    let named = contacts.values().filter(|contact| contact.alias.is_some()).count();
    for contact in contacts.values() {
        let Some(alias) = &contact.alias else { continue };
        if tx.get::<AccountId>(&tables::alias(alias))? != Some(contact.account) {
            found.problem(format!("the alias of {} does not lead to them", contact.account.fmt_short()));
        }
    }
    let aliases = tx.keys(&Key::table(Table::Alias))?.len();
    if aliases != named {
        found.problem(format!("there are {aliases} aliases for {named} contacts that have one"));
    }
    Ok(())
}

/// Peers and the cards that name them.
fn peers(tx: &Tx<'_>, found: &mut Findings) -> Result<(), EngineError> {
    let mut named = BTreeSet::new();
    for (key, card) in tx.scan::<Card>(&Key::table(Table::Card), None, ALL, false)? {
        let Ok(known) = card.known() else {
            found.problem("a contact card has a key log that does not verify");
            continue;
        };
        let account = known.log().account();
        if known.log().verify_again().is_err() {
            found.problem(format!("the key log of {} does not verify", account.fmt_short()));
        }
        if tx.stored_key(&tables::card(&account)) != tx.stored_key(&key) {
            found.problem(format!("the card of {} is in the wrong place", account.fmt_short()));
        }
        for device in &card.devices {
            let owner = tx.get::<DeviceRef>(&tables::peer(device.peer))?;
            if owner != Some(DeviceRef { account, device: device.id }) {
                found.problem(format!("a device of {} is not found by its peer", account.fmt_short()));
            }
            named.insert(tx.stored_key(&tables::peer(device.peer)));
        }
    }
    let strays = tx.keys(&Key::table(Table::Peer))?.iter().filter(|key| !named.contains(&tx.stored_key(key))).count();
    if strays > 0 {
        found.problem(format!("{strays} peers are on no contact's card"));
    }
    Ok(())
}

/// Channels, how they are found, and whose they are.
fn channels(tx: &Tx<'_>, contacts: &BTreeMap<AccountId, Contact>, found: &mut Findings) -> Result<(), EngineError> {
    let channels = tx.scan::<Channel>(&tables::channels(), None, ALL, false)?;
    for (key, channel) in &channels {
        let name = channel.id.fmt_short();
        if key.tail_u64() != channel.no
            || tx.get::<u64>(&tables::channel_no(channel.id.as_bytes()))? != Some(channel.no)
        {
            found.problem(format!("the channel {name} is not found by its id"));
        }
        if channel.contact().is_some_and(|contact| !contacts.contains_key(&contact)) {
            found.problem(format!("the channel {name} is with nobody we know"));
        }
        if channel.no > Counter::Channel.get(tx)? {
            found.problem("the count of channels is behind");
        }
    }
    let indexed = tx.keys(&Key::table(Table::Channel).u8(1))?.len();
    if indexed != channels.len() {
        found.problem(format!("{} channels, {indexed} of them found by their id", channels.len()));
    }
    for contact in contacts.values() {
        let name = contact.account.fmt_short();
        let channel = contact.channel.map(|no| tx.get::<Channel>(&tables::channel(no))).transpose()?.flatten();
        match (contact.channel, channel) {
            (Some(_), None) => found.problem(format!("the channel with {name} is missing")),
            (Some(_), Some(channel)) if channel.contact() != Some(contact.account) => {
                found.problem(format!("the channel with {name} is somebody else's"));
            }
            (None, _) if contact.is_paired() => {
                found.problem(format!("there is no channel with {name}, who is paired"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// No counter is behind what was counted with it.
pub(super) fn check_counters(tx: &Tx<'_>, feeds: &Known, found: &mut Findings) -> Result<(), EngineError> {
    let newest = journal::newest_stored(tx)?;
    let mut behind = |counter: Counter, least: u64, of: &str| -> Result<(), EngineError> {
        let is = counter.get(tx)?;
        if is < least {
            found.problem(format!("the count of {of} is at {is} and was at {least}"));
        }
        Ok(())
    };
    behind(Counter::Journal, newest, "events")?;
    behind(Counter::Feed, feeds.newest(), "feeds")?;
    let parcels = tx.keys(&Key::table(Table::Outbox))?.iter().map(Key::tail_u64).max();
    behind(Counter::Parcel, parcels.unwrap_or(0), "parcels")?;
    // Whether it has expired does not matter here.
    let own = tx.get::<Own>(&tables::own_card())?.and_then(|own| ContactCard::open(&own.signed, 0).ok());
    if let Some(own) = own {
        behind(Counter::Card, own.content().sequence, "contact cards")?;
    }
    Ok(())
}
