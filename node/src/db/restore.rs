//! Putting a copy of a database back.

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
};

use crate::{
    daemon::Options,
    files,
    lock::InstanceLock,
    store::{Batch, DiskOptions, Marks, MarksFile, SledStore, Store},
    vault::{Protection, Vault, VaultError, VaultFiles},
};

use super::{
    DbError, Progress,
    archive::{ArchiveError, Reader},
    errors::{at, sync_dir},
    places,
};

/// Records written in one transaction.
const PART: usize = 500;

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// Records put back.
    pub records: u64,
    /// When the copy was made, Unix milliseconds.
    pub made_at: u64,
}

/// Puts the backup `from` into a data directory without a node. `key_file`: the key file that the vault was locked with,
/// unless it lies in the directory already or a passphrase opens it. Every record is checked before anything is in its
/// place. The first start begins anew where the original may have gone on.
///
/// # Errors
/// [`DbError`]; there is no node in the directory then.
pub fn restore(
    options: &Options,
    from: &Path,
    key_file: Option<&Path>,
    progress: Progress<'_>,
) -> Result<Restored, DbError> {
    let dir = options.paths.data_dir();
    let _lock = InstanceLock::acquire(dir)?;
    let places = places(&options.paths);
    let vault_files = VaultFiles::new(dir);
    if places.database.exists() || vault_files.exist() {
        return Err(DbError::NotEmpty { dir: dir.to_owned() });
    }
    let wrong = |why: &ArchiveError| DbError::NoBackup { path: from.to_owned(), why: why.to_string() };
    let file = File::open(from).map_err(at(from))?;
    let total = file.metadata().map_err(at(from))?.len();
    let mut reader = Reader::begin(BufReader::new(file)).map_err(|e| wrong(&e))?;

    // Everything is made here first, and gone if it does not come to its end.
    let aside = tempfile::Builder::new().prefix(".restore-").tempdir_in(dir).map_err(at(dir))?;
    let made = VaultFiles::new(aside.path());
    files::create_private(&aside.path().join("vault.json"), reader.header.vault.as_bytes()).map_err(at(from))?;
    let key = dir.join("vault.key");
    let given = key_file.unwrap_or(key.as_path());
    if given.exists() || key_file.is_some() {
        let bytes = zeroize::Zeroizing::new(fs::read(given).map_err(at(given))?);
        files::create_private(&aside.path().join("vault.key"), &bytes).map_err(at(dir))?;
    }
    if made.protection()? == Protection::KeyFile && !aside.path().join("vault.key").exists() {
        return Err(DbError::KeyNeeded { path: from.to_owned(), key });
    }
    // Where the vault is for now says nothing to whoever restores it.
    let vault = made.open(options.passphrase.as_ref()).map_err(|error| match error {
        VaultError::PassphraseNeeded { .. } => VaultError::PassphraseNeeded { path: from.to_owned() },
        VaultError::WrongPassphrase { .. } => VaultError::WrongPassphrase { path: from.to_owned() },
        VaultError::WrongKeyFile { .. } => VaultError::WrongKeyFile { path: given.to_owned() },
        VaultError::KeyFileMalformed { .. } => VaultError::KeyFileMalformed { path: given.to_owned() },
        other => other,
    })?;
    let disk = DiskOptions { cache_bytes: options.config.storage.cache_bytes() };
    let database = aside.path().join("db");
    let mut store = SledStore::open(&database, disk)?;
    store.skip_to(reader.header.commit);
    let mut records = 0;
    while let Some(part) = part(&mut reader).map_err(|e| wrong(&e))? {
        records += u64::try_from(part.len()).unwrap_or(0);
        progress("records", store.rows(), total / 500);
        if !authentic(&vault, &part) {
            return Err(DbError::NoBackup {
                path: from.to_owned(),
                why: "its records do not open with this key".to_owned(),
            });
        }
        store.apply(part)?;
    }
    store.flush()?;
    drop(store);

    let marks = Marks { commit: reader.header.commit, suspect: true, ..Marks::default() };
    drop(MarksFile::begin(&places.marks, marks).map_err(at(&places.marks))?);
    for name in ["vault.key", "vault.json", "db"] {
        let (here, there) = (aside.path().join(name), dir.join(name));
        if here.exists() && !(name == "vault.key" && there.exists()) {
            fs::rename(&here, &there).map_err(at(&there))?;
        }
    }
    files::write_private(&options.paths.initialised_file(), b"").map_err(at(dir))?;
    sync_dir(dir)?;
    Ok(Restored { records, made_at: reader.header.made_at })
}

/// The next records; `None` at the end.
fn part(reader: &mut Reader<BufReader<File>>) -> Result<Option<Batch>, ArchiveError> {
    let mut batch = Batch::new();
    while batch.len() < PART {
        match reader.record()? {
            Some((key, value)) => batch.put(key, value),
            None => break,
        }
    }
    Ok((!batch.is_empty()).then_some(batch))
}

fn authentic(vault: &Vault, batch: &Batch) -> bool {
    batch.ops().iter().all(|op| match op {
        crate::store::Op::Put(key, value) => vault.open(key, value).is_ok(),
        crate::store::Op::Delete(_) => false,
    })
}
