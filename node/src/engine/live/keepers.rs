//! What is under way at keepers. Losing it costs a repeated question.

use std::collections::{BTreeMap, BTreeSet};

use covey_pairing::ids::AccountId;
use covey_pairing::keeper::{DEPOSIT_BURST, DEPOSIT_EVERY_MS, SlotId};
use serde_bytes::ByteArray;

use crate::engine::PeerKey;
use crate::engine::live::lost::Lost;

/// A contact has been away for this long before mail is left for it, in milliseconds: connections break and come back.
const AWAY: u64 = 10_000;
/// What is written to a contact that is away is gathered for this long, in milliseconds.
const GATHER: u64 = 5_000;
/// First pause before a keeper that did not answer is tried again, in milliseconds.
const AGAIN: u64 = 15_000;
/// Longest such pause.
const LONGEST: u64 = 10 * 60_000;
/// What keepers have is looked at again after this, in milliseconds: they keep nothing for ever.
const LOOK_AGAIN: u64 = 6 * 3_600_000;
/// A keeper of ours that answers so often in [`TIRED`] without bringing anything is asked for nothing, and not listened to, until that is over.
const MAX_USELESS: u32 = 256;
/// In milliseconds.
const TIRED: u64 = 10 * 60_000;
/// Keepers have what lies there fetched once more so long after this node's addresses changed, in milliseconds: who failed to dial it leaves mail
/// in between.
const SECOND_FETCH: u64 = 60_000;
/// A keeper is asked so often whether it still has what was left there, in milliseconds.
const CHECK_EVERY: u64 = 5 * 3_600_000;
/// A question that was not answered may be asked again after this, in milliseconds.
const UNANSWERED: u64 = 5 * 60_000;
/// A keeper that was left too much at once is given the same again after this, in milliseconds.
const LATER: u64 = 1_000;
/// Slots of which it is remembered how much was left lately, before those of which it does not matter any more are dropped.
const PACES: usize = 1_024;

/// A keeper of ours that did not answer for this long, in milliseconds, is told of.
const SILENT: u64 = 3_600_000;

#[derive(Debug, Clone, Copy)]
struct Due {
    at: u64,
    wait: u64,
    /// Nothing waits for an answer.
    idle: bool,
}

/// Whether a keeper was asked what it has.
#[derive(Debug, Clone, Copy)]
struct Check {
    /// It is not asked before.
    at: u64,
    /// The answer is awaited.
    asked: bool,
}

/// How far we are with fetching from a keeper of ours.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Fetching {
    /// Everything up to this number was looked at.
    pub(in crate::engine) after: u64,
    /// When the keeper is asked again: if it does not answer, for what did not fit or may not have come, or for all that lies there.
    pub(in crate::engine) at: u64,
    /// How long an answer is awaited, in milliseconds.
    pub(in crate::engine) wait: u64,
    /// An answer is awaited.
    pub(in crate::engine) asked: bool,
    /// Something did not fit, or did not come.
    pub(in crate::engine) again: bool,
    /// Something new came while the answer was awaited.
    pub(in crate::engine) rang: bool,
    /// The answer brought something so far.
    pub(in crate::engine) brought: bool,
}

