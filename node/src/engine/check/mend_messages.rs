//! Messages, how they are found, and entries that wait for theirs.

use covey_feed::Entry;
use covey_pairing::ids::DeviceId;
use rand_core::CryptoRng;

use crate::engine::check::findings::Findings;
use crate::engine::check::mending::Mending;
use crate::engine::check::progress::Progress;
use crate::engine::check::{self, feeds};
use crate::engine::records::channels::{self, Channel, Kind};
use crate::engine::records::feeds::Feed;
use crate::engine::records::messages::{Message, Pointer};
use crate::engine::records::parked::Parked;
use crate::engine::records::{self, devices, edits, own_records, repeats};
use crate::engine::{EngineError, Me, tables};
use crate::store::{Key, Table, Tx};

/// Messages or entries looked at in one transaction.
const PART: usize = 200;

/// Makes messages found again, and lets entries without theirs wait for their key.
pub(super) fn mend<R: CryptoRng + ?Sized>(
    mending: &mut Mending<'_, R>,
    me: &Me,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    for table in [[Key::table(Table::Message)].as_slice(), &tables::all_edits()].concat() {
        forget_all(mending, &table)?;
    }
    let mut done = 0;
    for mut channel in channels::every(&mending.tx())? {
        let mut after = tables::messages(channel.no);
        let (mut newest, mut unread) = (None, 0u32);
        loop {
            let part = mending.tx().scan::<Message>(&tables::messages(channel.no), Some(&after), PART, false)?;
            let ended = part.len() < PART;
            after = part.last().map_or(after, |(key, _)| key.clone());
            done += u64::try_from(part.len()).unwrap_or(0);
            mending.step(|tx, _| {
                for (key, message) in part {
                    if !place(tx, &channel, &key, &message)? {
                        continue;
                    }
                    if message.is_shown() {
                        newest = newest.max(Some(message.place));
                        unread += u32::from(records::messages::is_unread(&channel, &message));
                    }
                }
                Ok(())
            })?;
            progress("messages", done, 0);
            if ended {
                break;
            }
        }
        let unread = if channel.open { unread } else { channel.unread };
        mending.step(|tx, _| {
            (channel.newest, channel.unread, channel.ends) = (newest, unread, None);
            Ok(tx.put(&tables::channel(channel.no), &channel)?)
        })?;
    }
    forget_waiting(mending)?;
    wait(mending, me, progress)
}

fn forget_all<R: CryptoRng + ?Sized>(mending: &mut Mending<'_, R>, table: &Key) -> Result<(), EngineError> {
    loop {
        let keys = mending.tx().keys_after(table, table, PART)?;
        if keys.is_empty() {
            return Ok(());
        }
        mending.step(|tx, _| {
            keys.iter().for_each(|key| tx.delete(key));
            Ok(())
        })?;
    }
}

/// Makes a message found by its id; drops it if its entry is another one. Whether it stays.
fn place(tx: &mut Tx<'_>, channel: &Channel, key: &Key, message: &Message) -> Result<bool, EngineError> {
    let place = &message.place;
    let feed = tables::feed(channel.no, place.author.as_bytes(), place.incarnation);
    let entry = match tx.get::<Feed>(&feed)? {
        Some(feed) => tx.get_raw(&tables::entry(feed.fid, place.seq))?,
        None => None,
    };
    let other = entry.is_some_and(|bytes| Entry::from_stored(&bytes).is_ok_and(|entry| entry.id() != message.id));
    if other || tx.stored_key(&tables::message(channel.no, place)) != tx.stored_key(key) {
        tx.delete(key);
        return Ok(false);
    }
    tx.put(&tables::message_place(&message.id), &Pointer(channel.no, *place))?;
    repeats::point(tx, channel.no, message)?;
    edits::point(tx, channel.no, None, message)?;
    if message.unseen {
        tx.put(&tables::late(channel.no, place), place)?;
    }
    Ok(true)
}

/// What waits for the key of an entry that is not there waits for nothing.
fn forget_waiting<R: CryptoRng + ?Sized>(mending: &mut Mending<'_, R>) -> Result<(), EngineError> {
    mending.step(|tx, _| {
        for (key, parked) in tx.scan_intact::<Parked>(&Key::table(Table::Parked), usize::MAX)? {
            if check::messages::content(tx, tables::feed_of_parked(&key), parked.seq)?.is_none() {
                tx.delete(&key);
            }
        }
        Ok(())
    })
}

/// Lets every entry that should be a message and is none wait for its key, unless it is not for this device to read [TRANSFER-4].
fn wait<R: CryptoRng + ?Sized>(
    mending: &mut Mending<'_, R>,
    me: &Me,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    let known = feeds::known(&mending.tx(), &mut Findings::default())?;
    let mut already = check::messages::waiting(&mending.tx())?;
    already.extend(check::messages::withheld(&mending.tx())?);
    let mut asked = 0;
    for (no, feed) in known.feeds.values() {
        let Some(channel) = channels::by_no(&mending.tx(), *no)?.filter(|channel| channel.open) else { continue };
        let Some(ask) = whom(&mending.tx(), me, &channel, feed)? else { continue };
        let last = feed.head.map_or(0, |head| head.seq);
        let mut seq = 1;
        while seq <= last {
            let end = last.min(seq + u64::try_from(PART).unwrap_or(1) - 1);
            asked += mending.step(|tx, _| {
                let mut asked = 0;
                for seq in (seq..=end).filter(|seq| !already.contains(&(feed.fid, *seq))) {
                    let Some(entry) = check::messages::content(tx, feed.fid, seq)? else { continue };
                    // What our devices tell each other is no message.
                    let is_here = match channel.kind() {
                        Kind::Own => own_records::content_key(tx, feed.fid, seq)?.is_some(),
                        Kind::Direct(_) | Kind::Group(_) => {
                            tx.contains(&tables::message(channel.no, &entry.order()))?
                        }
                    };
                    if !is_here {
                        let parked = Parked { of: Some(ask), ..Parked::new(channel.id, feed.key, seq) };
                        tx.put(&tables::parked(&ask, feed.fid, seq), &parked)?;
                        asked += 1;
                    }
                }
                Ok(asked)
            })?;
            seq = end + 1;
            progress("messages", seq, last);
        }
    }
    if asked > 0 {
        mending.told.returning.push(format!("the keys of {asked} entries are asked for again"));
    }
    Ok(())
}

/// Who has the keys of a feed: its author, and for our own the contact; in a group whoever is found.
fn whom(tx: &Tx<'_>, me: &Me, channel: &Channel, feed: &Feed) -> Result<Option<DeviceId>, EngineError> {
    let author = DeviceId::from_bytes(*feed.key.author.as_bytes());
    if !me.is_this_device(&author) {
        return Ok(Some(author));
    }
    let Some(contact) = channel.contact() else { return Ok(Some(author)) };
    Ok(devices::devices(tx, &contact)?.first().map(|device| device.id))
}
