//! Operations on a roster: written, taken from others, and carried out.

use covey_api::{ApiError, GroupRefusal, kind};
use covey_feed::{Entry, EntryId, FeedId, Head, Kind};
use covey_pairing::group::admission::{JoinStatement, devices, vouch as vouch_join};
use covey_pairing::group::roster::{
    Change, Cut, Exit, Ground, Inserted, Op, OpId, OpRecord, Operation, TicketId, VerifiedDevices, VerifiedJoin,
    Vouched, group_id,
};
use covey_pairing::identity::ContactCard;
use covey_pairing::ids::{AccountId, DeviceId, GroupId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::{debug, warn};

use super::rosters::{self, get, get_mut};
use super::standing::{self, State};
use super::{chains, peers, show};
use crate::engine::channels::{self, Channel};
use crate::engine::{Cx, EngineError, card, feeds, journal, messages, parcels, sync, tables};
use crate::store::Tx;
use covey_feed::sync::Rejection;

/// Operations read at a time when a roster is filled.
const CHUNK: usize = 512;
/// Operations that found no room among the waiting ones are taken up again after this time, in milliseconds.
const REFILL: u64 = 30_000;

/// An operation as stored: what was verified about it is not verified again at every start.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct Stored {
    id: OpId,
    device: DeviceId,
    incarnation: u64,
    seq: u64,
    payload: ByteBuf,
    vouched: StoredVouch,
}

#[derive(Serialize, Deserialize)]
enum StoredVouch {
    Nothing,
    Devices(Vec<DeviceId>, u64),
    Join { account: AccountId, devices: Vec<DeviceId>, log: u64, ground: StoredGround, at: u64 },
}

#[derive(Serialize, Deserialize)]
enum StoredGround {
    Invite(OpId),
    Ticket(TicketId),
    Request,
}

impl Stored {
    fn of(record: &OpRecord, payload: &[u8]) -> Self {
        let vouched = match &record.vouched {
            Vouched::Nothing => StoredVouch::Nothing,
            Vouched::Devices(of) => StoredVouch::Devices(of.devices.clone(), of.log),
            Vouched::Join(join) => StoredVouch::Join {
                account: join.account,
                devices: join.devices.devices.clone(),
                log: join.devices.log,
                ground: match join.ground {
                    Ground::Invite(op) => StoredGround::Invite(op),
                    Ground::Ticket(id) => StoredGround::Ticket(id),
                    Ground::Request => StoredGround::Request,
                },
                at: join.at,
            },
        };
        let OpRecord { id, device, incarnation, seq, .. } = *record;
        Self { id, device, incarnation, seq, payload: ByteBuf::from(payload), vouched }
    }

    fn record(self) -> Option<OpRecord> {
        let vouched = match self.vouched {
            StoredVouch::Nothing => Vouched::Nothing,
            StoredVouch::Devices(devices, log) => Vouched::Devices(VerifiedDevices { devices, log }),
            StoredVouch::Join { account, devices, log, ground, at } => Vouched::Join(VerifiedJoin {
                account,
                devices: VerifiedDevices { devices, log },
                ground: match ground {
                    StoredGround::Invite(op) => Ground::Invite(op),
                    StoredGround::Ticket(id) => Ground::Ticket(id),
                    StoredGround::Request => Ground::Request,
                },
                at,
            }),
        };
        let operation = Operation::decode(&self.payload).ok()?;
        let Self { id, device, incarnation, seq, .. } = self;
        Some(OpRecord { id, device, incarnation, seq, operation, vouched })
    }
}

/// Fills a roster from what is stored.
pub(super) fn replay(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    let now = cx.now;
    let mut after = None;
    loop {
        let part = cx.tx.scan::<Stored>(&tables::operations(no), after.as_ref(), CHUNK, false)?;
        let ended = part.len() < CHUNK;
        let Some(group) = get_mut(cx, no) else { return Ok(()) };
        let mut records = Vec::with_capacity(part.len());
        for (key, stored) in part {
            let lamport = key.tail(24).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            after = Some(key);
            let Some(record) = stored.record() else { continue };
            group.lamports.insert(record.id, lamport);
            note_devices(&mut group.devices, &record);
            records.push(record);
        }
        let (_, refused) = group.roster.insert_all(records);
        if !refused.is_empty() {
            warn!(group = %group.id, count = refused.len(), "operations found no room among the waiting ones");
            group.refill_at = Some(now.saturating_add(REFILL));
        }
        if ended {
            void_frozen(cx, no)?;
            return end_feeds(cx, no);
        }
    }
}

