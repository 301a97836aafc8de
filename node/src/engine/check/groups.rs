//! Groups: what the entries of their feeds say is on the roster, and nothing is missing there.

use covey_feed::{Entry, Kind};
use rand_core::CryptoRng;

use super::super::channels::{self, Channel};
use super::super::group::{standing, stored};
use super::super::{feeds, tables};
use super::findings::Findings;
use super::rebuild::Mending;
use crate::engine::EngineError;
use crate::store::Tx;

/// Entries read at a time.
const PART: usize = 256;

/// Checks the rosters, and that each group that we are in has a channel.
pub(super) fn check(tx: &Tx<'_>, found: &mut Findings) -> Result<(), EngineError> {
    for (_, channel) in tx.scan::<Channel>(&tables::channels(), None, usize::MAX, false)? {
        let mut missing = 0;
        each_operation(tx, &channel, |entry| {
            missing += u32::from(!stored::is_kept(tx, &channel, entry)?);
            Ok(())
        })?;
        if missing > 0 {
            found.problem(format!("{missing} operations are missing on the roster of {}", channel.id.fmt_short()));
        }
    }
    for standing in standing::all(tx)? {
        let Some(no) = standing.no else { continue };
        if channels::by_no(tx, no)?.is_none_or(|channel| channel.contact.is_some()) {
            found.problem(format!("the channel of the group {} is missing", standing.id));
        }
    }
    Ok(())
}

/// Puts what the feeds say back on the rosters.
pub(super) fn mend<R: CryptoRng + ?Sized>(mending: &mut Mending<'_, R>) -> Result<(), EngineError> {
    for channel in channels::all(&mending.tx())? {
        let mut entries = Vec::new();
        each_operation(&mending.tx(), &channel, |entry| {
            entries.push(entry.clone());
            Ok(())
        })?;
        for part in entries.chunks(PART) {
            mending.step(|tx, _| {
                for entry in part {
                    stored::mend(tx, &channel, entry)?;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

fn each_operation(
    tx: &Tx<'_>,
    channel: &Channel,
    mut take: impl FnMut(&Entry) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    if channel.contact.is_some() {
        return Ok(());
    }
    for feed in feeds::all(tx, channel.no)? {
        for seq in 1..=feed.head.map_or(0, |head| head.seq) {
            // Damage is told where feeds are looked at.
            let Ok(Some(entry)) = feeds::entry(tx, feed.fid, seq) else { continue };
            if entry.header().kind == Kind::Control {
                take(&entry)?;
            }
        }
    }
    Ok(())
}
