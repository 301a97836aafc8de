//! Messages: where they stand, how they are found, and the entries they were.

use std::collections::BTreeSet;

use covey_feed::{Entry, Kind};

use crate::engine::check::feeds::Known;
use crate::engine::check::findings::Findings;
use crate::engine::check::progress::Progress;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::feeds::Feed;
use crate::engine::records::messages::{Message, Pointer};
use crate::engine::records::transfer::Awaited;
use crate::engine::records::{edits, repeats};
use crate::engine::said;
use crate::engine::wire::payload;
use crate::engine::{EngineError, tables};
use crate::store::{Key, Table, Tx};

const ALL: usize = usize::MAX;

/// Messages read at a time.
const PART: usize = 128;

/// Checks all of them.
pub(super) fn check(
    tx: &Tx<'_>,
    known: &Known,
    found: &mut Findings,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    let (mut early, mut all, mut again) = (0, 0, 0);
    for (_, channel) in tx.scan::<Channel>(&tables::channels(), None, ALL, false)? {
        let mut after = tables::messages(channel.no);
        loop {
            let part = tx.scan::<Message>(&tables::messages(channel.no), Some(&after), PART, false)?;
            let ended = part.len() < PART;
            for (key, message) in part {
                all += 1;
                again += u64::from(repeats::is_pointed_at(tx, channel.no, &message)?);
                found.messages += u64::from(message.body.kind == payload::kind::TEXT);
                match standing(tx, &channel, &key, &message)? {
                    Standing::Whole => {}
                    Standing::Early => early += 1,
                    Standing::Wrong(why) => {
                        let id = data_encoding::HEXLOWER.encode(&message.id.as_bytes()[..8]);
                        found.problem(format!("the message {id} {why}"));
                    }
                }
                after = key;
            }
            progress("messages", all, 0);
            if ended {
                break;
            }
        }
        newest(tx, &channel, found)?;
    }
    if early > 0 {
        found.note(format!("{early} messages are here whose entries still have to come back from contacts"));
    }
    let pointers = count(tx, &Key::table(Table::Message))?;
    if pointers != all + again {
        found.problem(format!("{all} messages, {pointers} places they are found at"));
    }
    unread(tx, known, found)
}

/// How many records there are, without having all of them in memory.
fn count(tx: &Tx<'_>, table: &Key) -> Result<u64, EngineError> {
    let (mut after, mut count) = (table.clone(), 0);
    loop {
        let part = tx.keys_after(table, &after, PART)?;
        count += u64::try_from(part.len()).unwrap_or(0);
        match part.into_iter().last() {
            Some(last) => after = last,
            None => return Ok(count),
        }
    }
}

/// What a message is to its entry.
enum Standing {
    Whole,
    /// The entry is not there yet.
    Early,
    Wrong(&'static str),
}

fn standing(tx: &Tx<'_>, channel: &Channel, key: &Key, message: &Message) -> Result<Standing, EngineError> {
    let place = &message.place;
    if tx.stored_key(&tables::message(channel.no, place)) != tx.stored_key(key) {
        return Ok(Standing::Wrong("is in the wrong place"));
    }
    match tx.get::<Pointer>(&tables::message_place(&message.id))? {
        Some(Pointer(no, at)) if no == channel.no && at == *place => {}
        _ => return Ok(Standing::Wrong("is not found by its id")),
    }
    // What an older covey took for an unknown kind is listed in the background after the start.
    if !edits::is_listed(tx, channel.no, message)? && said::edits::is_looked_through(tx)? {
        return Ok(Standing::Wrong("is an edit that is not found by what it changes"));
    }
    let feed = tables::feed(channel.no, place.author.as_bytes(), place.incarnation);
    let Some(feed) = tx.get::<Feed>(&feed)? else { return Ok(Standing::Early) };
    if feed.head.is_none_or(|head| head.seq < place.seq) {
        return Ok(Standing::Early);
    }
    let bytes = tx.get_raw(&tables::entry(feed.fid, place.seq))?.unwrap_or_default();
    let same = Entry::from_stored(&bytes).is_ok_and(|entry| entry.id() == message.id && entry.order() == *place);
    Ok(if same { Standing::Whole } else { Standing::Wrong("is not the one of its entry") })
}

/// The channel's newest message is there.
fn newest(tx: &Tx<'_>, channel: &Channel, found: &mut Findings) -> Result<(), EngineError> {
    if let Some(newest) = &channel.newest
        && !tx.contains(&tables::message(channel.no, newest))?
    {
        found.problem(format!("the newest message of the channel {} is missing", channel.id.fmt_short()));
    }
    Ok(())
}

/// Entries that should be readable and neither are nor wait for their key. A contact may have written what nobody can
/// read: remarkable, but nothing is lost then.
fn unread(tx: &Tx<'_>, known: &Known, found: &mut Findings) -> Result<(), EngineError> {
    let (waiting, withheld) = (waiting(tx)?, withheld(tx)?);
    let (mut unreadable, mut older) = (0, 0);
    // What our own devices tell each other are no messages.
    let own = channels::every(tx)?.into_iter().filter(|channel| channel.kind() == channels::Kind::Own);
    let own: BTreeSet<u64> = own.map(|channel| channel.no).collect();
    for (no, feed) in known.feeds.values().filter(|(no, _)| !own.contains(no)) {
        for seq in 1..=feed.head.map_or(0, |head| head.seq) {
            let Some(entry) = content(tx, feed.fid, seq)? else { continue };
            let there = tx.contains(&tables::message(*no, &entry.order()))?;
            if there || waiting.contains(&(feed.fid, seq)) {
                continue;
            }
            let of = if withheld.contains(&(feed.fid, seq)) { &mut older } else { &mut unreadable };
            *of += 1;
        }
    }
    if unreadable > 0 {
        found.note(format!("{unreadable} entries hold nothing that can be read"));
    }
    if older > 0 {
        found.note(format!("{older} entries are older than what this device was given when it was linked, or deleted"));
    }
    Ok(())
}

/// The entry, if it holds a message.
pub(super) fn content(tx: &Tx<'_>, fid: u64, seq: u64) -> Result<Option<Entry>, EngineError> {
    let bytes = tx.get_raw(&tables::entry(fid, seq))?.unwrap_or_default();
    Ok(Entry::from_stored(&bytes).ok().filter(|entry| entry.header().kind == Kind::Content))
}

/// Entries: local number of the feed, and position.
pub(super) type Entries = BTreeSet<(u64, u64)>;

/// Entries that wait for their key.
pub(super) fn waiting(tx: &Tx<'_>) -> Result<Entries, EngineError> {
    let parked = tx.keys(&tables::all_parked())?;
    let parked = parked.iter().map(|key| (tables::feed_of_parked(key), key.tail_u64()));
    Ok(parked.chain(noted(tx, &tables::all_awaited())?).collect())
}

/// Entries whose keys are not for this device.
pub(super) fn withheld(tx: &Tx<'_>) -> Result<Entries, EngineError> {
    noted(tx, &tables::all_withheld())
}

fn noted(tx: &Tx<'_>, table: &Key) -> Result<Entries, EngineError> {
    let of_feeds = tx.scan_intact::<Awaited>(table, usize::MAX)?;
    let all = of_feeds.iter().flat_map(|(key, of_feed)| of_feed.iter().map(|seq| (key.tail_u64(), seq)));
    Ok(all.collect())
}
