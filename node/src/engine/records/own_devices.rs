//! The devices of our own account, as their owner knows them: names and what they may do stand in no key log.

use covey_pairing::identity::DeviceKeys;
use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// Longest name in characters.
pub(in crate::engine) const MAX_NAME: usize = 64;

/// A device of ours as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct OwnDevice {
    pub(in crate::engine) id: DeviceId,
    /// Its network peer, also when no log names it any more.
    pub(in crate::engine) peer: PeerKey,
    pub(in crate::engine) name: String,
    /// It may link and revoke devices.
    pub(in crate::engine) holder: bool,
    /// When it became a device, Unix milliseconds.
    pub(in crate::engine) since: u64,
    /// When we were last connected to it.
    #[serde(default)]
    pub(in crate::engine) seen: Option<u64>,
    /// When it was revoked.
    #[serde(default)]
    pub(in crate::engine) revoked_at: Option<u64>,
    /// [TRANSFER-4] What was received before this time is not given to it, Unix milliseconds.
    #[serde(default)]
    pub(in crate::engine) history: u64,
    /// A recovery kept it, and it was not given the account's new keys yet: its operator has to accept the recovery there.
    #[serde(default)]
    pub(in crate::engine) keyless: bool,
}

impl OwnDevice {
    /// One of which nothing is known but this: it was not seen yet, and may be given the whole history. `since`: Unix milliseconds.
    pub(in crate::engine) fn new(keys: &DeviceKeys, name: String, holder: bool, since: u64) -> Self {
        let (id, peer) = (keys.id, PeerKey(keys.network));
        Self { id, peer, name, holder, since, seen: None, revoked_at: None, history: 0, keyless: false }
    }
}

/// All of which anything was noted. Bounded by the key log, and by the rotations before it.
pub(in crate::engine) fn all(tx: &Tx<'_>) -> Result<Vec<OwnDevice>, EngineError> {
    Ok(tx.scan(&tables::own_devices(), None, usize::MAX, false)?.into_iter().map(|(_, device)| device).collect())
}

/// One of them.
pub(in crate::engine) fn one(tx: &Tx<'_>, id: &DeviceId) -> Result<Option<OwnDevice>, EngineError> {
    Ok(tx.get(&tables::own_device(id))?)
}

/// The one place where anything of a device is noted.
pub(in crate::engine) fn set(tx: &mut Tx<'_>, device: &OwnDevice) -> Result<(), EngineError> {
    Ok(tx.put(&tables::own_device(&device.id), device)?)
}