/// See the module. Bounded by our keepers and contacts.
#[derive(Debug, Default)]
pub(in crate::engine) struct Keepers {
    /// By the keeper's peer; only while it is connected.
    pub(in crate::engine) fetching: BTreeMap<PeerKey, Fetching>,
    /// Contacts for whom mail may have to be left.
    due: BTreeMap<AccountId, Due>,
    /// What was sent last into a slot, and when: not again at once.
    sent: BTreeMap<SlotId, u64>,
    /// Keepers of ours that brought nothing: since when it is counted, and how often.
    useless: BTreeMap<PeerKey, (u64, u32)>,
    /// Contacts for whom something waits to be left at a keeper of theirs.
    pub(in crate::engine) at: BTreeMap<PeerKey, Vec<AccountId>>,
    /// Slots in which keepers were asked what they have.
    checks: BTreeMap<SlotId, Check>,
    /// Keepers, ours and those of contacts, that are wanted and not connected, by their accounts, and when their cards are looked up.
    missed: BTreeMap<AccountId, BTreeSet<PeerKey>>,
    pub(in crate::engine) sought: Lost,
    /// When everything that lies at our keepers is asked for once more.
    again_at: Option<u64>,
    /// Lists of contacts that were sent to keepers of ours and are not durable there yet: hash as sealed, and of what they say.
    pub(in crate::engine) lists: BTreeMap<PeerKey, ([u8; 32], ByteArray<32>)>,
    /// For slots of those whose mail we keep: when the next deposit would be on time.
    paces: BTreeMap<SlotId, u64>,
    /// Keepers are others than when contacts were last given slots there.
    pub(in crate::engine) changed: bool,
    /// Contacts that may be others than when they were last given slots, or were not told of them.
    pub(in crate::engine) contacts: BTreeSet<AccountId>,
    /// A device of ours was revoked here: what it knows is to be replaced.
    pub(in crate::engine) revoked: bool,
    /// Keepers of ours that are not connected, or have not answered since: from when on, and whether that was told.
    away: BTreeMap<PeerKey, (u64, bool)>,
    /// Keepers of ours that were told who we are, or which slots there are, and have not made those durable: when they are told again, and the
    /// pause after that.
    unanswered: BTreeMap<PeerKey, (u64, u64)>,
    /// Keepers of which another device of ours told.
    pub(in crate::engine) to_greet: BTreeSet<PeerKey>,
}

impl Keepers {
    /// Another device of ours added a keeper or took it away.
    pub(in crate::engine) fn greet(&mut self, peer: PeerKey) {
        self.to_greet.insert(peer);
        self.changed = true;
    }

    /// A keeper of ours is told something that it has to answer.
    pub(in crate::engine) fn told(&mut self, peer: PeerKey, now: u64) {
        let (at, wait) = self.unanswered.entry(peer).or_insert((0, AGAIN));
        *at = now.saturating_add(*wait);
        *wait = wait.saturating_mul(2).min(LONGEST);
    }

    /// It answered, or is none any more, or is not connected.
    pub(in crate::engine) fn told_no_more(&mut self, peer: PeerKey) {
        self.unanswered.remove(&peer);
    }

    /// Keepers that are to be told again.
    pub(in crate::engine) fn silent_ones(&self, now: u64) -> Vec<PeerKey> {
        self.unanswered.iter().filter(|(_, (at, _))| *at <= now).map(|(peer, _)| *peer).collect()
    }

    /// A keeper did not answer for so long that it was asked again: its answer is awaited for longer.
    pub(in crate::engine) fn unanswered_fetch(&mut self, peer: PeerKey, wait: u64, now: u64) {
        if let Some(fetching) = self.fetching.get_mut(&peer).filter(|fetching| fetching.asked) {
            (fetching.wait, fetching.at) = (wait, now.saturating_add(wait));
        }
    }

    /// A contact disconnected, or the node has just started.
    pub(in crate::engine) fn away(&mut self, account: AccountId, now: u64) {
        let new = Due { at: now.saturating_add(AWAY), wait: AGAIN, idle: false };
        let due = self.due.entry(account).or_insert(new);
        // What was written to it while it was connected may not have arrived.
        if due.idle {
            *due = new;
        }
    }

    /// Something was written to a contact that is away.
    pub(in crate::engine) fn wrote(&mut self, account: AccountId, now: u64) {
        let at = now.saturating_add(GATHER);
        let due = self.due.entry(account).or_insert(Due { at, wait: AGAIN, idle: false });
        // A keeper that does not answer is not tried more often for that.
        if due.idle {
            *due = Due { at, wait: AGAIN, idle: false };
        }
    }

    /// Nothing has to be left for a contact.
    pub(in crate::engine) fn rest(&mut self, account: &AccountId) {
        self.due.remove(account);
        self.at.values_mut().for_each(|accounts| accounts.retain(|other| other != account));
        self.at.retain(|_, accounts| !accounts.is_empty());
    }

