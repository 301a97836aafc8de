//! `covey keeper …`: mail that waits while somebody is away.

use std::io;

use clap::{Args, Subcommand};
use covey_api::{
    Contact, ContactState, Keeper, KeeperAccept, KeeperAdd, KeeperAsk, KeeperList, KeeperRemove, KeeperReport,
    KeeperRole, KeeperServe, KeeperState, KeeperStatus, KeeperTicket, Time,
};

use crate::{
    Failure, Session, Terminal, display,
    table::{Cell, Table},
    text::{Paint, clean_line, short_id},
    when,
};

/// Mail that waits while somebody is away: where yours does, and whose you keep
#[derive(Subcommand, Debug)]
pub enum KeeperCommand {
    /// Print a ticket with which somebody has their mail kept by this node
    #[command(
        long_about = "Print a ticket with which somebody has their mail kept by this node\n\nGive it to `covey keeper add` on your other node, or to a friend. It is good for one account. \
                      This node then holds what their contacts write to them while they are away, sealed, until they fetch it, and 30 days at most. It learns neither \
                      who wrote nor what; it sees when, how much, and network addresses.",
        after_help = "Examples:\n  covey keeper serve\n  covey keeper serve --for alice --limit 256\n  covey keeper serve --json | jq -r .ticket"
    )]
    Serve(ServeArgs),
    /// Have your mail kept by another node while you are away
    #[command(
        long_about = "Have your mail kept by another node while you are away\n\nThe other node prints a ticket with `covey keeper serve`. Your contacts are told by themselves. You can have three \
                      keepers; each message is left at two of them.\n\n\
                      They also hold the list of your contacts, sealed to your 24 words. After `covey account recover`, ask one of them for a new ticket and add it: the contacts are \
                      in `covey pair list` again.",
        after_help = "Example:\n  covey keeper add covey-keeper:afmca…"
    )]
    Add {
        /// What `covey keeper serve` printed there
        ticket: String,
    },
    /// Ask a contact to have your mail kept by their node
    #[command(
        long_about = "Ask a contact to have your mail kept by their node\n\nThey see it in `covey keeper list` and answer with `covey keeper accept`. If they do, their node keeps your mail by itself, and \
                      your contacts are told.",
        after_help = "Example:\n  covey keeper ask bob"
    )]
    Ask {
        /// Whom: name, or the start of the id
        contact: String,
    },
    /// Keep the mail of a contact who asked for it
    #[command(
        long_about = "Keep the mail of a contact who asked for it\n\nThis node then holds what their contacts write to them while they are away, sealed, until they fetch it, and 30 days at most. It learns \
                      neither who wrote nor what; it sees when, how much, and network addresses. `covey keeper remove` declines, or ends it.",
        after_help = "Examples:\n  covey keeper accept alice\n  covey keeper accept alice --limit 256"
    )]
    Accept {
        /// Who asked: name, or the start of the id
        contact: String,
        /// How much may lie here for them, in MiB: 1 to 1024 [default: 64]
        #[arg(long, value_name = "MIB")]
        limit: Option<u32>,
    },
    /// Count what this node keeps, and say whether that is what it should be
    #[command(after_help = "Example:\n  covey keeper status --json | jq .agrees")]
    Status,
    /// List where your mail waits and whose mail this node keeps
    #[command(
        after_help = "Examples:\n  covey keeper list\n  covey keeper list --json | jq '.[] | select(.role == \"mine\")'"
    )]
    List,
    /// End the keeping of mail, yours there or theirs here, or decline a request
    #[command(
        long_about = "End the keeping of mail, yours there or theirs here, or decline a request\n\nWhat lies there is deleted. Nothing is lost: whoever wrote it has it until you have. Also declines what a contact asked for, \
                      and takes back what you asked.",
        after_help = "Examples:\n  covey keeper remove bob\n  covey keeper remove cvd1q9x7…"
    )]
    Remove {
        /// Its name, or its id from `covey keeper list`
        keeper: String,
    },
}

/// Arguments of `keeper serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Only this contact can use the ticket
    #[arg(long = "for", value_name = "CONTACT")]
    contact: Option<String>,
    /// How much may lie here for them, in MiB: 1 to 1024 [default: 64]
    #[arg(long, value_name = "MIB")]
    limit: Option<u32>,
}

