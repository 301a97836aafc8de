//! How far recipients have our feeds, as stored: per device, a mark along each.

use covey_feed::FeedKey;
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};

use crate::engine::records::channels::Channel;
use crate::engine::records::feeds;
use crate::engine::records::messages::Message;
use crate::engine::{EngineError, tables};
use crate::store::Tx;

/// Most marks of a feed: devices of recipients.
const MAX_DEVICES: usize = 16_384;

/// How much of a feed of ours a recipient's device has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Mark {
    pub(in crate::engine) account: AccountId,
    /// Which device that is. Older versions did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) device: Option<DeviceId>,
    /// Durable there up to this entry, since then.
    pub(in crate::engine) delivered: u64,
    pub(in crate::engine) delivered_at: u64,
    /// Read there up to this entry, since then.
    pub(in crate::engine) read: u64,
    pub(in crate::engine) read_at: u64,
}

impl Mark {
    pub(in crate::engine) fn new(account: AccountId, device: DeviceId) -> Self {
        Self { account, device: Some(device), delivered: 0, delivered_at: 0, read: 0, read_at: 0 }
    }
}

/// How far anybody has one of our feeds: delivered, and read.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::engine) struct Furthest {
    pub(in crate::engine) delivered: u64,
    pub(in crate::engine) read: u64,
}

impl Furthest {
    pub(in crate::engine) fn with(self, mark: &Mark) -> Self {
        Self { delivered: self.delivered.max(mark.delivered), read: self.read.max(mark.read) }
    }
}

pub(in crate::engine) fn scan(tx: &Tx<'_>, fid: u64) -> Result<Vec<Mark>, EngineError> {
    Ok(tx.scan(&tables::deliveries(fid), None, MAX_DEVICES, false)?.into_iter().map(|(_, mark)| mark).collect())
}

pub(in crate::engine) fn marks(tx: &Tx<'_>, channel: &Channel, message: &Message) -> Result<Vec<Mark>, EngineError> {
    let key = FeedKey { author: message.place.author, incarnation: message.place.incarnation };
    let Some(feed) = feeds::load(tx, channel.no, &key)? else { return Ok(Vec::new()) };
    scan(tx, feed.fid)
}

/// Up to where a device is known to have a feed of ours, if it said so.
pub(in crate::engine) fn delivered_to(tx: &Tx<'_>, fid: u64, device: &DeviceId) -> Result<Option<u64>, EngineError> {
    Ok(tx.load::<Mark>(&tables::delivery(fid, device))?.map(|mark| mark.delivered))
}

/// Whether anybody durably has all of our feed in a channel.
pub(in crate::engine) fn is_told(tx: &Tx<'_>, channel: &Channel, device: &DeviceId) -> Result<bool, EngineError> {
    let author = covey_feed::Author::from_bytes(*device.as_bytes());
    let key = FeedKey { author, incarnation: channel.incarnation };
    let Some(feed) = feeds::load(tx, channel.no, &key)? else { return Ok(true) };
    let last = feed.head.map_or(0, |head| head.seq);
    Ok(scan(tx, feed.fid)?.iter().any(|mark| mark.delivered >= last))
}
