//! Coming in: invites, join statements, the welcome. What is said here travels in parcels between two devices; only the
//! roster decides what it is worth.

use covey_api::{ApiError, GroupRefusal, kind};
use covey_feed::ChannelId;
use covey_feed::limits::MAX_COUNTER;
use covey_pairing::group::admission::{GroupInvite, JoinStatement, Welcome, devices, vouch};
use covey_pairing::group::roster::{Denied, Exit, Grant, Ground, Op, Right, Role, VerifiedJoin};
use covey_pairing::identity::ContactCard;
use covey_pairing::ids::{AccountId, GroupId};
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::{debug, info};

use super::rosters::{Group, get};
use super::standing::{self, Invite, Point, Request, Standing, State};
use super::{knock, ops, peers, show};
use crate::engine::channels::{self, Channel};
use crate::engine::contacts::{self, ContactDevice, Owner};
use crate::engine::parcels::{self, Content, MAX_FRAME, VERSION};
use crate::engine::{Cx, EngineError, PeerKey, card, feeds, journal, members, tables};

/// Invites to groups that wait for us at a time.
const MAX_INVITES: usize = 64;
/// Requests that wait for one group's admins at a time.
const MAX_REQUESTS: usize = 256;
/// Members' cards in a welcome, beside our own.
const GUIDES: usize = 7;

/// What devices tell each other about being a member.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Note {
    /// You are invited.
    #[serde(rename = "i")]
    Invite(ByteBuf),
    /// No, thank you.
    #[serde(rename = "n")]
    Decline(ChannelId),
    /// Let me in: statement, card, what I say about myself.
    #[serde(rename = "j")]
    Join(ChannelId, ByteBuf, ByteBuf, String),
    /// You are in.
    #[serde(rename = "w")]
    Welcome(ByteBuf),
    /// You are not let in.
    #[serde(rename = "r")]
    Refused(ChannelId),
    /// You are a member no more, since then (Unix milliseconds, by the clock of who did it).
    #[serde(rename = "o")]
    Removed(ChannelId, u64),
}

/// Somebody who asks to be let in, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Asking {
    pub(in crate::engine) account: AccountId,
    pub(in crate::engine) statement: ByteBuf,
    pub(in crate::engine) card: ByteBuf,
    pub(in crate::engine) name: String,
    pub(in crate::engine) note: String,
    pub(in crate::engine) ticket: String,
    pub(in crate::engine) role: Role,
    pub(in crate::engine) at: u64,
}

impl Asking {
    /// The name they gave themselves.
    pub(in crate::engine) fn name(&self) -> &str {
        &self.name
    }
}

/// Posts a note to a device.
pub(in crate::engine) fn post(
    cx: &mut Cx<'_, '_>,
    device: &ContactDevice,
    note: &Note,
    group: Option<u64>,
) -> Result<(), EngineError> {
    let bytes = covey_codec::encode(&(VERSION, note)).map_err(EngineError::bug)?;
    parcels::post(cx, device, &Content::Group(ByteBuf::from(bytes)), group)
}

/// A note from a device that we have to do with.
pub(in crate::engine) fn receive(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
    device: &ContactDevice,
    bytes: &[u8],
) -> Result<(), EngineError> {
    let note = match covey_codec::decode(bytes, MAX_FRAME) {
        Ok((VERSION, note)) => note,
        Ok((_, Note::Decline(_) | Note::Invite(_) | _)) => return Ok(()),
        Err(error) => {
            debug!(device = %device.id.fmt_short(), %error, "a note about a group that this version does not know");
            return Ok(());
        }
    };
    match note {
        Note::Invite(bytes) => invited(cx, owner, &bytes),
        Note::Decline(id) => declined(cx, owner, &id),
        Note::Join(id, statement, card, note) => {
            let Some(joiner) = verified(cx, &id, &statement, &card, owner.account) else { return Ok(()) };
            asked(cx, &id, &joiner, statement, card, &note)
        }
        Note::Welcome(bytes) => welcomed(cx, owner, &bytes),
        Note::Refused(id) => refused(cx, owner, &id),
        Note::Removed(id, at) => removed(cx, owner, &id, at),
    }
}