impl KeeperCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let client_id = session.client_id.clone();
        match self {
            Self::Serve(ServeArgs { contact, limit }) => {
                let made = session.call(&KeeperServe { contact, limit_mib: limit, client_id }).await?;
                terminal.show(&made, ticket)?;
            }
            Self::Add { ticket } => {
                let added = session.call(&KeeperAdd { ticket, client_id }).await?;
                terminal.show(&added, added_to)?;
            }
            Self::Ask { contact } => {
                let asked = session.call(&KeeperAsk { contact, client_id }).await?;
                terminal.show(&asked, asked_of)?;
            }
            Self::Accept { contact, limit } => {
                let accepted = session.call(&KeeperAccept { contact, limit_mib: limit, client_id }).await?;
                terminal.show(&accepted, accepted_for)?;
            }
            Self::Status => terminal.show(&session.call(&KeeperStatus {}).await?, status)?,
            Self::List => terminal.show(&session.call(&KeeperList {}).await?, list)?,
            Self::Remove { keeper } => {
                let removed = session.call(&KeeperRemove { keeper, client_id }).await?;
                terminal.show(&removed, gone)?;
            }
        }
        Ok(())
    }
}

fn ticket(t: &mut Terminal, made: &KeeperTicket) -> io::Result<()> {
    t.line(&clean_line(&made.ticket))?;
    t.hint(&format!(
        "On the other node: covey keeper add TICKET. It is good once, for {}.",
        when::left(made.expires_at, t.now())
    ))
}

fn added_to(t: &mut Terminal, keeper: &Keeper) -> io::Result<()> {
    match keeper.state {
        KeeperState::Keeps | KeeperState::Unreached => {
            t.line("It keeps your mail while you are away; your contacts are told.")
        }
        KeeperState::Asked | KeeperState::Requested => {
            t.line("It does not answer yet. It is asked again until it does.")?;
            t.hint("Is it running, and can the two reach each other? covey keeper list")
        }
        KeeperState::Refused | KeeperState::Removed => {
            t.line("It does not keep your mail: the ticket was used, ran out, or is for somebody else.")?;
            t.hint("Ask for another one: covey keeper serve, on the keeper")
        }
    }
}

fn asked_of(t: &mut Terminal, keeper: &Keeper) -> io::Result<()> {
    let name = clean_line(&name(keeper));
    t.line(&format!("You asked {name}. If they accept, their node keeps your mail by itself."))?;
    t.hint("They answer with: covey keeper accept. You see it in: covey keeper list")
}

fn accepted_for(t: &mut Terminal, keeper: &Keeper) -> io::Result<()> {
    t.line(&format!("This node keeps the mail of {}, as soon as they are there.", clean_line(&name(keeper))))
}

fn status(t: &mut Terminal, report: &KeeperReport) -> io::Result<()> {
    let KeeperReport { mine, unreached, accounts, requests, parcels, used, found_parcels, found_used, agrees, .. } =
        report;
    let KeeperReport { group_parcels, group_used, .. } = report;
    let silent =
        if *unreached == 0 { String::new() } else { format!(", {unreached} of them without an answer for an hour") };
    t.line(&format!("Your keepers: {mine}{silent}"))?;
    let requests = if *requests == 0 { String::new() } else { format!("; {requests} more ask for it") };
    t.line(&format!("Accounts whose mail this node keeps: {accounts}{requests}"))?;
    t.line(&format!("Parcels here: {parcels}, {} MiB", mib(*used)))?;
    if *group_parcels > 0 {
        let (which, room) = (display::count(*group_parcels, "parcel", "parcels"), mib(*group_used));
        t.line(&format!("For members of your groups who are away: {which}, {room} MiB"))?;
    }
    if *agrees {
        return t.line("Counted anew: the same");
    }
    t.line(&format!("Counted anew: {found_parcels}, {} MiB: not the same", mib(*found_used)))?;
    t.hint("Stop the node and look: covey db verify")
}

