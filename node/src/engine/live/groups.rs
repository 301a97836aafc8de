//! Groups in memory.

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::spread::Graph;
use covey_feed::{Author, FeedKey, Heads, Spread};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::cipher::Audience;
use covey_pairing::group::roster::{Member, OpId, Roster};
use covey_pairing::ids::{AccountId, DeviceId, GroupId};

use crate::engine::PeerKey;
use crate::engine::live::knocks;
use crate::engine::records::channels;
use crate::engine::records::disputes::Frozen;
use crate::engine::records::standing::{Request, State};
use crate::engine::wire::{doctor, parcel};

/// The groups we have a channel of, and those we ask to be let into.
#[derive(Default)]
pub(in crate::engine) struct Groups {
    pub(in crate::engine) by_no: BTreeMap<u64, Group>,
    /// A roster or standing in memory was changed by the present input.
    pub(in crate::engine) ahead: bool,
    /// Contested accounts, and where what they wrote ends. Bounded by the accounts whose cards we have.
    pub(in crate::engine) frozen: BTreeMap<AccountId, Frozen>,
    /// Requests that wait for an answer.
    pub(in crate::engine) requests: BTreeMap<GroupId, Request>,
    /// Devices that are shut out at this time unless there is another reason to know them: what they still have to be told
    /// has time to reach them.
    pub(in crate::engine) parting: BTreeMap<PeerKey, (AccountId, u64)>,
    /// When members that are not connected were last asked for keys.
    pub(in crate::engine) keys_asked_at: u64,
    /// When members are asked for keys that have not come by themselves.
    pub(in crate::engine) keys_due: Option<u64>,
    /// Knocks of strangers lately.
    pub(in crate::engine) knocks: knocks::Knocks,
    /// When a device last asked how a group looks here. Bounded by the devices that may.
    pub(in crate::engine) asked: BTreeMap<PeerKey, u64>,
    /// When a device was last given proofs of forks because it lacked them. Bounded likewise.
    pub(in crate::engine) forks_told: BTreeMap<PeerKey, u64>,
    /// Reports that a running doctor waits for.
    pub(in crate::engine) reports: BTreeMap<u64, BTreeMap<DeviceId, doctor::Report>>,
}

/// A group in memory.
pub(in crate::engine) struct Group {
    pub(in crate::engine) id: GroupId,
    pub(in crate::engine) roster: Roster,
    pub(in crate::engine) state: State,
    pub(in crate::engine) secret: Option<Secret<32>>,
    /// See [`crate::engine::records::standing::Standing::guides`].
    pub(in crate::engine) guides: Vec<AccountId>,
    /// Logical time of every operation.
    pub(in crate::engine) lamports: BTreeMap<OpId, u64>,
    /// Every device that was ever a member's.
    pub(in crate::engine) devices: BTreeMap<DeviceId, AccountId>,
    /// What the machines of its peers share.
    pub(in crate::engine) spread: Spread,
    /// Those to whom our end of the membership still has to be told: they are served until then.
    pub(in crate::engine) farewell: BTreeSet<AccountId>,
    /// When our chain is handed out further.
    pub(in crate::engine) hand_out_at: Option<u64>,
    /// We are an old copy of ourselves: the others believe that we have keys which were given to the other copy.
    pub(in crate::engine) restored: bool,
    /// Feeds of those who are gone, and where they end.
    pub(in crate::engine) ended: BTreeMap<FeedKey, u64>,
    /// [`spread::graph_size`] by which neighbours were last let in.
    pub(in crate::engine) graph_size: usize,
    /// Forked feeds, and where they are known to be forked.
    pub(in crate::engine) forks: BTreeMap<FeedKey, parcel::ForkRank>,
    /// When the next proof that a feed is forked earlier than known is taken. Bounded by the forked feeds.
    pub(in crate::engine) forks_due: BTreeMap<FeedKey, u64>,
    /// When operations that found no room among the waiting ones are taken up again.
    pub(in crate::engine) refill_at: Option<u64>,
}

impl Group {
    pub(in crate::engine) fn new(id: GroupId, state: State, secret: Option<Secret<32>>, heads: Heads) -> Self {
        Self {
            id,
            roster: Roster::new(id),
            state,
            secret,
            guides: Vec::new(),
            lamports: BTreeMap::new(),
            devices: BTreeMap::new(),
            spread: Spread::new(channels::channel_id(&id), heads),
            farewell: BTreeSet::new(),
            hand_out_at: None,
            restored: false,
            ended: BTreeMap::new(),
            graph_size: 0,
            forks: BTreeMap::new(),
            forks_due: BTreeMap::new(),
            refill_at: None,
        }
    }

    /// Whether we give `account` what stands in the channel, and take from it.
    pub(in crate::engine) fn shares(&self, me: &AccountId, account: &AccountId) -> bool {
        if self.state != State::Joined {
            return self.farewell.contains(account);
        }
        self.roster.member(account).is_some() || (self.guides.contains(account) && self.believes(me, account))
    }

    /// Whether somebody of whom the roster says nothing is believed to be a member: until it is here (again).
    fn believes(&self, me: &AccountId, guide: &AccountId) -> bool {
        let lacks = self.roster.member(me).is_none() || self.roster.len() == 1 || self.roster.operations().1 > 0;
        lacks && self.roster.standing(guide).is_none_or(|standing| standing.exit.is_none())
    }

    /// Us on the roster. Who was removed may never be shown the operation: we are no member then, whatever the roster says.
    pub(in crate::engine) fn own(&self, me: &AccountId) -> Option<&Member> {
        self.roster.member(me).filter(|_| self.state == State::Joined)
    }

    /// Members as far as it is known here.
    pub(in crate::engine) fn members(&self, me: &AccountId) -> u32 {
        let gone = self.roster.member(me).is_some() && self.own(me).is_none();
        u32::try_from(self.roster.len() - usize::from(gone)).unwrap_or(u32::MAX)
    }

    /// Devices on the roster.
    pub(in crate::engine) fn size(&self) -> usize {
        // Every member has at least one; the exact number would cost a walk and changes nothing.
        self.roster.len()
    }

    /// Who would be whose neighbour in a roster of `size` devices.
    pub(in crate::engine) fn graph(&self, size: usize) -> Neighbours {
        Neighbours::new(&self.id, size)
    }
}

/// Which devices are neighbours.
pub(in crate::engine) struct Neighbours(Graph);

impl Neighbours {
    /// In a roster of `size` devices.
    pub(in crate::engine) fn new(group: &GroupId, size: usize) -> Self {
        Self(Graph::new(&channels::channel_id(group), size))
    }

    pub(in crate::engine) fn is_edge(&self, a: &DeviceId, b: &DeviceId) -> bool {
        self.0.is_edge(&Author::from_bytes(*a.as_bytes()), &Author::from_bytes(*b.as_bytes()))
    }
}

/// The devices of members, who are given our chain.
pub(in crate::engine) struct OnRoster<'a>(pub(in crate::engine) &'a Roster);

impl Audience for OnRoster<'_> {
    fn after(&self, after: Option<&DeviceId>) -> impl Iterator<Item = DeviceId> {
        self.0.devices(after).copied()
    }

    fn contains(&self, device: &DeviceId) -> bool {
        self.0.by_device(device).is_some()
    }
}
