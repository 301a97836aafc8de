//! Where mail for an account waits, as it tells each of its contacts inside their session.

use serde::{Deserialize, Serialize};

use super::{InboxKey, SlotId, SlotToken, are_few, fewer};
use crate::{identity::DeviceKeys, ids::AccountId, version::Version};

/// Keepers that an account has at most.
pub const MAX_KEEPERS: usize = 3;
/// Longest encoding in bytes: an inbox key and three keepers with eight addresses each.
const MAILBOX_MAX: usize = 12 * 1024;

/// Not what an account says of its keepers, or more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no keepers")]
pub struct NotAMailbox;

/// A contact's slot at one keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxAt {
    /// The account of the keeper, whose card says where it is when it moved.
    pub account: AccountId,
    /// The device of the keeper: signs receipts, and is the peer to connect to.
    pub keeper: DeviceKeys,
    /// Where it was last known to listen: multiaddresses as text, opaque here.
    pub addresses: Vec<String>,
    /// The slot.
    pub slot: SlotId,
    /// Opens it.
    pub token: SlotToken,
}

/// `[1, inbox key, [[account, keeper, addresses, slot, token]…], number]`. Without keepers: no mail waits any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Mailbox {
    /// What parcels are sealed to.
    pub key: InboxKey,
    /// Where they may be left, the best place first.
    pub at: Vec<MailboxAt>,
    /// Grows with whatever the devices of the account agree on, so that the newest word of any of them counts for all. 0 of a version in
    /// which each device spoke for itself.
    pub number: u64,
}

#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, InboxKey, Vec<At>, #[serde(default)] u64);

#[derive(Serialize, Deserialize)]
struct At(AccountId, DeviceKeys, Vec<String>, SlotId, SlotToken);

impl From<Mailbox> for Wire {
    fn from(mailbox: Mailbox) -> Self {
        let at = mailbox.at.into_iter().map(|at| At(at.account, at.keeper, at.addresses, at.slot, at.token));
        Self(Version, mailbox.key, at.collect(), mailbox.number)
    }
}

impl TryFrom<Wire> for Mailbox {
    type Error = NotAMailbox;

    /// [KEEP-2]
    fn try_from(Wire(_, key, at, number): Wire) -> Result<Self, NotAMailbox> {
        if at.len() > MAX_KEEPERS || !at.iter().all(|at| are_few(&at.2)) {
            return Err(NotAMailbox);
        }
        let at = at.into_iter().map(|At(account, keeper, addresses, slot, token)| MailboxAt {
            account,
            keeper,
            addresses,
            slot,
            token,
        });
        Ok(Self { key, at: at.collect(), number })
    }
}

impl Mailbox {
    /// Keeps as many addresses and keepers as fit.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        self.at.truncate(MAX_KEEPERS);
        self.at.iter_mut().for_each(|at| fewer(&mut at.addresses));
        self
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        covey_codec::encode(self).expect("a mailbox is plain data")
    }

    /// Decodes them.
    ///
    /// # Errors
    /// [`NotAMailbox`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAMailbox> {
        covey_codec::decode(bytes, MAILBOX_MAX).map_err(|_| NotAMailbox)
    }
}
