//! What people are told of an event: one line, or nothing.
//!
//! A message begins with who says it to whom (`bob → me: …`, `Lake bob: …`), everything else with a star, so that nobody can
//! write a message that looks like something that happened. An event shows an object as it is now, not what changed in it;
//! what has been told before is remembered, so that nothing is told twice.

use std::collections::HashMap;

use covey_api::{
    Channel, Contact, ContactState, Device, Direction, Event, Group, GroupEvent, GroupState, JoinRequest,
    JoinRequestState, Keeper, MemberState, Message, MessageState, Network, Party, Peer, Policy, Role, Time, Transfer,
    kind,
};
use serde::de::DeserializeOwned;

use crate::{
    Session, Terminal,
    conversations::{Conversation, Conversations},
    display::{self, label, said},
    text::{clean_line, short_group, short_id},
    when,
};
use covey_api::ChannelKind;

/// Columns of the time before a line.
const CLOCK: usize = 6;
/// Messages of which the last change is remembered: those that change are the newest ones.
const REMEMBERED: usize = 4_096;

/// Tells, and remembers what it told.
#[derive(Default)]
pub(super) struct Teller {
    conversations: Conversations,
    contacts: HashMap<String, (ContactState, Option<String>)>,
    groups: HashMap<String, (String, Policy)>,
    members: HashMap<(String, String), (MemberState, Role)>,
    /// What was told last of a message: in a group each member who reads it is an event.
    changes: HashMap<String, String>,
}

impl Teller {
    /// The line for an event; none for those that are there for programs only.
    pub(super) async fn tell(&mut self, session: &Session, t: &mut Terminal, event: &Event) -> Option<String> {
        let told = match event.kind.as_str() {
            kind::MESSAGE_RECEIVED | kind::MESSAGE_SENT => {
                let message: Message = shape(event)?;
                let conversation = self.conversations.of(session, &message.channel).await;
                let text = display::text(&message, t.paint, CLOCK);
                format!("{}: {text}", display::speakers(&message, &conversation, t.paint))
            }
            kind::MESSAGE_CHANGED | kind::MESSAGE_KEPT_EXPIRED => {
                let message: Message = shape(event)?;
                let conversation = self.conversations.of(session, &message.channel).await;
                let change = changed(&message, &conversation)?;
                if self.changes.len() >= REMEMBERED {
                    self.changes.clear();
                }
                if self.changes.insert(message.id, change.clone()).is_some_and(|before| before == change) {
                    return None;
                }
                t.paint.dim(&format!("* {change}"))
            }
            _ => format!("* {}", self.happened(t, event)?),
        };
        Some(format!("{} {told}", t.paint.dim(&when::clock(event.at, &t.zone))))
    }

    fn happened(&mut self, t: &Terminal, event: &Event) -> Option<String> {
        match event.kind.as_str() {
            kind::CONTACT => self.contact(t, &shape(event)?, event.at),
            kind::CONTACT_ALERT => alert(t, &shape(event)?),
            kind::GROUP_INVITED => Some(group_invite(t, &shape(event)?)),
            kind::GROUP_JOINED | kind::GROUP_LEFT | kind::GROUP_REMOVED | kind::GROUP_CHANGED => {
                self.group(t, event.at, &event.kind, &shape(event)?)
            }
            kind::GROUP_REQUEST => Some(request(t, &shape(event)?)),
            kind::PEER => {
                let peer: Peer = shape(event)?;
                let who = label(peer.alias.as_deref().or(peer.contact.as_deref())?);
                Some(t.paint.dim(&format!("{who} {}", if peer.connected { "is online" } else { "went offline" })))
            }
            kind::NETWORK => {
                let network: Network = shape(event)?;
                let said = network.offline.unwrap_or_else(|| "connected again".to_owned());
                Some(t.paint.yellow(&clean_line(&said)))
            }
            kind::JOURNAL_TRUNCATED => {
                Some(t.paint.yellow("older events are no longer kept; see `covey messages` and `covey pair list`"))
            }
            kind::CHANNEL => {
                self.conversations.learn(&shape::<Channel>(event)?);
                None
            }
            kind::DEVICE_LINKED | kind::DEVICE_CHANGED | kind::DEVICE_REVOKED => device(event),
            kind::TRANSFER_PROGRESS => {
                let transfer: Transfer = shape(event)?;
                let to = if transfer.this { "this device".to_owned() } else { clean_line(&transfer.name) };
                Some(t.paint.dim(&format!("history for {to}: {}", crate::device::bar(&transfer))))
            }
            kind::KEEPER_REQUESTED | kind::KEEPER_CHANGED => crate::keeper::told(&shape::<Keeper>(event)?),
            kind::ACCOUNT => None,
            other => Some(t.paint.dim(&clean_line(other))),
        }
    }

