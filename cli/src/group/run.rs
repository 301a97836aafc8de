//! What each verb asks the daemon, and how its answer is shown.

use covey_api::{
    Exit, Group, GroupAccept, GroupApprove, GroupBan, GroupCreate, GroupCreated, GroupDecline, GroupDelete,
    GroupDoctor, GroupInvite, GroupJoin, GroupLeave, GroupList, GroupMembers, GroupPolicy, GroupReject, GroupRemove,
    GroupRename, GroupRequests, GroupRevokeTicket, GroupRole, GroupShow, GroupState, GroupTicket, GroupTickets,
    GroupUnban, MAX_MEMBERS_PAGE, Member, MemberState, Request,
};

use super::{
    GroupCommand,
    args::{CreateArgs, GroupArg, InviteArgs, MemberArg, PolicyArgs, PolicyFlags, RequestArg, TicketArgs},
    show, told,
};
use crate::{
    Failure, Session, Terminal,
    asker::{self, Deed},
    display,
    told::Told,
};

impl GroupCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let client_id = session.client_id.clone();
        match self {
            Self::Create(create) => make(session, terminal, create).await,
            Self::List { state } => {
                let groups = session.call(&GroupList { state }).await?;
                Ok(terminal.show(&groups, show::groups)?)
            }
            Self::Show(GroupArg { group }) => {
                Ok(terminal.show(&session.call(&GroupShow { group }).await?, show::group)?)
            }
            Self::Invite(InviteArgs { group: GroupArg { group }, contact, role, invisible, note }) => {
                let invite = GroupInvite { group, contact, role, invisible, note, client_id };
                let group = invite.group.clone();
                ask(session, terminal, invite, |member| told::invited(member, &group)).await
            }
            Self::Join { ticket, note } => {
                ask(session, terminal, GroupJoin { ticket, note, client_id }, told::joined).await
            }
            Self::Accept(GroupArg { group }) => {
                ask(session, terminal, GroupAccept { group, client_id }, told::accepted).await
            }
            Self::Decline(GroupArg { group }) => {
                ask(session, terminal, GroupDecline { group, client_id }, told::declined).await
            }
            Self::Leave { group: GroupArg { group }, transfer_to: None, .. } => {
                ask(session, terminal, GroupLeave { group, transfer_to: None, client_id }, told::left).await
            }
            Self::Leave { group: GroupArg { group }, transfer_to: Some(heir), yes } => {
                let leave =
                    |heir| GroupLeave { group: group.clone(), transfer_to: Some(heir), client_id: client_id.clone() };
                ask_of(session, terminal, heir, Deed { verb: "Hand over to", yes }, leave, told::left).await
            }
            Self::Remove(MemberArg { group: GroupArg { group }, member, yes }) => {
                let remove = |member| GroupRemove { group: group.clone(), member, client_id: client_id.clone() };
                ask_of(session, terminal, member, Deed { verb: "Remove", yes }, remove, told::removed).await
            }
            Self::Ban(MemberArg { group: GroupArg { group }, member, yes }) => {
                let ban = |member| GroupBan { group: group.clone(), member, client_id: client_id.clone() };
                ask_of(session, terminal, member, Deed { verb: "Ban", yes }, ban, told::banned).await
            }
            Self::Unban(MemberArg { group: GroupArg { group }, member, yes }) => {
                let unban = |member| GroupUnban { group: group.clone(), member, client_id: client_id.clone() };
                ask_of(session, terminal, member, Deed { verb: "Unban", yes }, unban, told::unbanned).await
            }
            Self::Role { member: MemberArg { group: GroupArg { group }, member, yes }, role, invisible } => {
                let give =
                    |member| GroupRole { group: group.clone(), member, role, invisible, client_id: client_id.clone() };
                let verb = format!("Give the role of {} to", display::word(role));
                ask_of(session, terminal, member, Deed { verb: &verb, yes }, give, told::role).await
            }
            Self::Rename { group: GroupArg { group }, name } => {
                ask(session, terminal, GroupRename { group, name, client_id }, told::renamed).await
            }
            Self::Policy(PolicyArgs { group: GroupArg { group }, policy }) => {
                let newcomers = policy.newcomers();
                let PolicyFlags { invite, rename, write, newcomers_invisible, approve, .. } = policy;
                let policy =
                    GroupPolicy { group, invite, rename, write, newcomers, newcomers_invisible, approve, client_id };
                ask(session, terminal, policy, told::policy).await
            }
            Self::Ticket(ticket) => make_ticket(session, terminal, ticket).await,
            Self::Tickets(GroupArg { group }) => tickets(session, terminal, group).await,
            Self::RevokeTicket { group: GroupArg { group }, id } => revoke(session, terminal, group, id).await,
            Self::Requests { group } => {
                let requests = session.call(&GroupRequests { group }).await?;
                Ok(terminal.show(&requests, show::requests)?)
            }
            Self::Approve(RequestArg { group: GroupArg { group }, account, yes }) => {
                let approve = |account| GroupApprove { group: group.clone(), account, client_id: client_id.clone() };
                ask_of(session, terminal, account, Deed { verb: "Approve", yes }, approve, told::answered).await
            }
            Self::Reject(RequestArg { group: GroupArg { group }, account, yes }) => {
                let reject = |account| GroupReject { group: group.clone(), account, client_id: client_id.clone() };
                ask_of(session, terminal, account, Deed { verb: "Reject", yes }, reject, told::answered).await
            }
            Self::Members { group: GroupArg { group }, state } => {
                let members = all_members(session, group, state).await?;
                Ok(terminal.show(&members, |t, members| show::members(t, members))?)
            }
            Self::Doctor(group) => doctor(session, terminal, group).await,
            Self::Report(report) => report.run(session, terminal).await,
            Self::Delete { group: GroupArg { group }, message } => {
                ask(session, terminal, GroupDelete { group, message, client_id }, told::deleted).await
            }
        }
    }
}

