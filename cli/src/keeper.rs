//! `covey keeper …`: mail that waits while somebody is away.

use std::io;

use clap::{Args, Subcommand};
use covey_api::{Keeper, KeeperAdd, KeeperList, KeeperRemove, KeeperRole, KeeperServe, KeeperState, KeeperTicket};

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
                      keepers; each message is left at two of them.",
        after_help = "Example:\n  covey keeper add covey-keeper:afmca…"
    )]
    Add {
        /// What `covey keeper serve` printed there
        ticket: String,
    },
    /// List where your mail waits and whose mail this node keeps
    #[command(
        after_help = "Examples:\n  covey keeper list\n  covey keeper list --json | jq '.[] | select(.role == \"mine\")'"
    )]
    List,
    /// Have no more mail kept there, or keep no more mail of theirs
    #[command(
        long_about = "Have no more mail kept there, or keep no more mail of theirs\n\nWhat lies there is deleted. Nothing is lost: whoever wrote it has it until you have.",
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
        "On the other node: covey keeper add TICKET. It is good once, until {}.",
        when::relative(made.expires_at, t.now())
    ))
}

fn added_to(t: &mut Terminal, keeper: &Keeper) -> io::Result<()> {
    match keeper.state {
        KeeperState::Keeps => t.line("It keeps your mail while you are away; your contacts are told."),
        KeeperState::Asked => {
            t.line("It does not answer yet. It is asked again until it does.")?;
            t.hint("Is it running, and can the two reach each other? covey keeper list")
        }
        KeeperState::Refused => {
            t.line("It does not keep your mail: the ticket was used, ran out, or is for somebody else.")?;
            t.hint("Ask for another one: covey keeper serve, on the keeper")
        }
    }
}

fn name(keeper: &Keeper) -> String {
    keeper.name.clone().unwrap_or_else(|| short_id(&keeper.keeper))
}

fn gone(t: &mut Terminal, keeper: &Keeper) -> io::Result<()> {
    let name = clean_line(&name(keeper));
    t.line(&match keeper.role {
        KeeperRole::Mine => format!("{name} keeps no more mail for you."),
        KeeperRole::Held => format!("No more mail is kept for {name}."),
    })
}

fn list(t: &mut Terminal, keepers: &Vec<Keeper>) -> io::Result<()> {
    if keepers.is_empty() {
        t.line(
            "No keepers: what is written to you while you are away arrives when you and its author are both there.",
        )?;
        return t.hint("Run `covey keeper serve` on a node that is always on, and `covey keeper add` here.");
    }
    let mut table = Table::new(["NAME", "ID", "ROLE", "REACHED", "MAIL", "USED", "STATE"]);
    for keeper in keepers {
        let reached = keeper.reached.map_or_else(|| "never".into(), |at| when::relative(at, t.now()));
        let state = match (keeper.state, keeper.refused) {
            (KeeperState::Keeps, true) => Cell::painted("full", Paint::yellow),
            (KeeperState::Refused, _) => Cell::painted("refused", Paint::red),
            (state, _) => display::word(state).into(),
        };
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
            state,
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

/// Begun MiB count.
fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
