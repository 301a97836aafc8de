//! Makes the records that are left of a damaged database agree with each other again.
//!
//! Nothing that can be read is given up: a message stays even if the entry it was has to come back first. Feeds end
//! before their first gap, so that the synchronisation fetches the rest; entries without their message wait for their
//! key, so that the contact who has it is asked. What is lost is named.

use std::collections::BTreeMap;

use rand_core::CryptoRng;

use crate::engine::check::feeds::{self, Known};
use crate::engine::check::findings::Findings;
use crate::engine::check::mending::{Mending, Rebuilt};
use crate::engine::check::progress::Progress;
use crate::engine::check::{decode, floors, groups, indices, kept, mail, mend_feeds, mend_messages};
use crate::engine::counters::Counter;
use crate::engine::records::channels;
use crate::engine::records::people::{self, Contact};
use crate::engine::{EngineError, Me, journal, tables};
use crate::store::{Floors, Key, Row, Store, Table, Tx};
use crate::vault::Vault;

/// Rows read at a time.
const PART: usize = 256;

/// Mends what is in `store`, taking over the records that were `kept` apart. `None`: the account is not there.
pub(crate) fn rebuild(
    store: &mut dyn Store,
    vault: &Vault,
    rng: &mut (impl CryptoRng + ?Sized),
    kept: &[Row],
    floors: Floors,
    progress: Progress<'_>,
) -> Result<Option<Rebuilt>, EngineError> {
    let mut mending = Mending { store, vault, rng, told: Rebuilt::default() };
    drop_unusable(&mut mending, progress)?;
    mending.step(|tx, _| kept::take_kept(tx, kept))?;
    let Some(me) = Me::load(&mending.tx())? else { return Ok(None) };
    mending.step(people)?;
    mending.step(|tx, _| indices::rebuild(tx))?;
    mend_feeds::mend(&mut mending, &me, progress)?;
    groups::mend(&mut mending, &me)?;
    mend_messages::mend(&mut mending, &me, progress)?;
    mending.step(mail::mend)?;
    let known = feeds::known(&mending.tx(), &mut Findings::default())?;
    mending.step(|tx, _| counters(tx, &known, floors))?;
    mending.store.flush()?;
    Ok(Some(mending.told))
}

/// Records that do not authenticate, or are not what they should be, go.
fn drop_unusable<R: CryptoRng + ?Sized>(
    mending: &mut Mending<'_, R>,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    let (mut after, mut done) = (Vec::new(), 0);
    let mut dropped: BTreeMap<u8, u64> = BTreeMap::new();
    loop {
        let part = mending.tx().stored_rows(&after, PART)?;
        let ended = part.len() < PART;
        after = part.last().map_or(after, |(key, _)| key.clone());
        done += u64::try_from(part.len()).unwrap_or(0);
        mending.step(|tx, _| {
            for (key, sealed) in part {
                if decode::usable(tx, &key, sealed).is_err() {
                    *dropped.entry(key.first().copied().unwrap_or(0)).or_default() += 1;
                    tx.delete(&Key::stored(key));
                }
            }
            Ok(())
        })?;
        progress("records", done, 0);
        if ended {
            break;
        }
    }
    for (table, count) in dropped {
        mending.told.lost.push(format!("{count} records of table {table:#04x} could not be used"));
    }
    Ok(())
}

/// Everybody with whom there is a channel is a contact, if only one to invite again; invites lead to contacts.
fn people(tx: &mut Tx<'_>, told: &mut Rebuilt) -> Result<(), EngineError> {
    let channels = channels::every(tx)?;
    for mut channel in channels {
        let Some(account) = channel.contact() else { continue };
        if people::load(tx, &account)?.is_none() {
            let name = account.fmt_short();
            told.lost.push(format!("the pairing with {name}: invite them again; what you wrote each other is there"));
            let contact = Contact { channel: Some(channel.no), ..Contact::new(account, channel.active_at) };
            tx.put(&tables::contact(&account), &contact)?;
            let key = tables::channel(channel.no);
            channel.open = false;
            tx.put(&key, &channel)?;
        }
    }
    for (key, account) in tx.scan_intact(&Key::table(Table::Invite), usize::MAX)? {
        if people::load(tx, &account)?.is_none() {
            tx.delete(&key);
        }
    }
    Ok(())
}

/// No counter is behind what was counted with it, or what others know of.
fn counters(tx: &mut Tx<'_>, known: &Known, floors: Floors) -> Result<(), EngineError> {
    let channels = channels::every(tx)?;
    let channel = channels.iter().map(|channel| channel.no).max().unwrap_or(0);
    let parcel = tx.keys(&Key::table(Table::Outbox))?.iter().map(Key::tail_u64).max().unwrap_or(0);
    let journal = journal::newest_stored(tx)?;
    let audit = tx.keys_last(&tables::audit())?.map_or(0, |key| key.tail_u64());
    let mut least = |counter: Counter, value: u64| -> Result<(), EngineError> {
        if counter.get(tx)? < value { Ok(counter.set(tx, value)?) } else { Ok(()) }
    };
    least(Counter::Feed, known.newest())?;
    least(Counter::Channel, channel)?;
    // The lost ones may have been counted further; a few numbers are no loss.
    least(Counter::Parcel, parcel.saturating_add(1_000_000))?;
    least(Counter::Journal, journal)?;
    least(Counter::Audit, audit)?;
    floors::raise_floors(tx, floors)
}
