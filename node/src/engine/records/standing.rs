//! How we stand to groups: invited, waiting, in, out.

use covey_api::{GroupRefusal, GroupState};
use covey_feed::ChannelId;
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::roster::{OpId, Role};
use covey_pairing::ids::{AccountId, DeviceId, GroupId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::ContactDevice;
use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// Most groups listed at once.
const MAX_LISTED: usize = 10_000;

/// Where we are with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum State {
    /// It is our turn.
    Invited,
    /// We said yes, or asked with a ticket.
    Requested,
    /// In.
    Joined,
    Left,
    Removed,
    Declined,
}

impl State {
    pub(in crate::engine) fn shown(self) -> GroupState {
        match self {
            Self::Invited => GroupState::Invited,
            Self::Requested => GroupState::Requested,
            Self::Joined => GroupState::Joined,
            Self::Left => GroupState::Left,
            Self::Removed => GroupState::Removed,
            Self::Declined => GroupState::Declined,
        }
    }
}

/// A group as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Standing {
    pub(in crate::engine) id: GroupId,
    pub(in crate::engine) name: String,
    pub(in crate::engine) state: State,
    /// Since when, Unix milliseconds.
    pub(in crate::engine) since: u64,
    /// Number of its channel, once there is one.
    pub(in crate::engine) no: Option<u64>,
    /// What its sessions start from.
    pub(in crate::engine) secret: Option<Secret<32>>,
    /// Who invited, approved or removed us.
    pub(in crate::engine) by: Option<AccountId>,
    /// The open invite.
    pub(in crate::engine) invite: Option<Invite>,
    /// What we asked, and whom.
    pub(in crate::engine) request: Option<Request>,
    /// Those who let us in, or else a few members: believed to be members as long as there is no roster that says who is.
    pub(in crate::engine) guides: Vec<AccountId>,
    /// The operation by which we had come in, if we were told that we are out and not shown how: the roster has us still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) ended: Option<OpId>,
    /// The operation by which we had been a member last, while we are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) was: Option<OpId>,
    /// The newest operations that whoever let us in knew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) newest: Vec<OpId>,
}

/// An invite as we got it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Invite {
    pub(in crate::engine) op: OpId,
    pub(in crate::engine) role: Role,
    pub(in crate::engine) members: u32,
    pub(in crate::engine) note: String,
}

/// Our wish to be let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Request {
    pub(in crate::engine) statement: ByteBuf,
    pub(in crate::engine) note: String,
    pub(in crate::engine) points: Vec<Point>,
}

/// A device that may let us in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Point {
    pub(in crate::engine) account: AccountId,
    pub(in crate::engine) device: DeviceId,
    pub(in crate::engine) dh: DhPublic,
    pub(in crate::engine) peer: PeerKey,
    pub(in crate::engine) addresses: Vec<String>,
}

impl Point {
    pub(in crate::engine) fn of(account: AccountId, device: &ContactDevice) -> Self {
        Self { account, device: device.id, dh: device.dh, peer: device.peer, addresses: device.addresses.clone() }
    }

    /// As a device that can be sent parcels; it has no prekeys.
    pub(in crate::engine) fn device(&self) -> ContactDevice {
        ContactDevice::without_card(self.device, self.dh, self.peer, self.addresses.clone())
    }
}

impl Standing {
    /// Why nothing can be done in a group that we are not in.
    pub(in crate::engine) fn not_in(&self) -> GroupRefusal<'_> {
        match self.state {
            State::Invited => GroupRefusal::Unanswered(&self.name),
            State::Requested => GroupRefusal::NotYet(&self.name),
            State::Left | State::Removed => GroupRefusal::Left(&self.name),
            State::Declined | State::Joined => GroupRefusal::WeAreNotAMember(&self.name),
        }
    }

    pub(in crate::engine) fn new(id: GroupId, name: String, state: State, now: u64) -> Self {
        Self {
            id,
            name,
            state,
            since: now,
            no: None,
            secret: None,
            by: None,
            invite: None,
            request: None,
            guides: Vec::new(),
            ended: None,
            was: None,
            newest: Vec::new(),
        }
    }

    /// Another state from now on.
    pub(in crate::engine) fn become_(&mut self, state: State, now: u64) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// Whether this device asks to be let in, or was and waits for the roster. (Another device of ours may ask, too.)
    pub(in crate::engine) fn is_asking(&self) -> bool {
        self.state == State::Requested && (self.request.is_some() || self.secret.is_some())
    }

    pub(in crate::engine) fn channel(&self) -> ChannelId {
        channels::channel_id(&self.id)
    }

    pub(in crate::engine) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        Ok(tx.put(&tables::group(self.id.as_bytes()), self)?)
    }
}

/// One of them.
pub(in crate::engine) fn load(tx: &Tx<'_>, id: &GroupId) -> Result<Option<Standing>, EngineError> {
    Ok(tx.get(&tables::group(id.as_bytes()))?)
}

/// That of a channel.
pub(in crate::engine) fn of_channel(tx: &Tx<'_>, channel: &Channel) -> Result<Option<Standing>, EngineError> {
    load(tx, &channel.group_id())
}

/// All of them.
pub(in crate::engine) fn all(tx: &Tx<'_>) -> Result<Vec<Standing>, EngineError> {
    Ok(tx.scan_intact(&tables::groups(), MAX_LISTED)?.into_iter().map(|(_, standing)| standing).collect())
}
