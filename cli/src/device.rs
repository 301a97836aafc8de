//! `covey device …`: the devices of your account.

mod transfer;

use std::io;

use clap::{Args, Subcommand};
use covey_api::{
    Device, DeviceConfirm, DeviceLink, DeviceList, DeviceRename, DeviceRevoke, DeviceRole, DeviceShow, DeviceState,
    History, Linking, Reason,
};

pub(crate) use transfer::bar;

use crate::{Failure, Session, Terminal, display, table::Table, text::clean_line, when};

/// Times that the digits may be typed.
const ATTEMPTS: usize = 3;

/// Your devices: link another machine, rename, revoke
#[derive(Subcommand, Debug)]
pub enum DeviceCommand {
    /// List the devices of your account
    #[command(
        after_help = "Examples:\n  covey device list\n  covey device list --json | jq -r '.[] | select(.state == \"active\") | .name'"
    )]
    List,
    /// Show one device
    #[command(
        after_help = "Examples:\n  covey device show server\n  covey device show this\n  covey device show this --follow"
    )]
    Show {
        /// Its name, its id, or `this`
        device: String,
        /// Wait until it has the history that it is given, and show how far it is
        #[arg(long)]
        follow: bool,
    },
    /// Make another machine a device of your account
    #[command(
        long_about = "Make another machine a device of your account\n\nRun `covey init --link` on the new machine. It shows a link; give that to this command here. Then \
                      both show six digits. Type here what the new machine shows: if somebody stands between the two, the digits differ. The new machine is given \
                      the account once you have confirmed them, and not before. A link is good for one machine and 10 minutes.\n\n\
                      It then has the conversations of the account, and reads of what was said before as much as --history says. That comes while both go on working; \
                      `covey device list` shows how far it is.",
        after_help = "Examples:\n  covey device link covey-link:AEBAG…\n  covey device link covey-link:AEBAG… --name server --holder\n  \
                      covey device link covey-link:AEBAG… --history 90d\n  \
                      covey device link covey-link:AEBAG… --yes 042137"
    )]
    Link(LinkArgs),
    /// Say which digits the new machine shows, if `covey device link` did not ask for them
    #[command(after_help = "Example:\n  covey device confirm 042137")]
    Confirm {
        /// The six digits that the new machine shows
        #[arg(required = true, num_args = 1..)]
        digits: Vec<String>,
    },
    /// Call a device something else; others do not see it
    #[command(after_help = "Examples:\n  covey device rename this laptop\n  covey device rename 'device 2' server")]
    Rename {
        /// Its name, its id, or `this`
        device: String,
        /// Its new name
        name: String,
    },
    /// End a device for good: one that is lost, stolen or not used any more
    #[command(
        long_about = "End a device for good: one that is lost, stolen or not used any more\n\nIt need not be there. Contacts take nothing from it that is not known here yet; it is told \
                      when it connects, and stops. It never comes back: to use the machine again, link it anew. Whoever stole a device that is a holder can add devices \
                      until you revoke it, and so can you until they revoke yours: then recover the account with its words.",
        after_help = "Examples:\n  covey device revoke phone\n  covey device revoke phone --yes"
    )]
    Revoke {
        /// Its name or id
        device: String,
        /// Do not ask whether you are sure
        #[arg(long)]
        yes: bool,
    },
}

/// Arguments of `device link`.
#[derive(Args, Debug)]
pub struct LinkArgs {
    /// What `covey init --link` shows on the new machine
    ticket: String,
    /// The new device may link and revoke devices, too
    #[arg(long)]
    holder: bool,
    /// What to call the new device [default: what it calls itself]
    #[arg(long)]
    name: Option<String>,
    /// What it may read of what was said before: nothing, the last 90 days, or everything
    #[arg(long, value_enum, value_name = "none|90d|all", default_value = "all", hide_possible_values = true)]
    history: Span,
    /// The digits that the new machine shows, if you know them already
    #[arg(long, value_name = "DIGITS")]
    yes: Option<String>,
}

/// What a new device may read of what was said before.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// Nothing.
    None,
    /// The last 90 days.
    #[value(name = "90d")]
    Days90,
    /// Everything.
    All,
}

impl From<Span> for History {
    fn from(span: Span) -> Self {
        match span {
            Span::None => Self::None,
            Span::Days90 => Self::Days90,
            Span::All => Self::All,
        }
    }
}

impl DeviceCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let client_id = session.client_id.clone();
        match self {
            Self::List => terminal.show(&session.call(&DeviceList {}).await?, list)?,
            Self::Show { device, follow: true } => {
                let device = transfer::follow(&device, session, terminal).await?;
                terminal.show(&device, show)?;
            }
            Self::Show { device, follow: false } => {
                terminal.show(&session.call(&DeviceShow { device }).await?, show)?;
            }
            Self::Link(args) => link(args, session, terminal).await?,
            Self::Confirm { digits } => {
                let confirmed = session.call(&DeviceConfirm { digits: digits.concat(), client_id }).await?;
                terminal.show(&confirmed, linked)?;
            }
            Self::Rename { device, name } => {
                let renamed = session.call(&DeviceRename { device, name, client_id }).await?;
                terminal
                    .show(&renamed, |t, device| t.line(&format!("It is called {} now.", clean_line(&device.name))))?;
            }
            Self::Revoke { device, yes } => revoke(device, yes, session, terminal).await?,
        }
        Ok(())
    }
}

