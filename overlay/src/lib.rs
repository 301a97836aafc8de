//! The overlay: finds peers and carries opaque, bounded frames between them over libp2p.
//!
//! It knows peers ([`PeerId`]), addresses ([`Multiaddr`]), frames ([`Bytes`]) and blinded records of account
//! keys. It knows nothing of chat: who may talk is told to it by [`Handle::allow`], what frames mean is the
//! node's business. `overlay/SPEC.md` is the wire specification.
//!
//! ```text
//! node ──Handle──> commands ──> worker (swarm) ──> Event ──> node
//!   └───send───> queue of (peer, protocol) ──> writer task ──> stream
//!                                  stream ──> reader task ──> Event::Frame
//! ```

mod address;
mod backoff;
mod book;
mod bucket;
mod candidates;
mod cards;
mod command;
mod config;
mod counters;
mod dials;
mod errors;
mod event;
mod exchange;
mod familiar;
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod guard;
mod handle;
mod heartbeat;
mod listen;
mod proofs;
mod pulse;
mod punches;
mod realm;
pub mod record;
mod scoped;
pub mod seeds;
mod seeker;
mod session;
mod shared;
mod status;
mod streams;
mod surroundings;
mod swarm;
mod worker;

pub use bytes::Bytes;
pub use command::{Command, Mock, Reply};
pub use config::{Backoff, Clock, Config, Limits, RelayUse, peer_id_of};
pub use errors::{DialError, Gone, LookupError, PublishError, SendError, SpawnError};
pub use event::{Event, Events, Protocol};
pub use handle::Handle;
pub use libp2p::{Multiaddr, PeerId};
pub use status::{Bootstrap, Connected, Nat, Status};
pub use worker::spawn;
