//! What was done with a group, and what can be done next.

use covey_api::{
    Group, GroupCreated, GroupState, JoinRequest, JoinRequestState, JoinTicketInfo, Member, MemberState, Message, Role,
    names::shell_word,
};

use crate::{
    display::{self, group_handle},
    text::{clean_line, short_group, short_id},
    told::Told,
};

/// `unique`: no other group of ours has that name.
pub(super) fn created(created: &GroupCreated, name: &str, unique: bool) -> Told {
    let name = clean_line(name);
    let handle = if unique { shell_word(&name) } else { short_group(&created.group) };
    Told::done(format!("The group {name} ({}) was created; you are its owner.", short_group(&created.group)))
        .next(format!("Invite somebody: covey group invite {handle} CONTACT, or: covey group ticket {handle} --uses 5"))
}

/// After `join`.
pub(super) fn joined(group: &Group) -> Told {
    let name = clean_line(&group.name);
    if group.state == GroupState::Requested {
        return Told::done(format!("You asked to join {name}."))
            .next("You are in once a member can be reached; with some tickets an admin has to approve it first. See `covey group list`.");
    }
    if group.state == GroupState::Declined {
        return Told::done(format!("You were not let into {name}."))
            .next("Whoever invited you may have left, the ticket may be used up or revoked, or an admin rejected the request. Ask for another invite.");
    }
    Told::done(format!("You are in {name}, with {}.", display::others(group.members))).next(match group.role {
        Some(Role::Reader) => format!("Read: covey messages --channel {}", group_handle(group)),
        _ => format!("Say hello: covey send {} 'Hello!'", group_handle(group)),
    })
}

/// After `accept`, which is a yes whether or not somebody has heard it.
pub(super) fn accepted(group: &Group) -> Told {
    if group.state == GroupState::Requested {
        return Told::done(format!("You accepted the invite to {}.", clean_line(&group.name)))
            .next("You are a member as soon as the one who invited you is online; see `covey group list`.");
    }
    joined(group)
}

pub(super) fn declined(group: &Group) -> Told {
    Told::done(format!("You declined to join {}.", clean_line(&group.name)))
}

pub(super) fn left(group: &Group) -> Told {
    Told::done(format!("You left {}; your copy of the messages stays.", clean_line(&group.name)))
}

pub(super) fn renamed(group: &Group) -> Told {
    Told::done(format!("The group is now called {}.", clean_line(&group.name)))
}

pub(super) fn policy(group: &Group) -> Told {
    Told::done(format!("In {}: {}.", clean_line(&group.name), display::policy(&group.policy)))
}

pub(super) fn invited(member: &Member, group: &str) -> Told {
    let who = display::member(member);
    if member.state == MemberState::Joined {
        return Told::done(format!("{who} is in the group, as {}.", display::word(member.role)));
    }
    Told::done(format!("The invite to {who} is on its way."))
        .next(format!("They decide; see `covey group members {} --state invited`.", shell_word(&clean_line(group))))
}

pub(super) fn removed(member: &Member) -> Told {
    Told::done(format!("{} is removed.", display::member(member)))
        .next("They do not get what is written from now on. What they have, they keep.")
}

pub(super) fn banned(member: &Member) -> Told {
    Told::done(format!("{} is banned: neither an invite nor a ticket lets them in.", display::member(member)))
}

pub(super) fn unbanned(member: &Member) -> Told {
    Told::done(format!("{} is not banned any more.", display::member(member)))
        .next("To come back they need an invite or a ticket.")
}

pub(super) fn role(member: &Member) -> Told {
    let unseen = if member.invisible { ", hidden from readers" } else { "" };
    Told::done(format!("{} is now {}{unseen}.", display::member(member), display::role(member.role)))
}

pub(super) fn answered(request: &JoinRequest) -> Told {
    let who = display::requester(request);
    let group = clean_line(&request.group_name);
    Told::done(match request.state {
        JoinRequestState::Approved => format!("{who} was let into {group}."),
        JoinRequestState::Rejected => format!("{who} was not let into {group}."),
        state => format!("The request of {who} is {}.", display::word(state)),
    })
}

pub(super) fn revoked(ticket: &JoinTicketInfo) -> Told {
    let who = match ticket.used {
        0 => "nobody joined with it".to_owned(),
        1 => "one person joined with it and stays".to_owned(),
        many => format!("{many} people joined with it and stay"),
    };
    Told::done(format!("Ticket {} is revoked; {who}.", short_id(&ticket.id)))
}

pub(super) fn deleted(message: &Message) -> Told {
    Told::done(format!("Message {} is deleted; each member's node erases it.", short_id(&message.id)))
        .next("It cannot be unread.")
}