/// What forked feeds say after their fork does not count.
fn void_frozen(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    for feed in feeds::all(cx.tx, no)? {
        let Some(proof) = cx.tx.get_raw(&tables::fork_proof(feed.fid))? else { continue };
        let Ok(forked) = covey_feed::ForkProof::decode(&proof).and_then(|proof| proof.verify()) else { continue };
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        if let Some(group) = get_mut(cx, no) {
            group.roster.void(device, feed.key.incarnation, forked.seq);
        }
    }
    Ok(())
}

/// Feeds of those who are gone end at their cuts for the digests, too; forked ones are left out, because everyone may have
/// another end of them.
fn end_feeds(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    for feed in feeds::all(cx.tx, no)? {
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        let cut = get(cx, no).and_then(|group| group.roster.cut(&device, feed.key.incarnation));
        let last = if feed.frozen { Some(0) } else { cut };
        if let (Some(cut), Some(group)) = (cut, get_mut(cx, no)) {
            group.ended.insert(feed.key, cut);
        }
        let Some(last) = last.filter(|last| feed.head.is_some_and(|head| head.seq > *last)) else { continue };
        let at = feeds::entry(cx.tx, feed.fid, last)?.map(|entry| entry.head());
        if let Some(group) = get(cx, no) {
            group.spread.cut(feed.key, at);
        }
    }
    Ok(())
}

fn note_devices(devices: &mut std::collections::BTreeMap<DeviceId, AccountId>, record: &OpRecord) {
    let (account, of) = match &record.vouched {
        Vouched::Nothing => return,
        Vouched::Devices(of) => (record.operation.account, of),
        Vouched::Join(join) => (join.account, &join.devices),
    };
    for device in &of.devices {
        devices.entry(*device).or_insert(account);
    }
}

/// What the cards and statements in an operation say. Depends on nothing but the operation and the group.
fn vouched(group: &GroupId, device: &DeviceId, operation: &Operation) -> Vouched {
    match &operation.op {
        Op::Create { card, .. } | Op::Devices { card } => {
            let Ok(card) = ContactCard::open_of(&operation.account, card, operation.at) else {
                return Vouched::Nothing;
            };
            if !card.log().is_active(device) {
                return Vouched::Nothing;
            }
            Vouched::Devices(devices(&card))
        }
        Op::Join { statement, card } => vouch_join(group, statement, card).map_or(Vouched::Nothing, Vouched::Join),
        _ => Vouched::Nothing,
    }
}

/// The account that founded the group, if the first entry of a feed is the group's creation.
pub(in crate::engine) fn founder(cx: &Cx<'_, '_>, channel: &Channel, id: &FeedId, first: &Entry) -> Option<AccountId> {
    get(cx, channel.no).filter(|group| group.roster.founder().is_none())?;
    let operation = Operation::decode(first.payload()?).ok()?;
    let Op::Create { nonce, .. } = &operation.op else { return None };
    let device = DeviceId::from_bytes(*id.author.as_bytes());
    let made = group_id(&operation.account, &device, nonce);
    (first.seq() == 1 && made.as_bytes() == channel.id.as_bytes()).then_some(operation.account)
}

/// Whether the group's creation is still to come.
pub(in crate::engine) fn awaits_founder(cx: &Cx<'_, '_>, channel: &Channel) -> bool {
    channel.contact.is_none() && get(cx, channel.no).is_some_and(|group| group.roster.founder().is_none())
}

/// What to say of entries by somebody of whom nothing is known: it may come with an operation that is on its way.
pub(in crate::engine) fn stranger(channel: &Channel) -> Rejection {
    if channel.contact.is_some() { Rejection::Unwanted } else { Rejection::Busy }
}

