//! What the engine keeps in memory only. Losing it costs a reconnect, never a message.

pub(super) mod authors;
pub(super) mod groups;
pub(super) mod invites;
pub(super) mod keepers;
pub(super) mod knocks;
pub(super) mod lost;
pub(super) mod misuse;
pub(super) mod quotas;
pub(super) mod retry;
pub(super) mod tally;
pub(super) mod transfers;
pub(super) mod unheard;

use std::collections::{BTreeMap, BTreeSet};

use covey_feed::PeerSync;
use covey_pairing::consent::StrangerLimits;
use covey_pairing::ids::{AccountId, DeviceId};
use serde_bytes::ByteBuf;

use crate::engine::live::authors::AuthorKeys;
use crate::engine::live::lost::Lost;
use crate::engine::live::misuse::Misuse;
use crate::engine::live::quotas::Quotas;
use crate::engine::live::retry::Retry;
use crate::engine::live::tally::Tally;
use crate::engine::live::transfers::Transfers;
use crate::engine::live::unheard::Unheard;
use crate::engine::records::{marks, parcels};
use crate::engine::wire::own_record;
use crate::engine::{PeerKey, Policy};
use crate::store::{Key, Table};

/// In-memory state: who is connected, what waits for a retry.
pub struct Live {
    /// Connected peers, whoever they are.
    pub(super) connected: BTreeSet<PeerKey>,
    /// Contacts' devices whose sync stream is open.
    pub(super) opened: BTreeSet<PeerKey>,
    /// What connected devices said before our own stream to them was open.
    pub(super) unheard: Unheard,
    /// Devices of paired contacts that were connected since the start. Bounded by the contacts.
    pub(super) contacts: BTreeMap<PeerKey, ContactPeer>,
    /// Accounts for whom a pairing frame waits.
    pub(super) waiting: BTreeMap<AccountId, Retry>,
    /// Paired contacts who are not connected.
    pub(super) lost: Lost,
    /// When a relationship next has something to do by itself.
    pub(super) deadlines: BTreeMap<AccountId, u64>,
    /// Peers at which a pairing frame for an account may be left (from its ticket or card).
    pub(super) hints: BTreeMap<PeerKey, AccountId>,
    /// How many invites wait for the operator, if it was counted since that last changed.
    pub(super) pending: Option<usize>,
    /// What strangers did lately.
    pub(super) strangers: StrangerLimits,
    /// Addresses we can be reached at (multiaddr text).
    pub(super) addresses: Vec<String>,
    /// Contacts' devices that broke the protocol, and when they may connect again.
    pub(super) penalties: BTreeMap<PeerKey, u64>,
    /// Rosters of the groups that we have a channel of, by its number.
    pub(super) groups: groups::Groups,
    /// How far anybody has our feeds of large groups, by their numbers, if it was looked for. Bounded by our groups.
    pub(super) furthest: BTreeMap<u64, marks::Furthest>,
    /// Parcels and bytes kept of each device, if they were counted since that last changed.
    pub(super) custody: Option<parcels::Used>,
    /// Parcels that were brought from devices that no roster of ours has yet: who brought them, from whom, number, parcel.
    pub(super) early: Vec<(PeerKey, DeviceId, u64, ByteBuf)>,
    /// What is under way at keepers, ours and those of contacts.
    pub(super) keepers: keepers::Keepers,
    /// Invites that lie at keepers.
    pub(super) invites: invites::Invites,
    /// The new machine that is being linked, and when it is next told what is to be said.
    pub(super) link: Option<(PeerKey, u64)>,
    /// The history that devices of ours are given which were linked.
    pub(super) transfer: Transfers,
    /// When the keys of the account are next asked for, after a recovery that kept this device was accepted.
    pub(super) keys_wanted_at: Option<u64>,
    /// When a key log that a stranger showed was last looked at.
    pub(super) log_looked_at: u64,
    /// What accounts made us keep lately. Bounded by contacts and members.
    pub(super) quotas: Quotas,
    /// What devices cost with parcels lately.
    pub(super) misuse: Misuse,
    /// What work their operations made lately. Bounded likewise.
    pub(super) works: Quotas,
    /// What has to be looked at for our own devices, and when it is gone on with.
    pub(super) own: BTreeSet<own_record::Key>,
    pub(super) own_at: Option<u64>,
    /// When an invite that waited for its keys is made here, if no other device of ours made it.
    pub(super) turns: BTreeMap<AccountId, u64>,
    /// Proofs of forks that they handed in lately. Bounded likewise.
    pub(super) proofs: Quotas,
    /// Keys with which entries were verified lately.
    pub(super) authors: AuthorKeys,
    /// What happened since the start.
    pub(super) tally: Tally,
    /// Somebody follows the journal while it is written.
    pub(crate) followed: bool,
    /// When our card was last handed to the overlay for publication.
    pub(super) published_at: u64,
    /// When the slow housekeeping last ran.
    pub(super) housekept_at: u64,
    /// When what has ended was last looked for.
    pub(super) pruned_at: u64,
    /// The table of sessions that is looked through for what they keep too long, and after which one it goes on.
    pub(super) expiring: Option<(Table, Key)>,
    /// Free space on the disk in bytes, as it was last looked at.
    pub(super) free_disk: Option<u64>,
    /// The clock at the last tick, to notice when it is set back.
    pub(super) ticked_at: u64,
    /// Frames that a keeper that lies says again.
    #[cfg(any(test, feature = "hostile"))]
    pub(super) overheard: Vec<(PeerKey, Vec<u8>)>,
}

