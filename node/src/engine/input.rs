//! What goes into the engine and what comes out.

use std::net::IpAddr;

use covey_api::ApiError;
use covey_feed::sync::acknowledges;
use covey_pairing::consent::{KeyFrame, PairFrame, Source};
use covey_pairing::ids::AccountId;
use covey_pairing::link::LinkFrame;
use tracing::debug;

use crate::engine::consent::frames::{self, Way};
use crate::engine::consent::{found, pursuit};
use crate::engine::contacts::renewal;
use crate::engine::devices::{link, notice};
use crate::engine::group::{content, disputes, listing};
use crate::engine::inbound::{accounts, contests, knock, parcels};
use crate::engine::keepers::{leaving, mine, roles, seeking};
use crate::engine::notices::Notice;
use crate::engine::outbound::handing;
use crate::engine::replication::sync;
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Cx, EngineError, PeerKey, Policy, Protocol, clock, own, sharing, transfer};

/// One thing that happened. Each is handled by itself and ends in one atomic batch.
pub enum Input {
    /// The daemon started, or a transaction could not be kept: rebuild what is in memory from the store.
    Start,
    /// A local client asked for something.
    Command(Command),
    /// An authenticated connection to `peer` is up.
    Connected {
        /// Who.
        peer: PeerKey,
    },
    /// The last connection to `peer` is gone.
    Disconnected {
        /// Who.
        peer: PeerKey,
    },
    /// The sync stream to `peer`, a contact's device, is open.
    Opened {
        /// Who.
        peer: PeerKey,
    },
    /// The sync stream to `peer` is gone.
    Closed {
        /// Who.
        peer: PeerKey,
    },
    /// A frame arrived on one of our protocols.
    Frame {
        /// From whom.
        peer: PeerKey,
        /// On which protocol.
        protocol: Protocol,
        /// The address it came from, if it is known (for the limits on strangers).
        source: Option<IpAddr>,
        /// The frame, opaque so far.
        frame: Vec<u8>,
    },
    /// The addresses we can be reached at changed (multiaddr text).
    Addresses(Vec<String>),
    /// A look-up of a contact card ended.
    Found {
        /// Whose card was looked up.
        account: AccountId,
        /// The cards that were found, the newest first by their own word; not verified yet.
        cards: Vec<Vec<u8>>,
    },
    /// The operator changed the configuration: from the next input on this holds. Writes nothing.
    Policy(Box<Policy>),
    /// How many bytes are free on the disk. Writes nothing.
    FreeDisk(u64),
    /// Time passed: expire, retry, publish.
    Tick,
    /// The daemon ends: the runtime takes no further inputs and handles those that wait.
    Stop,
}

impl Input {
    /// Whether nobody waits for what comes of it: it can share the next commit with what comes a moment later. Others have
    /// entries of ours, and say so again if the word of it is lost.
    pub fn may_wait(&self) -> bool {
        matches!(self, Self::Frame { protocol: Protocol::Sync, frame, .. } if acknowledges(frame))
    }
}

/// A command's transaction: whether to commit it, and how to answer once that is decided.
pub struct Verdict {
    /// `false`: the command was refused, nothing it wrote may stay.
    pub commit: bool,
    /// Called with the result of the commit, after it is durable.
    pub reply: Box<dyn FnOnce(Result<(), EngineError>) + Send>,
}

/// A local client's request, run against the transaction.
pub struct Command(Box<dyn FnOnce(&mut Cx<'_, '_>) -> Verdict + Send>);

impl Command {
    /// Wraps `run`, whose result goes to `reply`: an error at once and without a trace in the store, a value only
    /// after everything it rests on is durable.
    pub fn new<T: Send + 'static>(
        run: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError> + Send + 'static,
        reply: impl FnOnce(Result<T, ApiError>) + Send + 'static,
    ) -> Self {
        Self(Box::new(move |cx| {
            let told = |value, cx: &mut Cx<'_, '_>| Ok(drain(cx).map(|()| value)?);
            let result = run(cx).and_then(|value| told(value, cx));
            Verdict {
                commit: result.is_ok(),
                reply: Box::new(move |committed| {
                    reply(result.and_then(|value| committed.map(|()| value).map_err(ApiError::from)));
                }),
            }
        }))
    }

    /// Runs it.
    pub fn run(self, cx: &mut Cx<'_, '_>) -> Verdict {
        (self.0)(cx)
    }
}

/// Handles any input but a command (commands carry their own code, see [`Command::run`]) and a policy (which is not in the
/// store, see [`crate::engine::live::Live::adopt`]).
///
/// # Errors
/// Only those of the store; hostile or late input is dealt with inside.
pub fn handle(input: Input, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if has_ended(cx) {
        return Ok(());
    }
    #[cfg(any(test, feature = "hostile"))]
    let came = matches!(input, Input::Frame { .. });
    dispatch(input, cx)?;
    #[cfg(any(test, feature = "hostile"))]
    super::mischief::after(cx, came)?;
    drain(cx)
}

