//! The operator's token, and the file that tells clients where the daemon is.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use covey_pairing::crypto::secret::Secret;
use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::files;

/// The operator's token: 64 hexadecimal digits.
#[derive(Clone)]
pub struct Cookie(Zeroizing<String>);

impl Cookie {
    /// A fresh token.
    pub fn new(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Zeroizing::new(HEXLOWER.encode(Secret::<32>::random(rng).expose())))
    }

    /// Reads a token from its file, as a client does.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = Zeroizing::new(fs::read_to_string(path)?);
        Ok(Self(Zeroizing::new(text.trim().to_owned())))
    }

    /// Writes the token to its file (0600).
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        files::write_private(path, self.0.as_bytes())
    }

    /// True if `token` is this one; takes as long for any wrong token of its length.
    pub(crate) fn matches(&self, token: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(token).into()
    }

    /// The token, for a header or an address that goes to the operator.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(…)")
    }
}

/// The content of `rpc.json`: how to reach the running daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `http://127.0.0.1:PORT`, or none if the port is switched off.
    pub url: Option<String>,
    /// The Unix socket, or none if there is none.
    pub socket: Option<PathBuf>,
    /// The file with the token for the port.
    pub cookie: PathBuf,
    /// The daemon's process id.
    pub pid: u32,
    /// The daemon's version.
    pub version: String,
}

impl Endpoint {
    /// Writes the file (0600).
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        files::write_private(path, &text)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// What the operating system says; `InvalidData` if it is not such a file.
    pub fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&fs::read(path)?).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}