/// Writes an operation of our own and carries it out.
pub(in crate::engine) fn write(cx: &mut Cx<'_, '_>, channel: &mut Channel, op: Op) -> Result<OpId, ApiError> {
    let account = cx.me.account_id();
    let Some(group) = get(cx, channel.no) else { return Err(closed(cx, channel)?) };
    let deps = group.roster.deps();
    let operation = Operation { account, at: cx.now, deps, op };
    let payload = operation.encode().map_err(|error| ApiError::invalid_params(error.to_string()))?;
    let next = feeds::next(cx, channel)?;
    let entry = feeds::finish(cx, channel, next, Kind::Control, payload)?;
    // Everybody who was a member before hears of it, also who is none afterwards.
    sync::appended(cx, channel, &entry)?;
    take(cx, channel, &entry, account)?;
    Ok(OpId::from_bytes(*entry.id().as_bytes()))
}

/// The operation in an entry, with what is verified about it.
fn record_of(channel: &Channel, entry: &Entry) -> Option<OpRecord> {
    let header = entry.header();
    let device = DeviceId::from_bytes(*header.feed.author.as_bytes());
    let operation = match Operation::decode(entry.payload()?) {
        Ok(operation) => operation,
        Err(error) => {
            debug!(device = %device.fmt_short(), %error, "an entry holds no operation");
            return None;
        }
    };
    Some(OpRecord {
        id: OpId::from_bytes(*entry.id().as_bytes()),
        device,
        incarnation: header.feed.incarnation,
        seq: entry.seq(),
        vouched: vouched(&GroupId::from_bytes(*channel.id.as_bytes()), &device, &operation),
        operation,
    })
}

fn keep(tx: &mut Tx<'_>, channel: &Channel, entry: &Entry, record: &OpRecord) -> Result<(), EngineError> {
    let stored = Stored::of(record, entry.payload().unwrap_or_default());
    Ok(tx.put(&tables::operation(channel.no, entry.lamport(), &entry.id()), &stored)?)
}

/// Whether the operation in an entry is kept; true if there is none in it.
pub(in crate::engine) fn is_kept(tx: &Tx<'_>, channel: &Channel, entry: &Entry) -> Result<bool, EngineError> {
    let kept = tx.contains(&tables::operation(channel.no, entry.lamport(), &entry.id()))?;
    Ok(kept || record_of(channel, entry).is_none())
}

/// Keeps the operation in an entry, if there is one and it is not kept. Whether that was so.
pub(in crate::engine) fn mend(tx: &mut Tx<'_>, channel: &Channel, entry: &Entry) -> Result<bool, EngineError> {
    if is_kept(tx, channel, entry)? {
        return Ok(false);
    }
    let Some(record) = record_of(channel, entry) else { return Ok(false) };
    keep(tx, channel, entry, &record)?;
    Ok(true)
}

/// Takes an operation from an entry that is in the feed now.
pub(in crate::engine) fn take(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    author: AccountId,
) -> Result<(), EngineError> {
    // In whose name it is does not matter here: whether the device was that account's is for the roster to say, which says
    // the same everywhere, whatever came first.
    let Some(record) = record_of(channel, entry) else { return Ok(()) };
    let now = cx.now;
    keep(cx.tx, channel, entry, &record)?;
    let Some(group) = get_mut(cx, channel.no) else { return Ok(()) };
    group.lamports.insert(record.id, entry.lamport());
    note_devices(&mut group.devices, &record);
    match group.roster.insert(record) {
        Inserted::Applied(changes) => carry_out(cx, channel, changes, Some(author)),
        Inserted::Known => Ok(()),
        Inserted::Waiting { missing } => {
            debug!(missing = missing.len(), "an operation waits for others");
            Ok(())
        }
        // It is stored and taken up again: see [`refill`].
        Inserted::Full => {
            group.refill_at.get_or_insert(now.saturating_add(REFILL));
            warn!(author = %author.fmt_short(), "too many operations of this device wait for others");
            Ok(())
        }
    }
}

