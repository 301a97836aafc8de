//! The settings that are in effect, and how they change while the node runs.

use std::sync::{Arc, Mutex, PoisonError};

use covey_api::{ApiError, ConfigReloaded, Reason, Setting, SettingSource};
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::config::{self, Config, Layers, Offer, Source};
use crate::engine::{Input, Policy, Quota};
use crate::runtime::EngineHandle;
use crate::slot::Slot;

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
    engine: Slot<EngineHandle>,
    log: Option<Arc<dyn LogSwitch>>,
    running: Mutex<Config>,
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Settings {
    /// The node was started with `running`, which came from `layers`. Without `log` the level is not ours to change.
    pub(crate) fn new(
        layers: Layers,
        running: Config,
        engine: Slot<EngineHandle>,
        log: Option<Arc<dyn LogSwitch>>,
    ) -> Self {
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
                info!(changed = changed.join(", "), "configuration reloaded");
                if !needs_restart.is_empty() {
                    warn!(settings = needs_restart.join(", "), "changed settings that need a restart");
                }
            }
            Err(error) => warn!(%error, "configuration not reloaded; the settings in effect are unchanged"),
        }
        reloaded
    }

    /// The settings whose name is `key` or which stand in that section; all without.
    ///
    /// # Errors
    /// [`Reason::InvalidConfig`] if there is no such setting.
    pub fn show(&self, key: Option<&str>) -> Result<Vec<Setting>, ApiError> {
        let next = self.layers.load().unwrap_or_else(|_| self.running());
        let mut shown = describe(&self.layers, &self.running(), &next, key)?;
        shown.iter_mut().for_each(|setting| setting.live = self.is_live(&setting.key));
        Ok(shown)
    }

    /// Changes one setting here and in the file, or gives it its default.
    ///
    /// # Errors
    /// [`Reason::SettingFixed`] if it cannot change while the node runs, or something wins over the file;
    /// [`Reason::InvalidConfig`] if the value makes no sense; [`Reason::Storage`] if the file cannot be written. Then nothing
    /// has changed.
    pub async fn set(&self, key: &str, value: Option<&Value>) -> Result<Setting, ApiError> {
        let _turn = self.turn.lock().await;
        known(key)?;
        if !self.is_live(key) {
            return Err(if key == LOG_LEVEL {
                fixed(key, "flag", "-v, -q or COVEY_LOG decide it; start the daemon without them")
            } else {
                let file = self.layers.file().display();
                fixed(key, "restart", &format!("change it in {file} and restart the daemon"))
            });
        }
        let (text, wanted) = changed(&self.layers, key, value)?;
        if let Some(log) = &self.log {
            log.check(&wanted.log.level).map_err(|error| invalid(&error))?;
        }
        write(&self.layers, &text)?;
        // Other changes of the file wait until it is read again.
        let wanted = config::adopt(&self.running(), &wanted, &[key.to_owned()]);
        self.take(&wanted).await?;
        info!(setting = key, "a setting was changed");
        self.show(Some(key))?.pop().ok_or_else(|| ApiError::internal("A setting is not there."))
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
        match self.adopt(&next).await {
            // It takes the policy when it is unlocked.
            Err(error) if error.reason == Reason::Locked => {}
            adopted => adopted?,
        }
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(ConfigReloaded { changed, needs_restart })
    }

    /// Gives the engine its part. When this returns it holds.
    async fn adopt(&self, next: &Config) -> Result<(), ApiError> {
        self.engine.input(Input::Policy(Box::new(policy(next)))).await?;
        // Inputs are handled in order.
        self.engine.call(|_| Ok(())).await
    }
}

/// Changes one setting in the file while no daemon runs.
///
/// # Errors
/// As [`Settings::set`]; any setting can be changed.
pub fn set_in_file(layers: &Layers, key: &str, value: Option<&Value>) -> Result<Setting, ApiError> {
    known(key)?;
    let (text, config) = changed(layers, key, value)?;
    write(layers, &text)?;
    describe(layers, &config, &config, Some(key))?.pop().ok_or_else(|| ApiError::internal("A setting is not there."))
}

