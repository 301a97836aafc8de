//! Groups: what the entries of their feeds say is on the roster, and nothing is missing there.

use std::collections::BTreeSet;

use covey_feed::{Entry, Kind};
use covey_pairing::ids::AccountId;
use rand_core::CryptoRng;

use crate::engine::check::findings::Findings;
use crate::engine::check::mending::Mending;
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::standing::{self, Standing, State};
use crate::engine::records::{feeds, operations};
use crate::engine::{EngineError, Me, tables};
use crate::store::{Key, Table, Tx};

/// Entries read at a time.
const PART: usize = 256;

/// Most accounts that are believed to be members of a group whose roster was lost.
const MAX_GUIDES: usize = 16;

/// Checks the rosters, and that each group that we are in has a channel.
pub(super) fn check(tx: &Tx<'_>, found: &mut Findings) -> Result<(), EngineError> {
    for (_, channel) in tx.scan::<Channel>(&tables::channels(), None, usize::MAX, false)? {
        let mut missing = 0;
        each_operation(tx, &channel, |entry| {
            missing += u32::from(!operations::is_kept(tx, &channel, entry)?);
            Ok(())
        })?;
        if missing > 0 {
            found.problem(format!("{missing} operations are missing on the roster of {}", channel.id.fmt_short()));
        }
    }
    for standing in standing::all(tx)? {
        let Some(no) = standing.no else { continue };
        if channels::by_no(tx, no)?.is_none_or(|channel| !channel.is_group()) {
            found.problem(format!("the channel of the group {} is missing", standing.id));
        }
    }
    Ok(())
}

/// Puts what the feeds say back on the rosters. Of whom we knew something in a group is believed to be a member until the
/// roster is here again, or nobody could give it back to its founder.
pub(super) fn mend<R: CryptoRng + ?Sized>(mending: &mut Mending<'_, R>, me: &Me) -> Result<(), EngineError> {
    mending.step(|tx, _| {
        let owners = tx.scan_intact::<DeviceRef>(&Key::table(Table::Peer), usize::MAX)?;
        let owners: Vec<DeviceRef> = owners.into_iter().map(|(_, owner)| owner).collect();
        for standing in standing::all(tx)?.into_iter().filter(|standing| standing.state == State::Joined) {
            let guides = guides(tx, me, &owners, &standing)?;
            tx.put(&tables::group(standing.id.as_bytes()), &Standing { guides, ..standing })?;
        }
        Ok(())
    })?;
    for channel in channels::every(&mending.tx())? {
        let mut entries = Vec::new();
        each_operation(&mending.tx(), &channel, |entry| {
            entries.push(entry.clone());
            Ok(())
        })?;
        for part in entries.chunks(PART) {
            mending.step(|tx, _| {
                for entry in part {
                    operations::mend(tx, &channel, entry)?;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Those who let us in, who wrote, and with whom there are sessions.
fn guides(tx: &Tx<'_>, me: &Me, owners: &[DeviceRef], standing: &Standing) -> Result<Vec<AccountId>, EngineError> {
    let mut guides = standing.guides.clone();
    let Some(no) = standing.no else { return Ok(guides) };
    guides.extend(feeds::all(tx, no)?.iter().map(|feed| feed.account));
    for owner in owners {
        guides.extend(tx.contains(&tables::group_session(no, &owner.device))?.then_some(owner.account));
    }
    let mut seen = BTreeSet::from([me.account_id()]);
    guides.retain(|account| seen.insert(*account));
    guides.truncate(MAX_GUIDES);
    Ok(guides)
}

fn each_operation(
    tx: &Tx<'_>,
    channel: &Channel,
    mut take: impl FnMut(&Entry) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    if !channel.is_group() {
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