    /// Everything was left that can be.
    ///
    /// `ends`: when the first promise of a keeper does.
    pub(in crate::engine) fn idle(&mut self, account: AccountId, now: u64, ends: Option<u64>) {
        let at = now.saturating_add(LOOK_AGAIN).min(ends.unwrap_or(u64::MAX).max(now.saturating_add(1)));
        self.due.insert(account, Due { at, wait: AGAIN, idle: true });
    }

    /// A keeper was left too much at once.
    pub(in crate::engine) fn later(&mut self, account: AccountId, now: u64) {
        self.due.insert(account, Due { at: now.saturating_add(LATER), wait: AGAIN, idle: false });
    }

    /// A keeper was asked to take something for a contact: when it is asked again.
    pub(in crate::engine) fn tried(&mut self, account: &AccountId, now: u64) {
        if let Some(due) = self.due.get_mut(account) {
            due.at = now.saturating_add(due.wait);
            (due.wait, due.idle) = (due.wait.saturating_mul(2).min(LONGEST), false);
        }
    }

    /// A keeper took something for a contact.
    pub(in crate::engine) fn took(&mut self, account: AccountId, now: u64) {
        self.due.insert(account, Due { at: now.saturating_add(AGAIN), wait: AGAIN, idle: false });
    }

    /// Whether something may be sent into a slot now; then it is noted.
    pub(in crate::engine) fn may_send(&mut self, slot: SlotId, now: u64) -> bool {
        let recently = self.sent.get(&slot).is_some_and(|at| now.abs_diff(*at) < AGAIN - 1_000);
        if !recently {
            self.sent.insert(slot, now);
        }
        !recently
    }

    /// What was sent into a slot was answered.
    pub(in crate::engine) fn answered(&mut self, slot: &SlotId) {
        self.sent.remove(slot);
    }

    /// Nothing is heard of a keeper of ours from now on.
    pub(in crate::engine) fn lost(&mut self, peer: PeerKey, now: u64) {
        self.away.entry(peer).or_insert((now, false));
    }

    /// A keeper of ours answers, or is none any more. Whether it was told of that it did not.
    pub(in crate::engine) fn heard(&mut self, peer: PeerKey) -> bool {
        self.away.remove(&peer).is_some_and(|(_, told)| told)
    }

    /// Whether nothing was heard of a keeper of ours for so long that it was told of.
    pub(in crate::engine) fn is_silent(&self, peer: PeerKey) -> bool {
        self.away.get(&peer).is_some_and(|(_, told)| *told)
    }

    /// Keepers of ours of which nothing was heard for so long that it is to be told now.
    pub(in crate::engine) fn fell_silent(&mut self, now: u64) -> Vec<PeerKey> {
        let due = |(since, told): &(u64, bool)| !told && since.saturating_add(SILENT) <= now;
        let peers: Vec<PeerKey> = self.away.iter().filter(|(_, away)| due(away)).map(|(peer, _)| *peer).collect();
        for (_, (_, told)) in self.away.iter_mut().filter(|(peer, _)| peers.contains(peer)) {
            *told = true;
        }
        peers
    }

    /// Whether a keeper may be asked what it has in a slot.
    pub(in crate::engine) fn may_check(&self, slot: &SlotId, now: u64) -> bool {
        self.checks.get(slot).is_none_or(|check| check.at <= now)
    }

    /// It was asked.
    pub(in crate::engine) fn asks(&mut self, slot: SlotId, now: u64) {
        self.checks.insert(slot, Check { at: now.saturating_add(UNANSWERED), asked: true });
    }

    /// It said what it has. Whether it was asked.
    pub(in crate::engine) fn checked(&mut self, slot: SlotId, now: u64) -> bool {
        let check = Check { at: now.saturating_add(CHECK_EVERY), asked: false };
        self.checks.insert(slot, check).is_some_and(|before| before.asked)
    }

