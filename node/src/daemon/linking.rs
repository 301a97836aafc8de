//! This machine becomes a device of an account that others have: `covey init --link`. It has no account and no engine meanwhile, only
//! an overlay that listens and the joiner's side of a link ([`covey_pairing::link`]).
//!
//! What is about to be said is stored before; so a machine that is started again within ten minutes goes on with the same link.

use std::time::Duration;

use covey_overlay::{Bytes, Event, Events, Handle, Multiaddr, PeerId, Protocol};
use covey_pairing::identity::DeviceSecret;
use covey_pairing::link::{
    Digits, End, HandOver, HandOverError, Joiner, JoinerEvent, LinkFrame, NetworkTag, NewDevice,
};
use rand::make_rng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, info};

use super::core::{listening, overlay_config, parse};
use super::opening::{mark_initialised, open_store};
use super::ports::{self, Ports};
use super::{Company, Options, StartError};
use crate::engine::{EngineError, Me, joining};
use crate::lock::InstanceLock;
use crate::runtime;
use crate::store::{DurableStore, Reader, Store as _, Tx};
use crate::vault::Vault;

/// A machine that knows of a network waits this long for addresses at which it can be reached, before it shows its ticket.
const FOR_ADDRESSES: Duration = Duration::from_secs(6);
/// And stays this long after the end, so that the host hears of it.
const FAREWELL: Duration = Duration::from_secs(2);

/// How far it is, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Show this ticket.
    Waiting {
        /// `covey-link:…`
        ticket: String,
        /// Until then, Unix milliseconds.
        expires_at: u64,
    },
    /// A host read the ticket.
    Greeted,
    /// Show these digits.
    Digits(Digits),
    /// The host's operator confirmed them.
    Confirmed,
}

/// What this machine has become.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The account, `cv1…`.
    pub account: String,
    /// This device, `cvd1…`.
    pub device: String,
    /// What this device is called.
    pub name: String,
    /// It may link and revoke others.
    pub holder: bool,
    /// Devices of the account, this one included.
    pub devices: usize,
}

/// Why this machine is none.
#[derive(Debug, thiserror::Error)]
pub enum LinkFailure {
    /// It did not even begin, or the disk failed.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The link ended.
    #[error("{0}")]
    Ended(End),
    /// What the host handed over is not in order.
    #[error("what the other device handed over is not in order ({0}); nothing was taken")]
    Wrong(HandOverError),
    /// The overlay ended: a bug.
    #[error("the network ended")]
    Gone,
}

impl From<EngineError> for LinkFailure {
    fn from(error: EngineError) -> Self {
        Self::Start(error.into())
    }
}

/// A data directory without an account.
struct Place {
    _lock: InstanceLock,
    store: DurableStore,
    vault: Vault,
    rng: StdRng,
}

impl Place {
    fn open(options: &Options) -> Result<Self, StartError> {
        let mut rng: StdRng = make_rng();
        let dir = || options.paths.data_dir().to_owned();
        let lock = InstanceLock::acquire(options.paths.data_dir())?;
        let (store, vault, _) = open_store(options, &mut rng)?;
        if Me::load(&Reader::new(&store, &vault))?.is_some() {
            return Err(StartError::AlreadyInitialised { dir: dir() });
        }
        if options.paths.initialised_file().exists() {
            return Err(StartError::AccountMissing { dir: dir() });
        }
        Ok(Self { _lock: lock, store, vault, rng })
    }

