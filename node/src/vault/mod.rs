//! Encryption at rest: every value sealed under one data key, every id in a key replaced by a keyed hash.
//!
//! The data key is random. It comes from a key file (the default, so that a node starts unattended), from a systemd
//! credential, or out of `vault.json`, where it is wrapped under a passphrase.

mod cipher;

pub use cipher::{BadRecord, Vault};
