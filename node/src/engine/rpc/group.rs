//! `group.*`

use covey_api::{
    self as api, ApiError, GroupAccept, GroupApprove, GroupBan, GroupCreate, GroupCreated, GroupDecline, GroupDelete,
    GroupDoctor, GroupHealth, GroupInvite, GroupJoin, GroupLeave, GroupList, GroupMembers, GroupPolicy, GroupRefusal,
    GroupReject, GroupRemove, GroupRename, GroupReport, GroupRequests, GroupRevokeTicket, GroupRole, GroupShow,
    GroupTicket, GroupTickets, GroupUnban, GroupVerifyReport, JoinRequest, JoinRequestState, JoinTicket,
    JoinTicketInfo, Member, MemberHealth, MemberState, Message, MessageProof, ProofVerdict, Reason, TicketState, Time,
};
use covey_feed::ChannelId;
use covey_pairing::group::admission::{AdmissionPoint, GroupTicket as Ticket, JoinStatement, TicketToken};
use covey_pairing::group::roster::{self, Grant, Op, Ticket as OnRoster, TicketId, group_id};
use covey_pairing::ids::{AccountId, DeviceId, GroupId};
use rand_core::Rng;
use serde_bytes::ByteBuf;

use crate::engine::channels::{self, Channel};
use crate::engine::contacts;
use crate::engine::group::{
    self, admission, doctor, invites,
    rosters::{Group, get},
    show as shown,
    standing::{self, Point, Standing, State},
    welcome,
};
use crate::engine::{Cx, PeerKey, card, messages};

/// Members or requests on a page.
const PAGE: usize = 1_000;
/// Longest name in characters.
const MAX_NAME: usize = 64;
/// Longest note in characters.
const MAX_NOTE: usize = 280;
/// Admission points on a ticket.
const POINTS: usize = 4;
/// Addresses of each.
const ADDRESSES: usize = 4;

/// A group we are in, with its channel.
struct In {
    standing: Standing,
    channel: Channel,
}

fn joined(cx: &Cx<'_, '_>, text: &str) -> Result<In, ApiError> {
    let standing = standing::resolve(cx, text)?;
    match (standing.state, standing.no) {
        (State::Joined, Some(no)) => {
            let channel = channels::by_no(cx.tx, no)?.ok_or(GroupRefusal::NoSuchGroup(text))?;
            Ok(In { standing, channel })
        }
        (State::Left | State::Removed, _) => Err(GroupRefusal::Left(&standing.name).into()),
        _ => Err(GroupRefusal::WeAreNotAMember(&standing.name).into()),
    }
}

impl In {
    fn group<'a>(&self, cx: &'a Cx<'_, '_>) -> Result<&'a Group, ApiError> {
        get(cx, self.channel.no).ok_or_else(|| GroupRefusal::NoSuchGroup(&self.standing.name).into())
    }

    /// Does it if we may; `who` is the member it is about.
    fn act(&mut self, cx: &mut Cx<'_, '_>, who: &str, op: Op) -> Result<(), ApiError> {
        self.check(cx, who, &op)?;
        group::write(cx, &mut self.channel, op).map(drop)
    }

    fn check(&self, cx: &Cx<'_, '_>, who: &str, op: &Op) -> Result<(), ApiError> {
        let allowed = self.group(cx)?.roster.allowed(&cx.me.account_id(), op);
        allowed.map_err(|denied| shown::denied(cx, &self.standing, who, &denied))
    }

    fn shown(&self, cx: &Cx<'_, '_>) -> Result<api::Group, ApiError> {
        let standing = shown::of_channel(cx, &self.channel)?;
        shown::group(cx, standing.as_ref().unwrap_or(&self.standing))
    }

    fn member(&self, cx: &Cx<'_, '_>, account: &AccountId) -> Result<Member, ApiError> {
        let member = shown::member(cx, self.group(cx)?, account)?;
        member
            .ok_or_else(|| GroupRefusal::NotAMember { group: &self.standing.name, member: &account.fmt_short() }.into())
    }

    /// The account that `text` (alias, id, unique prefix of one, name) names among those the roster knows.
    fn find(&self, cx: &Cx<'_, '_>, text: &str) -> Result<AccountId, ApiError> {
        if let Ok(account) = text.trim().parse() {
            return Ok(account);
        }
        let group = self.group(cx)?;
        let lower = text.trim().to_lowercase();
        let (mut exact, mut near) = (Vec::new(), Vec::new());
        for (account, _) in group.roster.standings(None) {
            let alias = contacts::load(cx.tx, account)?.and_then(|contact| contact.alias);
            let name = match *account == cx.me.account_id() {
                true => contacts::own_name(cx.tx)?,
                false => contacts::card(cx.tx, account)?.and_then(|card| card.name),
            };
            let id = account.to_string();
            if alias.is_some_and(|alias| alias.to_lowercase() == lower) {
                exact.push(*account);
            } else if name.is_some_and(|name| name.to_lowercase() == lower)
                || (lower.len() >= 4
                    && (id.starts_with(&lower) || id.strip_prefix("cv1").is_some_and(|id| id.starts_with(&lower))))
            {
                near.push(*account);
            }
        }
        let found = if exact.is_empty() { near } else { exact };
        match found.as_slice() {
            [] => Err(GroupRefusal::NotAMember { group: &self.standing.name, member: text }.into()),
            [one] => Ok(*one),
            _ => Err(GroupRefusal::AmbiguousMember(text).into()),
        }
    }
}

fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if !roster::is_group_name(name) || name.chars().count() > MAX_NAME {
        return Err(ApiError::invalid_params(format!("a group's name has 1 to {MAX_NAME} printable characters")));
    }
    Ok(name.to_owned())
}

fn checked_note(note: Option<String>) -> Result<String, ApiError> {
    let note = note.unwrap_or_default();
    if note.chars().count() > MAX_NOTE {
        return Err(ApiError::new(Reason::TooLong, format!("a note has at most {MAX_NOTE} characters")));
    }
    Ok(note)
}

fn checked_policy(policy: api::Policy) -> Result<roster::Policy, ApiError> {
    let policy = shown::policy_of(policy);
    if policy.is_sane() {
        return Ok(policy);
    }
    Err(ApiError::invalid_params("newcomers are readers or members, and readers never write"))
}

/// `group.create`
///
/// # Errors
/// A name or policy that cannot be.
pub fn create(cx: &mut Cx<'_, '_>, params: &GroupCreate) -> Result<GroupCreated, ApiError> {
    let name = checked_name(&params.name)?;
    let defaults = api::Policy::default();
    let policy = checked_policy(api::Policy {
        invite: params.invite.unwrap_or(defaults.invite),
        rename: params.rename.unwrap_or(defaults.rename),
        write: params.write.unwrap_or(defaults.write),
        newcomers: params.newcomers.unwrap_or(defaults.newcomers),
        newcomers_invisible: params.newcomers_invisible.unwrap_or(defaults.newcomers_invisible),
        approve: params.approve.unwrap_or(defaults.approve),
    })?;
    let mut nonce = [0; 32];
    cx.rng.fill_bytes(&mut nonce);
    let id = group_id(&cx.me.account_id(), &cx.me.device_id(), &nonce);
    let card = ByteBuf::from(card::own(cx)?);
    let mut channel = group::begin(cx, id, &name)?;
    group::write(cx, &mut channel, Op::Create { nonce, name, policy, card })?;
    Ok(GroupCreated { group: id.to_string(), channel: id.to_string() })
}

/// `group.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>, params: &GroupList) -> Result<Vec<api::Group>, ApiError> {
    let mut groups = Vec::new();
    for standing in standing::all(cx.tx)? {
        let group = shown::group(cx, &standing)?;
        if params.state.is_none_or(|state| state == group.state) {
            groups.push(group);
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.since));
    Ok(groups)
}

/// `group.show`
///
/// # Errors
/// Unknown group.
pub fn show(cx: &mut Cx<'_, '_>, params: &GroupShow) -> Result<api::Group, ApiError> {
    let standing = standing::resolve(cx, &params.group)?;
    shown::group(cx, &standing)
}

