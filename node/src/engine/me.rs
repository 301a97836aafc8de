//! Who this node is.

use covey_feed::{Author, FeedKey};
use covey_pairing::identity::{AccountSecret, DeviceSecret, KeyLog};
use covey_pairing::ids::{AccountId, DeviceId};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Our account, this device, and the key log that names both.
pub struct Me {
    /// The account's secrets.
    pub account: AccountSecret,
    /// This device's secrets.
    pub device: DeviceSecret,
    /// The account's devices.
    pub key_log: KeyLog,
}

/// As stored (sealed by the vault like every value).
#[derive(Serialize, Deserialize)]
struct Record {
    account: AccountSecret,
    device: DeviceSecret,
    key_log: KeyLog,
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

    /// The author of the feeds that this device writes.
    pub fn author(&self) -> Author {
        Author::from_bytes(*self.device_id().as_bytes())
    }

    /// Whether this device writes the feed.
    pub fn wrote(&self, feed: &FeedKey) -> bool {
        feed.author == self.author()
    }

    /// The identity kept in the store, if it was initialised.
    ///
    /// # Errors
    /// Those of the store, or a damaged record.
    pub fn load(tx: &Tx<'_>) -> Result<Option<Self>, EngineError> {
        let record = tx.get::<Record>(&tables::identity())?;
        Ok(record.map(|Record { account, device, key_log }| Self { account, device, key_log }))
    }

    /// Makes a new device of `account` and writes both into the store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn create(
        tx: &mut Tx<'_>,
        account: AccountSecret,
        device_name: &str,
        now: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, EngineError> {
        let device = DeviceSecret::generate(rng);
        let log = KeyLog::create(&account, now);
        let key_log = log.add_device(&account, &device, device_name, now).map_err(EngineError::bug)?;
        let record = Record { account: account.clone(), device: device.clone(), key_log: key_log.clone() };
        tx.put(&tables::identity(), &record)?;
        Ok(Self { account, device, key_log })
    }
}
