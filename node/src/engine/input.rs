//! What goes into the engine and what comes out.

use std::net::IpAddr;

use covey_api::ApiError;
use covey_pairing::consent::PairFrame;
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use tracing::debug;

use super::cx::{Cx, EngineError};
use super::group::knock;
use super::{Policy, card, outbox, pairing, parcels, sync};

/// A protocol that frames travel on.
pub type Protocol = covey_overlay::Protocol;

/// A peer's network identity: the Ed25519 public key behind its PeerId, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerKey(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl std::fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "peer:{}", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

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
        /// The card, if one was found; not verified yet.
        card: Option<Vec<u8>>,
    },
    /// The operator changed the configuration: from the next input on this holds. Writes nothing.
    Policy(Box<Policy>),
    /// Time passed: expire, retry, publish.
    Tick,
    /// The daemon ends: the runtime takes no further inputs and handles those that wait.
    Stop,
}

/// What the runtime must do once the transaction is durable.
pub enum Effect {
    /// Send a frame; losing it is no harm, everything that matters is sent again until acknowledged.
    Send {
        /// To whom.
        peer: PeerKey,
        /// On which protocol.
        protocol: Protocol,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Let this peer use every protocol and keep a connection to it.
    Allow {
        /// Whom.
        peer: PeerKey,
        /// Remembered addresses (multiaddr text).
        addresses: Vec<String>,
    },
    /// Take that back.
    Revoke {
        /// Whom.
        peer: PeerKey,
    },
    /// Try once to connect, to leave a pairing frame.
    Dial {
        /// Whom.
        peer: PeerKey,
        /// Addresses known of it.
        addresses: Vec<String>,
    },
    /// Look the account's contact card up.
    Lookup {
        /// Whose.
        account: AccountId,
    },
    /// Publish our own card.
    Publish {
        /// The signed card.
        card: Vec<u8>,
        /// Its sequence number.
        sequence: u64,
    },
    /// The journal has events up to this cursor.
    Journal(u64),
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
            let told = |value, cx: &mut Cx<'_, '_>| Ok(sync::drain(cx).map(|()| value)?);
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
/// store, see [`super::Live::adopt`]).
///
/// # Errors
/// Only those of the store; hostile or late input is dealt with inside.
pub fn handle(input: Input, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    #[cfg(feature = "hostile")]
    let came = matches!(input, Input::Frame { .. });
    dispatch(input, cx)?;
    #[cfg(feature = "hostile")]
    super::mischief::after(cx, came)?;
    sync::drain(cx)
}

/// A frame of the pairing protocol. Those who come with a ticket of a group leave their wish where strangers leave invites.
fn consent(cx: &mut Cx<'_, '_>, peer: PeerKey, source: Option<IpAddr>, bytes: &[u8]) -> Result<(), EngineError> {
    match PairFrame::decode(bytes) {
        Ok(frame) => pairing::frame(cx, peer, source, frame),
        Err(error) => {
            if !knock::frame(cx, peer, source, bytes)? {
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
    sync::publish(cx)?;
    sync::drain(cx)
}

fn dispatch(input: Input, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    match input {
        Input::Start => outbox::start(cx),
        Input::Command(_) | Input::Policy(_) | Input::Stop => Ok(()),
        Input::Connected { peer } => sync::connected(cx, peer),
        Input::Disconnected { peer } => sync::disconnected(cx, peer),
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
        Input::Addresses(addresses) => card::addresses_changed(cx, addresses),
        Input::Found { account, card } => outbox::found(cx, account, card.as_deref()),
        Input::Tick => outbox::tick(cx),
    }
}