/// What a list says of a state.
fn word(keeper: &Keeper) -> Cell {
    match (keeper.state, keeper.refused) {
        (KeeperState::Keeps, true) => Cell::painted("full", Paint::yellow),
        (KeeperState::Unreached, _) => Cell::painted("unreached", Paint::yellow),
        (KeeperState::Requested, _) => Cell::painted("they ask", Paint::yellow),
        (KeeperState::Refused, _) => Cell::painted("refused", Paint::red),
        (state, _) => display::word(state).into(),
    }
}

fn name(keeper: &Keeper) -> String {
    keeper.name.clone().unwrap_or_else(|| short_id(&keeper.keeper))
}

fn gone(t: &mut Terminal, keeper: &Keeper) -> io::Result<()> {
    let name = clean_line(&name(keeper));
    t.line(&match (keeper.role, keeper.state) {
        (KeeperRole::Held, KeeperState::Requested) => format!("You keep no mail for {name}. They are told."),
        (KeeperRole::Mine, KeeperState::Asked) => format!("{name} is asked no more to keep your mail."),
        (KeeperRole::Mine, _) => format!("{name} keeps no more mail for you."),
        (KeeperRole::Held, _) => format!("No more mail is kept for {name}."),
    })
}

fn list(t: &mut Terminal, keepers: &Vec<Keeper>) -> io::Result<()> {
    if keepers.is_empty() {
        t.line(
            "No keepers: what is written to you while you are away arrives when you and its author are both there.",
        )?;
        return t.hint(
            "Run `covey keeper serve` on a node that is always on and `covey keeper add` here, or `covey keeper ask` a contact.",
        );
    }
    let mut table = Table::new(["NAME", "ID", "ROLE", "REACHED", "MAIL", "USED", "STATE"]);
    for keeper in keepers {
        let reached = keeper.reached.map_or_else(|| "never".into(), |at| when::relative(at, t.now()));
        table.row([
            name(keeper).into(),
            short_id(&keeper.keeper).into(),
            match keeper.role {
                KeeperRole::Mine => "keeps yours".into(),
                KeeperRole::Held => "you keep theirs".into(),
            },
            reached.into(),
            keeper.parcels.to_string().into(),
            format!("{} of {} MiB", mib(keeper.used), mib(keeper.limit)).into(),
            word(keeper),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

/// What `covey pair show` says of the keepers of a contact, if it has some.
pub(crate) fn of(contact: &Contact, t: &Terminal) -> Option<String> {
    if contact.state != ContactState::Paired {
        return (contact.keepers > 0).then(|| format!("{}, where an invite can be left", contact.keepers));
    }
    let never = || "never reached yet".to_owned();
    let reached =
        contact.keepers_reached.map_or_else(never, |at| format!("last reached {}", when::relative(at, t.now())));
    (contact.keepers > 0).then(|| format!("{}, {reached}", contact.keepers))
}

/// What `covey pair show` says of an invite or answer that lies at a keeper.
pub(crate) fn kept(until: Time, t: &Terminal) -> String {
    format!("by a keeper of theirs; that ends {}", when::relative(until, t.now()))
}

/// What `covey tail` says of a keeper that changed, or of a contact who asks.
pub(crate) fn told(keeper: &Keeper) -> Option<String> {
    let name = clean_line(&name(keeper));
    Some(match (keeper.role, keeper.state) {
        (KeeperRole::Held, KeeperState::Requested) => format!("{name} asks that this node keeps their mail"),
        (KeeperRole::Held, KeeperState::Removed) => format!("no mail is kept for {name}"),
        (KeeperRole::Held, _) if keeper.refused => format!("there is no more room here for mail to {name}"),
        (KeeperRole::Held, _) => format!("mail is kept for {name}"),
        (KeeperRole::Mine, KeeperState::Unreached) => {
            format!("{name}, who keeps your mail, has not answered for an hour")
        }
        (KeeperRole::Mine, KeeperState::Keeps) if keeper.refused => format!("{name} has no more room for your mail"),
        (KeeperRole::Mine, KeeperState::Keeps) => format!("{name} keeps your mail"),
        (KeeperRole::Mine, KeeperState::Refused | KeeperState::Removed) => format!("{name} keeps no mail for you"),
        (KeeperRole::Mine, _) => return None,
    })
}

/// Begun MiB count.
fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