/// `group.invite`
///
/// # Errors
/// Unknown group or contact, not paired, not allowed, in already, banned, full.
pub fn invite(cx: &mut Cx<'_, '_>, params: GroupInvite) -> Result<Member, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let contact = contacts::resolve(cx, &params.contact)?;
    let name = shown::name_of(cx, &contact.account)?;
    let grant = granted(&of, cx, params.role, params.invisible)?;
    of.check(cx, &name, &Op::Invite { account: contact.account, grant })?;
    let room = admission::has_room(cx, of.group(cx)?);
    room.map_err(|denied| shown::denied(cx, &of.standing, &name, &denied))?;
    if !contact.is_paired() || contact.request {
        return Err(contacts::not_paired(&contact));
    }
    invites::invite(cx, &mut of.channel, contact.account, grant, checked_note(params.note)?)?;
    of.member(cx, &contact.account)
}

fn granted(of: &In, cx: &Cx<'_, '_>, role: Option<api::Role>, invisible: Option<bool>) -> Result<Grant, ApiError> {
    let newcomers = of.group(cx)?.roster.policy().newcomers;
    let role = role.map_or(newcomers.role, shown::role_of);
    if role == roster::Role::Owner {
        return Err(ApiError::invalid_params("there is one owner; invite as admin at most"));
    }
    Ok(Grant { role, invisible: invisible.unwrap_or(newcomers.invisible) })
}

/// `group.accept`
///
/// # Errors
/// Unknown group, no open invite.
pub fn accept(cx: &mut Cx<'_, '_>, params: &GroupAccept) -> Result<api::Group, ApiError> {
    let standing = standing::resolve(cx, &params.group)?;
    if standing.state != State::Invited {
        return Err(GroupRefusal::NotInvited(&standing.name).into());
    }
    let standing = invites::accept(cx, standing)?;
    shown::group(cx, &standing)
}

/// `group.decline`
///
/// # Errors
/// Unknown group, nothing to decline.
pub fn decline(cx: &mut Cx<'_, '_>, params: &GroupDecline) -> Result<api::Group, ApiError> {
    let standing = standing::resolve(cx, &params.group)?;
    if !matches!(standing.state, State::Invited | State::Requested) {
        return Err(GroupRefusal::NotInvited(&standing.name).into());
    }
    let standing = invites::decline(cx, standing)?;
    shown::group(cx, &standing)
}

/// `group.join`
///
/// # Errors
/// A text that is no ticket, or one that has expired; in already, asked already.
pub fn join(cx: &mut Cx<'_, '_>, params: GroupJoin) -> Result<api::Group, ApiError> {
    let ticket: Ticket = params.ticket.parse().map_err(|_| GroupRefusal::BadTicket)?;
    let note = checked_note(params.note)?;
    if ticket.expires_at.is_some_and(|at| at <= cx.now) {
        return Err(GroupRefusal::SpentTicket.into());
    }
    let known = standing::load(cx.tx, &ticket.group)?;
    if let Some(known) = &known
        && matches!(known.state, State::Joined | State::Requested)
    {
        return Err(GroupRefusal::AlreadyMember { group: &known.name, member: "You" }.into());
    }
    let mut standing =
        known.unwrap_or_else(|| Standing::new(ticket.group, ticket.name.clone(), State::Requested, cx.now));
    standing.by = None;
    let statement = JoinStatement::by_ticket(ticket.group, cx.me.account_id(), &cx.me.device, &ticket.token, cx.now);
    let own = cx.me.device_id();
    let points: Vec<Point> = ticket
        .points
        .into_iter()
        .filter(|point| point.device != own)
        .map(|point| Point {
            account: point.account,
            device: point.device,
            dh: point.dh,
            peer: PeerKey(point.network),
            addresses: point.addresses,
        })
        .collect();
    if points.is_empty() {
        return Err(GroupRefusal::BadTicket.into());
    }
    let standing = welcome::join(cx, standing, statement, points, note)?;
    shown::group(cx, &standing)
}

/// `group.leave`
///
/// # Errors
/// Unknown group, not a member, the owner without a successor.
pub fn leave(cx: &mut Cx<'_, '_>, params: GroupLeave) -> Result<api::Group, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let me = cx.me.account_id();
    let (owner, members) = {
        let group = of.group(cx)?;
        (group.roster.owner() == Some(&me), group.roster.len())
    };
    match params.transfer_to {
        Some(heir) => {
            let to = of.find(cx, &heir)?;
            of.act(cx, &heir, Op::Transfer { to })?;
        }
        None if owner && members > 1 => return Err(GroupRefusal::LastOwner(&of.standing.name).into()),
        None => {}
    }
    of.act(cx, "You", Op::Leave)?;
    of.shown(cx)
}

