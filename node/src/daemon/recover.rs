//! `account recover`: an account is brought back with its words, on a machine that has none.
//!
//! The words give every key that the account ever had and will have, but not the list of what happened to it, and contacts take no
//! list but one that follows from the one they know. So the newest list that can be found is looked for first, where the account's cards
//! stand in the DHT, one place for each operational key, and at nodes that the operator named (`asking`). It is then rotated: new keys, this device, and
//! no other but those that the operator keeps, which wait for theirs.

mod asking;
mod search;

use covey_api::Exit;
use covey_overlay::{Events, Handle, Multiaddr, RelayUse};
use covey_pairing::identity::{AccountSecret, Device, DeviceSecret, KeyLog, KeyLogError, RecoveryCode, Rotation};
use covey_pairing::ids::DeviceId;
use rand::rngs::StdRng;
use rand::{Rng as _, make_rng};
use zeroize::Zeroizing;

pub use self::asking::named;
use self::search::{Newest, search};
use super::core::{overlay_config, parse};
use super::opening::{mark_initialised, open_store};
use super::{Company, Options, StartError};
use crate::engine::{EngineError, Me, kept};
use crate::lock::InstanceLock;
use crate::runtime;
use crate::store::{Reader, Store as _, Tx};
use crate::vault::VaultFiles;

/// So far ahead of the newest card that was found is the first one of the recovered account.
const AHEAD: u64 = 1 << 20;

/// Why an account is not brought back. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The directory or its configuration.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nobody was reached.
    #[error("no node of the network was reached; name one that runs with --peer ADDRESS, or set network.bootstrap")]
    Alone,
    /// No card of the account is to be found.
    #[error(
        "no trace of an account with these words was found (if they are its first words, it is {account}): either they are not its words, or no \
         device of it was online lately. Contacts, keepers and other devices of the account know it for longer: name one that is online with \
         --peer, by its address or by a ticket (covey account ticket there, or covey keeper serve)"
    )]
    NotFound {
        /// Which account the words are of, if they are its first.
        account: String,
    },
    /// It was rotated to other words.
    #[error("these words are not those of the account {account} any more: it was recovered with others since")]
    OtherWords {
        /// Which account.
        account: String,
    },
    /// A device to keep that the account does not have.
    #[error(
        "no device of the account is called \"{text}\", or several are; these are its devices, by id and number: {devices}"
    )]
    NoDevice {
        /// What was asked for.
        text: String,
        /// What there is, for people.
        devices: String,
    },
    /// Devices that were never devices of the account together.
    #[error(
        "these devices were never devices of the account at the same time: keep one of them, and link the other again"
    )]
    NeverTogether,
    /// Somebody else used the words.
    #[error(
        "somebody else used the words of the account {account}: two recoveries of it contradict each other, and contacts have frozen it; \
         make another account and tell your contacts in person"
    )]
    Contested {
        /// Which account.
        account: String,
    },
    /// The log allows no further rotation.
    #[error("the account cannot be recovered: {0}")]
    Log(#[from] KeyLogError),
}

impl RecoverError {
    /// The exit code class of a process that ends because of it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Start(error) => error.exit(),
            Self::Alone => Exit::Unreachable,
            Self::NotFound { .. }
            | Self::OtherWords { .. }
            | Self::NoDevice { .. }
            | Self::NeverTogether
            | Self::Contested { .. }
            | Self::Log(_) => Exit::Refused,
        }
    }
}

/// What was found of an account whose words are at hand.
pub struct Found {
    words: AccountSecret,
    log: KeyLog,
    /// The newest card that was found, and its sequence.
    newest: Newest,
}

/// What is to become of an account.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Devices that stay, by id or the beginning of it.
    pub keep: Vec<String>,
    /// They may link and revoke others.
    pub holder: bool,
    /// Other words hold from now on, which are made here and stay until their owner has written them down.
    pub new_phrase: bool,
}

/// Characters of the beginning of a device's id that name it.
const SHORT_ID: usize = 8;

/// An account that was brought back.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// The account id.
    pub account: String,
    /// The new device.
    pub device: String,
    /// How often it has been recovered now.
    pub recoveries: usize,
    /// Devices that stay, once the recovery is accepted there, with [`Recovered::digits`].
    pub kept: Vec<String>,
    /// What `account accept` asks for there.
    pub digits: String,
}

impl Found {
    /// The account id.
    pub fn account(&self) -> String {
        self.log.account().to_string()
    }

    /// The numbers of the devices that it has at the moment, which will not be its devices any more.
    pub fn devices(&self) -> Vec<u32> {
        self.log.active().map(|device| device.number).collect()
    }

    /// The same without some of them.
    pub fn devices_without(&self, kept: &[DeviceId]) -> Vec<u32> {
        self.log.active().filter(|device| !kept.contains(&device.keys.id)).map(|device| device.number).collect()
    }

    /// The device that a text names: by its id, or the beginning of it.
    ///
    /// # Errors
    /// [`RecoverError::NoDevice`].
    pub fn device(&self, text: &str) -> Result<DeviceId, RecoverError> {
        let all = self.log.devices().iter();
        let is = |id: &str| id == text || (text.len() >= SHORT_ID && id.starts_with(text));
        let mut found = all.clone().map(|device| device.keys.id).filter(|id| is(&id.to_string()));
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(id),
            _ => {
                let shown = |device: &Device| format!("{} ({})", device.keys.id.fmt_short(), device.number);
                let devices = all.map(shown).collect::<Vec<_>>().join(", ");
                Err(RecoverError::NoDevice { text: text.to_owned(), devices })
            }
        }
    }
}

