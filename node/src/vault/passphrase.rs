//! Passphrases and where they come from: never an argument or an environment variable, which others can read.

use std::{fmt, fs::File, io::Read, path::Path};

use zeroize::Zeroizing;

use super::VaultError;

/// Name of the systemd credential that holds the passphrase (`LoadCredential=covey-passphrase:…`).
pub const CREDENTIAL: &str = "covey-passphrase";

/// Longest passphrase in bytes: a line, not a file that was named by mistake.
pub(crate) const MAX_LEN: usize = 1_024;

/// What the operator remembers. Erased on drop, never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes 1 to 1,024 bytes.
    ///
    /// # Errors
    /// [`VaultError::PassphraseLength`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, VaultError> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.is_empty() || bytes.len() > MAX_LEN {
            return Err(VaultError::PassphraseLength);
        }
        Ok(Self(bytes))
    }

    /// Reads the content of `path` (a file, `/dev/fd/3`, …) without the newline at its end.
    ///
    /// # Errors
    /// [`VaultError::Io`], [`VaultError::PassphraseLength`].
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN + 3));
        File::open(path)
            .and_then(|file| file.take(MAX_LEN as u64 + 3).read_to_end(&mut bytes))
            .map_err(|source| VaultError::Io { path: path.to_path_buf(), source })?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Self::new(bytes.to_vec())
    }

    /// The systemd credential in `directory` (the value of `$CREDENTIALS_DIRECTORY`), or `None` if it has none.
    ///
    /// # Errors
    /// As [`Passphrase::from_file`].
    pub fn from_credentials(directory: &Path) -> Result<Option<Self>, VaultError> {
        let path = directory.join(CREDENTIAL);
        if path.exists() { Self::from_file(&path).map(Some) } else { Ok(None) }
    }

    /// The bytes, for handing to a node that runs.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// For a passphrase that was typed twice: it compares what one person typed, so it need not hide how long that takes.
impl PartialEq for Passphrase {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Passphrase {}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}