/// Takes an operation that stands beyond the cut of its feed if one that counts was written by somebody who knew it:
/// members who saw it in time and members who did not come to the same then.
pub(in crate::engine) fn take_if_missed(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    entry: &Entry,
    author: AccountId,
) -> Result<(), EngineError> {
    let id = OpId::from_bytes(*entry.id().as_bytes());
    let wanted = entry.header().kind == Kind::Control
        && get(cx, channel.no).is_some_and(|group| group.roster.missing().contains(&id));
    if wanted { take(cx, channel, entry, author) } else { Ok(()) }
}

/// A feed was proven to be forked: its operations from there on do not count.
pub(in crate::engine) fn retract(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    device: DeviceId,
    incarnation: u64,
    seq: u64,
) -> Result<(), EngineError> {
    let Some(group) = get_mut(cx, channel.no) else { return Ok(()) };
    let changes = group.roster.void(device, incarnation, seq);
    carry_out(cx, channel, changes, None)
}

/// What changed on the roster changes the channel, the keys and who may connect.
fn carry_out(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    changes: Vec<Change>,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let moved = |change: &Change| matches!(change, Change::MemberJoined { .. } | Change::MemberLeft { .. });
    let moved = changes.iter().any(moved);
    for change in changes {
        match change {
            Change::Created
            | Change::PolicyChanged { .. }
            | Change::EpochChanged { .. }
            | Change::TicketChanged { .. } => {}
            Change::MemberJoined { account, devices, .. } => {
                learn_card(cx, channel, &account)?;
                if account == me {
                    came_in(cx, channel, actor)?;
                } else {
                    chains::joined(cx, channel.no, &devices)?;
                    peers::joined(cx, channel, &account)?;
                    parcels::known_now(cx, &devices)?;
                    tell(cx, channel, kind::GROUP_CHANGED, Some(account), actor)?;
                }
            }
            Change::MemberLeft { account, exit, devices } => {
                if account == me {
                    went_out(cx, channel, exit, actor)?;
                } else {
                    chains::left(cx, channel.no, &devices, exit)?;
                    peers::left(cx, channel, &account, exit)?;
                    let kind = if exit == Some(Exit::Left) { kind::GROUP_LEFT } else { kind::GROUP_REMOVED };
                    tell(cx, channel, kind, Some(account), actor)?;
                }
            }
            Change::CutChanged { cuts, .. } => cut(cx, channel, &cuts)?,
            Change::DevicesChanged { account, added, dropped } => {
                learn_card(cx, channel, &account)?;
                chains::joined(cx, channel.no, &added)?;
                chains::revoked(cx, channel.no, &dropped)?;
            }
            Change::CardChanged { account } => learn_card(cx, channel, &account)?,
            Change::Renamed { name } => {
                channel.name = Some(name.clone());
                channel.save(cx)?;
                if let Some(mut standing) = standing::load(cx.tx, &GroupId::from_bytes(*channel.id.as_bytes()))? {
                    standing.name = name;
                    standing.save(cx)?;
                }
                tell(cx, channel, kind::GROUP_CHANGED, None, actor)?;
            }
            Change::Banned { account }
            | Change::Unbanned { account }
            | Change::InvitesChanged { account, .. }
            | Change::RoleChanged { account, .. } => {
                tell(cx, channel, kind::GROUP_CHANGED, Some(account), actor)?;
            }
            Change::Deleted { entry, device } => {
                messages::delete(cx, channel, &EntryId::from_bytes(*entry.as_bytes()), &device)?;
            }
            Change::Undeleted { entry } => {
                debug!(entry = %entry, "a deletion does not count after all; the message stays deleted here");
            }
        }
    }
    if moved { peers::neighbours(cx, channel) } else { Ok(()) }
}