/// Whether an account can be brought back here: the directory must not have, or have had, one.
///
/// # Errors
/// [`RecoverError::Start`].
pub fn may_recover(options: &Options) -> Result<(), RecoverError> {
    let dir = options.paths.data_dir();
    if VaultFiles::new(dir).exist() || options.paths.initialised_file().exists() {
        return Err(StartError::AlreadyInitialised { dir: dir.to_owned() }.into());
    }
    Ok(())
}

/// Looks for the newest list of what happened to the account of these words. `peers`: further nodes to begin with.
///
/// # Errors
/// [`RecoverError`].
pub async fn find(options: &Options, words: AccountSecret, peers: Vec<Multiaddr>) -> Result<Found, RecoverError> {
    may_recover(options)?;
    let (overlay, mut events) = spawn(options, peers.clone()).await?;
    let answers = asking::ask(&overlay, &mut events, &peers, &words).await;
    let found = search(&overlay, &words, answers).await;
    overlay.shutdown().await;
    let (log, newest) = found?;
    let words = words.of_account(log.account(), 0).ok_or(KeyLogError::Sealed)?;
    Ok(Found { words, log, newest })
}

/// Rotates the account and makes this directory its only device, besides those to keep.
///
/// # Errors
/// [`RecoverError`].
pub fn recover(options: &Options, found: &Found, plan: &Plan) -> Result<Recovered, RecoverError> {
    may_recover(options)?;
    let mut rng: StdRng = make_rng();
    let Found { words, log, newest } = found;
    let kept = plan.keep.iter().map(|text| found.device(text)).collect::<Result<Vec<_>, _>>()?;
    let new_phrase = plan.new_phrase;
    // An account of an older version names its first recovery key now.
    let log = if log.commitment().is_none() { log.commit_recovery(words)? } else { log.clone() };
    let device = DeviceSecret::generate(&mut rng);
    let successor = new_phrase.then(|| AccountSecret::generate(&mut rng));
    let mut rotation = Rotation { add: vec![&device], successor: successor.as_ref(), ..Rotation::default() };
    if !kept.is_empty() {
        // A thief of a holder may have revoked them: what was written from there on is superseded.
        rotation.supersedes = Some(log.newest_place_with(&kept).ok_or(RecoverError::NeverTogether)?);
        rotation.keep.clone_from(&kept);
    }
    let (log, keys) = log.rotate(words, &rotation, runtime::now()).map_err(|error| match error {
        KeyLogError::Recovery(_) => RecoverError::OtherWords { account: words.id().to_string() },
        other => RecoverError::Log(other),
    })?;
    let recovered = Recovered {
        account: words.id().to_string(),
        device: device.id().to_string(),
        recoveries: log.rotations().len(),
        kept: kept.iter().map(ToString::to_string).collect(),
        digits: RecoveryCode::of(&log).map(|digits| digits.to_string()).unwrap_or_default(),
    };
    // The places in the DHT keep what has the highest number, and the old machine may run on.
    let sequence = newest.sequence.saturating_add(AHEAD);
    let me = Me::recovered(words, &keys, device, log, new_phrase);
    write(options, &mut rng, |tx| {
        me.write_first(tx, sequence)?;
        me.wants_contacts(tx, words)?;
        kept::begin(tx, &me.key_log, (&kept, plan.holder), newest.card.clone())
    })?;
    Ok(recovered)
}

fn write(
    options: &Options,
    rng: &mut StdRng,
    begin: impl FnOnce(&mut Tx<'_>) -> Result<(), EngineError>,
) -> Result<(), StartError> {
    let paths = &options.paths;
    let _lock = InstanceLock::acquire(paths.data_dir())?;
    let (mut store, vault, _) = open_store(options, rng)?;
    if Me::load(&Reader::new(&store, &vault))?.is_some() {
        return Err(StartError::AlreadyInitialised { dir: paths.data_dir().to_owned() });
    }
    let mut tx = Tx::new(&store, &vault);
    begin(&mut tx)?;
    let batch = tx.into_batch(rng)?;
    store.apply(batch)?;
    store.flush()?;
    mark_initialised(paths)
}

/// A node without an account that only looks things up.
async fn spawn(options: &Options, peers: Vec<Multiaddr>) -> Result<(Handle, Events), StartError> {
    let mut seed = Zeroizing::new([0; 32]);
    make_rng::<StdRng>().fill_bytes(seed.as_mut());
    let mut overlay = overlay_config(*seed, &options.config)?;
    overlay.bootstrap.extend(peers);
    overlay.seeds = Company::new(&options.paths).seeds().filter(|_| options.config.network.uses_seed_list());
    (overlay.external, overlay.upnp, overlay.relay_server) = (Vec::new(), false, false);
    // Gone in a moment: whoever took it up into a routing table would wait for it in vain.
    (overlay.relay_use, overlay.answers) = (RelayUse::Never, false);
    overlay.listen = parse("network.listen", &["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"].map(str::to_owned))?;
    Ok(covey_overlay::spawn(overlay).await?)
}

#[cfg(test)]
mod tests;
