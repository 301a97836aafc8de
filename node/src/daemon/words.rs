//! The 24 words of an account, while no daemon runs on its data: making, showing and erasing them.
//!
//! A node is *sealed* when its owner has written down the words: the seed is erased, and with it every recovery key. Sealing first
//! replaces the record that holds the seed. Then it rewrites every file that may still contain the old record: the database, whose log
//! keeps replaced records, and the file of second copies. A marker in the database stays until that is done; if sealing was
//! interrupted, the next start completes it.

use rand::make_rng;
use rand::rngs::StdRng;
use tracing::warn;
use zeroize::Zeroizing;

use super::opening::{Opened, open};
use super::{Options, StartError};
use crate::db::{self, DbError, Progress};
use crate::engine::{seed_is_erased, seed_may_be_left};
use crate::store::{Reader, Store as _, Tx};

/// Words that are asked back: a guess at them does not succeed, and nobody minds typing them.
const ASKED: usize = 3;

/// What initialising gave.
pub struct Initialised {
    /// The account id, `cv1…`.
    pub account: String,
    /// The device id, `cvd1…`.
    pub device: String,
    /// The 24 words that bring the account back.
    pub phrase: Zeroizing<String>,
}

impl Initialised {
    fn of(opened: &Opened, options: &Options) -> Result<Self, StartError> {
        let (account, device) = (opened.me.account_id().to_string(), opened.me.device_id().to_string());
        let sealed = || StartError::Sealed { dir: options.paths.data_dir().to_owned() };
        Ok(Self { account, device, phrase: opened.me.account.phrase().ok_or_else(sealed)? })
    }

    /// Three of the words, by their numbers from 1: others each time. Who has all of them on paper knows these.
    pub fn to_ask_back(&self) -> Vec<(usize, &str)> {
        let numbered: Vec<(usize, &str)> = (1..).zip(self.phrase.split(' ')).collect();
        let mut places = rand::seq::index::sample(&mut make_rng::<StdRng>(), numbered.len(), ASKED).into_vec();
        places.sort_unstable();
        places.into_iter().filter_map(|place| numbered.get(place).copied()).collect()
    }
}

/// Makes an account in a data directory, without starting a node.
///
/// # Errors
/// [`StartError::AlreadyInitialised`], or what is in the way.
pub fn init(options: &Options) -> Result<Initialised, StartError> {
    let opened = open(options, true, &mut make_rng::<StdRng>())?;
    if !opened.new_account {
        return Err(StartError::AlreadyInitialised { dir: options.paths.data_dir().to_owned() });
    }
    Initialised::of(&opened, options)
}

/// The recovery phrase of an initialised data directory whose daemon is not running.
///
/// # Errors
/// [`StartError::Sealed`], or what is in the way.
pub fn phrase(options: &Options) -> Result<Initialised, StartError> {
    Initialised::of(&open(options, false, &mut make_rng::<StdRng>())?, options)
}

/// Remembers that the owner has written down the words. The seed stays.
///
/// # Errors
/// What is in the way.
pub fn written_down(options: &Options) -> Result<(), StartError> {
    let mut rng: StdRng = make_rng();
    let mut opened = open(options, false, &mut rng)?;
    let mut tx = Tx::new(&opened.store, &opened.vault);
    opened.me.written_down(&mut tx)?;
    let batch = tx.into_batch(&mut rng)?;
    opened.store.apply(batch)?;
    Ok(opened.store.flush()?)
}

/// Erases the seed. The operational keys and all else stay.
///
/// # Errors
/// [`DbError`]: what is in the way. The node may be sealed then, with the old record still in the files; the next start tries again.
pub fn seal(options: &Options, progress: Progress<'_>) -> Result<(), DbError> {
    let mut rng: StdRng = make_rng();
    let mut opened = open(options, false, &mut rng)?;
    if !opened.me.account.is_sealed() {
        let mut tx = Tx::new(&opened.store, &opened.vault);
        opened.me.seal(&mut tx)?;
        let batch = tx.into_batch(&mut rng)?;
        opened.store.apply(batch)?;
        opened.store.flush()?;
    }
    drop(opened);
    erase(options, progress)
}

/// Writes anew all files that may hold the seed of a sealed node.
fn erase(options: &Options, progress: Progress<'_>) -> Result<(), DbError> {
    db::compact(options, progress)?;
    let mut rng: StdRng = make_rng();
    let mut opened = open(options, false, &mut rng)?;
    let mut tx = Tx::new(&opened.store, &opened.vault);
    seed_is_erased(&mut tx);
    let batch = tx.into_batch(&mut rng)?;
    opened.store.apply(batch)?;
    Ok(opened.store.flush()?)
}

/// Opens the data directory for a daemon. A seal that was interrupted is completed, if that is possible.
pub(super) fn open_to_start(options: &Options, rng: &mut StdRng) -> Result<Opened, StartError> {
    let opened = open(options, true, rng)?;
    if !seed_may_be_left(&Reader::new(&opened.store, &opened.vault))? {
        return Ok(opened);
    }
    drop(opened);
    if let Err(error) = erase(options, &mut |_, _, _| {}) {
        warn!(%error, "files of this node may still hold the seed of its account");
    }
    open(options, true, rng)
}

#[cfg(test)]
mod tests;
