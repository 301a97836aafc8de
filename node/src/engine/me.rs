//! Who this node is.

use std::collections::BTreeSet;

use covey_feed::{Author, FeedKey};
use covey_pairing::crypto::sign::SigningSecret;
use covey_pairing::identity::{AccountSecret, DeviceSecret, KeyLog};
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::keeper::{InboxKey, InboxSecret};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::engine::counters::Counter;
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Our account, this device, and the key log that names both.
#[derive(Clone)]
pub struct Me {
    /// The account's secrets.
    pub account: AccountSecret,
    /// This device's secrets.
    pub device: DeviceSecret,
    /// The account's devices.
    pub key_log: KeyLog,
    /// Its owner has written down the words.
    pub backed_up: bool,
    /// The first operational key, if the account was rotated since. It has no authority any more: whoever knows the account's id only
    /// finds its card under this key.
    pub first_key: Option<SigningSecret>,
}

/// As stored (sealed by the vault like every value).
#[derive(Serialize, Deserialize)]
struct Record {
    account: AccountSecret,
    device: DeviceSecret,
    key_log: KeyLog,
    /// Records of older versions do not say.
    #[serde(default)]
    backed_up: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_key: Option<SigningSecret>,
}

impl Me {
    /// Our account id.
    pub fn account_id(&self) -> AccountId {
        self.account.id()
    }

    /// This device's id.
    pub fn device_id(&self) -> DeviceId {
        self.device.id()
    }

    /// Whether an account is ours.
    pub fn is_ours(&self, account: &AccountId) -> bool {
        *account == self.account_id()
    }

    /// Whether a device is this one.
    pub fn is_this_device(&self, device: &DeviceId) -> bool {
        *device == self.device_id()
    }

    /// Whether a device is another one of our account, and not revoked.
    pub fn is_own_other(&self, device: &DeviceId) -> bool {
        !self.is_this_device(device) && self.key_log.is_active(device)
    }

    /// Whether the account has other devices than this one.
    pub fn has_others(&self) -> bool {
        self.key_log.active().any(|device| !self.is_this_device(&device.keys.id))
    }

    /// Whether it has or had others, as far as its newest rotation tells.
    pub fn ever_had_others(&self) -> bool {
        self.key_log.devices().iter().any(|device| !self.is_this_device(&device.keys.id))
    }

    /// The authors of the feeds that our other devices write.
    pub fn kin(&self) -> BTreeSet<Author> {
        let others = self.key_log.active().map(|device| device.keys.id).filter(|device| !self.is_this_device(device));
        others.map(|device| Author::from_bytes(*device.as_bytes())).collect()
    }

    /// Whether a device of ours writes the feed, this one or another.
    pub fn is_of_ours(&self, feed: &FeedKey) -> bool {
        self.wrote(feed) || self.is_own_other(&DeviceId::from_bytes(*feed.author.as_bytes()))
    }

    /// The author of the feeds that this device writes.
    pub fn author(&self) -> Author {
        Author::from_bytes(*self.device_id().as_bytes())
    }

    /// Whether this device writes the feed.
    pub fn wrote(&self, feed: &FeedKey) -> bool {
        feed.author == self.author()
    }

    /// The keys under whose places in the DHT our card stands. A plain device has none of them.
    pub(super) fn places(&self) -> Vec<SigningSecret> {
        self.account.signing().into_iter().chain(&self.first_key).cloned().collect()
    }

    /// The identity kept in the store, if it was initialised.
    ///
    /// # Errors
    /// Those of the store, or a damaged record.
    pub fn load(tx: &Tx<'_>) -> Result<Option<Self>, EngineError> {
        let record = tx.get::<Record>(&tables::identity())?;
        Ok(record.map(|Record { account, device, key_log, backed_up, first_key }| Self {
            account,
            device,
            key_log,
            backed_up,
            first_key,
        }))
    }

