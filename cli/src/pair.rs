//! `covey pair …`: consent.

mod renewals;

use std::io;

use clap::{Args, Subcommand};
use covey_api::{
    AccountSafetyNumber, Contact, ContactAlert, ContactState, Direction, PairAccept, PairBlock, PairCancel,
    PairDecline, PairForget, PairInvite, PairList, PairRemove, PairRename, PairSend, PairShow, PairUnblock, PairVerify,
    Party, Reason,
};

use crate::{
    Failure, Session, Terminal, account,
    asker::{self, Deed},
    display::{self, called, handle},
    keeper, message,
    table::{Cell, Table},
    text::{Paint, clean_line, clean_words},
    wait::{self, WaitFor},
    when,
};

/// Invites that `pair list` shows the answers to; more would hide the list.
const MOST_HINTS: usize = 5;

/// Digits of a safety number.
const SAFETY_DIGITS: usize = 60;

const CONTACT_HELP: &str = "Alias, id, or the first 8 characters of the id";
/// `pair show` and what else changes nothing.
pub(crate) const CONTACT_TO_READ: &str = "Alias or id (the start is enough if it fits only one)";

/// Contacts and invites: who may talk to you
#[derive(Subcommand, Debug)]
pub enum PairCommand {
    /// Ask somebody to pair with you
    #[command(
        long_about = "Ask somebody to pair with you\n\nThey see your name and your note and decide. Until they accept, nothing else can be sent.",
        after_help = "Examples:\n  covey pair invite covey:… --alias bob --note 'It is Alice, from the lake'\n  covey pair invite cv1… --alias bob"
    )]
    Invite(InviteArgs),
    /// List contacts and open invites
    #[command(after_help = "Examples:\n  covey pair list\n  covey pair list --state pending")]
    List {
        /// Only those in this state: invited, pending, paired, declined, refused, expired, cancelled, blocked, removed, stranger, or renewal: those who say
        /// that you were paired before your account was recovered
        #[arg(long, value_parser = which, value_name = "STATE")]
        state: Option<Which>,
    },
    /// Show one contact
    #[command(after_help = "Example:\n  covey pair show bob")]
    Show {
        /// Whom.
        #[arg(help = CONTACT_TO_READ)]
        contact: String,
    },
    /// Accept an invite
    #[command(
        long_about = "Accept an invite\n\nName it by the id in `covey pair list`. A name in quotes there is one that they gave themselves, as anybody can: \
                      if you use it, you are shown who it is and have to confirm.",
        after_help = "Examples:\n  covey pair accept cv19jckg3qs4cg\n  covey pair accept cv19jckg3qs4cg --alias bob\n  covey pair accept Bob\n  covey pair accept --renewals"
    )]
    Accept {
        /// Id (the first 8 characters or more), alias, or what they call themselves if only one does
        #[arg(required_unless_present = "renewals")]
        contact: Option<String>,
        /// Everybody who says that you were paired before your account was recovered
        #[arg(long, conflicts_with_all = ["contact", "alias"])]
        renewals: bool,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
        /// Your name for them
        #[arg(long)]
        alias: Option<String>,
    },
    /// Decline an invite; they cannot ask again
    #[command(after_help = "Example:\n  covey pair decline cv19jckg3qs4cg\n\n`covey pair forget` lets them ask again.")]
    Decline(AskerArg),
    /// Withdraw your invite
    #[command(after_help = "Example:\n  covey pair cancel bob")]
    Cancel(ContactArg),
    /// Forget how it ended, so that both of you can ask again
    #[command(after_help = "Example:\n  covey pair forget bob")]
    Forget(ContactArg),
    /// End the pairing with a contact, for both of you; the keys are erased, the messages stay
    #[command(after_help = "Example:\n  covey pair remove bob")]
    Remove(ContactArg),
    /// Take and send nothing until you unblock them; they are not told
    #[command(
        long_about = "Take and send nothing until you unblock them; they are not told\n\nTo them your node looks as if it were off. You stay paired: after `covey pair unblock` the conversation continues, and what they wrote meanwhile arrives if their node still keeps it. `covey pair remove` ends the pairing instead.",
        after_help = "Examples:\n  covey pair block mallory\n  covey pair block cv1…"
    )]
    Block(ContactArg),
    /// Lift a block; the conversation with a contact continues
    #[command(after_help = "Example:\n  covey pair unblock mallory")]
    Unblock(ContactArg),
    /// Compare safety numbers; without NUMBER, show it
    #[command(after_help = "Examples:\n  covey pair verify bob\n  covey pair verify bob '12345 67890 …'")]
    Verify {
        #[command(flatten)]
        contact: ContactArg,
        /// The 60 digits that they read to you; spaces do not matter
        #[arg(value_name = "NUMBER")]
        safety_number: Vec<String>,
    },
    /// Change your name for a contact
    #[command(after_help = "Example:\n  covey pair rename cv19jckg3qs4cg bob")]
    Rename {
        #[command(flatten)]
        contact: ContactArg,
        /// Your new name for them
        alias: String,
    },
    /// Write to a contact
    #[command(after_help = "Examples:\n  covey pair send bob 'See you at eight'\n  date | covey pair send bob -")]
    Send {
        #[command(flatten)]
        contact: ContactArg,
        /// What to say; `-` reads it from stdin
        #[arg(required = true)]
        text: Vec<String>,
        /// Wait until the message has come that far (see --timeout)
        #[arg(long, value_name = "STATE")]
        wait: Option<WaitFor>,
    },
}

