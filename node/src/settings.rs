//! The settings that are in effect, and how they change while the node runs.

use std::sync::{Arc, Mutex, PoisonError};

use covey_api::{ApiError, ConfigReloaded, Reason};
use tracing::{info, warn};

use crate::config::{self, Config, Layers};
use crate::engine::{Input, Policy, Quota};
use crate::runtime::EngineHandle;

const LOG_LEVEL: &str = "log.level";

/// Changes what is logged.
pub trait LogSwitch: Send + Sync {
    /// Whether `level` could be set.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    fn check(&self, level: &str) -> Result<(), String>;

    /// Logs at `level` from now on.
    ///
    /// # Errors
    /// As [`LogSwitch::check`].
    fn set(&self, level: &str) -> Result<(), String>;
}

/// The settings of a running node.
pub struct Settings {
    layers: Layers,
    engine: EngineHandle,
    log: Option<Arc<dyn LogSwitch>>,
    running: Mutex<Config>,
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Settings {
    /// The node was started with `running`, which came from `layers`. Without `log` the level is not ours to change.
    pub(crate) fn new(layers: Layers, running: Config, engine: EngineHandle, log: Option<Arc<dyn LogSwitch>>) -> Self {
        Self { layers, engine, log, running: Mutex::new(running), turn: tokio::sync::Mutex::new(()) }
    }

    /// What is in effect.
    pub(crate) fn running(&self) -> Config {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the configuration again and takes what can change. A mistake changes nothing.
    ///
    /// # Errors
    /// [`Reason::InvalidConfig`] with the place of the mistake.
    pub async fn reload(&self) -> Result<ConfigReloaded, ApiError> {
        let _turn = self.turn.lock().await;
        let reloaded = match self.read() {
            Ok(wanted) => self.take(&wanted).await,
            Err(error) => Err(error),
        };
        match &reloaded {
            Ok(ConfigReloaded { changed, needs_restart }) => {
                info!(changed = changed.join(", "), "the configuration was read again");
                if !needs_restart.is_empty() {
                    warn!(settings = needs_restart.join(", "), "these settings have changed and need a restart");
                }
            }
            Err(error) => warn!(%error, "the configuration was not read again; the settings stay as they were"),
        }
        reloaded
    }

    fn read(&self) -> Result<Config, ApiError> {
        let wanted = self.layers.load().map_err(|error| invalid(&error))?;
        if let Some(log) = &self.log {
            log.check(&wanted.log.level).map_err(|error| invalid(&error))?;
        }
        Ok(wanted)
    }

    fn is_live(&self, key: &str) -> bool {
        config::is_live(key) && (key != LOG_LEVEL || self.log.is_some())
    }

    /// Makes the live settings of `wanted` those that are in effect.
    async fn take(&self, wanted: &Config) -> Result<ConfigReloaded, ApiError> {
        let running = self.running();
        let different = config::differences(&running, wanted);
        let (changed, needs_restart): (Vec<_>, Vec<_>) = different.into_iter().partition(|key| self.is_live(key));
        let next = config::adopt(&running, wanted, &changed);
        if let Some(log) = self.log.as_ref().filter(|_| changed.iter().any(|key| key == LOG_LEVEL)) {
            log.set(&next.log.level).map_err(|error| invalid(&error))?;
        }
        self.engine.input(Input::Policy(Box::new(policy(&next)))).await?;
        // Inputs are handled in order: once this one is, the policy holds.
        self.engine.call(|_| Ok(())).await?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(ConfigReloaded { changed, needs_restart })
    }
}

fn invalid(error: &impl ToString) -> ApiError {
    ApiError::new(Reason::InvalidConfig, error.to_string())
}

/// The engine's part of a configuration.
pub(crate) fn policy(config: &Config) -> Policy {
    let mut policy = Policy {
        pairing_required: config.pairing.required,
        decline_silently: config.pairing.decline_silently,
        read_receipts: config.receipts.read,
        rotation_delay: config.groups.rotation_delay.as_millis(),
        max_members: usize::try_from(config.groups.max_members).unwrap_or(usize::MAX),
        discoverable: config.network.discoverable,
        journal_keep: config.storage.journal_keep.as_millis(),
        journal_bytes: u64::from(config.storage.journal_max_mib) << 20,
        quota: Quota {
            burst: u64::from(config.storage.author_burst_mib) << 20,
            per_second: u64::from(config.storage.author_kib_per_second) << 10,
        },
        ..Policy::default()
    };
    policy.strangers.pending = usize::try_from(config.pairing.max_pending).unwrap_or(usize::MAX);
    policy.strangers.per_source_per_hour = config.pairing.max_invites_per_hour;
    policy
}
