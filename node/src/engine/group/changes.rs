//! What changes on a roster changes the channel, the keys and who may connect.

use covey_api::EventKind;
use covey_feed::{EntryId, Head};
use covey_pairing::group::admission::JoinStatement;
use covey_pairing::group::roster::{Change, Exit, Op, OpId, Operation};
use covey_pairing::ids::{AccountId, DeviceId};
use tracing::debug;

use crate::engine::contacts::cards;
use crate::engine::group::{content, fill, peers, readers};
use crate::engine::members::rosters;
use crate::engine::notices::Notice;
use crate::engine::outbound::control;
use crate::engine::records::channels::Channel;
use crate::engine::records::feeds;
use crate::engine::records::operations::Stored;
use crate::engine::records::sessions::Scope;
use crate::engine::records::standing::{self, State};
use crate::engine::said::arrivals;
use crate::engine::sealing::chains;
use crate::engine::shown::group;
use crate::engine::{Cx, EngineError, gate, sharing, tables};

/// Members that are remembered beside the roster.
const REMEMBERED: usize = 3;

/// What changed on the roster changes the channel, the keys and who may connect.
pub(in crate::engine) fn carry_out(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    changes: Vec<Change>,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let moved = |change: &Change| matches!(change, Change::MemberJoined { .. } | Change::MemberLeft { .. });
    let moved = changes.iter().any(moved);
    let mut judged = Vec::new();
    for change in changes {
        match change {
            // What is here already, after a repair, was hidden as long as nothing was known of its author.
            Change::Created => judged.push(None),
            Change::PolicyChanged { .. } | Change::EpochChanged { .. } | Change::TicketChanged { .. } => {}
            Change::WritingChanged { account } => judged.push(account),
            Change::MemberJoined { account, devices, .. } => {
                judged.push(Some(account));
                learn_card(cx, channel, &account)?;
                if account == me {
                    came_in(cx, channel, actor)?;
                } else {
                    chains::joined(cx, channel.no, &devices)?;
                    readers::came(cx, channel, &account)?;
                    peers::joined(cx, channel, &account)?;
                    cx.notices.push(Notice::DevicesKnown(devices));
                    remember(cx, channel, &account, true)?;
                    tell(cx, channel, EventKind::GroupChanged, Some(account), actor)?;
                }
            }
            Change::MemberLeft { account, joined, exit, devices } => {
                if account == me {
                    went_out(cx, channel, exit, (actor, Some(joined)))?;
                } else {
                    chains::left(cx, channel.no, &devices, exit)?;
                    readers::went(cx, channel, &account);
                    peers::left(cx, channel, &account, joined, exit)?;
                    remember(cx, channel, &account, false)?;
                    let kind = if exit == Some(Exit::Left) { EventKind::GroupLeft } else { EventKind::GroupRemoved };
                    tell(cx, channel, kind, Some(account), actor)?;
                }
            }
            Change::CutChanged { .. } => cut(cx, channel)?,
            Change::DevicesChanged { account, added, dropped } => {
                learn_card(cx, channel, &account)?;
                // What they wrote may have come before this.
                judged.push(Some(account));
                chains::joined(cx, channel.no, &added)?;
                if !dropped.is_empty() {
                    chains::revoked(cx, channel.no, &dropped)?;
                    // Who had one of the devices may have copied the others, too.
                    control::heal(cx, Scope::Group(channel.no), &account)?;
                }
            }
            Change::CardChanged { account } => learn_card(cx, channel, &account)?,
            Change::Renamed { name } => {
                channel.name = Some(name.clone());
                channel.save(cx.tx)?;
                if let Some(mut standing) = standing::of_channel(cx.tx, channel)? {
                    standing.name = name;
                    standing.save(cx.tx)?;
                }
                tell(cx, channel, EventKind::GroupChanged, None, actor)?;
            }
            Change::Banned { account }
            | Change::Unbanned { account }
            | Change::InvitesChanged { account, .. }
            | Change::RoleChanged { account, .. } => {
                tell(cx, channel, EventKind::GroupChanged, Some(account), actor)?;
            }
            Change::Deleted { entry, device } => {
                arrivals::delete(cx, channel, &EntryId::from_bytes(*entry.as_bytes()), &device)?;
            }
            Change::Undeleted { entry, .. } => {
                debug!(entry = %entry, "a deletion does not count after all; the message stays deleted here");
            }
        }
    }
    content::judge_anew(cx, channel, &judged, actor)?;
    let_in(cx, channel, actor)?;
    if rosters::is_behind(cx, channel.no)? {
        cx.notices.push(Notice::OwnDevices);
    }
    if moved { peers::neighbours(cx, channel) } else { Ok(()) }
}

/// Operations that are applied together may take us out and in again: no change of the roster, and yet we are let in.
pub(in crate::engine) fn let_in(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    let me = cx.me.account_id();
    let Some(group) = rosters::get(cx, channel.no).filter(|group| cx.live.groups.requests.contains_key(&group.id))
    else {
        return Ok(());
    };
    let Some(joined) = group.roster.member(&me).map(|member| member.joined) else { return Ok(()) };
    let ended = standing::of_channel(cx.tx, channel)?.and_then(|standing| standing.ended);
    if ended == Some(joined) { Ok(()) } else { came_in(cx, channel, actor) }
}