/// Arguments of `pair invite`.
#[derive(Args, Debug)]
pub struct InviteArgs {
    /// A ticket (covey:…) or an account id (cv1…)
    #[arg(value_name = "TICKET|ACCOUNT")]
    to: String,
    /// What you say about yourself (at most 280 characters)
    #[arg(long)]
    note: Option<String>,
    /// Your name for them
    #[arg(long)]
    alias: Option<String>,
}

/// A contact.
#[derive(Args, Debug)]
pub struct ContactArg {
    #[arg(help = CONTACT_HELP)]
    contact: String,
}

/// Somebody who asks.
#[derive(Args, Debug)]
pub struct AskerArg {
    /// Id (the first 8 characters or more), alias, or what they call themselves if only one does
    contact: String,
    /// Do not ask for confirmation when they are named by what they call themselves
    #[arg(long, short)]
    yes: bool,
}

/// Which contacts to list.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// Those in this state.
    State(ContactState),
    /// Pending ones who say that we were paired before.
    Renewal,
}

fn which(text: &str) -> Result<Which, String> {
    if text == "renewal" {
        return Ok(Which::Renewal);
    }
    serde_json::from_value(text.into()).map(Which::State).map_err(|_| {
        "one of invited, pending, paired, declined, refused, expired, cancelled, blocked, removed, stranger, renewal".to_owned()
    })
}

impl PairCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let client_id = session.client_id.clone();
        let (contact, told): (Contact, fn(&Contact) -> Told) = match self {
            Self::Invite(InviteArgs { to, note, alias }) => {
                // As it stands in a mail: <covey:…>
                let to = to.trim_matches(|c: char| c.is_whitespace() || "<>\"'`".contains(c)).to_owned();
                (session.call(&PairInvite { to, note, alias, client_id }).await?, invited)
            }
            Self::List { state } => return list(session, terminal, state).await,
            Self::Show { contact } => {
                let contact = session.call(&PairShow { contact }).await?;
                return Ok(terminal.show(&contact, show)?);
            }
            Self::Accept { renewals: true, yes, .. } => return renewals::accept(session, terminal, yes).await,
            Self::Accept { contact, yes, alias, .. } => {
                let contact = contact.unwrap_or_default();
                let accept = |contact| PairAccept { contact, alias: alias.clone(), client_id: client_id.clone() };
                let deed = Deed { verb: "Accept", yes };
                (asker::ask(session, terminal, contact, deed, accept).await?, accepted)
            }
            Self::Decline(asker) => {
                let decline = |contact| PairDecline { contact, client_id: client_id.clone() };
                let deed = Deed { verb: "Decline", yes: asker.yes };
                (asker::ask(session, terminal, asker.contact, deed, decline).await?, declined)
            }
            Self::Cancel(ContactArg { contact }) => {
                (session.call(&PairCancel { contact, client_id }).await?, cancelled)
            }
            Self::Forget(ContactArg { contact }) => {
                (session.call(&PairForget { contact, client_id }).await?, forgotten)
            }
            Self::Remove(ContactArg { contact }) => (session.call(&PairRemove { contact, client_id }).await?, removed),
            Self::Block(ContactArg { contact }) => (session.call(&PairBlock { contact, client_id }).await?, blocked),
            Self::Unblock(ContactArg { contact }) => {
                (session.call(&PairUnblock { contact, client_id }).await?, unblocked)
            }
            Self::Verify { contact: ContactArg { contact }, safety_number } if safety_number.is_empty() => {
                let number = session.call(&AccountSafetyNumber { contact }).await?;
                return Ok(terminal.show(&number, account::safety_number)?);
            }
            Self::Verify { contact: ContactArg { contact }, safety_number } => {
                let safety_number = whole_number(&safety_number)?;
                (session.call(&PairVerify { contact, safety_number, client_id }).await?, verified)
            }
            Self::Rename { contact: ContactArg { contact }, alias } => {
                (session.call(&PairRename { contact, alias, client_id }).await?, renamed)
            }
            Self::Send { contact: ContactArg { contact }, text, wait } => {
                let text = message::text_or_stdin(&text, terminal)?;
                let send = PairSend { contact, text, client_id };
                let to = send.contact.clone();
                return wait::send(session, terminal, &send, &to, wait).await;
            }
        };
        Ok(terminal.show(&contact, |t, contact| {
            let Told { done, next } = told(contact);
            t.line(&done)?;
            next.map_or(Ok(()), |next| t.hint(&next))
        })?)
    }
}