/// `group.remove`
///
/// # Errors
/// Unknown group or member, not allowed.
pub fn remove(cx: &mut Cx<'_, '_>, params: &GroupRemove) -> Result<Member, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    let open = of.group(cx)?.roster.standing(&account).is_some_and(|at| at.member.is_none() && !at.invites.is_empty());
    if open {
        let shown = of.member(cx, &account)?;
        of.act(cx, &params.member, Op::Uninvite { account })?;
        return Ok(Member { state: MemberState::Removed, ..shown });
    }
    let cut = group::cut_of(cx.tx, &of.channel, &account)?;
    of.act(cx, &params.member, Op::Remove { account, cut })?;
    of.member(cx, &account)
}

/// `group.ban`
///
/// # Errors
/// Unknown group or member, not allowed.
pub fn ban(cx: &mut Cx<'_, '_>, params: &GroupBan) -> Result<Member, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    let cut = group::cut_of(cx.tx, &of.channel, &account)?;
    of.act(cx, &params.member, Op::Ban { account, cut })?;
    of.member(cx, &account)
}

/// `group.unban`
///
/// # Errors
/// Unknown group or member, not banned, not allowed.
pub fn unban(cx: &mut Cx<'_, '_>, params: &GroupUnban) -> Result<Member, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    let before = of.member(cx, &account)?;
    of.act(cx, &params.member, Op::Unban { account })?;
    Ok(shown::member(cx, of.group(cx)?, &account)?.unwrap_or(Member { state: MemberState::Removed, ..before }))
}

/// `group.role`
///
/// # Errors
/// Unknown group or member, not allowed.
pub fn role(cx: &mut Cx<'_, '_>, params: &GroupRole) -> Result<Member, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let account = of.find(cx, &params.member)?;
    if params.role == api::Role::Owner {
        of.act(cx, &params.member, Op::Transfer { to: account })?;
        return of.member(cx, &account);
    }
    let known = of.group(cx)?.roster.member(&account).is_some_and(|member| member.invisible);
    let grant = Grant { role: shown::role_of(params.role), invisible: params.invisible.unwrap_or(known) };
    of.act(cx, &params.member, Op::Role { account, grant })?;
    of.member(cx, &account)
}

/// `group.rename`
///
/// # Errors
/// Unknown group, a name that cannot be, not allowed.
pub fn rename(cx: &mut Cx<'_, '_>, params: &GroupRename) -> Result<api::Group, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let name = checked_name(&params.name)?;
    of.act(cx, "You", Op::Rename { name })?;
    of.shown(cx)
}

/// `group.policy`
///
/// # Errors
/// Unknown group, a policy that cannot be, not allowed.
pub fn policy(cx: &mut Cx<'_, '_>, params: &GroupPolicy) -> Result<api::Group, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let now = shown::policy(of.group(cx)?.roster.policy());
    let policy = checked_policy(api::Policy {
        invite: params.invite.unwrap_or(now.invite),
        rename: params.rename.unwrap_or(now.rename),
        write: params.write.unwrap_or(now.write),
        newcomers: params.newcomers.unwrap_or(now.newcomers),
        newcomers_invisible: params.newcomers_invisible.unwrap_or(now.newcomers_invisible),
        approve: params.approve.unwrap_or(now.approve),
    })?;
    of.act(cx, "You", Op::Policy { policy })?;
    of.shown(cx)
}

/// `group.ticket`
///
/// # Errors
/// Unknown group, not allowed.
pub fn ticket(cx: &mut Cx<'_, '_>, params: &GroupTicket) -> Result<JoinTicket, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let grant = granted(&of, cx, params.role, params.invisible)?;
    let token = TicketToken::generate(cx.rng);
    let expires_at = params.expires_in.map(|seconds| cx.now.saturating_add(seconds.saturating_mul(1_000)));
    let approve = params.approve.unwrap_or(of.group(cx)?.roster.policy().approve);
    let op = Op::Ticket { id: token.id(), grant, uses: params.uses, expires_at, approve };
    let points = points(cx, &of)?;
    let id = token.id();
    let text = Ticket { group: of.standing.id, name: of.standing.name.clone(), token, expires_at, points }
        .to_text()
        .map_err(|error| ApiError::invalid_params(error.to_string()))?;
    of.act(cx, "You", op)?;
    Ok(JoinTicket {
        ticket: text,
        id: id.to_string(),
        group: of.standing.id.to_string(),
        uses: params.uses,
        expires_at: expires_at.map(Time::from_unix_ms),
        approve,
        role: shown::role(grant.role),
    })
}

