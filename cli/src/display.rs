//! How contacts, states and messages look to people.

use covey_api::{
    CheckState, Contact, ContactAlertKind, ContactState, Group, GroupState, JoinRequest, Member, MemberState, Message,
    MessageState, Policy, Role,
};
use jiff::tz::TimeZone;

use crate::{
    Terminal,
    table::Cell,
    text::{Paint, clean, clean_line, shell_word, short_id, shorten},
    when,
};

/// How to name a contact in a command: their alias, or the start of their id.
pub(crate) fn handle(contact: &Contact) -> String {
    contact.alias.as_deref().map_or_else(|| short_id(&contact.contact), |alias| shell_word(&clean_line(alias)))
}

/// How to speak of a contact: our alias, else the name they gave themselves, in quotes because anybody can take it.
pub(crate) fn called(contact: &Contact) -> String {
    match (&contact.alias, &contact.name) {
        (Some(alias), _) => clean_line(alias),
        (None, Some(name)) if !name.is_empty() => format!("\"{}\" ({})", clean_line(name), short_id(&contact.contact)),
        _ => short_id(&contact.contact),
    }
}

/// How to name a group in a command: its name, or the start of its id if it has none.
pub(crate) fn group_handle(group: &Group) -> String {
    let name = clean_line(&group.name);
    if name.is_empty() { short_id(&group.group) } else { shell_word(&name) }
}

/// How to speak of an account in a group: our alias, else the name they gave themselves, in quotes, else the id.
fn spoken(alias: Option<&str>, name: Option<&str>, account: &str) -> String {
    match (alias, name) {
        (Some(alias), _) => clean_line(alias),
        (None, Some(name)) if !name.is_empty() => format!("\"{}\" ({})", clean_line(name), short_id(account)),
        _ => short_id(account),
    }
}

/// How to speak of a member.
pub(crate) fn member(member: &Member) -> String {
    spoken(member.alias.as_deref(), member.name.as_deref(), &member.account)
}

/// How to speak of somebody who asks to be let in.
pub(crate) fn requester(request: &JoinRequest) -> String {
    spoken(request.alias.as_deref(), request.name.as_deref(), &request.account)
}

/// `nobody else`, `1 other`, `7 others`, of a group with so many members.
pub(crate) fn others(members: u32) -> String {
    match members.saturating_sub(1) {
        0 => "nobody else yet".into(),
        1 => "1 other".into(),
        others => format!("{others} others"),
    }
}

/// `an owner`, `a reader`.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Member => "a member",
        Role::Reader => "a reader",
    }
}

/// `admins invite, admins rename, members write, newcomers are readers`
pub(crate) fn policy(policy: &Policy) -> String {
    let from = |role: Role| match role {
        Role::Owner => "only owners",
        Role::Admin => "admins",
        Role::Member => "members",
        Role::Reader => "all",
    };
    let (invite, rename, write) = (from(policy.invite), from(policy.rename), from(policy.write));
    let unseen = if policy.newcomers_invisible { ", not seen by readers" } else { "" };
    let approve = if policy.approve { ", admins let in who has a ticket" } else { "" };
    format!(
        "{invite} invite, {rename} rename, {write} write, newcomers are {}s{unseen}{approve}",
        word(policy.newcomers)
    )
}

pub(crate) fn group_state(state: GroupState) -> Cell {
    let paint: fn(Paint, &str) -> String = match state {
        GroupState::Joined => Paint::green,
        GroupState::Invited => Paint::yellow,
        GroupState::Requested => Paint::cyan,
        GroupState::Removed => Paint::red,
        GroupState::Left | GroupState::Declined => Paint::dim,
    };
    Cell::painted(word(state), paint)
}

pub(crate) fn member_state(state: MemberState) -> Cell {
    let paint: fn(Paint, &str) -> String = match state {
        MemberState::Joined => Paint::green,
        MemberState::Invited => Paint::cyan,
        MemberState::Removed | MemberState::Banned => Paint::red,
        MemberState::Left => Paint::dim,
    };
    Cell::painted(word(state), paint)
}

/// An id in a table: its start, or all of it with `-v`.
pub(crate) fn id(terminal: &Terminal, id: &str) -> String {
    if terminal.full_ids { id.to_owned() } else { short_id(id) }
}

/// A word of the contract, as the contract spells it.
pub(crate) fn word<T: serde::Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(crate) fn contact_state(state: ContactState) -> Cell {
    let paint: fn(Paint, &str) -> String = match state {
        ContactState::Paired => Paint::green,
        ContactState::Pending => Paint::yellow,
        ContactState::Invited => Paint::cyan,
        ContactState::Blocked | ContactState::Refused => Paint::red,
        _ => Paint::dim,
    };
    Cell::painted(word(state), paint)
}

pub(crate) fn check_state(paint: Paint, state: CheckState) -> String {
    match state {
        CheckState::Ok => paint.green("ok  "),
        CheckState::Warn => paint.yellow("warn"),
        CheckState::Fail => paint.red("FAIL"),
    }
}

/// What a state of a message means.
pub(crate) fn message_state(state: MessageState) -> &'static str {
    match state {
        MessageState::Queued => "waiting to be delivered",
        MessageState::Replicated => "kept for them elsewhere",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Expired => "expired before it was delivered",
        MessageState::Failed => "failed",
        MessageState::Received => "received",
    }
}

/// Who wrote a message.
pub(crate) fn author(message: &Message) -> String {
    match &message.author_name {
        _ if message.own => String::from("me"),
        Some(name) if !name.is_empty() => clean_line(name),
        _ => short_id(&message.author),
    }
}

/// `1f2e3d4c 20:15 alice: hello  (delivered)`, further lines indented.
pub(crate) fn message(message: &Message, paint: Paint, zone: &TimeZone) -> String {
    let who = author(message);
    let who = if message.own { paint.cyan(&who) } else { paint.bold(&who) };
    let mut line =
        format!("{} {} {who}: ", paint.dim(&short_id(&message.id)), paint.dim(&when::clock(message.sent_at, zone)));
    line.push_str(&clean(&message.text).replace('\n', "\n               "));
    let mut notes = Vec::new();
    if message.deleted {
        notes.push(String::from("deleted"));
    }
    if let Some(other) = &message.reply_to {
        notes.push(format!("reply to {}", short_id(other)));
    }
    if message.edited {
        notes.push(String::from("edited"));
    }
    if message.late {
        notes.push(String::from("late"));
    }
    if message.clock_suspect {
        notes.push(String::from("their clock is off"));
    }
    if message.own {
        notes.push(message_state(message.state).to_owned());
    }
    if !notes.is_empty() {
        line.push_str(&paint.dim(&format!("  ({})", notes.join(", "))));
    }
    line
}

/// The first words of a text, on one line.
pub(crate) fn excerpt(text: &str) -> String {
    shorten(&clean_line(text), 48)
}

/// What an alert about a contact says.
pub(crate) fn alert(what: ContactAlertKind) -> &'static str {
    match what {
        ContactAlertKind::Renewed => "paired anew by themselves",
        ContactAlertKind::DevicesChanged => "has other devices than before",
        ContactAlertKind::Contradiction => "showed a contradicting list of devices, which was refused",
    }
}