/// We are a member: the channel is open.
fn came_in(cx: &mut Cx<'_, '_>, channel: &mut Channel, actor: Option<AccountId>) -> Result<(), EngineError> {
    let id = GroupId::from_bytes(*channel.id.as_bytes());
    let Some(mut standing) = standing::load(cx.tx, &id)? else { return Ok(()) };
    standing.become_(State::Joined, cx.now);
    standing.request = None;
    standing.invite = None;
    standing.by = actor.filter(|actor| *actor != cx.me.account_id());
    if let Some(group) = get_mut(cx, channel.no) {
        group.state = State::Joined;
        group.farewell.clear();
        let name = group.roster.name().to_owned();
        if !name.is_empty() {
            standing.name.clone_from(&name);
            channel.name = Some(name);
        }
    }
    standing.save(cx)?;
    channel.open = true;
    channel.save(cx)?;
    cx.live.groups.requests.remove(&id);
    peers::allow_all(cx, channel.no)?;
    peers::share_anew(cx, channel)?;
    tell(cx, channel, kind::GROUP_JOINED, None, actor)
}

/// We are a member no more: nothing is written or taken, what is here stays readable.
pub(super) fn went_out(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    exit: Option<Exit>,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    let id = GroupId::from_bytes(*channel.id.as_bytes());
    let Some(mut standing) = standing::load(cx.tx, &id)? else { return Ok(()) };
    let left = exit == Some(Exit::Left);
    standing.become_(if left { State::Left } else { State::Removed }, cx.now);
    standing.by = actor.filter(|actor| *actor != cx.me.account_id());
    standing.guides.clear();
    standing.secret = None;
    standing.save(cx)?;
    channel.open = false;
    channel.save(cx)?;
    peers::went_out(cx, channel, left)?;
    chains::forget(cx, channel.no)?;
    tell(cx, channel, if left { kind::GROUP_LEFT } else { kind::GROUP_REMOVED }, None, actor)
}

/// Feeds of somebody who is gone end here.
fn cut(cx: &mut Cx<'_, '_>, channel: &mut Channel, cuts: &[Cut]) -> Result<(), EngineError> {
    let mut raised = false;
    for feed in feeds::all(cx.tx, channel.no)? {
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        let Some(last) = rosters::cut(cx, channel, &device, feed.key.incarnation) else { continue };
        let before = get_mut(cx, channel.no).and_then(|group| group.ended.insert(feed.key, last));
        if let Some(before) = before.filter(|before| *before < last) {
            // Another removal had seen more of it: what was hidden in between counts after all, and the rest is fetched.
            raised = true;
            for seq in before.saturating_add(1)..=last.min(feed.head.map_or(0, |head| head.seq)) {
                if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
                    messages::hide(cx, channel, &entry.id(), false)?;
                }
            }
        }
        let listed = cuts.iter().any(|cut| cut.device == device && cut.incarnation == feed.key.incarnation);
        let Some(head) = feed.head.filter(|head| head.seq > last) else { continue };
        debug!(device = %device.fmt_short(), last, listed, "what a former member wrote afterwards does not count");
        let mut at: Option<Head> = None;
        if last > 0 {
            at = feeds::entry(cx.tx, feed.fid, last)?.map(|entry| entry.head());
        }
        for seq in last.saturating_add(1)..=head.seq {
            if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
                messages::hide(cx, channel, &entry.id(), true)?;
            }
        }
        if let Some(group) = get(cx, channel.no) {
            group.spread.cut(feed.key, at);
        }
        sync::frozen(cx, channel, feed.id(channel.id))?;
    }
    if raised {
        super::reload(cx, channel)?;
        peers::share_anew(cx, channel)?;
    }
    Ok(())
}

/// Takes the card that the roster has of a member.
fn learn_card(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    if *account == cx.me.account_id() {
        return Ok(());
    }
    let Some(group) = get(cx, channel.no) else { return Ok(()) };
    let Some(member) = group.roster.member(account) else { return Ok(()) };
    let Some(lamport) = group.lamports.get(&member.card).copied() else { return Ok(()) };
    let id = EntryId::from_bytes(*member.card.as_bytes());
    let Some(stored) = cx.tx.get::<Stored>(&tables::operation(channel.no, lamport, &id))? else { return Ok(()) };
    let Ok(operation) = Operation::decode(&stored.payload) else { return Ok(()) };
    let (card, at) = match &operation.op {
        Op::Create { card, .. } | Op::Devices { card } => (card, operation.at),
        Op::Join { card, statement } => match JoinStatement::open(statement) {
            Ok(statement) => (card, statement.issued_at),
            Err(_) => return Ok(()),
        },
        _ => return Ok(()),
    };
    card::learn_as_of(cx, account, card, at).map(drop)
}

