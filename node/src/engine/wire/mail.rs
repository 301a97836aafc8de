//! What a deposit carries: runs of feeds of one direct channel, and how far its author has the other side's. It stands inside the seal and under
//! the signature of `covey_pairing::keeper::Deposit`.

use covey_feed::{Author, ChannelId};
use covey_pairing::keeper::MAX_CONTENT;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::EngineError;

const VERSION: u8 = 1;
/// [MAIL-1] Runs in one deposit, and feeds of which it says how far they arrived.
const MAX_LISTED: usize = 32;
/// Bytes of a deposit that are left for what is not a run.
pub(in crate::engine) const RESERVED: usize = 6 * 1024;

/// `[v=1, channel, [[author, incarnation, run]…], [[author, incarnation, seq]…]]`
#[derive(Serialize, Deserialize)]
struct Wire(u8, ChannelId, Vec<(Author, u64, ByteBuf)>, Vec<(Author, u64, u64)>);

/// What a deposit says.
pub(in crate::engine) struct Mail {
    pub(in crate::engine) channel: ChannelId,
    /// Author, incarnation and encoded run.
    pub(in crate::engine) runs: Vec<(Author, u64, ByteBuf)>,
    /// Author, incarnation and last entry that is durable at the depositor.
    pub(in crate::engine) has: Vec<(Author, u64, u64)>,
}

impl Mail {
    pub(in crate::engine) fn encode(mut self) -> Result<Vec<u8>, EngineError> {
        self.has.truncate(MAX_LISTED);
        covey_codec::encode(&Wire(VERSION, self.channel, self.runs, self.has)).map_err(EngineError::bug)
    }

    /// None: it is none, or of a later version.
    pub(in crate::engine) fn decode(bytes: &[u8]) -> Option<Self> {
        let Wire(version, channel, runs, has) = covey_codec::decode(bytes, MAX_CONTENT).ok()?;
        let few = runs.len() <= MAX_LISTED && has.len() <= MAX_LISTED;
        (version == VERSION && few).then_some(Self { channel, runs, has })
    }
}
