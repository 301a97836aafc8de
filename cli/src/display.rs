//! How contacts, states and messages look to people.

use covey_api::{
    ChannelKind, CheckState, Contact, ContactAlertKind, ContactState, Group, GroupState, JoinRequest, Member,
    MemberState, Message, MessageState, Policy, Role,
    names::{self, shell_word},
};
use jiff::tz::TimeZone;

use crate::{
    Terminal,
    conversations::Conversation,
    table::Cell,
    text::{Paint, clean, clean_line, clean_words, short_group, short_id, shorten},
    when,
};

/// How to name a contact in a command: their alias, or the start of their id.
pub(crate) fn handle(contact: &Contact) -> String {
    shell_word(&handle_unquoted(contact))
}

/// The same where no shell reads it.
pub(crate) fn handle_unquoted(contact: &Contact) -> String {
    let alias = contact.alias.as_deref().and_then(|alias| names::name(alias).ok());
    alias.map_or_else(|| short_id(&contact.contact), ToOwned::to_owned)
}

/// How to speak of a contact: our alias, else the name they gave themselves, in quotes because anybody can take it.
pub(crate) fn called(contact: &Contact) -> String {
    match (&contact.alias, &contact.name) {
        (Some(alias), _) => label(alias),
        (None, Some(name)) if !name.is_empty() => format!("{} ({})", quoted(name), short_id(&contact.contact)),
        _ => short_id(&contact.contact),
    }
}

/// How to name a group in a command: its name, or the start of its id if the name cannot be typed.
pub(crate) fn group_handle(group: &Group) -> String {
    shell_word(&group_handle_unquoted(group))
}

/// The same where no shell reads it.
pub(crate) fn group_handle_unquoted(group: &Group) -> String {
    // Others named it: what is no name here, or would be a flag, is not to be typed.
    names::name(&group.name).map_or_else(|_| short_group(&group.group), ToOwned::to_owned)
}

/// Somebody at the beginning of a line or in the middle of one: our alias, else in quotes the name they gave themselves, as
/// anybody can, else the id. So nobody passes for a contact by calling themselves like one.
pub(crate) fn named(alias: Option<&str>, name: Option<&str>, id: &str) -> String {
    match (alias, name.filter(|name| !name.is_empty())) {
        (Some(alias), _) => label(alias),
        // Without a name the daemon shows the start of the id.
        (None, Some(name)) if !id.starts_with(name.trim_end_matches('…')) => quoted(name),
        _ => short_id(id),
    }
}

/// How to speak of an account in a group: our alias, else the name they gave themselves, in quotes, else the id.
fn spoken(alias: Option<&str>, name: Option<&str>, account: &str) -> String {
    match (alias, name) {
        (Some(alias), _) => label(alias),
        (None, Some(name)) if !name.is_empty() => format!("{} ({})", quoted(name), short_id(account)),
        _ => short_id(account),
    }
}

/// How to speak of who invited us to a group.
pub(crate) fn inviter(group: &Group) -> String {
    let by = group.by.as_deref().map(|by| named(group.by_alias.as_deref(), group.by_name.as_deref(), by));
    by.unwrap_or_else(|| "somebody".into())
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
    let unseen = if policy.newcomers_invisible { ", hidden from readers" } else { "" };
    let approve = if policy.approve { ", admins approve who joins with a ticket" } else { "" };
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

/// The id of a group in a table.
pub(crate) fn group_id(terminal: &Terminal, id: &str) -> String {
    if terminal.full_ids { id.to_owned() } else { short_group(id) }
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
        MessageState::Kept => "kept for them until they are back",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Expired => "expired before it was delivered",
        MessageState::Failed => "failed",
        MessageState::Received => "received",
    }
}

/// Who wrote a message.
pub(crate) fn author(message: &Message) -> String {
    if message.own {
        return String::from("me");
    }
    named(message.author_alias.as_deref(), message.author_name.as_deref(), &message.author)
}

/// A name that somebody gave themselves.
fn quoted(name: &str) -> String {
    format!("\"{}\"", clean_line(name).replace('"', "'"))
}

/// A name at the beginning of a line: in quotes if it could pass for a part of the line that it is not.
pub(crate) fn label(name: &str) -> String {
    let clean = clean_line(name);
    let misleads = clean.starts_with(['*', '(', '"', ' '])
        || clean.contains(['→', ':'])
        || matches!(clean.to_lowercase().as_str(), "me" | "you" | "");
    if misleads { quoted(name) } else { clean }
}

/// Who speaks to whom: `bob → me`, `me → bob`, `Lake bob`.
pub(crate) fn speakers(message: &Message, conversation: &Conversation, paint: Paint) -> String {
    let who = author(message);
    let who = if message.own { paint.cyan(&who) } else { paint.bold(&who) };
    let with = &conversation.label;
    match conversation.kind {
        ChannelKind::Group => format!("{with} {who}"),
        ChannelKind::Direct if message.own => format!("{who} → {with}"),
        ChannelKind::Direct => format!("{who} → me"),
    }
}

/// What a message says, further lines indented by so much.
pub(crate) fn text(message: &Message, paint: Paint, indent: usize) -> String {
    if message.deleted {
        return paint.dim("(deleted)");
    }
    clean(&message.text).replace('\n', &format!("\n{}", " ".repeat(indent)))
}

/// `1f2e3d4c 20:15 alice → me: hello`, further lines indented.
pub(crate) fn message(message: &Message, conversation: &Conversation, paint: Paint, zone: &TimeZone) -> String {
    let who = speakers(message, conversation, paint);
    let mut line =
        format!("{} {} {who}: ", paint.dim(&short_id(&message.id)), paint.dim(&when::clock(message.sent_at, zone)));
    line.push_str(&text(message, paint, 15));
    let mut notes = Vec::new();
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
    shorten(&clean_words(text), 48)
}

/// The first words of a message.
pub(crate) fn excerpt_of(message: &Message) -> String {
    if message.deleted { "(deleted)".into() } else { excerpt(&message.text) }
}

/// `: "what they said"`, or nothing.
pub(crate) fn said(note: Option<&str>) -> String {
    note.filter(|note| !note.is_empty()).map(|note| format!(": \"{}\"", clean_words(note))).unwrap_or_default()
}

/// `1 peer`, `7 peers`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What an alert about a contact says.
pub(crate) fn alert(what: ContactAlertKind) -> &'static str {
    match what {
        ContactAlertKind::Renewed => "paired anew by their invite alone",
        ContactAlertKind::DevicesChanged => "has other devices than before",
        ContactAlertKind::Contradiction => "showed a contradicting list of devices, which was refused",
        ContactAlertKind::Contested => {
            "is contested: its recovery is in doubt, and nothing is sent or taken until you compare safety numbers"
        }
    }
}
