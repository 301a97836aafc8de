//! Records that only say where others are.

use covey_feed::{ChannelId, Entry};
use covey_pairing::ids::AccountId;

use crate::engine::counters::Counter;
use crate::engine::records::channels::Channel;
use crate::engine::records::devices::{Card, DeviceRef};
use crate::engine::records::feeds::Feed;
use crate::engine::records::people::{self, Contact};
use crate::engine::records::standing::{self, State};
use crate::engine::{EngineError, tables};
use crate::store::{Key, Table, Tx};

/// More than anybody has.
const ALL: usize = usize::MAX;

/// Makes the indices of contacts, cards and channels anew from what they point to, and the channels of paired contacts and of
/// groups that have none.
pub(crate) fn rebuild(tx: &mut Tx<'_>) -> Result<(), EngineError> {
    let contacts = people::all(tx)?;
    for table in [Table::Alias, Table::Peer] {
        clear(tx, &Key::table(table))?;
    }
    for contact in &contacts {
        if let Some(alias) = &contact.alias {
            tx.put(&tables::alias(alias), &contact.account)?;
        }
        for invite in contact.relationship.invite_ids() {
            tx.put(&tables::invite(&invite), &contact.account)?;
        }
    }
    for (_, card) in tx.scan_intact::<Card>(&Key::table(Table::Card), ALL)? {
        let Some(account) = account_of(&card) else { continue };
        for device in &card.devices {
            tx.put(&tables::peer(device.peer), &DeviceRef { account, device: device.id })?;
        }
    }
    channels_of(tx, &contacts)?;
    channels_of_groups(tx)?;
    clear(tx, &Key::table(Table::Channel).u8(1))?;
    for (_, channel) in tx.scan_intact::<Channel>(&tables::channels(), ALL)? {
        tx.put(&tables::channel_no(channel.id.as_bytes()), &channel.no)?;
    }
    Ok(())
}

fn account_of(card: &Card) -> Option<AccountId> {
    card.known().ok().map(|known| known.log().account())
}

/// The channels of paired contacts, those that are missing made anew.
fn channels_of(tx: &mut Tx<'_>, contacts: &[Contact]) -> Result<(), EngineError> {
    for contact in contacts {
        let Some(no) = contact.channel else { continue };
        let known: Option<Channel> = tx.get(&tables::channel(no))?;
        let secret = contact.relationship.pair_secret().map(|secret| ChannelId::from_bytes(secret.channel_id()));
        // Without a secret, as when the pairing has ended, what was written tells.
        let id = match secret {
            Some(id) => Some(id),
            None if known.is_some() => continue,
            None => written_in(tx, no)?,
        };
        let Some(id) = id.filter(|id| known.is_none_or(|channel| channel.id != *id)) else { continue };
        let mut anew = Channel::blank(no, id, Some(contact.account), contact.changed_at);
        anew.open = contact.is_paired();
        put(tx, &anew)?;
    }
    Ok(())
}

/// The channels of groups, those that are missing made anew.
fn channels_of_groups(tx: &mut Tx<'_>) -> Result<(), EngineError> {
    for standing in standing::all(tx)? {
        let Some(no) = standing.no else { continue };
        let known: Option<Channel> = tx.get(&tables::channel(no))?;
        let id = standing.channel();
        if known.is_none_or(|channel| channel.id != id) {
            let mut anew = Channel::blank(no, id, None, standing.since);
            (anew.name, anew.open) = (Some(standing.name), standing.state == State::Joined);
            put(tx, &anew)?;
        }
    }
    Ok(())
}

/// What a channel said of itself is gone with it. Our next incarnation in it is chosen at the next start.
fn put(tx: &mut Tx<'_>, channel: &Channel) -> Result<(), EngineError> {
    tx.put(&tables::channel(channel.no), channel)?;
    if Counter::Channel.get(tx)? < channel.no {
        Counter::Channel.set(tx, channel.no)?;
    }
    Ok(())
}

/// The channel that the entries of its feeds name.
fn written_in(tx: &Tx<'_>, no: u64) -> Result<Option<ChannelId>, EngineError> {
    for (_, feed) in tx.scan_intact::<Feed>(&tables::feeds(no), ALL)? {
        let first = tx.get_raw(&tables::entry(feed.fid, 1))?.unwrap_or_default();
        if let Ok(entry) = Entry::from_stored(&first) {
            return Ok(Some(entry.header().feed.channel));
        }
    }
    Ok(None)
}

pub(super) fn clear(tx: &mut Tx<'_>, prefix: &Key) -> Result<(), EngineError> {
    for key in tx.keys(prefix)? {
        tx.delete(&key);
    }
    Ok(())
}