/// Invites a contact.
pub(in crate::engine) fn invite(
    cx: &mut Cx<'_, '_>,
    channel: &mut Channel,
    account: AccountId,
    grant: Grant,
    note: String,
) -> Result<(), ApiError> {
    let op = ops::write(cx, channel, Op::Invite { account, grant })?;
    let Some(group) = get(cx, channel.no) else { return Ok(()) };
    let invite = GroupInvite {
        group: group.id,
        name: group.roster.name().to_owned(),
        inviter: cx.me.account_id(),
        operation: op,
        grant,
        members: u32::try_from(group.roster.len()).unwrap_or(u32::MAX),
        note,
    };
    let bytes = invite.to_bytes().ok_or_else(|| ApiError::internal("a group whose name cannot be told"))?;
    for device in contacts::devices(cx.tx, &account)? {
        post(cx, &device, &Note::Invite(ByteBuf::from(bytes.clone())), None)?;
    }
    Ok(())
}

/// A contact invites us.
fn invited(cx: &mut Cx<'_, '_>, owner: Owner, bytes: &[u8]) -> Result<(), EngineError> {
    let Some(invite) = GroupInvite::from_bytes(bytes).filter(|invite| invite.inviter == owner.account) else {
        debug!("a malformed invite to a group");
        return Ok(());
    };
    // Consent to be asked is the pairing; who is a contact by the open mode only is none.
    let paired = contacts::load(cx.tx, &owner.account)?.is_some_and(|contact| contact.is_paired() && !contact.request);
    let known = standing::load(cx.tx, &invite.group)?;
    let open = known.as_ref().is_none_or(|known| match known.state {
        State::Invited | State::Left | State::Removed => true,
        // An own no stays one; that others did not let us in is theirs to change.
        State::Declined => known.invite.is_none(),
        State::Requested | State::Joined => false,
    });
    let waiting = standing::all(cx.tx)?.iter().filter(|standing| standing.state == State::Invited).count();
    if !paired || !open || (known.is_none() && waiting >= MAX_INVITES) {
        debug!(group = %invite.group, "an invite to a group is not taken");
        return Ok(());
    }
    let mut standing =
        known.unwrap_or_else(|| Standing::new(invite.group, invite.name.clone(), State::Invited, cx.now));
    standing.become_(State::Invited, cx.now);
    standing.name = invite.name;
    standing.by = Some(owner.account);
    standing.invite =
        Some(Invite { op: invite.operation, role: invite.grant.role, members: invite.members, note: invite.note });
    standing.save(cx)?;
    announce(cx, kind::GROUP_INVITED, &standing, Some(owner.account))
}

fn announce(cx: &mut Cx<'_, '_>, kind: &str, standing: &Standing, actor: Option<AccountId>) -> Result<(), EngineError> {
    let event = show::event(cx, standing, None, actor)?;
    journal::record(cx, kind, &event)
}

