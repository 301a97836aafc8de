//! `covey pair list` and `covey pair show`: contacts and invites as people see them.

use std::io;

use covey_api::{Contact, ContactAlert, ContactState, Direction, PairList, Party};

use super::{Which, renewals};
use crate::{
    Failure, Session, Terminal,
    display::{self, handle},
    keeper,
    table::{Cell, Table},
    text::{Paint, clean_line, clean_words},
    when,
};

/// Invites that `pair list` shows the answers to; more would hide the list.
const MOST_HINTS: usize = 5;

pub(super) async fn list(session: &Session, terminal: &mut Terminal, which: Option<Which>) -> Result<(), Failure> {
    let (state, renewal) = match which {
        Some(Which::State(state)) => (Some(state), None),
        Some(Which::Renewal) => (Some(ContactState::Pending), Some(true)),
        None => (None, None),
    };
    let contacts = session.call(&PairList { state, renewal }).await?;
    Ok(terminal.show(&contacts, |t, contacts| {
        if contacts.is_empty() && state.is_some() {
            return t.hint("Nobody is in that state. All of them: covey pair list");
        }
        if contacts.is_empty() {
            return t.hint(
                "Nobody yet. Give `covey account ticket` to a friend, or invite one: `covey pair invite TICKET`.",
            );
        }
        let mut table = Table::new(["CONTACT", "STATE", "SINCE", "ID", "NOTE"]);
        for contact in contacts {
            table.row(row(t, contact));
        }
        let table = table.render(t.paint);
        t.line(&table)?;
        if let Some(sentence) = renewals::waiting(contacts) {
            t.hint(&sentence)?;
        }
        let asks = |contact: &&Contact| contact.state == ContactState::Pending && !contact.renewal;
        let mut waiting = contacts.iter().filter(asks).map(handle);
        for handle in waiting.by_ref().take(MOST_HINTS) {
            t.hint(&format!("Your answer is awaited: covey pair accept {handle}, or covey pair decline {handle}"))?;
        }
        match waiting.count() {
            0 => Ok(()),
            more => t.hint(&format!("And {more} more: covey pair list --state pending")),
        }
    })?)
}

fn row(t: &Terminal, contact: &Contact) -> [Cell; 5] {
    let name = match (&contact.alias, &contact.name) {
        (Some(alias), _) => Cell::painted(alias, Paint::bold),
        (None, Some(name)) if !name.is_empty() => format!("\"{name}\"").into(),
        _ => "-".into(),
    };
    let mut notes = Vec::new();
    match contact.ended_by {
        Some(Party::Us) => notes.push("by you".to_owned()),
        Some(Party::Them) => notes.push("by them".to_owned()),
        None => {}
    }
    if contact.verified {
        notes.push("verified".to_owned());
    }
    notes.extend(renewals::notes(t, contact));
    if contact.state == ContactState::Paired && !contact.confirmed {
        notes.push("they do not know yet".to_owned());
    }
    notes.extend(contact.alerts.iter().map(|alert| display::alert(alert.what).to_owned()));
    if contact.online {
        notes.push("online".to_owned());
    }
    if let Some(note) = contact.note.as_deref().filter(|note| !note.is_empty() && contact.state != ContactState::Paired)
    {
        notes.push(format!("\"{}\"", display::excerpt(note)));
    }
    [
        name,
        display::contact_state(contact.state),
        when::relative(contact.since, t.now()).into(),
        display::id(t, &contact.contact).into(),
        Cell::words(&notes.join(", ")),
    ]
}

fn alerted(t: &Terminal, alert: &ContactAlert) -> String {
    format!("{} ({})", display::alert(alert.what), when::relative(alert.at, t.now()))
}

pub(super) fn contact(t: &mut Terminal, contact: &Contact) -> io::Result<()> {
    let yes = |yes: bool| String::from(if yes { "yes" } else { "no" });
    let asked = contact.direction.map(|direction| match direction {
        Direction::Incoming => "they asked".to_owned(),
        Direction::Outgoing => "you asked".to_owned(),
    });
    let by = match contact.ended_by {
        Some(Party::Us) => " by you",
        Some(Party::Them) => " by them",
        None => "",
    };
    let alerts: Vec<String> = contact.alerts.iter().map(|alert| alerted(t, alert)).collect();
    let rows = [
        ("contact", Some(contact.contact.clone())),
        ("alias", contact.alias.clone()),
        (
            "name",
            contact
                .name
                .clone()
                .filter(|name| !name.is_empty())
                .map(|name| format!("\"{name}\" (what they call themselves)")),
        ),
        ("state", Some(format!("{}{by}, {}", display::word(contact.state), when::relative(contact.since, t.now())))),
        ("asked", asked),
        ("note", contact.note.clone().filter(|note| !note.is_empty())),
        ("expires", contact.expires_at.map(|at| when::relative(at, t.now()))),
        ("verified", Some(yes(contact.verified))),
        ("recovery", Some(renewals::notes(t, contact).join(", ")).filter(|notes| !notes.is_empty())),
        ("alerts", Some(alerts.join("; ")).filter(|alerts| !alerts.is_empty())),
        ("online", Some(yes(contact.online))),
        ("keepers", keeper::of(contact, t)),
        ("kept", contact.kept_until.map(|at| keeper::kept(at, t))),
        ("channel", contact.channel.clone()),
    ];
    for (label, value) in rows {
        if let Some(value) = value {
            let value = if label == "note" { clean_words(&value) } else { clean_line(&value) };
            let label = t.paint.dim(&format!("{label:8}"));
            t.line(&format!("{label} {value}"))?;
        }
    }
    Ok(())
}
