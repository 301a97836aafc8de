//! Feeds up to their first gap.

use std::collections::BTreeSet;

use covey_feed::{Entry, FeedKey};
use covey_pairing::ids::{AccountId, DeviceId};
use rand_core::CryptoRng;

use crate::engine::check::feeds::{self, Chain};
use crate::engine::check::findings::Findings;
use crate::engine::check::mending::{Mending, Rebuilt};
use crate::engine::check::progress::Progress;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::conversations;
use crate::engine::records::devices;
use crate::engine::records::feeds::Feed;
use crate::engine::{EngineError, Me, tables};
use crate::store::{Key, Table, Tx};

/// Entries dropped in one transaction.
const PART: usize = 500;

/// Ends every feed before its first gap, after an entry that is signed.
pub(super) fn mend<R: CryptoRng + ?Sized>(
    mending: &mut Mending<'_, R>,
    me: &Me,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    mending.step(drop_homeless)?;
    let headless = mending.step(|tx, _| behead(tx, me))?;
    for fid in headless {
        drop_entries(mending, fid, 0)?;
        mending.told.lost.push("entries of a feed that nobody is known to have written".to_owned());
    }
    let known = feeds::known(&mending.tx(), &mut Findings::default())?;
    for (done, (no, feed)) in known.feeds.values().enumerate() {
        let Some(channel) = channels::by_no(&mending.tx(), *no)? else { continue };
        let chain = feeds::walk(&mending.tx(), &channel, feed, |_| {})?;
        end(mending, me, &channel, feed, &chain)?;
        progress("feeds", u64::try_from(done).unwrap_or(0), u64::try_from(known.feeds.len()).unwrap_or(0));
    }
    Ok(())
}

/// Feeds of channels that there are not go, and those whose entries are counted by another.
fn drop_homeless(tx: &mut Tx<'_>, told: &mut Rebuilt) -> Result<(), EngineError> {
    let mut kept = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for channel in channels::every(tx)? {
        for (key, feed) in tx.scan_intact::<Feed>(&tables::feeds(channel.no), usize::MAX)? {
            let right = tables::feed(channel.no, feed.key.author.as_bytes(), feed.key.incarnation);
            if tx.stored_key(&right) == tx.stored_key(&key) && numbers.insert(feed.fid) {
                kept.insert(tx.stored_key(&key));
            }
        }
    }
    for key in tx.keys(&Key::table(Table::Head))? {
        if !kept.contains(&tx.stored_key(&key)) {
            told.lost.push("a feed of a conversation that nobody is known to be in".to_owned());
            tx.delete(&key);
        }
    }
    Ok(())
}

/// Makes the records of feeds anew of which there are only entries. Yields those of which it cannot.
fn behead(tx: &mut Tx<'_>, me: &Me) -> Result<Vec<u64>, EngineError> {
    let known = feeds::known(tx, &mut Findings::default())?;
    let mut homeless = Vec::new();
    for fid in feeds::fids(tx)?.into_iter().filter(|fid| !known.feeds.contains_key(fid)) {
        let first = tx.keys_after(&tables::entries(fid), &tables::entry(fid, 0), 1)?.pop();
        let bytes = first.map(|key| tx.get_raw(&key)).transpose()?.flatten().unwrap_or_default();
        let home = match Entry::from_stored(&bytes) {
            Ok(entry) => home_of(tx, me, &entry)?,
            Err(_) => None,
        };
        let Some((channel, account, key)) = home else {
            homeless.push(fid);
            continue;
        };
        let place = tables::feed(channel.no, key.author.as_bytes(), key.incarnation);
        if tx.contains(&place)? {
            homeless.push(fid);
        } else {
            tx.put(&place, &Feed { fid, key, account, head: None, frozen: tx.contains(&tables::fork_proof(fid))? })?;
        }
    }
    Ok(homeless)
}

/// The channel that an entry belongs to, and whose it is.
fn home_of(tx: &Tx<'_>, me: &Me, entry: &Entry) -> Result<Option<(Channel, AccountId, FeedKey)>, EngineError> {
    let feed = entry.header().feed;
    let Some(channel) = channels::by_id(tx, &feed.channel)? else { return Ok(None) };
    let device = DeviceId::from_bytes(*feed.author.as_bytes());
    let account = if me.is_this_device(&device) || (!channel.is_group() && me.is_own_other(&device)) {
        me.account_id()
    } else if let Some(contact) = channel.contact()
        && devices::device(tx, &contact, &device)?.is_some()
    {
        contact
    } else {
        return Ok(None);
    };
    Ok(Some((channel, account, feed.key())))
}

/// Lets a feed end with the last signed entry that is reached, and says what comes after it.
fn end<R: CryptoRng + ?Sized>(
    mending: &mut Mending<'_, R>,
    me: &Me,
    channel: &Channel,
    feed: &Feed,
    chain: &Chain,
) -> Result<(), EngineError> {
    let head = chain.signed;
    let (last, was) = (head.map_or(0, |head| head.seq), feed.head.map_or(0, |head| head.seq));
    drop_entries(mending, feed.fid, last)?;
    if head != feed.head {
        let place = tables::feed(channel.no, feed.key.author.as_bytes(), feed.key.incarnation);
        mending.step(|tx, _| Ok(tx.put(&place, &Feed { head, ..feed.clone() })?))?;
    }
    let most = was.max(chain.seq() + chain.beyond);
    if most > last {
        let name = conversations::name(&mending.tx(), channel)?;
        let with = if channel.is_group() { format!("the members of {name}") } else { name };
        let range = if most == last + 1 { format!("entry {most}") } else { format!("entries {} to {most}", last + 1) };
        let own = feed.key.author.as_bytes() == me.device_id().as_bytes();
        let (range, told) = (range, &mut mending.told);
        match (channel.open, own) {
            (true, false) => told.returning.push(format!("{range} that {with} wrote are fetched from them again")),
            (true, true) => told.returning.push(format!("{range} of ours with {with}, as far as they got them")),
            (false, _) => told.lost.push(format!("{range} of the conversation with {with}, which has ended")),
        }
    }
    Ok(())
}

/// Drops the entries of a feed after `last`.
fn drop_entries<R: CryptoRng + ?Sized>(mending: &mut Mending<'_, R>, fid: u64, last: u64) -> Result<(), EngineError> {
    loop {
        let keys = mending.tx().keys_after(&tables::entries(fid), &tables::entry(fid, last), PART)?;
        if keys.is_empty() {
            return Ok(());
        }
        mending.step(|tx, _| {
            keys.iter().for_each(|key| tx.delete(key));
            Ok(())
        })?;
    }
}