    fn contact(&mut self, t: &Terminal, contact: &Contact, at: Time) -> Option<String> {
        let now = (contact.state, contact.alias.clone());
        let before = self.contacts.insert(contact.contact.clone(), now);
        if before.as_ref().is_none_or(|(_, alias)| *alias != contact.alias) {
            self.conversations.forget();
        }
        let who = display::called(contact);
        match before {
            Some((state, alias)) if state == contact.state => {
                let renamed = contact.alias.as_deref().filter(|now| alias.as_deref() != Some(*now))?;
                let was = alias.as_deref().map_or_else(|| unnamed(contact), label);
                Some(format!("you call {was} {} now", label(renamed)))
            }
            Some((ContactState::Blocked, _)) if contact.state == ContactState::Paired => {
                Some(t.paint.green(&format!("you unblocked {who}")))
            }
            // Of what came before, only the time tells whether this is when it came to be so.
            None if contact.state == ContactState::Paired && !is_moment(contact.since, at) => None,
            _ => Some(stands(t, contact, &who)),
        }
    }

    /// What happened in a group, and to whom.
    fn group(&mut self, t: &Terminal, at: Time, kind: &str, event: &GroupEvent) -> Option<String> {
        let group = &event.group;
        let name = label(&group.name);
        let by = event.actor.as_deref();
        let by = by.map(|by| display::named(event.actor_alias.as_deref(), event.actor_name.as_deref(), by));
        let passive = |done: &str| by.as_ref().map_or_else(|| done.to_owned(), |by| format!("{done} by {by}"));
        let before = self.groups.insert(group.group.clone(), (group.name.clone(), group.policy));
        let Some(member) = event.member.as_ref() else {
            return Some(match group.state {
                GroupState::Joined => match before {
                    Some((was, _)) if was != group.name => {
                        self.conversations.forget();
                        passive(&format!("{} was renamed to {name}", label(&was)))
                    }
                    Some((_, policy)) if policy != group.policy => {
                        passive(&format!("the rules of {name} were changed"))
                    }
                    Some(_) => return None,
                    None if group.role == Some(Role::Owner) && group.members == 1 && is_moment(group.since, at) => {
                        t.paint.green(&format!("you created {name}"))
                    }
                    None => t.paint.dim(&passive(&format!("the name or the rules of {name} were changed"))),
                },
                GroupState::Invited => format!("{name} invites you"),
                // Somebody invited us: it waits for them to hear of our yes.
                GroupState::Requested if group.by.is_some() => format!("you accepted the invite to {name}"),
                GroupState::Requested => format!("you asked to join {name}"),
                GroupState::Left => format!("you left {name}"),
                GroupState::Removed => t.paint.red(&passive(&format!("you were removed from {name}"))),
                GroupState::Declined => format!("you did not join {name}"),
            });
        };
        let now = (member.state, member.role);
        let before = self.members.insert((group.group.clone(), member.account.clone()), now);
        if kind == kind::GROUP_CHANGED && before == Some(now) {
            return None;
        }
        // An event of a member who was here already tells of another role.
        let came = kind == kind::GROUP_JOINED
            || member.state == MemberState::Joined
                && before.map_or_else(|| is_moment(member.since, at), |(state, _)| state != MemberState::Joined);
        let (who, was) = if member.own { ("you".into(), "were") } else { (display::member(member), "was") };
        Some(match (kind, member.state) {
            _ if came => t.paint.green(&format!("{who} joined {name}")),
            (kind::GROUP_LEFT, _) => format!("{who} left {name}"),
            (_, MemberState::Banned) => t.paint.red(&passive(&format!("{who} {was} banned from {name}"))),
            (_, MemberState::Removed) => t.paint.red(&passive(&format!("{who} {was} removed from {name}"))),
            (_, MemberState::Invited) => passive(&format!("{who} {was} invited to {name}")),
            (_, MemberState::Joined | MemberState::Left) => {
                passive(&format!("{who} {was} made {} of {name}", display::role(member.role)))
            }
        })
    }
}

/// Whether two times are of the same moment, give or take what a clock does.
fn is_moment(one: Time, other: Time) -> bool {
    one.timestamp().duration_since(other.timestamp()).abs().as_secs() < 1
}

/// What a contact without an alias was called.
fn unnamed(contact: &Contact) -> String {
    display::called(&Contact { alias: None, ..contact.clone() })
}