/// Where one who holds a ticket can ask: with us, and with others who may let in.
fn points(cx: &mut Cx<'_, '_>, of: &In) -> Result<Vec<AdmissionPoint>, ApiError> {
    let me = cx.me.account_id();
    let keys = cx.me.device.keys();
    let own = AdmissionPoint {
        account: me,
        device: keys.id,
        dh: keys.dh,
        network: keys.network,
        addresses: cx.live.addresses.iter().take(ADDRESSES).cloned().collect(),
    };
    let mut points = vec![own];
    let group = of.group(cx)?;
    let least = group.roster.policy().invite.max(roster::Role::Admin);
    let others: Vec<AccountId> = group
        .roster
        .members(None)
        .filter(|(account, member)| **account != me && member.role >= least)
        .map(|(account, _)| *account)
        .take(POINTS)
        .collect();
    for account in others {
        for device in contacts::devices(cx.tx, &account)? {
            points.push(AdmissionPoint {
                account,
                device: device.id,
                dh: device.dh,
                network: device.peer.0,
                addresses: device.addresses.into_iter().take(ADDRESSES).collect(),
            });
        }
    }
    points.truncate(POINTS);
    Ok(points)
}

/// `group.tickets`
///
/// # Errors
/// Unknown group.
pub fn tickets(cx: &mut Cx<'_, '_>, params: &GroupTickets) -> Result<Vec<JoinTicketInfo>, ApiError> {
    let of = joined(cx, &params.group)?;
    Ok(of.group(cx)?.roster.tickets().map(|(id, ticket)| info(cx.now, id, ticket)).collect())
}

fn info(now: u64, id: &TicketId, ticket: &OnRoster) -> JoinTicketInfo {
    let state = if ticket.revoked {
        TicketState::Revoked
    } else if ticket.uses.is_some_and(|uses| ticket.used >= uses) {
        TicketState::Used
    } else if ticket.expires_at.is_some_and(|at| at <= now) {
        TicketState::Expired
    } else {
        TicketState::Active
    };
    JoinTicketInfo {
        id: id.to_string(),
        state,
        uses: ticket.uses,
        used: ticket.used,
        approve: ticket.approve,
        role: shown::role(ticket.grant.role),
        made_by: ticket.by.to_string(),
        created_at: Time::from_unix_ms(ticket.at),
        expires_at: ticket.expires_at.map(Time::from_unix_ms),
    }
}

/// `group.revoke_ticket`
///
/// # Errors
/// Unknown group or ticket, not allowed.
pub fn revoke_ticket(cx: &mut Cx<'_, '_>, params: &GroupRevokeTicket) -> Result<JoinTicketInfo, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let wanted = params.id.to_lowercase();
    let found: Vec<TicketId> =
        of.group(cx)?.roster.tickets().map(|(id, _)| *id).filter(|id| id.to_string().starts_with(&wanted)).collect();
    let ([id], false) = (found.as_slice(), wanted.is_empty()) else {
        return Err(GroupRefusal::NoSuchTicket { group: &of.standing.name, id: &params.id }.into());
    };
    of.act(cx, &params.id, Op::RevokeTicket { id: *id })?;
    let ticket = of.group(cx)?.roster.ticket(id);
    let ticket = ticket.ok_or(GroupRefusal::NoSuchTicket { group: &of.standing.name, id: &params.id })?;
    Ok(info(cx.now, id, ticket))
}

