//! `covey account …`: who we are, and what we hand to others.

use std::{io, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use covey_api::{
    Account, AccountAccept, AccountCondition, AccountContest, AccountRename, AccountRevokeTicket, AccountSafetyNumber,
    AccountShow, AccountStatus, AccountTicket, AccountTickets, Reason, SafetyNumber, SecondHistoryKind, Ticket,
    TicketInfo, names::shell_word,
};

use crate::{Failure, Session, Terminal, display, globals::seconds, qr_code, table::Table, text::clean_line, when};

/// Who you are: account, tickets, safety numbers, the 24 words
#[derive(Subcommand, Debug)]
pub enum AccountCommand {
    /// Show your account, device and addresses
    #[command(after_help = "Examples:\n  covey account show\n  covey account show --json | jq -r .account")]
    Show,
    /// Make a ticket that others can invite you with
    #[command(
        long_about = "Make a ticket that others can invite you with\n\nA ticket says who you are and where your node is. Whoever has it can ask you; \
                      you still decide. With --uses or --expires-in it carries a token too: invites that bring it pass \
                      the limits on strangers.",
        after_help = "Examples:\n  covey account ticket\n  covey account ticket --uses 5 --expires-in 7d"
    )]
    Ticket(TicketArgs),
    /// List the tickets with a token that you made
    #[command(after_help = "Example:\n  covey account tickets")]
    Tickets,
    /// Revoke the token of a ticket
    #[command(after_help = "Example:\n  covey account revoke-ticket 5f1c2a90")]
    RevokeTicket {
        /// The id of the ticket, from `covey account tickets` (at least 8 characters)
        id: String,
    },
    /// Show the number to compare with a contact
    #[command(
        after_help = "Example:\n  covey account safety-number alice\n\nRead it to each other by phone, then:\n  covey pair verify alice NUMBER"
    )]
    SafetyNumber {
        /// Whose.
        #[arg(help = crate::pair::CONTACT_TO_READ)]
        contact: String,
    },
    /// Show the 24 words that bring your account back, and erase them from the node (stop the daemon first)
    #[command(
        long_about = "Show the 24 words that bring your account back, and erase them from the node\n\nWhoever has them is you. Write them on paper and \
                      keep it where you keep your passport. You are asked for three of them; then they are erased here, so that whoever \
                      steals this node cannot take your account away from you. The node works on as before. The daemon must not be running: \
                      it never gives them away. Without a terminal they are shown and stay.",
        after_help = "Examples:\n  covey account phrase\n  covey account phrase --keep\n  covey account phrase --yes --json | jq -r .phrase > words.txt"
    )]
    Phrase(PhraseArgs),
    /// Bring your account back on a new machine, with its 24 words
    #[command(
        long_about = "Bring your account back on a new machine, with its 24 words\n\nFor when your machine is lost, stolen or broken. Your account gets new keys and this device; its \
                      devices of before are out for good, whoever has them. Contacts see it by themselves and ask to pair again. With --keep a device stays that you still have: \
                      type there the digits that are shown here (covey account accept), and this machine gets all that it has; contacts need not pair again. The data \
                      directory must not have an account yet, and the daemon must not run. Your messages of before are not brought back: that takes a backup or a device that stays.\n\n\
                      The account is looked for in the network, where it can be found for about a day after one of its devices was last online. Later, name somebody who knows it \
                      with --peer: a contact (a ticket of `covey account ticket`) or a keeper (`covey keeper serve`).",
        after_help = "Examples:\n  covey account recover\n  covey account recover --phrase-file words.txt --yes\n  covey account recover --keep cvd1q0zx\n  covey account recover --new-phrase\n  covey account recover --peer covey:q4bfqif…\n  covey account recover --peer /ip4/192.0.2.7/tcp/7421/p2p/12D3Koo…"
    )]
    Recover(RecoverArgs),
    /// Show how safe your account is
    #[command(
        long_about = "Show how safe your account is\n\nWhether its words are on paper and erased here, how often it was recovered, and whether a contact knows a history of it that \
                      this node did not write: then somebody has its keys, or its words.",
        after_help = "Example:\n  covey account status"
    )]
    Status,
    /// Object to a recovery of your account that was not yours; contacts freeze it until you compare safety numbers
    #[command(
        long_about = "Object to a recovery of your account that was not yours\n\nWhoever has your 24 words can put your devices out. This tells your contacts that it was not you: they send \
                      nothing to the account, and take nothing from it, until you have compared safety numbers with them. It counts for three days after they saw the recovery.",
        after_help = "Example:\n  covey account contest"
    )]
    Contest {
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Accept that your account was recovered on another machine, which keeps this device
    #[command(
        long_about = "Accept that your account was recovered on another machine, which keeps this device\n\nWhoever has your 24 words can recover your account and keep a device in it. So this device takes \
                      no part in a recovery by itself. Type the 16 digits that `covey account recover --keep` showed on the other machine; it then gives this \
                      device the account's new keys, and has your contacts, groups and messages from here.",
        after_help = "Example:\n  covey account accept '4071 9925 1186 0342'\n\nIf it was not you: covey account contest"
    )]
    Accept {
        /// The digits that the other machine showed
        digits: String,
    },
    /// Change the name that others see
    #[command(after_help = "Example:\n  covey account rename 'Alice in Wonderland'")]
    Rename {
        /// Your new display name
        name: String,
    },
}