    pub(super) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        let Self { account, device, key_log, backed_up, first_key } = self.clone();
        Ok(tx.put(&tables::identity(), &Record { account, device, key_log, backed_up, first_key })?)
    }

    /// Writes it into a store that has no identity yet. `sequence`: of the newest card of the account that is known.
    ///
    /// # Errors
    /// Those of the store.
    pub fn write_first(&self, tx: &mut Tx<'_>, sequence: u64) -> Result<(), EngineError> {
        Counter::Card.set(tx, sequence)?;
        self.save(tx)
    }

    /// Remembers the key with which the list of contacts opens that lies at a keeper of the account: it is asked for when there is a keeper.
    ///
    /// # Errors
    /// Those of the store.
    pub fn wants_contacts(&self, tx: &mut Tx<'_>, words: &AccountSecret) -> Result<(), EngineError> {
        ListKeys::save(tx, &self.account, Some(words))
    }

    /// Commits to a recovery key, if the account is of an older version that did not and its seed is still here. Whether it did.
    ///
    /// # Errors
    /// Those of the store.
    pub fn commit_recovery(&mut self, tx: &mut Tx<'_>) -> Result<bool, EngineError> {
        if self.key_log.commitment().is_some() || self.account.is_sealed() {
            return Ok(false);
        }
        self.key_log = self.key_log.commit_recovery(&self.account).map_err(EngineError::bug)?;
        self.save(tx)?;
        Ok(true)
    }

    /// Remembers that the owner has written down the words.
    ///
    /// # Errors
    /// Those of the store.
    pub fn written_down(&mut self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        self.backed_up = true;
        self.save(tx)
    }

    /// Erases the seed; what files may hold of it is marked ([`seed_may_be_left`]).
    ///
    /// # Errors
    /// Those of the store.
    pub fn seal(&mut self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        ListKeys::save(tx, &self.account, None)?;
        self.account = self.account.sealed();
        tx.put(&tables::seed_left(), &())?;
        self.written_down(tx)
    }

    /// Makes a new device of `account` and writes both into the store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn create(
        tx: &mut Tx<'_>,
        account: AccountSecret,
        now: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, EngineError> {
        let device = DeviceSecret::generate(rng);
        let log = KeyLog::create(&account, now);
        let key_log = log.add_device(&account, &device, now).map_err(EngineError::bug)?;
        let me = Self { account, device, key_log, backed_up: false, first_key: None };
        me.save(tx)?;
        Ok(me)
    }
}

impl Me {
    /// An account that was brought back with its words, on a new device: `keys` are those that the rotation brought. The words are
    /// not kept, unless they are new: then their owner has still to write them down.
    pub fn recovered(
        words: &AccountSecret,
        keys: &AccountSecret,
        device: DeviceSecret,
        key_log: KeyLog,
        new: bool,
    ) -> Self {
        let first_key = words.signing().filter(|_| words.is_first()).cloned();
        let account = if new { keys.clone() } else { keys.sealed() };
        Self { account, device, key_log, backed_up: !new, first_key }
    }
}

/// What our list of contacts is sealed to, where it lies at keepers.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ListKeys {
    /// Its public half is all that a node needs whose seed was erased.
    pub(super) write: InboxKey,
    /// The secret half: of an account that was brought back with its words, until its list is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) read: Option<InboxSecret>,
}

impl ListKeys {
    pub(super) fn load(tx: &Tx<'_>) -> Result<Option<Self>, EngineError> {
        Ok(tx.get(&tables::list_keys())?)
    }

    /// Stores them, if the seed is here from which they come. `words`: they were just typed in, and the list of before is wanted.
    pub(super) fn save(
        tx: &mut Tx<'_>,
        account: &AccountSecret,
        words: Option<&AccountSecret>,
    ) -> Result<(), EngineError> {
        let read = words.and_then(InboxSecret::of_list);
        let Some(own) = InboxSecret::of_list(account).or_else(|| read.clone()) else { return Ok(()) };
        Ok(tx.put(&tables::list_keys(), &Self { write: own.public(), read })?)
    }
}

/// Whether files of this node may still hold the seed of its account, which was erased.
///
/// # Errors
/// Those of the store.
pub fn seed_may_be_left(tx: &Tx<'_>) -> Result<bool, EngineError> {
    Ok(tx.get::<()>(&tables::seed_left())?.is_some())
}

/// All files that held it were written anew.
pub fn seed_is_erased(tx: &mut Tx<'_>) {
    tx.delete(&tables::seed_left());
}
