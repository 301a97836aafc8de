//! Entries whose content could not be opened yet, as stored.

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::ids::DeviceId;
use serde::{Deserialize, Serialize};

use crate::engine::records::channels::Channel;
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Entries of one author that are opened when its chain comes.
pub(in crate::engine) const MAX_PARKED: usize = 4_096;

/// An entry whose content key we lack.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Parked {
    pub(in crate::engine) channel: ChannelId,
    pub(in crate::engine) feed: FeedKey,
    pub(in crate::engine) seq: u64,
    /// The device that it waits for; none if that is the author of the feed, or nobody for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) of: Option<DeviceId>,
    pub(in crate::engine) asked_at: u64,
    /// How often it was asked for in this round of the device that it waits for.
    pub(in crate::engine) asked: u8,
    /// Devices that were asked for it in this round in vain, by the first bytes of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) tried: Vec<u64>,
    /// How often everybody who may have the key was asked in vain.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(in crate::engine) rounds: u8,
    /// Its author does not let us read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) denied: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(rounds: &u8) -> bool {
    *rounds == 0
}

impl Parked {
    /// An entry that was not asked for yet.
    pub(in crate::engine) fn new(channel: ChannelId, feed: FeedKey, seq: u64) -> Self {
        Self { channel, feed, seq, of: None, asked_at: 0, asked: 0, tried: Vec::new(), rounds: 0, denied: false }
    }

    /// The device that it waits for.
    pub(in crate::engine) fn asked_of(&self) -> DeviceId {
        self.of.unwrap_or_else(|| DeviceId::from_bytes(*self.feed.author.as_bytes()))
    }
}

/// The entries that wait for their content keys, whoever is asked for them, by the local numbers of their feeds.
pub(in crate::engine) fn by_feed(tx: &Tx<'_>) -> Result<BTreeMap<u64, BTreeSet<u64>>, EngineError> {
    let mut waiting: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for key in tx.keys(&tables::all_parked())? {
        waiting.entry(tables::feed_of_parked(&key)).or_default().insert(key.tail_u64());
    }
    Ok(waiting)
}

/// How many entries of a channel wait for their content keys, and how often these were asked for at most, by author.
pub(in crate::engine) fn waiting(
    tx: &Tx<'_>,
    channel: &Channel,
) -> Result<BTreeMap<DeviceId, (usize, u8)>, EngineError> {
    let mut waiting: BTreeMap<DeviceId, (usize, u8)> = BTreeMap::new();
    let mut after = None;
    loop {
        let part = tx.scan::<Parked>(&tables::all_parked(), after.as_ref(), MAX_PARKED, false)?;
        let ended = part.len() < MAX_PARKED;
        for (key, parked) in part {
            after = Some(key);
            if parked.channel == channel.id {
                let (count, asked) = waiting.entry(DeviceId::from_bytes(*parked.feed.author.as_bytes())).or_default();
                (*count, *asked) = (*count + 1, parked.asked.max(*asked));
            }
        }
        if ended {
            return Ok(waiting);
        }
    }
}