    /// One transaction, durable when this returns.
    fn write<T>(&mut self, write: impl FnOnce(&mut Tx<'_>) -> Result<T, EngineError>) -> Result<T, StartError> {
        let mut tx = Tx::new(&self.store, &self.vault);
        let value = write(&mut tx)?;
        let batch = tx.into_batch(&mut self.rng)?;
        self.store.apply(batch)?;
        self.store.flush()?;
        Ok(value)
    }
}

/// Waits to be linked, and takes the account over. `name`: what this machine is called until its owner says otherwise.
///
/// # Errors
/// [`LinkFailure`]; the directory has no account then, and can be used again.
pub async fn link(options: &Options, name: &str, told: &mut dyn FnMut(Progress)) -> Result<Linked, LinkFailure> {
    let mut place = Place::open(options)?;
    let pending = joining::load(&Reader::new(&place.store, &place.vault))?;
    let pending = pending.filter(|pending| pending.joiner.ended(runtime::now()).is_none());
    let device = match &pending {
        Some(pending) => pending.joiner.device().clone(),
        None => DeviceSecret::generate(&mut place.rng),
    };
    let taken = pending.as_ref().map(|pending| pending.listen.clone()).unwrap_or_default();
    let (overlay, mut events, wanted) = start(options, &device, &taken).await?;
    let linked = async {
        let mut waiting = match pending {
            Some(pending) => pending,
            None => begin(options, device, name, &overlay, &mut events, &mut place).await?,
        };
        told(Progress::Waiting {
            ticket: waiting.joiner.ticket().to_string(),
            expires_at: waiting.joiner.ticket().expires_at,
        });
        // After a restart.
        if let Some(digits) = waiting.joiner.digits() {
            told(Progress::Digits(digits));
        }
        let (given, host) = wait(&mut waiting, &mut place, &overlay, &mut events, told).await?;
        let bound = overlay.status().await.map(|status| status.listen).unwrap_or_default();
        let ports = Ports::of(&wanted, &bound);
        let device = waiting.joiner.device().clone();
        let me = place.write(|tx| {
            ports::save(tx, &ports)?;
            joining::adopt(tx, &device, (*given).clone(), runtime::now())
        })?;
        mark_initialised(&options.paths)?;
        info!(account = %me.account_id().fmt_short(), "this machine is a device of an account now");
        farewell(&waiting.joiner, host, &overlay, &mut events, &mut place.rng).await;
        Ok(told_of(&me, &given))
    };
    let linked = Box::pin(linked).await;
    overlay.shutdown().await;
    linked
}

fn told_of(me: &Me, given: &HandOver) -> Linked {
    let own = given.devices.iter().find(|named| named.device == me.device_id());
    Linked {
        account: me.account_id().to_string(),
        device: me.device_id().to_string(),
        name: own.map(|named| named.name.clone()).unwrap_or_default(),
        holder: me.account.is_holder(),
        devices: me.key_log.active().count(),
    }
}

type Started = (Handle, Events, Vec<Multiaddr>);

/// Starts the overlay, at the addresses of the ticket if there is one. Also gives what is configured.
async fn start(options: &Options, device: &DeviceSecret, taken: &[String]) -> Result<Started, StartError> {
    let (config, company) = (&options.config, Company::new(&options.paths));
    let wanted = parse("network.listen", &config.network.listen)?;
    let mut overlay = overlay_config(device.network_seed(), config)?;
    overlay.book = company.peers();
    overlay.seeds = company.seeds().filter(|_| config.network.uses_seed_list());
    overlay.listen = if taken.is_empty() { wanted.clone() } else { parse("network.listen", taken)? };
    let (handle, events) = covey_overlay::spawn(overlay).await?;
    Ok((handle, events, wanted))
}

/// Makes the ticket, once it is known where this machine can be reached.
async fn begin(
    options: &Options,
    device: DeviceSecret,
    name: &str,
    overlay: &Handle,
    events: &mut Events,
    place: &mut Place,
) -> Result<joining::Joining, LinkFailure> {
    let mut addresses = listening(overlay).await;
    let knows_network =
        overlay.status().await.is_ok_and(|status| !status.bootstrap.is_empty() || !status.book.is_empty());
    let until = Instant::now() + FOR_ADDRESSES;
    let found = |addresses: &[String]| addresses.iter().any(|address| address.contains("/p2p-circuit"));
    while knows_network && !found(&addresses) && options.config.network.relay_use != crate::config::RelayUse::Never {
        match timeout_at(until, events.recv()).await {
            Ok(Some(Event::Addresses(known))) => addresses = known.iter().map(ToString::to_string).collect(),
            Ok(Some(_)) => {}
            Ok(None) => return Err(LinkFailure::Gone),
            Err(_) => break,
        }
    }
    // The peer is named by its key already.
    let bare = |address: &String| address.rsplit_once("/p2p/").map_or_else(|| address.clone(), |(bare, _)| bare.into());
    let network = network_tag(options)?;
    let new = NewDevice { device, name: name.to_owned(), network, addresses: addresses.iter().map(bare).collect() };
    let joiner = Joiner::new(new, runtime::now(), &mut place.rng);
    let listen = overlay.status().await.map(|status| status.listen).unwrap_or_default();
    let joining = joining::Joining { joiner, listen: listen.iter().map(ToString::to_string).collect() };
    place.write(|tx| joining::save(tx, &joining))?;
    Ok(joining)
}

fn network_tag(options: &Options) -> Result<Option<NetworkTag>, StartError> {
    let file = &options.config.network.key_file;
    if file.is_empty() {
        return Ok(None);
    }
    Ok(Some(NetworkTag::of(&*crate::network_key::read(std::path::Path::new(file))?)))
}

/// Answers the host until it hands the account over. Also tells who it is.
async fn wait(
    waiting: &mut joining::Joining,
    place: &mut Place,
    overlay: &Handle,
    events: &mut Events,
    told: &mut dyn FnMut(Progress),
) -> Result<(Box<HandOver>, PeerId), LinkFailure> {
    loop {
        let left = waiting.joiner.ticket().expires_at.saturating_sub(runtime::now());
        if let Some(end) = waiting.joiner.ended(runtime::now()) {
            return Err(LinkFailure::Ended(end));
        }
        let event = tokio::select! {
            event = events.recv() => event.ok_or(LinkFailure::Gone)?,
            () = sleep(Duration::from_millis(left)) => continue,
        };
        let Event::Frame { peer, protocol: Protocol::Pair, frame, .. } = event else { continue };
        let Ok(frame) = LinkFrame::decode(&frame) else { continue };
        let (answer, came) = waiting.joiner.frame(&frame, runtime::now(), &mut place.rng);
        debug!(%peer, ?came, "a frame of the link");
        if came != JoinerEvent::Nothing {
            place.write(|tx| joining::save(tx, waiting))?;
        }
        if came == JoinerEvent::Greeted {
            // From here on it is no stranger.
            let _ = overlay.allow(peer, Vec::new()).await;
        }
        say(overlay, peer, answer);
        match came {
            JoinerEvent::Nothing => {}
            JoinerEvent::Greeted => told(Progress::Greeted),
            JoinerEvent::Digits(digits) => told(Progress::Digits(digits)),
            JoinerEvent::Confirmed => told(Progress::Confirmed),
            JoinerEvent::HandedOver(given) => return Ok((given, peer)),
            JoinerEvent::Ended(end) => return Err(LinkFailure::Ended(end)),
            JoinerEvent::Wrong(error) => {
                farewell_until(events, Instant::now() + FAREWELL).await;
                return Err(LinkFailure::Wrong(error));
            }
        }
    }
}

fn say(overlay: &Handle, peer: PeerId, frame: Option<Vec<u8>>) {
    if let Some(frame) = frame
        && let Err(error) = overlay.send(peer, Protocol::Pair, Bytes::from(frame))
    {
        debug!(%peer, %error, "a frame of the link was not sent; the host asks again");
    }
}

/// Tells the host that the account is stored, and again if it did not hear so.
async fn farewell(joiner: &Joiner, host: PeerId, overlay: &Handle, events: &mut Events, rng: &mut StdRng) {
    let until = Instant::now() + FAREWELL;
    say(overlay, host, joiner.done(rng));
    while let Ok(Some(event)) = timeout_at(until, events.recv()).await {
        match event {
            Event::Frame { peer, protocol: Protocol::Pair, .. } if peer == host => say(overlay, host, joiner.done(rng)),
            // It has heard, or is gone.
            Event::Disconnected { peer } if peer == host => return,
            _ => {}
        }
    }
}

/// What was sent last has time to go out.
async fn farewell_until(events: &mut Events, until: Instant) {
    while let Ok(Some(_)) = timeout_at(until, events.recv()).await {}
}