/// Where consent stands, as what happened.
fn stands(t: &Terminal, contact: &Contact, who: &str) -> String {
    let outgoing = contact.direction == Some(Direction::Outgoing);
    match contact.state {
        ContactState::Pending => {
            let handle = display::handle(contact);
            let ask = format!("{who} asks to talk to you{}", said(contact.note.as_deref()));
            format!("{} (covey pair accept {handle}, or decline)", t.paint.yellow(&ask))
        }
        ContactState::Paired => t.paint.green(&format!("you and {who} are paired")),
        ContactState::Invited => format!("you invited {who}"),
        ContactState::Refused => t.paint.red(&format!("{who} declined your invite")),
        ContactState::Declined => format!("you declined {who}"),
        ContactState::Expired if outgoing => format!("your invite to {who} expired"),
        ContactState::Expired => format!("the invite of {who} expired"),
        ContactState::Cancelled if outgoing => format!("you took back your invite to {who}"),
        ContactState::Cancelled => format!("{who} took their invite back"),
        ContactState::Blocked => format!("you blocked {who}"),
        ContactState::Removed => match contact.ended_by {
            Some(Party::Us) => format!("you removed {who}"),
            Some(Party::Them) => t.paint.red(&format!("{who} removed you")),
            None => format!("you and {who} are no longer paired"),
        },
        ContactState::Stranger => format!("you and {who} can ask each other again"),
    }
}

/// What happened to a device of ours.
fn device(event: &Event) -> Option<String> {
    let device: Device = shape(event)?;
    let what = match event.kind.as_str() {
        kind::DEVICE_LINKED => "is a device of your account now",
        kind::DEVICE_REVOKED => "is no device of your account any more",
        _ => "is what a device of yours is called now",
    };
    Some(format!("{} {what}", clean_line(&device.name)))
}

fn alert(t: &Terminal, contact: &Contact) -> Option<String> {
    let newest = contact.alerts.last()?;
    let (who, handle) = (display::called(contact), display::handle(contact));
    let told = format!("{who} {}; compare safety numbers (covey pair verify {handle})", display::alert(newest.what));
    Some(t.paint.red(&told))
}

fn group_invite(t: &Terminal, group: &Group) -> String {
    let by = display::inviter(group);
    let handle = display::group_handle(group);
    let ask = t.paint.yellow(&format!("{by} invites you to {}{}", label(&group.name), said(group.note.as_deref())));
    format!("{ask} (covey group accept {handle}, or decline)")
}

fn request(t: &Terminal, request: &JoinRequest) -> String {
    let (who, group) = (display::requester(request), label(&request.group_name));
    match request.state {
        JoinRequestState::Waiting => {}
        JoinRequestState::Approved => return format!("{who} was let into {group}"),
        JoinRequestState::Rejected => return format!("{who} was not let into {group}"),
        state => return format!("the request of {who} to join {group} is {}", display::word(state)),
    }
    let ask = t.paint.yellow(&format!("{who} asks to join {group}{}", said(request.note.as_deref())));
    let (group, account) = (short_group(&request.group), short_id(&request.account));
    format!("{ask} (covey group approve {group} {account}, or reject)")
}

/// How a message changed: how far one of ours has come, or that it was deleted.
fn changed(message: &Message, conversation: &Conversation) -> Option<String> {
    let place = &conversation.label;
    let is_group = conversation.kind == ChannelKind::Group;
    if message.deleted {
        let whose =
            if message.own { "your message".into() } else { format!("a message of {}", display::author(message)) };
        let place = if is_group { format!(" in {place}") } else { String::new() };
        return Some(format!("{whose}{place} was deleted"));
    }
    let excerpt = display::excerpt(&message.text);
    if !message.own {
        return message.edited.then(|| format!("{} changed a message: {excerpt}", display::author(message)));
    }
    let who = if is_group { format!("in {place}") } else { format!("to {place}") };
    Some(match message.state {
        MessageState::Read if !is_group => format!("read by {place}: {excerpt}"),
        MessageState::Failed => format!("not delivered {who}: {excerpt}"),
        MessageState::Expired => format!("expired before it was delivered {who}: {excerpt}"),
        MessageState::Queued => format!("waiting to be delivered {who}: {excerpt}"),
        MessageState::Kept => format!("kept for when they are back {who}: {excerpt}"),
        MessageState::Read => format!("read {who}: {excerpt}"),
        MessageState::Delivered | MessageState::Received => format!("delivered {who}: {excerpt}"),
    })
}

/// The object of an event; an unknown shape is not worth a failure.
fn shape<T: DeserializeOwned>(event: &Event) -> Option<T> {
    T::deserialize(&event.data).ok()
}
