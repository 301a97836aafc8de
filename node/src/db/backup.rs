//! Copying a database to a file.

use std::{io::BufWriter, path::Path};

use crate::{
    daemon::Options,
    files, runtime,
    store::{DurableStore, Span, Store},
    vault::{Protection, VaultFiles},
};

use super::{
    DbError, Progress,
    archive::{Header, Writer},
    errors::at,
    hold::Held,
};

/// Records read at a time.
const PART: usize = 256;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BackedUp {
    /// Records copied.
    pub records: u64,
    /// To open it takes the key file of the data directory, which is not in it. Otherwise the passphrase.
    pub needs_key_file: bool,
}

/// Copies the database of a data directory that no daemon has to the new file `to`, sealed as it is.
///
/// # Errors
/// [`DbError`]; there is no such file then.
pub fn backup(options: &Options, to: &Path, progress: Progress<'_>) -> Result<BackedUp, DbError> {
    let held = Held::take(options)?;
    if to.exists() {
        return Err(DbError::Exists { path: to.to_owned() });
    }
    let files = VaultFiles::new(options.paths.data_dir());
    let needs_key_file = files.protection().map_err(|e| DbError::Start(e.into()))? == Protection::KeyFile;
    let (mut store, _) = DurableStore::open(&held.places, held.disk)?;
    let rows = store.database().rows();
    store.scrub_all(|done| progress("rows", done, rows))?;
    let header = Header::new(files.header_text()?, store.database().commit(), runtime::now());
    let file = files::private_beside(to).map_err(at(to))?;
    let mut writer = Writer::begin(BufWriter::new(file.as_file()), &header).map_err(at(to))?;
    let (mut span, mut records) = (Span::all(), 0);
    loop {
        let part = store.scan(&span, PART, false)?;
        for row in &part {
            writer.record(row).map_err(at(to))?;
        }
        records += u64::try_from(part.len()).unwrap_or(0);
        progress("records", records, rows);
        match part.last() {
            Some((last, _)) if part.len() == PART => span.from = [last.as_slice(), &[0]].concat(),
            _ => break,
        }
    }
    writer.end().map_err(at(to))?;
    files::put_in_new_place(file, to).map_err(at(to))?;
    Ok(BackedUp { records, needs_key_file })
}
