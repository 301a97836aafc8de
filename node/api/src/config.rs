//! `config.*`: the settings of the running daemon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::noun;

/// Parameters of `config.reload`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigReload {
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// What reading the configuration again has changed. Settings are named `section.key`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigReloaded {
    /// These settings have changed and are in effect.
    pub changed: Vec<String>,
    /// These settings differ from what is in effect; the next start of the daemon takes them.
    pub needs_restart: Vec<String>,
}

noun! {
    /// The settings of the running daemon.
    ConfigApi = "config" {
        /// Read the configuration file again, as SIGHUP does. If it has a mistake, nothing changes.
        write reload(ConfigReload) -> ConfigReloaded, needs Admin;
    }
}
