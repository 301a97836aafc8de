//! What was done, and what can be done next.

use std::io;

use covey_api::{
    Group, GroupCreated, GroupState, JoinRequest, JoinRequestState, JoinTicketInfo, Member, MemberState, Message, Role,
};

use crate::{
    Terminal,
    display::{self, group_handle},
    text::{clean_line, shell_word, short_group, short_id},
};

/// What was done, and what can be done next.
pub(super) struct Told {
    done: String,
    next: Option<String>,
}

impl Told {
    fn done(done: String) -> Self {
        Self { done, next: None }
    }

    fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    pub(super) fn tell(self, t: &mut Terminal) -> io::Result<()> {
        t.line(&self.done)?;
        self.next.map_or(Ok(()), |next| t.hint(&next))
    }
}

pub(super) fn created(created: &GroupCreated, name: &str) -> Told {
    let name = clean_line(name);
    let handle = shell_word(&name);
    Told::done(format!("The group {name} ({}) is made; you are its owner.", short_group(&created.group)))
        .next(format!("Invite somebody: covey group invite {handle} CONTACT, or: covey group ticket {handle} --uses 5"))
}

/// After `join`.
pub(super) fn joined(group: &Group) -> Told {
    let name = clean_line(&group.name);
    if group.state == GroupState::Requested {
        return Told::done(format!("You asked to come into {name}."))
            .next("Somebody there has to let you in; see `covey group list`.");
    }
    if group.state == GroupState::Declined {
        return Told::done(format!("You are not let into {name}."))
            .next("The ticket may be used up or taken back, or somebody there said no; ask for an invite.");
    }
    Told::done(format!("You are in {name}, with {}.", display::others(group.members))).next(match group.role {
        Some(Role::Reader) => format!("Read: covey messages --channel {}", group_handle(group)),
        _ => format!("Say hello: covey send {} 'Hello!'", group_handle(group)),
    })
}

/// After `accept`, which is a yes whether or not somebody has heard it.
pub(super) fn accepted(group: &Group) -> Told {
    if group.state == GroupState::Requested {
        return Told::done(format!("You said yes to {}.", clean_line(&group.name)))
            .next("You are in as soon as the one who invited you is online; see `covey group list`.");
    }
    joined(group)
}

pub(super) fn declined(group: &Group) -> Told {
    Told::done(format!("You do not come into {}.", clean_line(&group.name)))
}

pub(super) fn left(group: &Group) -> Told {
    Told::done(format!("You left {}; what was written stays here.", clean_line(&group.name)))
}

pub(super) fn renamed(group: &Group) -> Told {
    Told::done(format!("The group is called {} now.", clean_line(&group.name)))
}

pub(super) fn policy(group: &Group) -> Told {
    Told::done(format!("In {}: {}.", clean_line(&group.name), display::policy(&group.policy)))
}

pub(super) fn invited(member: &Member) -> Told {
    let who = display::member(member);
    if member.state == MemberState::Joined {
        return Told::done(format!("{who} is in the group, as {}.", display::word(member.role)));
    }
    Told::done(format!("The invite to {who} is on its way."))
        .next("They decide; see `covey group members GROUP --state invited`.")
}

pub(super) fn removed(member: &Member) -> Told {
    Told::done(format!("{} is removed.", display::member(member)))
        .next("What is written from now on is not for them. What they have, they keep.")
}

pub(super) fn banned(member: &Member) -> Told {
    Told::done(format!("{} is banned: neither an invite nor a ticket lets them in.", display::member(member)))
}

pub(super) fn unbanned(member: &Member) -> Told {
    Told::done(format!("{} is not banned any more.", display::member(member)))
        .next("To come back they need an invite or a ticket.")
}

pub(super) fn role(member: &Member) -> Told {
    let unseen = if member.invisible { ", not seen by readers" } else { "" };
    Told::done(format!("{} is {} now{unseen}.", display::member(member), display::role(member.role)))
}

pub(super) fn answered(request: &JoinRequest) -> Told {
    let who = display::requester(request);
    let group = clean_line(&request.group_name);
    Told::done(match request.state {
        JoinRequestState::Approved => format!("{who} is let into {group}."),
        JoinRequestState::Rejected => format!("{who} is not let into {group}."),
        state => format!("The request of {who} is {}.", display::word(state)),
    })
}

pub(super) fn revoked(ticket: &JoinTicketInfo) -> Told {
    Told::done(format!("Ticket {} is revoked; {} came in with it and stay.", short_id(&ticket.id), ticket.used))
}

pub(super) fn deleted(message: &Message) -> Told {
    Told::done(format!("Message {} is deleted; each member's node erases it.", short_id(&message.id)))
        .next("Who has read it has read it.")
}
