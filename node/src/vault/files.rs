//! The vault on disk: `vault.json` and, unless a passphrase is wanted at every start, `vault.key`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use covey_pairing::crypto::secret::Secret;
use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{
    Passphrase, Vault, VaultError,
    header::{Header, Slot, Work},
};
use crate::files::{self, Exposed};

/// Most bytes of a header that are read.
const HEADER_MAX: u64 = 64 << 10;

/// What a vault needs to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nothing but the key file beside it: the node starts unattended.
    KeyFile,
    /// A passphrase at every start.
    Passphrase,
}

/// Where a vault is. The caller holds the instance lock of the directory.
#[derive(Debug, Clone)]
pub struct VaultFiles {
    header: PathBuf,
    key: PathBuf,
}

impl VaultFiles {
    /// The vault in `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { header: dir.join("vault.json"), key: dir.join("vault.key") }
    }

    /// True if there is a vault.
    pub fn exist(&self) -> bool {
        self.header.exists()
    }

    /// The text of the header, to be kept with a copy of the records.
    ///
    /// # Errors
    /// [`VaultError::Header`], [`VaultError::HeaderMissing`], [`VaultError::Io`].
    pub fn header_text(&self) -> Result<String, VaultError> {
        String::from_utf8(self.read_header()?.to_bytes()).map_err(|error| self.bad_header(error.to_string()))
    }

    /// What opening takes.
    ///
    /// # Errors
    /// [`VaultError::Header`], [`VaultError::Io`].
    pub fn protection(&self) -> Result<Protection, VaultError> {
        let by_key = |slot: &Slot| matches!(slot, Slot::KeyFile { .. });
        let header = self.read_header()?;
        Ok(if header.slots().iter().any(by_key) { Protection::KeyFile } else { Protection::Passphrase })
    }

    /// Opens the vault, or makes one on first start: locked by `passphrase` if there is one, else by a key file.
    ///
    /// # Errors
    /// [`VaultError::HeaderMissing`] if there is no vault but `has_database` says that there are records; otherwise
    /// as [`VaultFiles::open`] and [`VaultFiles::create`].
    pub fn open_or_create(
        &self,
        passphrase: Option<&Passphrase>,
        has_database: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vault, VaultError> {
        if self.exist() {
            return self.open_and_renew(passphrase, rng);
        }
        if has_database {
            return Err(VaultError::HeaderMissing { path: self.header.clone() });
        }
        self.create(passphrase, rng)
    }

    /// Makes a vault with a fresh data key.
    ///
    /// # Errors
    /// [`VaultError::Exists`], [`VaultError::Io`].
    pub fn create(
        &self,
        passphrase: Option<&Passphrase>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vault, VaultError> {
        if self.exist() {
            return Err(VaultError::Exists { path: self.header.clone() });
        }
        let data_key = Secret::random(rng);
        self.lock_by(&data_key, passphrase, rng)?;
        Ok(Vault::new(&data_key))
    }

    /// Opens the vault by its key file or else by `passphrase`.
    ///
    /// # Errors
    /// [`VaultError`] says what is missing, wrong or exposed.
    pub fn open(&self, passphrase: Option<&Passphrase>) -> Result<Vault, VaultError> {
        self.data_key(passphrase).map(|key| Vault::new(&key))
    }

    /// As [`VaultFiles::open`]. A header of before, whose passphrase costs a thief less work than today's, is written anew.
    ///
    /// # Errors
    /// As [`VaultFiles::open`]. A header that cannot be written stays as it is.
    pub fn open_and_renew(
        &self,
        passphrase: Option<&Passphrase>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vault, VaultError> {
        let data_key = self.data_key(passphrase)?;
        if passphrase.is_some() && matches!(self.read_header()?.slots(), [slot] if slot.is_outdated()) {
            match self.lock_by(&data_key, passphrase, rng) {
                Ok(()) => info!("the passphrase now costs whoever guesses at it more work"),
                Err(error) => warn!(%error, "the passphrase keeps the weaker protection of an older version"),
            }
        }
        Ok(Vault::new(&data_key))
    }

    /// Locks the vault by `new` from now on: a passphrase, or (`None`) a fresh key file. `current` opens it, if it is
    /// locked by a passphrase. Records stay as they are.
    ///
    /// # Errors
    /// As [`VaultFiles::open`]; the vault then opens as before.
    pub fn rewrap(
        &self,
        current: Option<&Passphrase>,
        new: Option<&Passphrase>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), VaultError> {
        let data_key = self.data_key(current)?;
        self.lock_by(&data_key, new, rng)
    }

    /// Writes the files so that at every moment some pair of them opens: the key before the header that wants it, the
    /// header before the key that it no longer wants is removed.
    fn lock_by(
        &self,
        data_key: &Secret<32>,
        passphrase: Option<&Passphrase>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), VaultError> {
        if let Some(passphrase) = passphrase {
            let slot =
                Slot::passphrase(data_key, passphrase, Work::TODAY, rng).map_err(|detail| self.bad_header(detail))?;
            self.write_header(&Header::new(slot))?;
            match fs::remove_file(&self.key) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_at(&self.key, e)),
                _ => Ok(()),
            }
        } else {
            let key = if self.exist() && self.key.exists() { self.read_key()? } else { self.write_key(rng)? };
            self.write_header(&Header::new(Slot::key_file(data_key, &key, rng)))
        }
    }

    pub(super) fn data_key(&self, passphrase: Option<&Passphrase>) -> Result<Secret<32>, VaultError> {
        let header = self.read_header()?;
        let by_key = header.slots().iter().find(|slot| matches!(slot, Slot::KeyFile { .. }));
        if let Some(slot) = by_key {
            let key = self.read_key()?;
            let opened = slot.open_with_key(&key).map_err(|detail| self.bad_header(detail))?;
            return opened.ok_or_else(|| VaultError::WrongKeyFile { path: self.key.clone() });
        }
        let path = || self.header.clone();
        let passphrase = passphrase.ok_or_else(|| VaultError::PassphraseNeeded { path: path() })?;
        for slot in header.slots() {
            if let Some(key) = slot.open_with_passphrase(passphrase).map_err(|detail| self.bad_header(detail))? {
                return Ok(key);
            }
        }
        Err(VaultError::WrongPassphrase { path: path() })
    }

    fn read_header(&self) -> Result<Header, VaultError> {
        let meta = fs::metadata(&self.header).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => VaultError::HeaderMissing { path: self.header.clone() },
            _ => io_at(&self.header, e),
        })?;
        if meta.len() > HEADER_MAX {
            return Err(self.bad_header("it is too long".to_owned()));
        }
        let bytes = fs::read(&self.header).map_err(|e| io_at(&self.header, e))?;
        Header::parse(&bytes).map_err(|detail| self.bad_header(detail))
    }

    fn write_header(&self, header: &Header) -> Result<(), VaultError> {
        files::write_private(&self.header, &header.to_bytes()).map_err(|e| io_at(&self.header, e))
    }

    fn read_key(&self) -> Result<Secret<32>, VaultError> {
        let path = || self.key.clone();
        let exposed = files::exposed(&self.key).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => VaultError::KeyFileMissing { path: path() },
            _ => io_at(&self.key, e),
        })?;
        match exposed {
            None => {}
            Some(Exposed::Mode(mode)) => return Err(VaultError::KeyFileExposed { path: path(), mode }),
            Some(Exposed::ForeignOwner(uid)) => return Err(VaultError::KeyFileForeign { path: path(), uid }),
        }
        let text = Zeroizing::new(fs::read(&self.key).map_err(|e| io_at(&self.key, e))?);
        let malformed = || VaultError::KeyFileMalformed { path: path() };
        let digits: &[u8; 64] = text.trim_ascii().try_into().map_err(|_| malformed())?;
        let mut key = Zeroizing::new([0; 32]);
        HEXLOWER.decode_mut(digits, key.as_mut()).map_err(|_| malformed())?;
        Ok(Secret::new(*key))
    }

    fn write_key(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Secret<32>, VaultError> {
        let key = Secret::random(rng);
        let mut text = Zeroizing::new(HEXLOWER.encode(key.expose()));
        text.push('\n');
        files::write_private(&self.key, text.as_bytes()).map_err(|e| io_at(&self.key, e))?;
        Ok(key)
    }

    fn bad_header(&self, detail: String) -> VaultError {
        VaultError::Header { path: self.header.clone(), detail }
    }
}

fn io_at(path: &Path, source: io::Error) -> VaultError {
    VaultError::Io { path: path.to_path_buf(), source }
}