/// Some members are remembered beside the roster, where nothing is lost: if the roster is, they can give it back.
fn remember(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId, member: bool) -> Result<(), EngineError> {
    let Some(group) = rosters::get(cx, channel.no) else { return Ok(()) };
    let mut guides = group.guides.clone();
    match guides.iter().position(|guide| guide == account) {
        None if member && guides.len() < REMEMBERED => guides.push(*account),
        Some(at) if !member => drop(guides.remove(at)),
        _ => return Ok(()),
    }
    let Some(mut standing) = standing::of_channel(cx.tx, channel)? else { return Ok(()) };
    standing.guides.clone_from(&guides);
    standing.save(cx.tx)?;
    if let Some(group) = rosters::get_mut(cx, channel.no) {
        group.guides = guides;
    }
    Ok(())
}

/// We are a member: the channel is open.
pub(in crate::engine) fn came_in(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    let Some(mut standing) = standing::of_channel(cx.tx, channel)? else { return Ok(()) };
    standing.become_(State::Joined, cx.now);
    standing.request = None;
    standing.invite = None;
    (standing.ended, standing.was) = (None, None);
    standing.by = actor.filter(|actor| !cx.me.is_ours(actor));
    if let Some(group) = rosters::get_mut(cx, channel.no) {
        group.state = State::Joined;
        group.farewell.clear();
        let name = group.roster.name().to_owned();
        if !name.is_empty() {
            standing.name.clone_from(&name);
            channel.name = Some(name);
        }
    }
    standing.save(cx.tx)?;
    channel.open = true;
    channel.save(cx.tx)?;
    cx.live.groups.requests.remove(&standing.id);
    gate::allow_all(cx, channel.no)?;
    peers::share_anew(cx, channel)?;
    tell(cx, channel, EventKind::GroupJoined, None, actor)
}

/// We are a member no more: nothing is written or taken, what is here stays readable. Beside who did it stands the operation by which we were
/// one, if the roster does not have it any more.
pub(in crate::engine) fn went_out(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    exit: Option<Exit>,
    (actor, was): (Option<AccountId>, Option<OpId>),
) -> Result<(), EngineError> {
    let Some(mut standing) = standing::of_channel(cx.tx, channel)? else { return Ok(()) };
    // Welcomed again, we are shown how we went out before.
    if standing.state == State::Requested {
        return Ok(());
    }
    let (state, kind) = match exit {
        Some(Exit::Left) => (State::Left, EventKind::GroupLeft),
        Some(Exit::Removed | Exit::Banned) | None => (State::Removed, EventKind::GroupRemoved),
    };
    standing.become_(state, cx.now);
    standing.by = actor.filter(|actor| !cx.me.is_ours(actor));
    standing.guides.clear();
    standing.secret = None;
    let me = cx.me.account_id();
    standing.ended =
        rosters::get(cx, channel.no).and_then(|group| group.roster.member(&me)).map(|member| member.joined);
    standing.was = standing.ended.or(was);
    standing.save(cx.tx)?;
    channel.open = false;
    channel.save(cx.tx)?;
    peers::went_out(cx, channel, state)?;
    chains::forget(cx, channel.no)?;
    tell(cx, channel, kind, None, actor)
}

/// Feeds of somebody who is gone, and those that are forked, end at their cuts.
pub(in crate::engine) fn cut(cx: &mut Cx<'_, '_>, channel: &mut Channel) -> Result<(), EngineError> {
    let mut raised = false;
    for feed in feeds::all(cx.tx, channel.no)? {
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        let Some(last) = rosters::cut(cx, channel, &device, feed.key.incarnation) else { continue };
        let before = rosters::get_mut(cx, channel.no).and_then(|group| group.ended.insert(feed.key, last));
        if let Some(before) = before.filter(|before| *before < last) {
            // Another removal had seen more of it: what was hidden in between counts after all, and the rest is fetched.
            raised = true;
            for seq in before.saturating_add(1)..=last.min(feed.head.map_or(0, |head| head.seq)) {
                if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
                    content::look_again(cx, channel, &entry)?;
                }
            }
        }
        let Some(head) = feed.head.filter(|head| head.seq > last) else { continue };
        debug!(device = %device.fmt_short(), last, "what stands in this feed afterwards does not count");
        let mut at: Option<Head> = None;
        if last > 0 {
            at = feeds::entry(cx.tx, feed.fid, last)?.map(|entry| entry.head());
        }
        for seq in last.saturating_add(1)..=head.seq {
            if let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? {
                content::look_again(cx, channel, &entry)?;
            }
        }
        if let Some(group) = rosters::get(cx, channel.no) {
            group.spread.cut(feed.key, at);
        }
        sharing::frozen(cx, channel, feed.id(channel.id));
    }
    if raised {
        fill::reload(cx, channel)?;
        peers::share_anew(cx, channel)?;
    }
    Ok(())
}

/// Takes the card that the roster has of a member.
fn learn_card(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    let Some(group) = rosters::get(cx, channel.no) else { return Ok(()) };
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
    cards::learn_as_of(cx, account, card, at).map(drop)
}

/// Writes to the journal what happened in a group.
pub(in crate::engine) fn tell(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    kind: EventKind,
    member: Option<AccountId>,
    actor: Option<AccountId>,
) -> Result<(), EngineError> {
    let Some(standing) = standing::of_channel(cx.tx, channel)? else { return Ok(()) };
    group::announce(cx, kind, &standing, member, actor)
}
