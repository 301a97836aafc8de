//! Locking and unlocking a running node.
//!
//! Locked, a node has no core: no keys in memory, no network, no open database. Its RPC server stays up and tells why it does nothing.
//! Only a node whose vault opens with a passphrase can be locked: with a key file beside the data there would be nothing to wait for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use covey_api::{ApiError, Exit, Reason, sentence};
use rand::make_rng;
use rand::rngs::StdRng;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::core::Core;
use super::opening::open_held;
use super::pause::Pause;
use super::{Options, StartError};
use crate::config::Overrides;
use crate::paths::Paths;
use crate::runtime::EngineHandle;
use crate::service::Body;
use crate::settings::Settings;
use crate::slot::Slot;
use crate::vault::{Passphrase, Protection, VaultError, VaultFiles};

/// Starts and stops the core of a running node.
pub struct Keeper {
    paths: Paths,
    settings: Arc<Settings>,
    engine: Slot<EngineHandle>,
    body: Slot<Arc<Body>>,
    /// The core, unless the node is locked. Held while it is locked or unlocked.
    core: tokio::sync::Mutex<Option<Core>>,
    pause: Mutex<Pause>,
    /// Cancelled when another device of the account revoked this one.
    revoked: CancellationToken,
}

impl Keeper {
    /// Of a node whose core runs, and whose services find it in these places.
    pub(super) fn new(
        paths: Paths,
        settings: Arc<Settings>,
        core: Core,
        (engine, body): (Slot<EngineHandle>, Slot<Arc<Body>>),
        revoked: CancellationToken,
    ) -> Self {
        let core = tokio::sync::Mutex::new(Some(core));
        Self { paths, settings, engine, body, core, pause: Mutex::default(), revoked }
    }

    /// Whether the node could be unlocked again, were it locked.
    ///
    /// # Errors
    /// [`Reason::WrongState`] without a passphrase.
    pub fn can_lock(&self) -> Result<(), ApiError> {
        match VaultFiles::new(self.paths.data_dir()).protection() {
            Ok(Protection::Passphrase) => Ok(()),
            Ok(Protection::KeyFile) => Err(ApiError::new(
                Reason::WrongState,
                "This node has no passphrase to unlock it with: the key file vault.key beside its data opens it. Stop it and set one: \
                 `covey shutdown`, then `covey passphrase set`.",
            )
            .with_data(json!({"state": "no_passphrase"}))),
            Err(error) => Err(as_api(&StartError::Vault(error))),
        }
    }

    /// Locks the node. When this returns its keys are erased and its connections closed.
    ///
    /// # Errors
    /// As [`Keeper::can_lock`].
    pub async fn lock(&self) -> Result<(), ApiError> {
        self.can_lock()?;
        let mut core = self.core.lock().await;
        let Some(running) = core.take() else { return Ok(()) };
        self.engine.lock();
        self.body.lock();
        running.stop().await;
        info!("locked");
        Ok(())
    }

    /// Unlocks the node. One try at a time, with a pause after each that was wrong.
    ///
    /// # Errors
    /// [`Reason::WrongPassphrase`]; [`Reason::LimitReached`] during the pause; what keeps a core from starting.
    pub async fn unlock(&self, passphrase: Passphrase) -> Result<(), ApiError> {
        let mut core = self.core.lock().await;
        if core.is_some() {
            return Ok(());
        }
        self.pause().check(Instant::now()).map_err(wait)?;
        let config = self.settings.running();
        let options = Options {
            paths: self.paths.clone(),
            config: config.clone(),
            passphrase: Some(passphrase),
            flags: Overrides::new(),
            log: None,
        };
        let open = move || open_held(&options, false, &mut make_rng::<StdRng>());
        match Box::pin(Core::start(&self.paths, &config, &self.revoked, open)).await {
            Ok((started, _)) => {
                self.pause().opened();
                self.body.open(Arc::clone(&started.body));
                self.engine.open(started.engine.clone());
                *core = Some(started);
                info!("unlocked");
                Ok(())
            }
            Err(StartError::Vault(VaultError::WrongPassphrase { .. })) => {
                self.pause().failed(Instant::now());
                warn!("somebody tried to unlock this node with a wrong passphrase");
                Err(ApiError::new(Reason::WrongPassphrase, "This passphrase is wrong. The node stays locked."))
            }
            Err(error) => {
                error!(%error, "the node stays locked");
                Err(as_api(&error))
            }
        }
    }

    /// The daemon stops.
    pub(super) async fn end(&self) {
        let core = self.core.lock().await.take();
        if let Some(core) = core {
            core.stop().await;
        }
        self.engine.end();
        self.body.end();
    }

    fn pause(&self) -> std::sync::MutexGuard<'_, Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait(left: Duration) -> ApiError {
    let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    let seconds = ms.div_ceil(1_000);
    ApiError::new(Reason::LimitReached, format!("The last passphrase was wrong. Try again in {seconds} s."))
        .with_data(json!({"retry_after_ms": ms}))
}

/// What keeps a core from starting, for a client.
fn as_api(error: &StartError) -> ApiError {
    let reason = match error {
        StartError::Api(error) => return error.clone(),
        StartError::Vault(VaultError::PassphraseLength) => Reason::InvalidParams,
        StartError::Overlay(covey_overlay::SpawnError::AddressInUse { .. }) => Reason::AddressInUse,
        other => match other.exit() {
            Exit::Data => Reason::Storage,
            Exit::Usage => Reason::InvalidConfig,
            Exit::Bug => Reason::Internal,
            _ => Reason::WrongState,
        },
    };
    ApiError::new(reason, sentence(&error.to_string()))
}