/// `group.requests`
///
/// # Errors
/// Unknown group.
pub fn requests(cx: &mut Cx<'_, '_>, params: &GroupRequests) -> Result<Vec<JoinRequest>, ApiError> {
    let groups = match &params.group {
        Some(text) => vec![joined(cx, text)?.standing],
        None => standing::all(cx.tx)?,
    };
    let mut found = Vec::new();
    for no in groups.into_iter().filter(|group| group.state == State::Joined).filter_map(|group| group.no) {
        let Some(channel) = channels::by_no(cx.tx, no)? else { continue };
        for asking in admission::waiting(cx, no)? {
            found.push(shown::request(cx, &channel, &asking, JoinRequestState::Waiting)?);
        }
    }
    found.truncate(PAGE);
    Ok(found)
}

fn asking(cx: &Cx<'_, '_>, of: &In, text: &str) -> Result<admission::Asking, ApiError> {
    let lower = text.trim().to_lowercase();
    let mut found = Vec::new();
    for asking in admission::waiting(cx, of.channel.no)? {
        let id = asking.account.to_string();
        let alias = contacts::load(cx.tx, &asking.account)?.and_then(|contact| contact.alias);
        let fits = id == lower
            || (lower.len() >= 4
                && (id.starts_with(&lower) || id.strip_prefix("cv1").is_some_and(|id| id.starts_with(&lower))))
            || asking.name.to_lowercase() == lower
            || alias.is_some_and(|alias| alias.to_lowercase() == lower);
        if fits {
            found.push(asking);
        }
    }
    match found.len() {
        0 => Err(GroupRefusal::NoSuchRequest { group: &of.standing.name, account: text }.into()),
        1 => Ok(found.remove(0)),
        _ => Err(GroupRefusal::AmbiguousMember(text).into()),
    }
}

/// `group.approve`
///
/// # Errors
/// Unknown group or request, not allowed, full.
pub fn approve(cx: &mut Cx<'_, '_>, params: &GroupApprove) -> Result<JoinRequest, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let asking = asking(cx, &of, &params.account)?;
    let may = admission::may_approve(cx, &of.channel, &asking);
    may.map_err(|denied| shown::denied(cx, &of.standing, &params.account, &denied))?;
    admission::approve(cx, &mut of.channel, &asking)?;
    Ok(shown::request(cx, &of.channel, &asking, JoinRequestState::Approved)?)
}

/// `group.reject`
///
/// # Errors
/// Unknown group or request.
pub fn reject(cx: &mut Cx<'_, '_>, params: &GroupReject) -> Result<JoinRequest, ApiError> {
    let of = joined(cx, &params.group)?;
    let asking = asking(cx, &of, &params.account)?;
    admission::reject(cx, &of.channel, &asking)?;
    Ok(shown::request(cx, &of.channel, &asking, JoinRequestState::Rejected)?)
}

