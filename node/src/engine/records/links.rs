//! A link of a new machine to our account, as either side stores it before it says anything.

use covey_pairing::link::{Host, Joiner};
use serde::{Deserialize, Serialize};

use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// The link that this device is the host of. There is one at a time.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Link {
    pub(in crate::engine) host: Host,
    /// The new device may link and revoke others.
    pub(in crate::engine) holder: bool,
    /// What its owner wants to call it.
    pub(in crate::engine) name: Option<String>,
    /// What of the history it may read: what was received in so many milliseconds before it is added; all of it unless there is a number.
    #[serde(default)]
    pub(in crate::engine) history: Option<u64>,
}

impl Link {
    /// The network peer of the new machine.
    pub(in crate::engine) fn peer(&self) -> PeerKey {
        PeerKey(self.host.ticket().device.network)
    }

    pub(in crate::engine) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        Ok(tx.put(&tables::link(), self)?)
    }
}

/// The newest link, over or not.
pub(in crate::engine) fn load(tx: &Tx<'_>) -> Result<Option<Link>, EngineError> {
    Ok(tx.get(&tables::link())?)
}

/// Nothing of it is needed any more.
pub(in crate::engine) fn forget(tx: &mut Tx<'_>) {
    tx.delete(&tables::link());
}

/// This machine, while it waits to be linked and has no account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Joining {
    /// The link.
    pub(crate) joiner: Joiner,
    /// Where it listens: the addresses of the ticket are good after a restart only if these are taken again.
    pub(crate) listen: Vec<String>,
}
