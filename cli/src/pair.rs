//! `covey pair …`: consent.

mod renewals;
mod show;
mod told;

use clap::{Args, Subcommand};
use covey_api::{
    AccountSafetyNumber, Contact, ContactState, PairAccept, PairBlock, PairCancel, PairDecline, PairForget, PairInvite,
    PairRemove, PairRename, PairSend, PairShow, PairUnblock, PairVerify, Reason,
};

use self::told::{accepted, blocked, cancelled, declined, forgotten, invited, removed, renamed, unblocked, verified};
use crate::{
    Failure, Session, Terminal, account,
    asker::{self, Deed},
    message,
    told::Told,
    wait::{self, WaitFor},
};

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
            Self::List { state } => return show::list(session, terminal, state).await,
            Self::Show { contact } => {
                let contact = session.call(&PairShow { contact }).await?;
                return Ok(terminal.show(&contact, show::contact)?);
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
        Ok(terminal.show(&contact, |t, contact| told(contact).tell(t))?)
    }
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