/// What was done, and what can be done next.
struct Told {
    done: String,
    next: Option<String>,
}

impl Told {
    fn done(done: String) -> Self {
        Self { done, next: None }
    }

    fn next(self, next: String) -> Self {
        Self { next: Some(next), ..self }
    }
}

fn invited(contact: &Contact) -> Told {
    if contact.state == ContactState::Paired {
        return accepted(contact);
    }
    if contact.refused_before {
        let done = format!("You asked {} again, who declined your last invite.", called(contact));
        return Told::done(done)
            .next("This one reaches them only if they let you ask again, with `covey pair forget`.".into());
    }
    let waiting = if contact.keepers > 0 {
        format!(
            "If they are away it is left with a keeper of theirs, until they come; see `covey pair show {}`.",
            handle(contact)
        )
    } else {
        "Waiting for their answer; see `covey pair list`.".into()
    };
    Told::done(format!("The invite to {} is on its way.", called(contact))).next(waiting)
}

fn accepted(contact: &Contact) -> Told {
    Told::done(format!("You and {} are paired.", called(contact)))
        .next(format!("Say hello: covey send {} 'Hello!'", handle(contact)))
}

fn declined(contact: &Contact) -> Told {
    Told::done(format!("Declined {}; they cannot ask again.", called(contact)))
        .next(format!("To let them ask again: covey pair forget {}", handle(contact)))
}

fn cancelled(contact: &Contact) -> Told {
    Told::done(format!("The invite to {} is withdrawn.", called(contact)))
}

fn forgotten(contact: &Contact) -> Told {
    Told::done(format!("Forgot how it ended with {}; both of you can ask again.", called(contact)))
}

fn removed(contact: &Contact) -> Told {
    Told::done(format!("{} is no longer a contact; keys are erased, your messages stay here.", called(contact)))
}

fn blocked(contact: &Contact) -> Told {
    Told::done(format!(
        "{} is blocked: nothing is taken from them or sent to them, and they are not told.",
        called(contact)
    ))
    .next(format!("To lift it: covey pair unblock {}", handle(contact)))
}

fn unblocked(contact: &Contact) -> Told {
    if contact.state == ContactState::Paired {
        let done = format!("{} is not blocked any more, and you are paired as before.", called(contact));
        return Told::done(done).next("What they wrote meanwhile arrives if their node still keeps it.".into());
    }
    Told::done(format!("{} is not blocked any more; either of you can ask the other to pair.", called(contact)))
}

fn verified(contact: &Contact) -> Told {
    Told::done(format!("The safety number is right: {} is verified.", called(contact)))
}

fn renamed(contact: &Contact) -> Told {
    Told::done(format!("You now call them {}.", called(contact)))
}

/// A number that has its length: what is too short differs for another reason than somebody in between.
fn whole_number(typed: &[String]) -> Result<String, Failure> {
    let number = typed.join(" ");
    let is_number = number.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || c == '-');
    let digits = number.chars().filter(char::is_ascii_digit).count();
    match (is_number, digits) {
        (true, SAFETY_DIGITS) => Ok(number.replace('-', "")),
        (true, digits) => Err(Failure::new(
            Reason::SafetyNumberMismatch,
            format!("A safety number has {SAFETY_DIGITS} digits; this has {digits}. Compare it again."),
        )),
        (false, _) => Err(Failure::new(
            Reason::SafetyNumberMismatch,
            format!("A safety number has {SAFETY_DIGITS} digits and nothing else. Compare it again."),
        )),
    }
}

async fn list(session: &Session, terminal: &mut Terminal, which: Option<Which>) -> Result<(), Failure> {
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

fn show(t: &mut Terminal, contact: &Contact) -> io::Result<()> {
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
