//! Numbers of the node that only grow.

use crate::store::{Key, StoreError, Table, Tx};

/// Single numbers of the node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counter {
    /// Newest journal event.
    Journal,
    /// Oldest journal event still kept.
    JournalStart,
    /// Local number given to the newest channel.
    Channel,
    /// Local number given to the newest feed.
    Feed,
    /// Sequence of our own card.
    Card,
    /// Number given to the newest parcel.
    Parcel,
    /// Newest entry of the audit log.
    Audit,
    /// Number given to the newest parcel that is kept for another account.
    Kept,
    /// Number given to the newest list of slots.
    Slots,
}

impl Counter {
    fn key(self) -> Key {
        Key::table(Table::Meta).raw(match self {
            Self::Journal => "journal",
            Self::JournalStart => "journal start",
            Self::Channel => "channel",
            Self::Feed => "feed",
            Self::Card => "card",
            Self::Parcel => "parcel",
            Self::Audit => "audit",
            Self::Kept => "kept parcel",
            Self::Slots => "slots",
        })
    }

    /// Its value; 0 if it was never set.
    pub(super) fn get(self, tx: &Tx<'_>) -> Result<u64, StoreError> {
        Ok(tx.load(&self.key())?.unwrap_or(0))
    }

    /// Sets it.
    pub(super) fn set(self, tx: &mut Tx<'_>, value: u64) -> Result<(), StoreError> {
        tx.save(&self.key(), &value);
        Ok(())
    }

    /// Adds one and returns the new value.
    pub(super) fn next(self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let next = self.get(tx)? + 1;
        self.set(tx, next)?;
        Ok(next)
    }
}
