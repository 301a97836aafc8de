//! Files around signed seed lists: the key that signs them, and the list that a node has.

use std::io;
use std::path::Path;

pub use covey_overlay::seeds::{SeedList, from_text, to_text};
use data_encoding::HEXLOWER;
use rand::rngs::StdRng;
use rand::{Rng as _, make_rng};
use zeroize::Zeroizing;

use crate::daemon::Company;
use crate::paths::Paths;
use crate::{files, network_key};

/// Unix milliseconds.
pub fn now() -> u64 {
    crate::runtime::now()
}

/// Makes a secret key in a new file; returns the public one as text.
///
/// # Errors
/// What the operating system says; `AlreadyExists` if there is such a file.
pub fn make_key(file: &Path) -> io::Result<String> {
    let mut secret = Zeroizing::new([0; 32]);
    make_rng::<StdRng>().fill_bytes(secret.as_mut());
    let text = Zeroizing::new(HEXLOWER.encode(secret.as_ref()) + "\n");
    files::create_private(file, text.as_bytes())?;
    Ok(HEXLOWER.encode(&covey_overlay::seeds::public_key(&secret)))
}

/// The secret key in a file.
///
/// # Errors
/// What the operating system says, or that it holds no key.
pub fn read_secret(file: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    let text = Zeroizing::new(std::fs::read_to_string(file)?);
    let none = || io::Error::new(io::ErrorKind::InvalidData, "this is no key; make one with `covey seeds key FILE`");
    network_key::parse(&text).map(Zeroizing::new).ok_or_else(none)
}

/// Keeps a signed list for the next start of the node.
///
/// # Errors
/// What the operating system says.
pub fn keep(paths: &Paths, list: &[u8]) -> io::Result<()> {
    files::create_private_dir(paths.data_dir())?;
    Company::new(paths).add_seeds(list)
}