/// Arguments of `account phrase`.
#[derive(Args, Debug)]
pub struct PhraseArgs {
    /// Read the passphrase that protects the data from this file
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// You have the words: do not ask for three of them
    #[arg(long)]
    pub yes: bool,
    /// Leave the words on the node
    #[arg(long)]
    pub keep: bool,
}

/// Arguments of `account recover`.
#[derive(Args, Debug)]
pub struct RecoverArgs {
    /// Read the 24 words from this file; `-` or nothing: from stdin, or from you if this is a terminal
    #[arg(long, value_name = "FILE")]
    pub phrase_file: Option<PathBuf>,
    /// A node that is asked for your account and through which the network is joined (repeatable): that of a contact, a keeper or another device of yours, by its
    /// address or by a ticket that it prints
    #[arg(long, value_name = "MULTIADDR|TICKET")]
    pub peer: Vec<String>,
    /// A device that stays (repeatable): its id, or the first 8 characters. What it has, such as contacts, groups and messages, comes to this machine once
    /// its operator has accepted the recovery there
    #[arg(long, value_name = "DEVICE")]
    pub keep: Vec<String>,
    /// Those devices may link and revoke others
    #[arg(long, requires = "keep")]
    pub holder: bool,
    /// Make new words; those of before recover nothing any more. For when somebody may have seen them
    #[arg(long)]
    pub new_phrase: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Protect the data with the passphrase in this file
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Arguments of `account ticket`.
#[derive(Args, Debug)]
pub struct TicketArgs {
    /// How many people may use its token
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uses: Option<u32>,
    /// How long the token is valid: 3600, 12h, 7d
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    expires_in: Option<Duration>,
}

impl AccountCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let client_id = session.client_id.clone();
        match self {
            Self::Show => terminal.show(&session.call(&AccountShow {}).await?, show)?,
            Self::Ticket(TicketArgs { uses, expires_in }) => {
                let expires_in = expires_in.map(|duration| duration.as_secs().max(1));
                terminal.show(&session.call(&AccountTicket { uses, expires_in, client_id }).await?, ticket)?;
            }
            Self::Tickets => terminal.show(&session.call(&AccountTickets {}).await?, tickets)?,
            Self::RevokeTicket { id } => {
                let revoked = session.call(&AccountRevokeTicket { id, client_id }).await?;
                terminal.show(&revoked, |t, ticket| {
                    t.line(&format!(
                        "Ticket {} is revoked; it was used {}.",
                        display::id(t, &ticket.id),
                        display::count(ticket.used.into(), "time", "times")
                    ))
                })?;
            }
            Self::SafetyNumber { contact } => {
                terminal.show(&session.call(&AccountSafetyNumber { contact }).await?, safety_number)?;
            }
            Self::Recover(_) => {
                // The binary does it without a daemon, which would have an account already.
                return Err(Failure::new(Reason::NotAllowed, "An account is recovered while no daemon runs."));
            }
            Self::Phrase(_) => {
                // The binary answers it without a daemon; over the RPC the words are not to be had.
                return Err(Failure::new(Reason::NotAllowed, "The recovery phrase cannot be read through the daemon."));
            }
            Self::Status => terminal.show(&session.call(&AccountStatus {}).await?, condition)?,
            Self::Contest { yes } => {
                let question = "Your contacts will freeze your account until you have compared safety numbers with each of them. Go on? [y/N] ";
                let asks = !yes && terminal.typing && !terminal.json;
                if asks && !terminal.ask(question)? {
                    return Err(Failure::new(Reason::WrongState, "Nothing was done."));
                }
                terminal.show(&session.call(&AccountContest { client_id }).await?, |t, _| {
                    t.line("Your contacts are told that the recovery was not yours.")?;
                    t.hint("Make another account on a clean machine, and tell them in person.")
                })?;
            }
            Self::Accept { digits } => {
                terminal.show(&session.call(&AccountAccept { digits, client_id }).await?, |t, of| {
                    t.line(
                        "Accepted. The other machine gives this device the account's new keys when both are connected.",
                    )?;
                    let waits = of.second_history.is_some();
                    if waits { t.hint("covey account status shows whether it has.") } else { Ok(()) }
                })?;
            }
            Self::Rename { name } => {
                let account = session.call(&AccountRename { name, client_id }).await?;
                terminal.show(&account, |t, account| {
                    t.line(&format!("Others see you as {}.", clean_line(&account.name)))
                })?;
            }
        }
        Ok(())
    }
}