impl Live {
    /// Nobody is connected yet.
    pub fn new(policy: &Policy) -> Self {
        Self {
            connected: BTreeSet::new(),
            opened: BTreeSet::new(),
            unheard: Unheard::default(),
            contacts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            lost: Lost::default(),
            deadlines: BTreeMap::new(),
            hints: BTreeMap::new(),
            pending: None,
            strangers: StrangerLimits::new(policy.strangers),
            addresses: Vec::new(),
            penalties: BTreeMap::new(),
            groups: groups::Groups::default(),
            furthest: BTreeMap::new(),
            custody: None,
            early: Vec::new(),
            keepers: keepers::Keepers::default(),
            invites: invites::Invites::default(),
            link: None,
            transfer: Transfers::default(),
            keys_wanted_at: None,
            log_looked_at: 0,
            quotas: Quotas::default(),
            misuse: Misuse::default(),
            works: Quotas::default(),
            own: BTreeSet::new(),
            own_at: None,
            turns: BTreeMap::new(),
            proofs: Quotas::default(),
            authors: AuthorKeys::default(),
            tally: Tally::default(),
            followed: false,
            published_at: 0,
            housekept_at: 0,
            pruned_at: 0,
            expiring: None,
            free_disk: None,
            ticked_at: 0,
            #[cfg(any(test, feature = "hostile"))]
            overheard: Vec::new(),
        }
    }

    /// Another policy holds from now on.
    pub fn adopt(&mut self, before: &Policy, policy: &Policy) {
        self.strangers.set_config(policy.strangers);
        if policy.discoverable && !before.discoverable {
            // The next tick publishes the card.
            self.published_at = 0;
        }
    }

    /// Whether something in memory follows what this input wrote; asking forgets it. If the input is then refused, memory is
    /// ahead of the store.
    pub(crate) fn take_ahead(&mut self) -> bool {
        std::mem::take(&mut self.groups.ahead)
    }

    /// The clock was set back to `now`: nothing waits for a time that has been already.
    pub(super) fn set_back(&mut self, now: u64) {
        self.waiting.values_mut().for_each(|retry| retry.at = retry.at.min(now));
        self.penalties.values_mut().for_each(|at| *at = (*at).min(now));
        self.turns.values_mut().for_each(|at| *at = (*at).min(now));
        self.published_at = self.published_at.min(now);
        self.housekept_at = self.housekept_at.min(now);
        self.pruned_at = self.pruned_at.min(now);
        self.misuse.set_back(now);
        self.lost.set_back(now);
        [&mut self.quotas, &mut self.works, &mut self.proofs].into_iter().for_each(|bucket| bucket.set_back(now));
        self.link.iter_mut().for_each(|(_, at)| *at = (*at).min(now));
        self.transfer.set_back(now);
        self.keys_wanted_at = self.keys_wanted_at.map(|at| at.min(now));
        self.log_looked_at = self.log_looked_at.min(now);
        self.groups.knocks.set_back(now);
        self.keepers.set_back(now);
        self.invites.set_back(now);
    }
}

/// A device of a paired contact.
pub(super) struct ContactPeer {
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
    pub(super) sync: PeerSync,
    /// When what it did not acknowledge was last looked through.
    pub(super) repaired_at: u64,
}
