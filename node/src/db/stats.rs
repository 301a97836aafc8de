//! What is in a database, and how much room it takes.

use std::collections::BTreeMap;

use crate::{
    daemon::Options,
    store::{DurableStore, Table},
};

use super::{DbError, Progress, aside::bytes_in, compact::each_part, errors::at, hold::Held};

/// How much is in a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// By table, largest first.
    pub tables: Vec<TableStats>,
    /// Records of all tables.
    pub rows: u64,
    /// Bytes of their keys.
    pub key_bytes: u64,
    /// Bytes of their values, sealed.
    pub value_bytes: u64,
    /// Bytes of the files of the database. What is not in records is space that it uses again later.
    pub file_bytes: u64,
}

/// How much is in a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct TableStats {
    /// Its number, the first byte of the keys.
    pub number: u8,
    /// Its name.
    pub table: String,
    /// Records.
    pub rows: u64,
    /// Bytes of their keys.
    pub key_bytes: u64,
    /// Bytes of their values, sealed.
    pub value_bytes: u64,
}

/// Counts what is in the database of a data directory that no daemon has.
///
/// # Errors
/// [`DbError`]; a damaged one is to be repaired first.
pub fn stats(options: &Options, progress: Progress<'_>) -> Result<Stats, DbError> {
    let held = Held::take(options)?;
    let (mut store, _) = DurableStore::open(&held.places, held.disk)?;
    let rows = store.database().rows();
    // What is missing would be counted as nothing.
    store.scrub_all(|done| progress("rows", done, rows))?;
    let mut tables: BTreeMap<u8, TableStats> = BTreeMap::new();
    let mut stats = Stats::default();
    each_part(&store, |part| {
        for (key, value) in part {
            let number = key.first().copied().unwrap_or(0);
            let table = tables.entry(number).or_insert_with(|| TableStats {
                number,
                table: Table::of_byte(number).map_or_else(|| format!("{number:#04x}"), |table| format!("{table:?}")),
                ..TableStats::default()
            });
            let (key, value) = (length(&key), length(&value));
            (table.rows, stats.rows) = (table.rows + 1, stats.rows + 1);
            (table.key_bytes, stats.key_bytes) = (table.key_bytes + key, stats.key_bytes + key);
            (table.value_bytes, stats.value_bytes) = (table.value_bytes + value, stats.value_bytes + value);
        }
        progress("records", stats.rows, rows);
        Ok(())
    })?;
    stats.tables = tables.into_values().collect();
    stats.tables.sort_by_key(|table| std::cmp::Reverse(table.key_bytes + table.value_bytes));
    drop(store);
    stats.file_bytes = bytes_in(&held.places.database).map_err(at(&held.places.database))?;
    Ok(stats)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