/// Whether this device is none of its account's any more. The runtime stops once that is durable; until then nothing more comes of anything.
fn has_ended(cx: &Cx<'_, '_>) -> bool {
    !cx.me.key_log.is_active(&cx.me.device_id())
}

/// A frame of the pairing protocol. Those who come with a ticket of a group leave their wish where strangers leave invites.
fn consent(cx: &mut Cx<'_, '_>, peer: PeerKey, source: Option<IpAddr>, bytes: &[u8]) -> Result<(), EngineError> {
    match PairFrame::decode(bytes) {
        Ok(frame) => frames::frame(cx, Way::Peer(peer, Source::of(source)), frame).map(drop),
        Err(error) => {
            if let Ok(frame) = KeyFrame::decode(bytes) {
                return found::key(cx, peer, &frame);
            }
            if let Ok(frame) = LinkFrame::decode(bytes) {
                return link::frame(cx, peer, &frame);
            }
            if let Some(frame) = LogFrame::decode(bytes) {
                return notice::frame(cx, peer, frame);
            }
            let is_ours = knock::frame(cx, peer, source, bytes)?
                || contests::frame(cx, bytes)?
                || accounts::frame(cx, peer, source, bytes)?;
            if !is_ours {
                debug!(?peer, %error, "a malformed pairing frame");
            }
            Ok(())
        }
    }
}

/// Signs and pushes what was appended, once for all inputs that share a transaction, and tells those who have to hear of it.
///
/// # Errors
/// Those of the store.
pub fn settle(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    drain(cx)?;
    // What is told may lead to more that is written.
    while !cx.appended.is_empty() {
        sharing::publish(cx)?;
        drain(cx)?;
    }
    Ok(())
}

/// A peer is there: everybody who has something for it is told.
fn connected(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    sync::connected(cx, peer)?;
    link::peer_came(cx, peer)?;
    roles::peer_came(cx, peer)?;
    notice::peer_came(cx, peer)
}

fn dispatch(input: Input, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    match input {
        Input::Start => clock::start(cx),
        Input::Command(_) | Input::Policy(_) | Input::Stop => Ok(()),
        Input::Connected { peer } => connected(cx, peer),
        Input::Disconnected { peer } => {
            roles::peer_went(cx, peer)?;
            sync::disconnected(cx, peer)
        }
        Input::Opened { peer } => sync::opened(cx, peer),
        Input::Closed { peer } => {
            sync::closed(cx, peer);
            Ok(())
        }
        Input::Frame { peer, protocol: Protocol::Pair, source, frame } => consent(cx, peer, source, &frame),
        Input::Frame { peer, protocol: Protocol::Sync, frame, .. } => {
            sync::frame(cx, peer, frame);
            Ok(())
        }
        Input::Frame { peer, protocol: Protocol::Parcel, frame, .. } => parcels::frame(cx, peer, &frame),
        Input::Frame { peer, protocol: Protocol::Keeper, source, frame } => roles::frame(cx, peer, source, &frame),
        Input::Addresses(addresses) => {
            if addresses != cx.live.addresses {
                cx.live.keepers.moved(cx.now);
            }
            renewal::addresses_changed(cx, addresses)
        }
        Input::Found { account, cards } => {
            seeking::found(cx, &account, &cards)?;
            found::found(cx, account, &cards)
        }
        Input::FreeDisk(bytes) => {
            cx.live.free_disk = Some(bytes);
            Ok(())
        }
        Input::Tick => clock::tick(cx),
    }
}

/// Tells everybody of what the input brought about, and of what follows from that.
///
/// # Errors
/// Those of the store.
pub(super) fn drain(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    while !has_ended(cx) {
        let Some(notice) = cx.notices.next() else {
            // What has to be said to our own devices may bring more about.
            if own::write::some(cx)? || mine::follow(cx)? {
                continue;
            }
            return Ok(());
        };
        match notice {
            Notice::Sync(peer, input) => sync::drive(cx, peer, input)?,
            Notice::DevicesKnown(devices) => parcels::known_now(cx, &devices)?,
            Notice::OwnDevices => {
                mine::devices_changed(cx)?;
                listing::changed(cx)?;
                own::write::begin(cx)?;
            }
            Notice::Opened(channel) => own::reading::apply_again(cx, &channel)?,
            Notice::Shared(key) => {
                if let Some(account) = key.contact_id() {
                    cx.live.keepers.contacts.insert(account);
                    cx.live.invites.changed(account, cx.now);
                }
                own::write::queue(cx, key);
            }
            Notice::Disputed(account) => disputes::changed(cx, &account)?,
            Notice::Wrote(no) => leaving::wrote(cx, no)?,
            Notice::Ended(account) => {
                cx.live.keepers.changed = true;
                content::judge_ended(cx, &account)?;
            }
            Notice::Pursue(account) => pursuit::anew(cx, &account)?,
            Notice::HandOut(no) => handing::hand_out(cx, no)?,
            Notice::Transfer => transfer::take::go_on(cx)?,
        }
    }
    Ok(())
}
