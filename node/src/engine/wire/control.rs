//! What two devices tell each other inside a session: the keys of groups, and the repair of content that a device could
//! not open. It asks the author, over a fresh session, for the content keys (`[NODE-REWRAP]`).

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::crypto::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::wire::transfer::Range;

/// [CTRL-1] Entries of which keys are asked for or given at a time.
pub(in crate::engine) const MAX_ASKED: usize = 64;

/// Associated data of control messages inside a session.
pub(in crate::engine) const CONTROL_AAD: &[u8] = b"covey control v1\0";

/// Turns of both sides that a step takes at most: theirs, our offer, their answer, our step.
pub(in crate::engine) const TURNS: u8 = 4;

/// What two devices tell each other inside their session.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Control {
    /// These entries of yours do not open: give me their content keys.
    #[serde(rename = "q")]
    KeysWanted(Vec<(ChannelId, FeedKey, u64)>),
    /// Their content keys.
    #[serde(rename = "k")]
    Keys(Vec<(ChannelId, FeedKey, u64, Secret<32>)>),
    /// These entries of mine are not for you: they were written before you came in, or are deleted.
    #[serde(rename = "n")]
    Denied(Vec<(ChannelId, FeedKey, u64)>),
    /// The chain of the device that says it, in the group of the session.
    #[serde(rename = "d")]
    Chain(ByteBuf),
    /// Nothing but the envelope (`[CTRL-8]`): a post-quantum step is wanted, which takes this many more turns. Each is answered with one less.
    #[serde(rename = "t")]
    Turn(u8),
    /// The contact card of the device that says it: what it was sent is sealed to a key that it has no more (`[CTRL-9]`).
    #[serde(rename = "c")]
    Card(ByteBuf),
    /// `[MAIL-2]` Where mail for the device that says it waits while it is away: `covey_pairing::keeper::Mailbox`.
    #[serde(rename = "i")]
    Mailbox(ByteBuf),
    /// `[MAIL-13]` Keep mail for my account; or not, after all.
    #[serde(rename = "p")]
    KeeperWanted(bool),
    /// `[MAIL-13]` The answer: a keeper ticket of the device that says it, or no.
    #[serde(rename = "a")]
    KeeperAnswer(Option<String>),
    /// [TRANSFER-1] Give me the history: what was received since then, of these entries, sealed under this key; without entries an overview.
    #[serde(rename = "h")]
    History(u64, Secret<32>, Vec<Range>),
}