async fn link(args: LinkArgs, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let LinkArgs { ticket, holder, name, history, yes } = args;
    let (history, client_id) = (history.into(), session.client_id.clone());
    let linking = session.call(&DeviceLink { ticket, holder, name, history, client_id }).await?;
    if let Some(digits) = yes {
        let confirmed = session.call(&DeviceConfirm { digits, client_id: None }).await?;
        return Ok(terminal.show(&confirmed, linked)?);
    }
    if terminal.json || !terminal.typing {
        return Ok(terminal.show(&linking, waits)?);
    }
    compared(&linking, session, terminal).await
}

/// What is shown where nobody can be asked.
fn waits(t: &mut Terminal, linking: &Linking) -> io::Result<()> {
    t.line(&format!("digits   {}", clean_line(&linking.digits)))?;
    t.line(&format!("device   {}", clean_line(&linking.name)))?;
    t.hint("Does the new machine show the same? Then: covey device confirm DIGITS")
}

/// Asks for the digits until they are right, or the attempts are used.
async fn compared(linking: &Linking, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    terminal.complain(&format!("\"{}\" answers, and shows six digits.", clean_line(&linking.name)))?;
    for attempt in 1..=ATTEMPTS {
        let digits = terminal.ask_for("Type the digits that the new machine shows: ")?;
        match session.call(&DeviceConfirm { digits, client_id: None }).await {
            Ok(confirmed) => return Ok(terminal.show(&confirmed, linked)?),
            Err(Failure::Refused(error))
                if attempt < ATTEMPTS && matches!(error.reason, Reason::WrongDigits | Reason::InvalidParams) =>
            {
                terminal.error(&error.message)?;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn linked(t: &mut Terminal, device: &Device) -> io::Result<()> {
    t.line(&format!("{} is a device of your account now.", clean_line(&device.name)))?;
    match device.seen {
        Some(_) => t.hint("Start it there: covey daemon"),
        None => t.hint("It has not taken the account yet. If it never does: covey device revoke"),
    }
}

async fn revoke(device: String, yes: bool, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    if !yes {
        let found = session.call(&DeviceShow { device: device.clone() }).await?;
        if !terminal.typing || terminal.json {
            return Err(Failure::new(
                Reason::InvalidParams,
                "A revoked device never comes back. Say --yes if you mean it.",
            ));
        }
        let question = format!("Revoke {} for good? [y/N] ", clean_line(&found.name));
        if !terminal.ask(&question)? {
            return Err(Failure::new(Reason::InvalidParams, "Nothing was done."));
        }
    }
    let revoked = session.call(&DeviceRevoke { device, client_id: session.client_id.clone() }).await?;
    terminal.show(&revoked, |t, device| {
        t.line(&format!("{} is no device of your account any more.", clean_line(&device.name)))
    })?;
    Ok(())
}

fn list(t: &mut Terminal, devices: &Vec<Device>) -> io::Result<()> {
    let mut table = Table::new(["NAME", "ROLE", "SINCE", "SEEN", "STATE", "HISTORY"]);
    for device in devices {
        let seen = device.seen.map_or_else(|| "never".into(), |at| when::relative(at, t.now()));
        table.row([
            (&device.name).into(),
            display::word(device.role).into(),
            when::relative(device.since, t.now()).into(),
            if device.this { "this device".into() } else { seen.into() },
            display::word(device.state).into(),
            device.transfer.as_ref().map(transfer::short).unwrap_or_default().into(),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)?;
    match devices.len() {
        1 => t.hint("Add another machine: run `covey init --link` there."),
        _ => Ok(()),
    }
}

fn show(t: &mut Terminal, device: &Device) -> io::Result<()> {
    let seen = device.seen.map_or_else(|| "never".to_owned(), |at| when::relative(at, t.now()));
    let role = match device.role {
        DeviceRole::Holder => "holder: may link and revoke devices",
        DeviceRole::Plain => "plain",
    };
    let history = device.transfer.as_ref().map(|transfer| ("history", bar(transfer)));
    let rows = [
        ("name", device.name.clone()),
        ("device", device.device.clone()),
        ("role", role.to_owned()),
        ("since", when::relative(device.since, t.now())),
        ("seen", if device.this { "this device".to_owned() } else { seen }),
        ("state", display::word(device.state)),
    ];
    for (label, value) in rows.into_iter().chain(history) {
        let label = t.paint.dim(&format!("{label:8}"));
        t.line(&format!("{label} {}", clean_line(&value)))?;
    }
    match device.state {
        DeviceState::Dormant => t.hint("It was not seen for 90 days. If it is lost: covey device revoke"),
        DeviceState::Kept => t.hint("It waits there for: covey account accept DIGITS, with the digits that `covey account recover` showed here."),
        DeviceState::Active | DeviceState::Revoked => Ok(()),
    }
}
