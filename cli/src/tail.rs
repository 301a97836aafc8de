//! `covey tail`: the journal, for people and as NDJSON.

use std::io;

use clap::Args;
use covey_api::{
    Contact, ContactState, Event, EventsAck, EventsFetch, EventsSubscribe, Group, GroupEvent, GroupState, JoinRequest,
    JoinRequestState, MemberState, Message, Peer, Reason, kind,
};
use jsonrpsee::core::client::{Error as ClientError, SubscriptionCloseReason};
use serde::de::DeserializeOwned;

use crate::{
    Failure, Session, Terminal, display,
    text::{clean_line, short_id},
    when,
};

/// Arguments of `tail`.
#[derive(Args, Debug)]
pub struct TailArgs {
    /// Go on with what happens
    #[arg(long, short)]
    follow: bool,
    /// Everything after this cursor (from the JSON of an earlier event)
    #[arg(long, value_name = "CURSOR")]
    from: Option<String>,
    /// Everything that this consumer has not seen yet; remembered by the daemon as it is shown
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    consumer: Option<String>,
    /// Without a place to start from: the newest so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    lines: u32,
}

impl TailArgs {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let cursor = self.past(session, terminal).await?;
        if self.follow { self.future(session, terminal, cursor).await } else { Ok(()) }
    }

    /// Shows what has happened so far; yields where it ends.
    async fn past(&self, session: &Session, terminal: &mut Terminal) -> Result<String, Failure> {
        let last = (self.from.is_none() && self.consumer.is_none()).then_some(self.lines);
        let mut fetch = EventsFetch { from: self.from.clone(), consumer: self.consumer.clone(), last, limit: None };
        loop {
            let page = session.call(&fetch).await?;
            for event in &page.events {
                show(terminal, event)?;
            }
            if !page.events.is_empty() {
                self.ack(session, &page.cursor).await?;
            }
            if !page.more || page.events.is_empty() {
                return Ok(page.cursor);
            }
            fetch = EventsFetch { from: Some(page.cursor), ..EventsFetch::default() };
        }
    }

    /// Shows what happens, until the daemon goes away.
    async fn future(&self, session: &Session, terminal: &mut Terminal, mut cursor: String) -> Result<(), Failure> {
        loop {
            let request = EventsSubscribe { from: Some(cursor.clone()), consumer: None };
            let mut events = session.subscribe(&request).await?;
            while let Some(event) = events.next().await {
                let event = event.map_err(|error| Failure::from(ClientError::ParseError(error)))?;
                show(terminal, &event)?;
                if let Some(at) = event.cursor {
                    self.ack(session, &at).await?;
                    cursor = at;
                }
            }
            // Too slow for the daemon: take it up again where we were. Anything else: it is gone.
            if !matches!(events.close_reason(), Some(SubscriptionCloseReason::Lagged)) {
                return Err(Failure::new(
                    Reason::Unreachable,
                    format!(
                        "The daemon went away. To go on later without missing anything: covey tail --follow --from {cursor}"
                    ),
                ));
            }
        }
    }

    async fn ack(&self, session: &Session, cursor: &str) -> Result<(), Failure> {
        if let Some(consumer) = &self.consumer {
            let ack = EventsAck { consumer: consumer.clone(), cursor: cursor.to_owned(), client_id: None };
            session.call(&ack).await?;
        }
        Ok(())
    }
}

fn show(terminal: &mut Terminal, event: &Event) -> io::Result<()> {
    if terminal.json {
        return terminal.ndjson(event);
    }
    let clock = terminal.paint.dim(&when::clock(event.at, &terminal.zone));
    match told(terminal, event) {
        Some(told) => terminal.line(&format!("{clock} {told}")),
        None => Ok(()),
    }
}

/// What to tell people about an event; nothing about those that are there for programs only.
fn told(t: &Terminal, event: &Event) -> Option<String> {
    match event.kind.as_str() {
        kind::MESSAGE_RECEIVED | kind::MESSAGE_SENT => {
            let message: Message = shape(event)?;
            let who = display::author(&message);
            let who = if message.own { t.paint.cyan(&who) } else { t.paint.bold(&who) };
            Some(format!("{who}: {}", crate::text::clean(&message.text).replace('\n', "\n      ")))
        }
        kind::MESSAGE_CHANGED => {
            let message: Message = shape(event)?;
            let what = if message.own { display::message_state(message.state) } else { "changed" };
            Some(t.paint.dim(&format!("{what}: {}", display::excerpt(&message.text))))
        }
        kind::CONTACT => contact(t, &shape(event)?),
        kind::CONTACT_ALERT => alert(t, &shape(event)?),
        kind::GROUP_INVITED => Some(group_invite(t, &shape(event)?)),
        kind::GROUP_JOINED | kind::GROUP_LEFT | kind::GROUP_REMOVED | kind::GROUP_CHANGED => {
            Some(group(t, &event.kind, &shape(event)?))
        }
        kind::GROUP_REQUEST => Some(request(t, &shape(event)?)),
        kind::PEER => {
            let peer: Peer = shape(event)?;
            let who = clean_line(peer.alias.as_deref().or(peer.contact.as_deref())?);
            Some(t.paint.dim(&format!("{who} {}", if peer.connected { "is online" } else { "went offline" })))
        }
        kind::JOURNAL_TRUNCATED => {
            Some(t.paint.yellow("older events are no longer kept; see `covey messages` and `covey pair list`"))
        }
        kind::CHANNEL | kind::ACCOUNT => None,
        other => Some(t.paint.dim(&clean_line(other))),
    }
}

