//! What the engine has for `/metrics`: numbers only.

use covey_api::{ApiError, Counts};

use crate::engine::counters::Counter;
use crate::engine::live::tally::Tally;
use crate::engine::outbound::custody;
use crate::engine::records::mailboxes::{self, Stands};
use crate::engine::records::{channels, keeping};
use crate::engine::rpc::node;
use crate::engine::shown::delivery;
use crate::engine::{Cx, journal, tables};

/// The engine in numbers.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    /// Since the start.
    pub tally: Tally,
    /// Contacts and invites.
    pub counts: Counts,
    /// Conversations of two, and groups.
    pub channels: [usize; 2],
    /// Messages of ours in conversations of two that wait for the other side.
    pub queued: u64,
    /// When the oldest of them was written, Unix milliseconds.
    pub oldest: Option<u64>,
    /// Entries that wait for their key.
    pub parked: usize,
    /// Parcels of ours that were not acknowledged.
    pub parcels: usize,
    /// Parcels kept for members of groups who are away, and their bytes.
    pub kept: (u64, u64),
    /// Keepers of ours that keep mail, that did not answer lately, and all others.
    pub keepers: [usize; 3],
    /// Accounts whose mail is kept here.
    pub owners: usize,
    /// Their parcels, and the bytes of these.
    pub held: (u64, u64),
    /// Events in the journal, and their bytes as stored.
    pub journal: (u64, u64),
}

/// The numbers now.
///
/// # Errors
/// Those of the store.
pub fn numbers(cx: &mut Cx<'_, '_>) -> Result<Numbers, ApiError> {
    let counts = node::counts(cx)?;
    let mut numbers = Numbers { counts, ..Numbers::default() };
    for channel in channels::all(cx.tx)? {
        numbers.channels[usize::from(channel.is_group())] += 1;
        if channel.open && !channel.is_group() {
            let (queued, oldest) = delivery::waiting(cx, &channel)?;
            numbers.queued += queued;
            numbers.oldest = numbers.oldest.into_iter().chain(oldest).min();
        }
    }
    numbers.parked = cx.tx.keys(&tables::all_parked())?.len();
    numbers.parcels = cx.tx.keys(&tables::all_parcels())?.len();
    let kept = custody::total(cx)?;
    numbers.kept = (kept.parcels, kept.bytes);
    let events = Counter::Journal.get(cx.tx)?.saturating_sub(Counter::JournalStart.get(cx.tx)?);
    numbers.journal = (events, journal::bytes(cx.tx)?);
    for mine in mailboxes::all_mine(cx.tx)? {
        let silent = cx.live.keepers.is_silent(mine.peer());
        numbers.keepers[if silent { 1 } else { usize::from(mine.stands != Stands::Keeps) * 2 }] += 1;
    }
    numbers.owners = keeping::owners(cx.tx)?.len();
    let held = keeping::total(cx.tx)?;
    numbers.held = (held.parcels, held.bytes);
    numbers.tally = cx.live.tally.clone();
    cx.live.tally.delays.clear();
    Ok(numbers)
}
