//! The way in: we ask, and are welcomed or refused; whom we let in, we welcome.

use covey_api::{ApiError, EventKind};
use covey_feed::ChannelId;
use covey_pairing::group::admission::Welcome;
use covey_pairing::identity::ContactCard;
use covey_pairing::ids::AccountId;
use serde_bytes::ByteBuf;

use crate::engine::contacts::cards;
use crate::engine::group::{fill, peers};
use crate::engine::live::groups::Group;
use crate::engine::members::{rights::may_remove_us, rosters};
use crate::engine::notices::Notice;
use crate::engine::outbound::{knock, notes};
use crate::engine::records::channels::{self, Channel};
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::feeds;
use crate::engine::records::standing::{self, Point, Request, Standing, State};
use crate::engine::shown::group;
use crate::engine::wire::note::Note;
use crate::engine::{Cx, EngineError, card, gate};

/// Members' cards in a welcome, beside our own.
const GUIDES: usize = 7;

/// Asks to be let in with a ticket.
pub(in crate::engine) fn join(
    cx: &mut Cx<'_, '_>,
    mut standing: Standing,
    statement: Vec<u8>,
    points: Vec<Point>,
    note: String,
) -> Result<Standing, ApiError> {
    let request = Request { statement: ByteBuf::from(statement), note, points };
    standing.become_(State::Requested, cx.now);
    standing.request = Some(request.clone());
    standing.save(cx.tx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.insert(standing.id, request);
    knock::begin(cx, &standing.id)?;
    group::announce(cx, EventKind::GroupChanged, &standing, None, None)?;
    Ok(standing)
}

/// [NOTE-4] We are let in: the channel is there, and is filled by those who let us in.
pub(in crate::engine) fn welcomed(cx: &mut Cx<'_, '_>, owner: DeviceRef, bytes: &[u8]) -> Result<(), EngineError> {
    let Some(welcome) = Welcome::from_bytes(bytes) else { return Ok(()) };
    let Some(mut standing) = standing::load(cx.tx, &welcome.group())? else { return Ok(()) };
    let me = cx.me.account_id();
    let asked = standing.request.iter().flat_map(|request| &request.points).any(|point| point.account == owner.account);
    // A second welcome says nothing new.
    if standing.state != State::Requested || standing.secret.is_some() || !asked {
        return Ok(());
    }
    if standing.no.and_then(|no| rosters::get(cx, no)).is_some_and(|group| may_remove_us(group, &me, &owner.account)) {
        // It may have removed us, lost that with its disk, and takes us for a member by the operation that had ended.
        standing.ended = None;
    }
    begin(cx, standing, owner, &welcome)
}

/// Begins as a member of a group that we were given by `owner`.
pub(in crate::engine) fn begin(
    cx: &mut Cx<'_, '_>,
    mut standing: Standing,
    owner: DeviceRef,
    welcome: &Welcome,
) -> Result<(), EngineError> {
    let mut guides = vec![owner.account];
    for signed in welcome.members() {
        let Ok(opened) = ContactCard::open(signed, cx.now) else { continue };
        let account = opened.account();
        if !cx.me.is_ours(&account) && cards::learn(cx, &account, signed)? && !guides.contains(&account) {
            guides.push(account);
        }
    }
    standing.name = welcome.name().to_owned();
    standing.secret = Some(welcome.secret().clone());
    standing.newest = welcome.newest().to_vec();
    standing.guides = guides;
    cx.notices.group(&standing.id);
    open(cx, standing)
}

/// Opens the channel of a group whose secret we have: the guides are believed to be members until its roster is here.
pub(in crate::engine) fn open(cx: &mut Cx<'_, '_>, mut standing: Standing) -> Result<(), EngineError> {
    let (mut channel, incarnation) = match channels::by_id(cx.tx, &standing.channel())? {
        // What we wrote before we were gone has its end: we go on in another feed.
        Some(channel) => (channel, channels::fresh_incarnation(cx.rng)),
        None => {
            let incarnation = channels::first_incarnation(cx.tx, cx.rng)?;
            (channels::open_group(cx.tx, standing.channel(), standing.name.clone(), cx.now)?, incarnation)
        }
    };
    channel.incarnation = incarnation;
    channel.save(cx.tx)?;
    standing.no = Some(channel.no);
    standing.save(cx.tx)?;
    let heads = feeds::heads(cx.tx, channel.no)?;
    let mut group = Group::new(standing.id, State::Joined, standing.secret.clone(), heads);
    group.guides.clone_from(&standing.guides);
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.insert(channel.no, group);
    fill::replay(cx, channel.no)?;
    cx.notices.push(Notice::Opened(channel.id));
    gate::allow_all(cx, channel.no)?;
    peers::share_anew(cx, &channel)
}

/// [NOTE-4] We are not let in.
pub(in crate::engine) fn refused(cx: &mut Cx<'_, '_>, owner: DeviceRef, id: &ChannelId) -> Result<(), EngineError> {
    let Some(mut standing) = standing::load(cx.tx, &channels::group_id(id))? else { return Ok(()) };
    let asked = standing.request.iter().flat_map(|request| &request.points).any(|point| point.account == owner.account);
    if standing.state != State::Requested || !asked {
        return Ok(());
    }
    standing.become_(State::Declined, cx.now);
    standing.request = None;
    standing.invite = None;
    standing.by = Some(owner.account);
    standing.save(cx.tx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.remove(&standing.id);
    group::announce(cx, EventKind::GroupChanged, &standing, None, Some(owner.account))
}

/// Gives a member what it needs to begin: the group's secret, and whom to connect to.
pub(in crate::engine) fn welcome(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    account: &AccountId,
) -> Result<(), EngineError> {
    let own = card::own(cx)?;
    let me = cx.me.account_id();
    let Some(group) = rosters::get(cx, channel.no) else { return Ok(()) };
    let (id, name, newest) = (group.id, group.roster.name().to_owned(), group.roster.deps());
    let Some(secret) = group.secret.clone() else { return Ok(()) };
    let others: Vec<AccountId> = group
        .roster
        .members(None)
        .map(|(other, _)| *other)
        .filter(|other| other != account && *other != me)
        .take(GUIDES)
        .collect();
    let mut cards = vec![own];
    for other in others {
        cards.extend(devices::card(cx.tx, &other)?.map(|card| card.signed.into_vec()));
    }
    let bytes = ByteBuf::from(Welcome::new(id, name, secret, cards).after(newest).to_bytes());
    // Also one who is no neighbour of ours in the group: without us it knows nobody there yet.
    gate::visit(cx, account)?;
    notes::tell(cx, account, &Note::Welcome(bytes))
}