fn show(t: &mut Terminal, account: &Account) -> io::Result<()> {
    let name = if account.name.is_empty() { "(none; covey account rename NAME)" } else { &account.name };
    let mut rows = vec![
        ("account", account.account.as_str()),
        ("name", name),
        ("device", &account.device),
        ("peer id", &account.peer_id),
    ];
    rows.extend(account.addresses.iter().map(|address| ("address", address.as_str())));
    for (label, value) in rows {
        let label = t.paint.dim(&format!("{label:8}"));
        t.line(&format!("{label} {}", clean_line(value)))?;
    }
    t.hint("Others can invite you with this account id, or with the output of `covey account ticket`.")
}

fn condition(t: &mut Terminal, of: &AccountCondition) -> io::Result<()> {
    let words = match (of.backed_up, of.sealed) {
        (true, true) => "on your paper only",
        (true, false) => "on your paper, and still on this node",
        (false, _) => "not written down: covey account phrase",
    };
    let recovered = match of.recoveries {
        0 => "never".to_owned(),
        more => display::count(more.into(), "time", "times"),
    };
    let rows = [
        ("account", of.account.clone()),
        ("device", of.device.clone()),
        ("devices", of.devices.to_string()),
        ("words", words.to_owned()),
        ("recovered", recovered),
    ];
    for (label, value) in rows {
        let label = t.paint.dim(&format!("{label:9}"));
        t.line(&format!("{label} {value}"))?;
    }
    let Some(second) = &of.second_history else { return Ok(()) };
    let who = clean_line(second.alias.as_deref().unwrap_or(&second.contact));
    let when = when::relative(second.at, t.now());
    t.line(&match second.what {
        SecondHistoryKind::Longer | SecondHistoryKind::Other => {
            format!("ALARM: {who} has a list of your devices that this node did not write (seen {when}). Somebody has the keys of this node.")
        }
        SecondHistoryKind::Revoked => format!("Another device of your account put this one out (seen {when})."),
        SecondHistoryKind::Kept if of.accepted => {
            "Your account was recovered on another machine, and you have accepted that. Its new keys are still to come from there.".to_owned()
        }
        SecondHistoryKind::Kept => {
            format!("ALARM: your account was recovered with its words on another machine, which keeps this device (seen {when}).")
        }
        SecondHistoryKind::Recovered => {
            format!("ALARM: {who} says that your account was recovered with its words (seen {when}). This node is no part of it any more.")
        }
    })?;
    t.hint(match second.what {
        SecondHistoryKind::Kept if of.accepted => "Let both machines run and be connected. If it was not you after all: covey account contest",
        SecondHistoryKind::Recovered | SecondHistoryKind::Kept if of.objected => "You have objected; your contacts freeze the account.",
        SecondHistoryKind::Kept => {
            "If that was you: covey account accept DIGITS, with the 16 digits that the other machine showed. If not: covey account contest"
        }
        SecondHistoryKind::Recovered => "If that was not you: covey account contest",
        SecondHistoryKind::Revoked => "If that was not you: covey account recover, on a clean machine.",
        SecondHistoryKind::Longer | SecondHistoryKind::Other => {
            "Bring the account back with its 24 words on a clean machine: covey account recover"
        }
    })
}

fn ticket(t: &mut Terminal, ticket: &Ticket) -> io::Result<()> {
    // In capitals it is a smaller code; tickets are the same in either case.
    if t.interactive
        && let Some(code) = qr_code(&ticket.ticket.to_uppercase(), t.paint.0)
    {
        t.line(&format!("{code}\n"))?;
    }
    t.line(&clean_line(&ticket.ticket))?;
    if let Some(at) = ticket.expires_at {
        t.hint(&format!("Its token expires {}.", when::relative(at, t.now())))?;
    }
    t.hint("Give it to somebody you know; they run `covey pair invite TICKET`, and you see them in `covey pair list`.")
}

fn tickets(t: &mut Terminal, tickets: &Vec<TicketInfo>) -> io::Result<()> {
    if tickets.is_empty() {
        return t.hint("No tickets with a token. Make one with `covey account ticket --uses 5 --expires-in 7d`.");
    }
    let mut table = Table::new(["ID", "STATE", "USED", "MADE", "EXPIRES"]);
    for ticket in tickets {
        let expires = ticket.expires_at.map_or_else(|| "never".into(), |at| when::relative(at, t.now()));
        table.row([
            display::id(t, &ticket.id).into(),
            display::word(ticket.state).into(),
            format!("{}/{}", ticket.used, ticket.uses).into(),
            when::relative(ticket.created_at, t.now()).into(),
            expires.into(),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

/// Four groups to a line: that is how people read numbers to each other.
pub(crate) fn safety_number(t: &mut Terminal, number: &SafetyNumber) -> io::Result<()> {
    let number_text = clean_line(&number.safety_number);
    let groups: Vec<&str> = number_text.split_whitespace().collect();
    for line in groups.chunks(4) {
        t.line(&line.join(" "))?;
    }
    let who = number.alias.as_deref().unwrap_or(&number.contact);
    if number.verified {
        return t.hint(&format!("{} is verified already.", clean_line(who)));
    }
    t.hint(&format!(
        "Compare it with what they see, by phone or face to face. If it is the same: covey pair verify {} '{}'",
        shell_word(&clean_line(who)),
        groups.join(" ")
    ))
}
