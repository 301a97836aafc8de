//! Groups, members, tickets and the doctor's findings as people see them.

use std::io;

use covey_api::{Group, GroupHealth, GroupState, JoinRequest, JoinTicket, JoinTicketInfo, Member, MemberHealth};

use crate::{
    Terminal,
    display::{self, group_handle},
    qr_code,
    table::{Cell, Table},
    text::{Paint, clean_line, short_group, short_id},
    when,
};

pub(super) fn groups(t: &mut Terminal, groups: &Vec<Group>) -> io::Result<()> {
    if groups.is_empty() {
        return t
            .hint("No groups. Make one with `covey group create NAME`, or join one with `covey group join TICKET`.");
    }
    let mut table = Table::new(["GROUP", "STATE", "ROLE", "MEMBERS", "SINCE", "ID", "NOTE"]);
    for group in groups {
        let note = match group.state {
            GroupState::Invited => {
                let by = display::inviter(group);
                let note = group.note.as_deref().filter(|note| !note.is_empty());
                format!(
                    "{by} invites you{}",
                    note.map(|note| format!(": \"{}\"", display::excerpt(note))).unwrap_or_default()
                )
            }
            _ if group.requests > 0 => {
                format!("{} to join", display::count(group.requests.into(), "person asks", "people ask"))
            }
            _ => String::new(),
        };
        table.row([
            Cell::painted(&group.name, Paint::bold),
            display::group_state(group.state),
            group.role.map(display::word).unwrap_or_default().into(),
            group.members.to_string().into(),
            when::relative(group.since, t.now()).into(),
            display::group_id(t, &group.group).into(),
            Cell::words(&note),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)?;
    if let Some(group) = groups.iter().find(|group| group.state == GroupState::Invited) {
        let handle = group_handle(group);
        return t
            .hint(&format!("Your answer is awaited: covey group accept {handle}, or covey group decline {handle}"));
    }
    match groups.iter().find(|group| group.requests > 0) {
        Some(group) => t.hint(&format!("Who asks: covey group requests {}", group_handle(group))),
        None => Ok(()),
    }
}

pub(super) fn group(t: &mut Terminal, group: &Group) -> io::Result<()> {
    let by = group.by.as_ref().map(|_| display::inviter(group));
    let rows = [
        ("group", Some(group.group.clone())),
        ("name", Some(group.name.clone())),
        ("state", Some(format!("{}, {}", display::word(group.state), when::relative(group.since, t.now())))),
        ("by", by),
        ("note", group.note.clone().filter(|note| !note.is_empty())),
        ("role", group.role.map(display::word)),
        ("members", Some(group.members.to_string())),
        ("requests", Some(group.requests).filter(|requests| *requests > 0).map(|requests| requests.to_string())),
        ("policy", Some(display::policy(&group.policy))),
        ("founder", group.founder.clone()),
        ("expires", group.expires_at.map(|at| when::relative(at, t.now()))),
        ("roster", group.roster_hash.clone()),
    ];
    lines(t, rows)
}

fn lines<const N: usize>(t: &mut Terminal, rows: [(&str, Option<String>); N]) -> io::Result<()> {
    for (label, value) in rows {
        if let Some(value) = value {
            let label = t.paint.dim(&format!("{label:8}"));
            t.line(&format!("{label} {}", clean_line(&value)))?;
        }
    }
    Ok(())
}

/// Those with the greatest rights first.
pub(super) fn members(t: &mut Terminal, members: &[Member]) -> io::Result<()> {
    if members.is_empty() {
        return t.hint("Nobody.");
    }
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| (member.role, !member.own, display::member(member).to_lowercase()));
    let mut table = Table::new(["MEMBER", "ROLE", "STATE", "SINCE", "ID", "NOTE"]);
    for member in sorted {
        let name = match (&member.alias, &member.name) {
            _ if member.own => Cell::painted("you", Paint::cyan),
            (Some(alias), _) => Cell::painted(alias, Paint::bold),
            (None, Some(name)) if !name.is_empty() => format!("\"{name}\"").into(),
            _ => "-".into(),
        };
        let notes: Vec<&str> = [(member.online, "online"), (member.invisible, "hidden from readers")]
            .into_iter()
            .filter_map(|(set, note)| set.then_some(note))
            .collect();
        table.row([
            name,
            display::word(member.role).into(),
            display::member_state(member.state),
            when::relative(member.since, t.now()).into(),
            display::id(t, &member.account).into(),
            notes.join(", ").into(),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

pub(super) fn ticket(t: &mut Terminal, ticket: &JoinTicket) -> io::Result<()> {
    // In capitals it is a smaller code; tickets are the same in either case.
    if t.interactive
        && let Some(code) = qr_code(&ticket.ticket.to_uppercase(), t.paint.0)
    {
        t.line(&format!("{code}\n"))?;
    }
    t.line(&clean_line(&ticket.ticket))?;
    if let Some(at) = ticket.expires_at {
        t.hint(&format!("It expires {}.", when::relative(at, t.now())))?;
    }
    let what = if ticket.approve { "you approve them with `covey group approve`" } else { "they are members" };
    t.hint(&format!("Give it to those who may join; they run `covey group join TICKET`, and {what}."))
}

pub(super) fn tickets(t: &mut Terminal, tickets: &Vec<JoinTicketInfo>) -> io::Result<()> {
    if tickets.is_empty() {
        return t.hint("No tickets. Make one with `covey group ticket GROUP --uses 5 --expires-in 7d`.");
    }
    let mut table = Table::new(["ID", "STATE", "USED", "ROLE", "APPROVAL", "MADE", "EXPIRES"]);
    for ticket in tickets {
        let used = ticket.uses.map_or_else(|| ticket.used.to_string(), |uses| format!("{}/{uses}", ticket.used));
        let expires = ticket.expires_at.map_or_else(|| "never".into(), |at| when::relative(at, t.now()));
        table.row([
            display::id(t, &ticket.id).into(),
            display::word(ticket.state).into(),
            used.into(),
            display::word(ticket.role).into(),
            if ticket.approve { "needed" } else { "-" }.into(),
            when::relative(ticket.created_at, t.now()).into(),
            expires.into(),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

pub(super) fn requests(t: &mut Terminal, requests: &Vec<JoinRequest>) -> io::Result<()> {
    let Some(first) = requests.first() else {
        return t.hint("Nobody asks to join.");
    };
    let mut table = Table::new(["WHO", "GROUP", "AS", "SINCE", "ID", "NOTE"]);
    for request in requests {
        let note = request.note.as_deref().filter(|note| !note.is_empty());
        table.row([
            Cell::painted(display::requester(request), Paint::bold),
            request.group_name.as_str().into(),
            display::word(request.role).into(),
            when::relative(request.requested_at, t.now()).into(),
            display::id(t, &request.account).into(),
            Cell::words(&note.map(|note| format!("\"{}\"", display::excerpt(note))).unwrap_or_default()),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)?;
    let (group, account) = (short_group(&first.group), short_id(&first.account));
    t.hint(&format!(
        "Your answer is awaited: covey group approve {group} {account}, or covey group reject {group} {account}"
    ))
}

pub(super) fn health(t: &mut Terminal, health: &GroupHealth) -> io::Result<()> {
    for check in &health.checks {
        let state = display::check_state(t.paint, check.state);
        t.line(&format!("{state} {}: {}", clean_line(&check.name), clean_line(&check.message)))?;
        if let Some(advice) = &check.advice {
            t.line(&format!("     {}", clean_line(advice)))?;
        }
    }
    let mut table = Table::new(["MEMBER", "DEVICE", "ROSTER", "HEADS", "FINDING"]);
    for member in &health.members {
        table.row(health_row(t, member));
    }
    if !health.members.is_empty() {
        let table = table.render(t.paint);
        t.line(&table)?;
    }
    let roster = display::id(t, &health.roster_hash);
    let heads = display::id(t, &health.heads_hash);
    t.line(&format!("here: roster {roster}, heads {heads}"))?;
    let devices = if health.reached == 1 { "device" } else { "devices" };
    match (health.converged, health.reached) {
        (true, 0) => t.hint("Nobody else is in it, so there is nothing to compare with."),
        (false, 0) => {
            let alone = t.paint.yellow("No other member could be reached, so nothing was compared.");
            t.line(&alone)
        }
        (true, n) => {
            let same = t.paint.green(&format!("All is the same on the {n} {devices} that could be reached."));
            t.line(&same)
        }
        (false, _) => {
            let differs = t.paint.yellow("Not all know the same yet.");
            t.line(&differs)?;
            t.hint("Differences go away by themselves as members meet; look again in a minute.")
        }
    }
}

fn health_row(t: &Terminal, member: &MemberHealth) -> [Cell; 5] {
    let hash = |hash: &Option<String>| hash.as_deref().map(|hash| display::id(t, hash)).unwrap_or_default();
    let finding = match (&member.difference, member.converged) {
        (Some(difference), _) => Cell::painted(difference, Paint::yellow),
        (None, Some(true)) => Cell::painted("the same", Paint::green),
        (None, Some(false)) => Cell::painted("differs", Paint::yellow),
        (None, None) => Cell::painted("not reached", Paint::dim),
    };
    [
        member.alias.clone().unwrap_or_else(|| short_id(&member.account)).into(),
        display::id(t, &member.device).into(),
        hash(&member.roster_hash).into(),
        hash(&member.heads_hash).into(),
        finding,
    ]
}