/// Writes to the journal what happened in a group.
pub(super) fn tell(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    kind: &str,
    member: Option<AccountId>,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    let id = GroupId::from_bytes(*channel.id.as_bytes());
    let Some(standing) = standing::load(cx.tx, &id)? else { return Ok(()) };
    let event = show::event(cx, &standing, member, actor)?;
    journal::record(cx, kind, &event)
}

/// Why nothing can be done in the group of this channel.
pub(in crate::engine) fn closed(cx: &Cx<'_, '_>, channel: &Channel) -> Result<ApiError, EngineError> {
    let name = channels::name(cx.tx, channel)?;
    let standing = standing::load(cx.tx, &GroupId::from_bytes(*channel.id.as_bytes()))?;
    let state = standing.map_or(State::Left, |standing| standing.state);
    Ok(match state {
        State::Invited | State::Requested | State::Declined => GroupRefusal::WeAreNotAMember(&name).into(),
        State::Joined | State::Left | State::Removed => GroupRefusal::Left(&name).into(),
    })
}

/// Whether we may write messages.
pub(in crate::engine) fn may_write(cx: &Cx<'_, '_>, channel: &Channel) -> Result<(), ApiError> {
    let (Some(group), Some(standing)) = (get(cx, channel.no), show::of_channel(cx, channel)?) else {
        return Err(closed(cx, channel)?);
    };
    let may = group.roster.may_write(&cx.me.account_id());
    may.map_err(|denied| show::denied(cx, &standing, "You", &denied))
}

/// The cut of an account's feeds at what we have of them.
pub(in crate::engine) fn cut_of(tx: &Tx<'_>, channel: &Channel, account: &AccountId) -> Result<Vec<Cut>, EngineError> {
    let feeds = feeds::all(tx, channel.no)?;
    let of = |feed: feeds::Feed| {
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        Some(Cut { device, incarnation: feed.key.incarnation, seq: feed.head?.seq })
    };
    Ok(feeds.into_iter().filter(|feed| feed.account == *account).filter_map(of).collect())
}

/// Takes what found no room among the operations that waited, if there was such, now that others have come.
pub(super) fn refill(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let no = channel.no;
    let now = cx.now;
    match get_mut(cx, no) {
        Some(group) if group.refill_at.is_some_and(|at| at <= now) => group.refill_at = None,
        _ => return Ok(()),
    }
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let part = cx.tx.scan::<Stored>(&tables::operations(no), after.as_ref(), CHUNK, false)?;
        let ended = part.len() < CHUNK;
        let Some(group) = get(cx, no) else { return Ok(()) };
        for (key, stored) in part {
            after = Some(key);
            if !group.roster.contains(&stored.id) {
                records.extend(stored.record());
            }
        }
        if ended {
            break;
        }
    }
    let Some(group) = get_mut(cx, no) else { return Ok(()) };
    let (changes, refused) = group.roster.insert_all(records);
    group.refill_at = (!refused.is_empty()).then_some(now.saturating_add(REFILL));
    carry_out(cx, channel, changes, None)
}

/// The entry of an operation, if it is here: also one beyond the end of its feed.
pub(super) fn entry_of(cx: &Cx<'_, '_>, no: u64, op: &OpId) -> Result<Option<Entry>, EngineError> {
    let Some(lamport) = get(cx, no).and_then(|group| group.lamports.get(op)).copied() else { return Ok(None) };
    let id = EntryId::from_bytes(*op.as_bytes());
    let Some(stored) = cx.tx.get::<Stored>(&tables::operation(no, lamport, &id))? else { return Ok(None) };
    let author = covey_feed::Author::from_bytes(*stored.device.as_bytes());
    let key = covey_feed::FeedKey { author, incarnation: stored.incarnation };
    let Some(feed) = feeds::load(cx.tx, no, &key)? else { return Ok(None) };
    Ok(feeds::entry(cx.tx, feed.fid, stored.seq)?.filter(|entry| entry.id() == id))
}