/// We say yes to an invite.
pub(in crate::engine) fn accept(cx: &mut Cx<'_, '_>, mut standing: Standing) -> Result<Standing, ApiError> {
    let (Some(invite), Some(by)) = (standing.invite.clone(), standing.by) else {
        return Err(GroupRefusal::WeAreNotAMember(&standing.name).into());
    };
    let statement = JoinStatement::by_invite(standing.id, cx.me.account_id(), &cx.me.device, invite.op, cx.now);
    let statement = ByteBuf::from(statement);
    let devices = contacts::devices(cx.tx, &by)?;
    let points = devices.iter().map(|device| Point::of(by, device)).collect();
    let request = Request { statement: statement.clone(), note: String::new(), points };
    standing.become_(State::Requested, cx.now);
    standing.request = Some(request.clone());
    standing.save(cx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.insert(standing.id, request);
    let card = ByteBuf::from(card::own(cx)?);
    for device in devices {
        let note = Note::Join(standing.channel(), statement.clone(), card.clone(), String::new());
        post(cx, &device, &note, None)?;
    }
    announce(cx, kind::GROUP_CHANGED, &standing, None)?;
    Ok(standing)
}

/// We say no, or take our request back.
pub(in crate::engine) fn decline(cx: &mut Cx<'_, '_>, mut standing: Standing) -> Result<Standing, ApiError> {
    standing.become_(State::Declined, cx.now);
    standing.request = None;
    standing.save(cx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.remove(&standing.id);
    if let Some(by) = standing.by {
        for device in contacts::devices(cx.tx, &by)? {
            post(cx, &device, &Note::Decline(standing.channel()), None)?;
        }
    }
    announce(cx, kind::GROUP_CHANGED, &standing, None)?;
    Ok(standing)
}

/// Somebody whom we invited declines: the invite is taken back.
fn declined(cx: &mut Cx<'_, '_>, owner: Owner, id: &ChannelId) -> Result<(), EngineError> {
    let Some(mut channel) = channels::by_id(cx.tx, id)?.filter(|channel| channel.contact.is_none()) else {
        return Ok(());
    };
    let op = Op::Uninvite { account: owner.account };
    let me = cx.me.account_id();
    let allowed =
        get(cx, channel.no).is_some_and(|group| group.state == State::Joined && group.roster.allowed(&me, &op).is_ok());
    if allowed {
        ops::write(cx, &mut channel, op).map_err(EngineError::bug)?;
    }
    Ok(())
}

/// Somebody who wants to come in, with what was verified of it.
pub(in crate::engine) struct Joiner {
    pub(in crate::engine) statement: JoinStatement,
    pub(in crate::engine) card: ContactCard,
}

/// The joiner, if statement and card verify and are its own and for that group.
pub(in crate::engine) fn verified(
    cx: &Cx<'_, '_>,
    id: &ChannelId,
    statement: &[u8],
    card: &[u8],
    account: AccountId,
) -> Option<Joiner> {
    let statement = JoinStatement::open(statement).ok()?;
    let fits =
        statement.group.as_bytes() == id.as_bytes() && statement.account == account && statement.is_fresh(cx.now);
    if !fits {
        return None;
    }
    match statement.verify(card) {
        Ok(card) => Some(Joiner { statement, card }),
        Err(error) => {
            debug!(%error, "a join statement does not verify");
            None
        }
    }
}

/// Somebody asks us to let them in.
pub(in crate::engine) fn asked(
    cx: &mut Cx<'_, '_>,
    id: &ChannelId,
    joiner: &Joiner,
    statement: ByteBuf,
    signed: ByteBuf,
    note: &str,
) -> Result<(), EngineError> {
    let account = joiner.statement.account;
    let Some(mut channel) = channels::by_id(cx.tx, id)?.filter(|channel| channel.contact.is_none()) else {
        return Ok(());
    };
    let me = cx.me.account_id();
    let Some(group) = get(cx, channel.no).filter(|group| group.state == State::Joined) else { return Ok(()) };
    if group.roster.member(&account).is_some() {
        return welcome(cx, &channel, &account);
    }
    let JoinStatement { ground, issued_at: at, .. } = joiner.statement;
    let join = VerifiedJoin { account, devices: devices(&joiner.card), ground, at };
    let approval = needs_approval(group, &ground);
    match has_room(cx, group).and_then(|()| group.roster.admits(&me, &join)) {
        Ok(()) => {
            let Some((ticket, role)) = approval else {
                card::learn_as_of(cx, &account, &signed, at)?;
                ops::write(cx, &mut channel, Op::Join { statement, card: signed }).map_err(EngineError::bug)?;
                return welcome(cx, &channel, &account);
            };
            let asking = Asking {
                account,
                statement,
                card: signed,
                name: joiner.card.content().name.clone(),
                note: note.chars().take(280).collect(),
                ticket,
                role,
                at: cx.now,
            };
            // Strangers cost no more than their place among those who wait.
            if queue(cx, &channel, &asking)? {
                card::learn_as_of(cx, &account, &asking.card, at)?;
            }
            Ok(())
        }
        Err(Denied::Missing { right: Right::Approve | Right::Invite | Right::Ticket, .. }) => {
            debug!("somebody asks us to let them in, which is for others to do");
            Ok(())
        }
        Err(Denied::NoTicket | Denied::NotInvited) if !is_known(group, &ground) => {
            debug!("somebody comes on a ground that is not known here, perhaps not yet; they will ask again");
            Ok(())
        }
        Err(error) => {
            info!(account = %account.fmt_short(), %error, "somebody is not let into a group");
            refuse(cx, joiner, id)
        }
    }
}

/// Whether what a joiner goes by was ever on the roster as it is known here.
fn is_known(group: &Group, ground: &Ground) -> bool {
    match ground {
        Ground::Invite(op) => group.roster.contains(op),
        Ground::Ticket(id) => group.roster.ticket(id).is_some(),
        Ground::Request => true,
    }
}

/// Whether an admin has to be asked: by which ticket they come, as what.
fn needs_approval(group: &Group, ground: &Ground) -> Option<(String, Role)> {
    let policy = group.roster.policy();
    match ground {
        Ground::Invite(_) => None,
        Ground::Ticket(id) => {
            let ticket = group.roster.ticket(id).filter(|ticket| ticket.approve || policy.approve)?;
            Some((id.to_string(), ticket.grant.role))
        }
        Ground::Request => Some((String::new(), policy.newcomers.role)),
    }
}

/// Tells somebody that they are not let in. A stranger is told once and not kept: they ask again until they hear it.
fn refuse(cx: &mut Cx<'_, '_>, joiner: &Joiner, id: &ChannelId) -> Result<(), EngineError> {
    let account = joiner.statement.account;
    if members::knows(cx, &account)? {
        return tell(cx, &account, &Note::Refused(*id));
    }
    let Some(device) = joiner.card.log().device(&joiner.statement.device) else { return Ok(()) };
    let (dh, peer) = (device.keys.dh, PeerKey(device.keys.network));
    let device = ContactDevice { id: joiner.statement.device, dh, peer, addresses: Vec::new(), bundle: ByteBuf::new() };
    knock::refuse(cx, &device, id)
}

/// Keeps a request until an admin has decided; whether there was room.
fn queue(cx: &mut Cx<'_, '_>, channel: &Channel, asking: &Asking) -> Result<bool, EngineError> {
    let key = tables::join_request(channel.no, &asking.account);
    let all = tables::join_requests(channel.no);
    let known = cx.tx.contains(&key)?;
    if !known && cx.tx.keys_after(&all, &all, MAX_REQUESTS)?.len() >= MAX_REQUESTS {
        info!(channel = %channel.id.fmt_short(), "too many wait to be let in; another one is not kept");
        return Ok(false);
    }
    cx.tx.put(&key, asking)?;
    if known {
        return Ok(true);
    }
    let shown = show::request(cx, channel, asking, covey_api::JoinRequestState::Waiting)?;
    journal::record(cx, kind::GROUP_REQUEST, &shown)?;
    Ok(true)
}

/// Those who wait to be let in.
pub(in crate::engine) fn waiting(cx: &Cx<'_, '_>, no: u64) -> Result<Vec<Asking>, EngineError> {
    let rows = cx.tx.scan::<Asking>(&tables::join_requests(no), None, MAX_REQUESTS, false)?;
    Ok(rows.into_iter().map(|(_, asking)| asking).collect())
}

/// Lets somebody in who asked.
pub(in crate::engine) fn approve(cx: &mut Cx<'_, '_>, channel: &mut Channel, asking: &Asking) -> Result<(), ApiError> {
    let op = Op::Join { statement: asking.statement.clone(), card: asking.card.clone() };
    ops::write(cx, channel, op)?;
    cx.tx.delete(&tables::join_request(channel.no, &asking.account));
    Ok(welcome(cx, channel, &asking.account)?)
}

/// Whether this node lets another one into the group.
pub(in crate::engine) fn has_room(cx: &Cx<'_, '_>, group: &Group) -> Result<(), Denied> {
    if group.roster.len() < cx.policy.max_members { Ok(()) } else { Err(Denied::Full) }
}

/// Whether we may let somebody in who asked.
pub(in crate::engine) fn may_approve(cx: &Cx<'_, '_>, channel: &Channel, asking: &Asking) -> Result<(), Denied> {
    let Some(group) = get(cx, channel.no) else { return Err(Denied::NotAMember) };
    has_room(cx, group)?;
    let join = vouch(&group.id, &asking.statement, &asking.card).map_err(|_| Denied::Unverified)?;
    group.roster.admits(&cx.me.account_id(), &join)
}

/// Does not let them in.
pub(in crate::engine) fn reject(cx: &mut Cx<'_, '_>, channel: &Channel, asking: &Asking) -> Result<(), ApiError> {
    cx.tx.delete(&tables::join_request(channel.no, &asking.account));
    match verified(cx, &channel.id, &asking.statement, &asking.card, asking.account) {
        Some(joiner) => Ok(refuse(cx, &joiner, &channel.id)?),
        None => Ok(()),
    }
}

fn tell(cx: &mut Cx<'_, '_>, account: &AccountId, note: &Note) -> Result<(), EngineError> {
    for device in contacts::devices(cx.tx, account)? {
        post(cx, &device, note, None)?;
    }
    Ok(())
}

/// Gives a member what it needs to begin: the group's secret, and whom to connect to.
fn welcome(cx: &mut Cx<'_, '_>, channel: &Channel, account: &AccountId) -> Result<(), EngineError> {
    let own = card::own(cx)?;
    let me = cx.me.account_id();
    let Some(group) = get(cx, channel.no) else { return Ok(()) };
    let (id, name) = (group.id, group.roster.name().to_owned());
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
        cards.extend(contacts::card(cx.tx, &other)?.map(|card| card.signed.into_vec()));
    }
    let bytes = ByteBuf::from(Welcome::new(id, name, secret, cards).to_bytes());
    // Also one who is no neighbour of ours in the group: without us it knows nobody there yet.
    peers::visit(cx, account)?;
    tell(cx, account, &Note::Welcome(bytes))
}

/// We are let in: the channel is there, and is filled by those who let us in.
fn welcomed(cx: &mut Cx<'_, '_>, owner: Owner, bytes: &[u8]) -> Result<(), EngineError> {
    let Some(welcome) = Welcome::from_bytes(bytes) else { return Ok(()) };
    let Some(mut standing) = standing::load(cx.tx, &welcome.group())? else { return Ok(()) };
    let asked = standing.request.iter().flat_map(|request| &request.points).any(|point| point.account == owner.account);
    // A second welcome says nothing new.
    if standing.state != State::Requested || standing.secret.is_some() || !asked {
        return Ok(());
    }
    let channel = match channels::by_id(cx.tx, &standing.channel())? {
        // What we wrote before we were gone has its end: we go on in another feed.
        Some(mut channel) => {
            channel.incarnation = 1 + cx.rng.next_u64() % MAX_COUNTER;
            channel.save(cx)?;
            channel
        }
        None => channels::create(cx, standing.channel(), None, Some(welcome.name().to_owned()))?,
    };
    let mut guides = vec![owner.account];
    for signed in welcome.members() {
        let Ok(opened) = ContactCard::open(signed, cx.now) else { continue };
        let account = opened.account();
        if account != cx.me.account_id() && card::learn(cx, &account, signed)? && !guides.contains(&account) {
            guides.push(account);
        }
    }
    standing.name = welcome.name().to_owned();
    standing.no = Some(channel.no);
    standing.secret = Some(welcome.secret().clone());
    standing.guides.clone_from(&guides);
    standing.save(cx)?;
    let heads = feeds::all(cx.tx, channel.no)?;
    let heads = heads.into_iter().filter_map(|feed| Some((feed.key, feed.head?))).collect();
    let mut group = Group::new(standing.id, State::Joined, standing.secret.clone(), heads);
    group.guides = guides;
    cx.live.groups.ahead = true;
    cx.live.groups.by_no.insert(channel.no, group);
    ops::replay(cx, channel.no)?;
    peers::allow_all(cx, channel.no)?;
    peers::share_anew(cx, &channel)
}

/// We are not let in.
pub(super) fn refused(cx: &mut Cx<'_, '_>, owner: Owner, id: &ChannelId) -> Result<(), EngineError> {
    let Some(mut standing) = standing::load(cx.tx, &GroupId::from_bytes(*id.as_bytes()))? else { return Ok(()) };
    let asked = standing.request.iter().flat_map(|request| &request.points).any(|point| point.account == owner.account);
    if standing.state != State::Requested || !asked {
        return Ok(());
    }
    standing.become_(State::Declined, cx.now);
    standing.request = None;
    standing.invite = None;
    standing.by = Some(owner.account);
    standing.save(cx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.remove(&standing.id);
    announce(cx, kind::GROUP_CHANGED, &standing, Some(owner.account))
}

/// Somebody says that we were removed: believed of those who may.
fn removed(cx: &mut Cx<'_, '_>, owner: Owner, id: &ChannelId, at: u64) -> Result<(), EngineError> {
    let Some(mut channel) = channels::by_id(cx.tx, id)?.filter(|channel| channel.contact.is_none()) else {
        return Ok(());
    };
    let me = cx.me.account_id();
    let op = Op::Remove { account: me, cut: Vec::new() };
    let believed = get(cx, channel.no).is_some_and(|group| {
        // Who came back since was removed from what was before.
        let since = group.roster.member(&me).map_or(0, |member| member.since);
        group.state == State::Joined && since < at && group.roster.allowed(&owner.account, &op).is_ok()
    });
    if believed { ops::went_out(cx, &mut channel, Some(Exit::Removed), Some(owner.account)) } else { Ok(()) }
}

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
    standing.save(cx)?;
    cx.live.groups.ahead = true;
    cx.live.groups.requests.insert(standing.id, request);
    knock::begin(cx, &standing.id)?;
    announce(cx, kind::GROUP_CHANGED, &standing, None)?;
    Ok(standing)
}