    /// A slot is none any more.
    pub(in crate::engine) fn forget(&mut self, slot: &SlotId) {
        self.checks.remove(slot);
        self.sent.remove(slot);
    }

    /// A keeper is wanted and not connected: its card is looked up, soon and ever more rarely.
    pub(in crate::engine) fn miss(&mut self, account: AccountId, peer: PeerKey, now: u64) {
        self.missed.entry(account).or_default().insert(peer);
        self.sought.add(account, now);
    }

    /// Which peers of an account are missed.
    pub(in crate::engine) fn missed(&self, account: &AccountId) -> Vec<PeerKey> {
        self.missed.get(account).into_iter().flatten().copied().collect()
    }

    /// A keeper is connected, or not wanted any more.
    pub(in crate::engine) fn found(&mut self, peer: PeerKey) {
        let sought = &mut self.sought;
        self.missed.retain(|account, peers| {
            peers.remove(&peer);
            if peers.is_empty() {
                sought.remove(account);
            }
            !peers.is_empty()
        });
    }

    /// This node has addresses that it had not.
    pub(in crate::engine) fn moved(&mut self, now: u64) {
        self.again_at = Some(now.saturating_add(SECOND_FETCH));
    }

    /// Whether it is time to fetch once more. Asking forgets it.
    pub(in crate::engine) fn is_second_fetch(&mut self, now: u64) -> bool {
        self.again_at.take_if(|at| *at <= now).is_some()
    }

    /// [MAIL-20] Whether one more parcel may be left in a slot of somebody whose mail we keep.
    pub(in crate::engine) fn admits(&mut self, slot: SlotId, now: u64) -> bool {
        if self.paces.len() >= PACES {
            self.paces.retain(|_, next| *next > now);
        }
        let next = self.paces.get(&slot).copied().unwrap_or(now).max(now);
        let is_admitted = next - now < DEPOSIT_BURST * DEPOSIT_EVERY_MS;
        if is_admitted {
            self.paces.insert(slot, next + DEPOSIT_EVERY_MS);
        }
        is_admitted
    }

    /// A keeper of ours answered and brought nothing.
    pub(in crate::engine) fn brought_nothing(&mut self, peer: PeerKey, now: u64) {
        let (since, count) = self.useless.entry(peer).or_insert((now, 0));
        if now.abs_diff(*since) >= TIRED {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
    }

    /// Whether a keeper of ours brought nothing too often lately.
    pub(in crate::engine) fn is_tiresome(&self, peer: PeerKey, now: u64) -> bool {
        self.useless.get(&peer).is_some_and(|(since, count)| *count > MAX_USELESS && now.abs_diff(*since) < TIRED)
    }

    /// Contacts whose time it is.
    pub(in crate::engine) fn due(&self, now: u64) -> Vec<AccountId> {
        self.due.iter().filter(|(_, due)| due.at <= now).map(|(account, _)| *account).collect()
    }

    /// When the next thing is due.
    pub(in crate::engine) fn next(&self) -> Option<u64> {
        let fetches = self.fetching.values().map(|fetching| fetching.at);
        let fetches = fetches.chain(self.unanswered.values().map(|(at, _)| *at));
        let silent = self.away.values().filter(|(_, told)| !told).map(|(since, _)| since.saturating_add(SILENT));
        self.due
            .values()
            .map(|due| due.at)
            .chain(fetches)
            .chain(silent)
            .chain(self.sought.next())
            .chain(self.again_at)
            .min()
    }

    /// The clock was set back to `now`.
    pub(in crate::engine) fn set_back(&mut self, now: u64) {
        self.due.values_mut().for_each(|due| due.at = due.at.min(now));
        self.fetching.values_mut().for_each(|fetching| fetching.at = fetching.at.min(now));
        self.unanswered.values_mut().for_each(|(at, _)| *at = (*at).min(now));
        self.away.values_mut().for_each(|(since, _)| *since = (*since).min(now));
        self.sent.clear();
        self.paces.clear();
        self.checks.clear();
        self.sought.set_back(now);
        self.again_at = self.again_at.map(|at| at.min(now));
    }
}