/// Asks for a change, and tells that it is done.
async fn ask<R: Request>(
    session: &Session,
    terminal: &mut Terminal,
    request: R,
    told: impl Fn(&R::Answer) -> Told,
) -> Result<(), Failure> {
    let answer = session.call(&request).await?;
    Ok(terminal.show(&answer, |t, answer| told(answer).tell(t))?)
}

/// The same of something that is done to somebody, who may be named by what they call themselves.
async fn ask_of<R: Request>(
    session: &Session,
    terminal: &mut Terminal,
    name: String,
    deed: Deed<'_>,
    request: impl Fn(String) -> R,
    told: impl Fn(&R::Answer) -> Told,
) -> Result<(), Failure> {
    let answer = asker::ask(session, terminal, name, deed, request).await?;
    Ok(terminal.show(&answer, |t, answer| told(answer).tell(t))?)
}

async fn make(session: &Session, terminal: &mut Terminal, args: CreateArgs) -> Result<(), Failure> {
    let CreateArgs { name, policy } = args;
    let newcomers = policy.newcomers();
    let PolicyFlags { invite, rename, write, newcomers_invisible, approve, .. } = policy;
    let client_id = session.client_id.clone();
    let create = GroupCreate { name, invite, rename, write, newcomers, newcomers_invisible, approve, client_id };
    let created = session.call(&create).await?;
    let namesakes = if terminal.json { 0 } else { namesakes(session, &created, &create.name).await };
    Ok(terminal.show(&created, |t, created| {
        told::created(created, &create.name, namesakes == 0).tell(t)?;
        match namesakes {
            0 => Ok(()),
            _ => t.hint("You are in another group of that name. Rename one, or use their ids."),
        }
    })?)
}

/// How many other groups of ours have that name. It is made already: not to know is no failure.
async fn namesakes(session: &Session, created: &GroupCreated, name: &str) -> usize {
    let groups = session.call(&GroupList { state: Some(GroupState::Joined) }).await.unwrap_or_default();
    let is_namesake =
        |group: &&Group| group.name.to_lowercase() == name.trim().to_lowercase() && group.group != created.group;
    groups.iter().filter(is_namesake).count()
}

async fn make_ticket(session: &Session, terminal: &mut Terminal, args: TicketArgs) -> Result<(), Failure> {
    let TicketArgs { group: GroupArg { group }, uses, expires_in, approve, role, invisible, list, revoke: id } = args;
    if list {
        return tickets(session, terminal, group).await;
    }
    if let Some(id) = id {
        return revoke(session, terminal, group, id).await;
    }
    let expires_in = expires_in.map(|duration| duration.as_secs().max(1));
    let client_id = session.client_id.clone();
    let approve = approve.then_some(true);
    let ticket = GroupTicket { group, uses, expires_in, approve, role, invisible, client_id };
    Ok(terminal.show(&session.call(&ticket).await?, show::ticket)?)
}

async fn tickets(session: &Session, terminal: &mut Terminal, group: String) -> Result<(), Failure> {
    let tickets = session.call(&GroupTickets { group }).await?;
    Ok(terminal.show(&tickets, show::tickets)?)
}

async fn revoke(session: &Session, terminal: &mut Terminal, group: String, id: String) -> Result<(), Failure> {
    let revoke = GroupRevokeTicket { group, id, client_id: session.client_id.clone() };
    ask(session, terminal, revoke, told::revoked).await
}

/// All pages of them.
async fn all_members(session: &Session, group: String, state: Option<MemberState>) -> Result<Vec<Member>, Failure> {
    let mut members: Vec<Member> = Vec::new();
    loop {
        let after = members.last().map(|member| member.account.clone());
        let page = GroupMembers { group: group.clone(), state, after, limit: Some(MAX_MEMBERS_PAGE) };
        let page = session.call(&page).await?;
        let last = page.len() < MAX_MEMBERS_PAGE as usize;
        members.extend(page);
        if last {
            return Ok(members);
        }
    }
}

async fn doctor(session: &Session, terminal: &mut Terminal, group: GroupArg) -> Result<(), Failure> {
    let health = session.call(&GroupDoctor { group: group.group }).await?;
    terminal.show(&health, show::health)?;
    if health.converged { Ok(()) } else { Err(Failure::Told(Exit::Refused)) }
}
