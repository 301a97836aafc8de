//! Sender keys: a message to a group is sealed once, however many members read it.
//!
//! A device that speaks in a group has one [`SenderChain`] there and gives its state to the devices of the roster, each
//! inside a pairwise session ([`Distribution`]); they keep it in [`ReceiverChains`]. [`Rotation`] says when a new chain
//! has to begin, [`DistributionWork`] who still has to get it. [`GroupCipher`] is what the engine sees of all this.
//!
//! Knows nothing of feeds, rosters and sessions: places are opaque bytes, members are device ids. `pairing/SPEC.md`,
//! section Groups.

mod chain;
mod distribution;
mod keys;
pub mod limits;
mod past;
mod payload;
mod receiver;
pub mod report;
mod rotation;
mod seam;
mod sender;
mod work;

pub use chain::OpenError;
pub use distribution::Distribution;
pub use keys::{KeyId, Speaker};
pub use past::PastChains;
pub use payload::key_id as key_id_of;
pub use receiver::{LearnError, Learned, Opened, ReceiverChains};
pub use rotation::{Rotation, RotationPolicy};
pub use seam::{Change, GroupCipher, OwnChain, SenderKeys};
pub use sender::{SealError, Sealed, SenderChain};
pub use work::{Audience, DistributionWork, Handout};