fn contact(t: &Terminal, contact: &Contact) -> Option<String> {
    let who = display::called(contact);
    let handle = display::handle(contact);
    Some(match contact.state {
        ContactState::Pending => {
            let note = contact.note.as_deref().filter(|note| !note.is_empty());
            let note = note.map(|note| format!(": \"{}\"", clean_line(note))).unwrap_or_default();
            let ask = format!("{who} asks to talk to you{note}");
            format!("{} (covey pair accept {handle}, or decline)", t.paint.yellow(&ask))
        }
        ContactState::Paired => t.paint.green(&format!("you and {who} are paired")),
        ContactState::Invited => format!("you invited {who}"),
        ContactState::Refused => t.paint.red(&format!("{who} declined your invite")),
        state => format!("{who}: {}", display::word(state)),
    })
}

fn alert(t: &Terminal, contact: &Contact) -> Option<String> {
    let newest = contact.alerts.last()?;
    let (who, handle) = (display::called(contact), display::handle(contact));
    let told = format!("{who}: {}; compare safety numbers (covey pair verify {handle})", display::alert(newest.what));
    Some(t.paint.red(&told))
}

fn group_invite(t: &Terminal, group: &Group) -> String {
    let by = group.by_name.as_deref().filter(|by| !by.is_empty()).map_or_else(|| "somebody".into(), clean_line);
    let handle = display::group_handle(group);
    let note = group.note.as_deref().filter(|note| !note.is_empty());
    let note = note.map(|note| format!(": \"{}\"", clean_line(note))).unwrap_or_default();
    let ask = t.paint.yellow(&format!("{by} invites you into {}{note}", clean_line(&group.name)));
    format!("{ask} (covey group accept {handle}, or decline)")
}

/// What happened in a group, and to whom.
fn group(t: &Terminal, kind: &str, event: &GroupEvent) -> String {
    let name = clean_line(&event.group.name);
    let by = event.actor_name.as_deref().or(event.actor.as_deref());
    let by = by.map(|by| format!(" by {}", clean_line(by))).unwrap_or_default();
    let Some(member) = event.member.as_ref() else {
        return match event.group.state {
            GroupState::Joined => t.paint.dim(&format!("{name}: changed{by}")),
            state => format!("{name}: {}{by}", display::word(state)),
        };
    };
    let (who, is) = if member.own { ("you".into(), "are") } else { (display::member(member), "is") };
    match (kind, member.state) {
        (kind::GROUP_JOINED, _) => t.paint.green(&format!("{name}: {who} {is} in now")),
        (kind::GROUP_LEFT, _) => format!("{name}: {who} left"),
        (_, MemberState::Banned) => t.paint.red(&format!("{name}: {who} {is} banned{by}")),
        (_, MemberState::Removed) => t.paint.red(&format!("{name}: {who} {is} removed{by}")),
        (_, MemberState::Invited) => format!("{name}: {who} {is} invited{by}"),
        (_, MemberState::Joined | MemberState::Left) => {
            format!("{name}: {who} {is} {} now{by}", display::role(member.role))
        }
    }
}

fn request(t: &Terminal, request: &JoinRequest) -> String {
    let (who, group) = (display::requester(request), clean_line(&request.group_name));
    if request.state != JoinRequestState::Waiting {
        return format!("{group}: the request of {who} is {}", display::word(request.state));
    }
    let note = request.note.as_deref().filter(|note| !note.is_empty());
    let note = note.map(|note| format!(": \"{}\"", clean_line(note))).unwrap_or_default();
    let ask = t.paint.yellow(&format!("{who} asks to come into {group}{note}"));
    let (group, account) = (short_id(&request.group), short_id(&request.account));
    format!("{ask} (covey group approve {group} {account}, or reject)")
}

/// The object of an event; an unknown shape is not worth a failure.
fn shape<T: DeserializeOwned>(event: &Event) -> Option<T> {
    T::deserialize(&event.data).ok()
}