/// `group.members`
///
/// # Errors
/// Unknown group.
pub fn members(cx: &mut Cx<'_, '_>, params: &GroupMembers) -> Result<Vec<Member>, ApiError> {
    let standing = standing::resolve(cx, &params.group)?;
    let Some(group) = standing.no.and_then(|no| get(cx, no)) else {
        return Err(GroupRefusal::WeAreNotAMember(&standing.name).into());
    };
    let after = params.after.as_deref().map(str::parse::<AccountId>).transpose();
    let after =
        after.map_err(|_| ApiError::invalid_params("`after` is the account id that the page before ended with"))?;
    let limit = params.limit.map_or(PAGE, |limit| limit as usize).clamp(1, PAGE);
    let me = cx.me.account_id();
    let mut found = Vec::new();
    for (account, _) in group.roster.standings(after.as_ref()) {
        if !group.roster.shows(&me, account) {
            continue;
        }
        let Some(member) = shown::member(cx, group, account)? else { continue };
        let wanted = match params.state {
            Some(state) => member.state == state,
            None => matches!(member.state, MemberState::Joined | MemberState::Invited),
        };
        if wanted {
            found.push(member);
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// `group.delete`
///
/// # Errors
/// Unknown group or message, not allowed.
pub fn delete(cx: &mut Cx<'_, '_>, params: &GroupDelete) -> Result<Message, ApiError> {
    let mut of = joined(cx, &params.group)?;
    let (_, message) = messages::resolve_in(cx, Some(&of.channel), &params.message)?;
    let device = DeviceId::from_bytes(*message.place.author.as_bytes());
    let entry = roster::EntryId::from_bytes(*message.id.as_bytes());
    of.act(cx, &params.message, Op::Delete { entry, device })?;
    let channel = channels::by_id(cx.tx, &ChannelId::from_bytes(*of.standing.id.as_bytes()))?.unwrap_or(of.channel);
    let (_, message) = messages::by_id(cx.tx, &message.id)?.ok_or_else(|| ApiError::internal("the message is gone"))?;
    messages::show(cx, &channel, &message)
}

/// `group.report`
///
/// # Errors
/// Unknown group or message.
pub fn report(cx: &mut Cx<'_, '_>, params: &GroupReport) -> Result<MessageProof, ApiError> {
    group::proof::make(cx, params)
}

/// `group.verify_report`
///
/// # Errors
/// Those of the store.
pub fn verify_report(cx: &mut Cx<'_, '_>, params: &GroupVerifyReport) -> Result<ProofVerdict, ApiError> {
    group::proof::verify(cx, params)
}

/// Asks the members that are connected how the group looks there: answers come within seconds. How many were asked.
///
/// # Errors
/// Unknown group.
pub fn begin_doctor(cx: &mut Cx<'_, '_>, params: &GroupDoctor) -> Result<usize, ApiError> {
    let of = joined(cx, &params.group)?;
    Ok(doctor::ask(cx, &of.channel)?)
}

/// How many have answered.
///
/// # Errors
/// Unknown group.
pub fn doctor_answers(cx: &mut Cx<'_, '_>, params: &GroupDoctor) -> Result<usize, ApiError> {
    let of = joined(cx, &params.group)?;
    Ok(doctor::reports(cx, &of.channel).len())
}

/// `group.doctor`, from what was answered.
///
/// # Errors
/// Unknown group.
pub fn doctor(cx: &mut Cx<'_, '_>, params: &GroupDoctor) -> Result<GroupHealth, ApiError> {
    let of = joined(cx, &params.group)?;
    let own = doctor::own(cx, &of.channel)?.ok_or(GroupRefusal::NoSuchGroup(&of.standing.name))?;
    let reports = doctor::reports(cx, &of.channel);
    let group = of.group(cx)?;
    let me = cx.me.account_id();
    let name = |device: &DeviceId| {
        let account = group.devices.get(device);
        account.and_then(|account| shown::name_of(cx, account).ok()).unwrap_or_else(|| device.fmt_short())
    };
    let mut members = Vec::new();
    let (mut silent, mut others) = (0, 0);
    for (account, member) in group.roster.members(None) {
        others += usize::from(*account != me);
        for device in member.devices.iter().filter(|device| **device != cx.me.device_id()) {
            let report = reports.get(device);
            silent += usize::from(report.is_none());
            if report.is_none() && silent > MAX_SILENT {
                continue;
            }
            let difference = report.and_then(|report| doctor::difference(&own, report, name));
            members.push(MemberHealth {
                account: account.to_string(),
                alias: Some(shown::name_of(cx, account)?),
                device: device.to_string(),
                reached: report.is_some(),
                converged: report.map(|_| difference.is_none()),
                roster_hash: report.map(|report| hex(&report.roster)),
                heads_hash: report.map(|report| hex(&report.heads)),
                difference,
            });
        }
    }
    let reached = members.iter().filter(|member| member.reached).count();
    cx.live.groups.reports.remove(&of.channel.no);
    let same = members.iter().all(|member| member.converged != Some(false));
    Ok(GroupHealth {
        group: of.standing.id.to_string(),
        converged: same && (reached > 0 || others == 0),
        roster_hash: hex(&own.roster),
        heads_hash: hex(&own.heads),
        reached: u32::try_from(reached).unwrap_or(u32::MAX),
        members,
        checks: doctor::checks(cx, &of.channel)?,
    })
}

/// Devices that did not answer and are told one by one.
const MAX_SILENT: usize = 100;

fn hex(bytes: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The group that a channel is of, by its text form.
///
/// # Errors
/// Unknown group, not a member.
pub(in crate::engine) fn resolve(cx: &Cx<'_, '_>, text: &str) -> Result<(GroupId, Channel), ApiError> {
    let of = joined(cx, text)?;
    Ok((of.standing.id, of.channel))
}
