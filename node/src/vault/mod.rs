//! Encryption at rest: every value sealed under one data key, every id in a key replaced by a keyed hash.
//!
//! The data key is random and never changes. It lies in `vault.json` wrapped under another key: that of the key file
//! `vault.key` (the default, so that a node starts unattended) or one derived from a passphrase, which may come from
//! a terminal, a file or a systemd credential. So a passphrase can be set, changed and taken away without touching
//! the records.

mod cipher;
mod errors;
mod files;
mod header;
mod passphrase;
#[cfg(test)]
mod tests;

pub use cipher::{BadRecord, Vault};
pub use errors::VaultError;
pub use files::{Protection, VaultFiles};
pub use passphrase::{CREDENTIAL, Passphrase};
