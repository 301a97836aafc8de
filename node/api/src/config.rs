//! `config.*`: the settings of the running daemon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::noun;

/// Parameters of `config.show`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigShow {
    /// Only this setting (`section.key`), or those of this section; all without.
    pub key: Option<String>,
}

/// Parameters of `config.set`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigSet {
    /// The setting, `section.key`.
    pub key: String,
    /// Its value: a text, a number, a switch or a list of texts. Without, the default.
    pub value: Option<Value>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `config.reload`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigReload {
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Where a setting comes from. What is named later wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// Nobody set it.
    #[default]
    Default,
    /// The configuration file.
    File,
    /// An environment variable.
    Environment,
    /// A flag of the command line.
    Flag,
}

/// A setting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Its name, `section.key`.
    pub key: String,
    /// The value that is in effect.
    pub value: Value,
    /// The value that it has if nobody sets it.
    pub default: Value,
    /// Where the value for the next start comes from.
    pub source: SettingSource,
    /// Can it change while the daemon runs?
    pub live: bool,
    /// The value that the next start takes, if it is another one.
    pub pending: Option<Value>,
    /// What it is for.
    pub about: String,
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
        /// The settings, with where they come from.
        read show(ConfigShow) -> Vec<Setting>, needs Admin,
            refuses InvalidConfig;
        /// Change a setting that can change while the daemon runs, and write it into the configuration file.
        write set(ConfigSet) -> Setting, needs Admin,
            refuses InvalidConfig, SettingFixed;
        /// Read the configuration file again, as SIGHUP does. If it has a mistake, nothing changes.
        write reload(ConfigReload) -> ConfigReloaded, needs Admin,
            refuses InvalidConfig;
    }
}