/// The settings of the next start, while no daemon runs.
///
/// # Errors
/// As [`Settings::show`], and mistakes in the configuration.
pub fn in_file(layers: &Layers, key: Option<&str>) -> Result<Vec<Setting>, ApiError> {
    let config = layers.load().map_err(|error| invalid(&error))?;
    describe(layers, &config, &config, key)
}

fn known(key: &str) -> Result<(), ApiError> {
    if config::is_known(key) {
        return Ok(());
    }
    let hint = match config::nearest(key) {
        Some(nearest) => format!("Did you mean {nearest}?"),
        None => "`covey config show` lists all settings.".to_owned(),
    };
    Err(ApiError::new(Reason::InvalidConfig, format!("There is no setting {key}. {hint}")))
}

fn fixed(key: &str, because: &str, what_to_do: &str) -> ApiError {
    let sentence = format!("{key} cannot change while the daemon runs: {what_to_do}.");
    ApiError::new(Reason::SettingFixed, sentence).with_data(json!({"setting": key, "because": because}))
}

/// The file with a changed setting, and what that makes.
fn changed(layers: &Layers, key: &str, value: Option<&Value>) -> Result<(String, Config), ApiError> {
    match layers.source(key) {
        Source::Flag => return Err(fixed(key, "flag", "a flag of the daemon decides it; start the daemon without it")),
        Source::Environment(name) => {
            return Err(fixed(key, "environment", &format!("the environment variable {name} wins over the file")));
        }
        Source::File | Source::Default => {}
    }
    layers.with(key, value).map_err(|error| invalid(&error))
}

fn write(layers: &Layers, text: &str) -> Result<(), ApiError> {
    layers.write(text).map_err(|error| {
        let file = layers.file().display();
        ApiError::new(Reason::Storage, format!("Cannot write {file}: {error}. Change it there by hand and reload."))
    })
}

fn describe(layers: &Layers, running: &Config, next: &Config, key: Option<&str>) -> Result<Vec<Setting>, ApiError> {
    let (values, next, defaults) = (config::values(running), config::values(next), config::values(&Config::default()));
    let mut shown = Vec::new();
    for section in config::SECTIONS {
        for field in section.fields {
            let name = format!("{}.{}", section.name, field.name);
            if key.is_some_and(|key| key != name && key != section.name) {
                continue;
            }
            let value = values.get(&name).cloned().unwrap_or_default();
            let source = match layers.source(&name) {
                Source::Default => SettingSource::Default,
                Source::File => SettingSource::File,
                Source::Environment(_) => SettingSource::Environment,
                Source::Flag => SettingSource::Flag,
            };
            let about = field.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
            let pending = next.get(&name).filter(|pending| **pending != value).cloned();
            let default = defaults.get(&name).cloned().unwrap_or_default();
            shown.push(Setting { live: config::is_live(&name), key: name, value, default, source, pending, about });
        }
    }
    match key {
        Some(key) if shown.is_empty() => known(key).map(|()| shown),
        _ => Ok(shown),
    }
}

fn invalid(error: &impl ToString) -> ApiError {
    ApiError::new(Reason::InvalidConfig, covey_api::sentence(&error.to_string()))
}

/// The engine's part of a configuration.
pub(crate) fn policy(config: &Config) -> Policy {
    let mut policy = Policy {
        pairing_required: config.pairing.required,
        decline_silently: config.pairing.decline_silently,
        keeps_for_contacts: config.keepers.offer == Offer::Contacts,
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
        mail_bytes: u64::from(config.storage.mail_max_mib) << 20,
        mail_accounts: usize::try_from(config.storage.mail_max_accounts).unwrap_or(usize::MAX),
        ..Policy::default()
    };
    policy.strangers.pending = usize::try_from(config.pairing.max_pending).unwrap_or(usize::MAX);
    policy.strangers.per_source_per_hour = config.pairing.max_invites_per_hour;
    #[cfg(feature = "hostile")]
    {
        policy.mischief = Some(mischief());
    }
    policy
}

/// What this node is, which was built to lie: as `HOSTILE_AS` says, or a member of groups.
#[cfg(feature = "hostile")]
fn mischief() -> crate::engine::Mischief {
    use crate::engine::Mischief;
    match std::env::var("HOSTILE_AS").as_deref() {
        Ok("keeper") => Mischief::Keeper,
        Ok("depositor") => Mischief::Depositor,
        _ => Mischief::Member,
    }
}
