//! `covey send | edit | messages | message show`: what people say to each other.

use std::{io, time::Duration};

use clap::{Args, Subcommand};
use covey_api::{
    Delivery, DeliverySummary, MAX_TEXT, Message, MessageEdit, MessageList, MessageSend, MessageShow, Reason,
};

use crate::{
    Failure, Session, Terminal,
    conversations::Conversations,
    display,
    globals::seconds,
    text::{clean, clean_line, short_id},
    wait::{self, WaitFor},
    when,
};

/// Far more than the daemon takes (16 KiB): it says what is allowed, in one way for everybody.
const STDIN_LIMIT: u64 = 512 * 1024;

/// Arguments of `send`.
#[derive(Args, Debug)]
pub struct SendArgs {
    /// A contact or a group: alias, name, id, or the first 8 characters of an id
    to: String,
    /// What to say; `-` reads it from stdin
    #[arg(required = true)]
    text: Vec<String>,
    /// The message that this one answers
    #[arg(long, value_name = "MESSAGE")]
    reply_to: Option<String>,
    /// Give up if it is not delivered within this time: 3600, 12h, 7d
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    expires_in: Option<Duration>,
    /// Wait until it is delivered or read (see --timeout); it is delivered whether or not you wait
    #[arg(long, value_name = "STATE")]
    wait: Option<WaitFor>,
}

/// Arguments of `edit`.
#[derive(Args, Debug)]
pub struct EditArgs {
    /// The id of a message of yours, or its first 8 characters
    message: String,
    /// What it says from now on; `-` reads it from stdin
    #[arg(required = true)]
    text: Vec<String>,
}

/// Arguments of `messages`.
#[derive(Args, Debug)]
pub struct MessagesArgs {
    /// A contact or a group: alias, name or id (the start is enough if it fits only one) [default: all conversations]
    contact: Option<String>,
    /// The same, for a group or the id of a channel
    #[arg(long, conflicts_with = "contact")]
    channel: Option<String>,
    /// At most this many, the newest ones
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, allow_negative_numbers = true, value_parser = limit)]
    limit: u32,
    /// Only what comes before this message
    #[arg(long, value_name = "MESSAGE")]
    before: Option<String>,
    /// Only what comes after this message
    #[arg(long, value_name = "MESSAGE")]
    after: Option<String>,
}

/// How many messages the daemon gives at once.
fn limit(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|limit| (1..=1_000).contains(limit)).ok_or_else(|| "use a number from 1 to 1000".into())
}

/// One message
#[derive(Subcommand, Debug)]
pub enum MessageCommand {
    /// Show a message, and its delivery to each recipient
    #[command(after_help = "Example:\n  covey message show 1f2e3d4c")]
    Show {
        /// The id of the message, or its first 8 characters
        id: String,
    },
}

impl SendArgs {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let text = text_or_stdin(&self.text, terminal)?;
        let send = MessageSend {
            to: self.to,
            text,
            reply_to: self.reply_to,
            expires_in: self.expires_in.map(|duration| duration.as_secs().max(1)),
            client_id: session.client_id.clone(),
        };
        let to = send.to.clone();
        wait::send(session, terminal, &send, &to, self.wait).await
    }
}

impl EditArgs {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let text = text_or_stdin(&self.text, terminal)?;
        let edit = MessageEdit { id: self.message, text, client_id: session.client_id.clone() };
        let edited = session.call(&edit).await?;
        Ok(terminal.show(&edited, |t, edited| t.line(&format!("{} was edited.", short_id(&edited.id))))?)
    }
}

impl MessagesArgs {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let list = MessageList {
            channel: self.channel.or(self.contact),
            before: self.before,
            after: self.after,
            limit: Some(self.limit),
        };
        let found = session.call(&list).await?;
        let mut conversations = Conversations::default();
        match found.first() {
            Some(_) if terminal.json => {}
            Some(first) if list.channel.is_some() => drop(conversations.of(session, &first.channel).await),
            Some(_) => conversations = Conversations::listed(session).await?,
            None => {}
        }
        Ok(terminal.show(&found, |t, found| messages(t, found, &conversations))?)
    }
}

impl MessageCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let Self::Show { id } = self;
        Ok(terminal.show(&session.call(&MessageShow { id }).await?, show)?)
    }
}

/// The words of the command line, or stdin for `-`, less its last line break.
pub(crate) fn text_or_stdin(words: &[String], terminal: &mut Terminal) -> Result<String, Failure> {
    if words != ["-"] {
        return Ok(words.join(" "));
    }
    if terminal.typing {
        terminal.hint("Write your message; Ctrl-D sends it.")?;
    }
    let mut text = terminal.read_stdin(STDIN_LIMIT).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Failure::new(Reason::InvalidParams, "What is on stdin is not text (UTF-8)."),
        io::ErrorKind::FileTooLarge => Failure::new(
            Reason::TooLong,
            format!("The text has more than {STDIN_LIMIT} bytes and may have {MAX_TEXT}; send it in parts."),
        ),
        _ => Failure::new(Reason::InvalidParams, format!("Cannot read stdin: {error}.")),
    })?;
    if text.ends_with('\n') {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    Ok(text)
}

/// One line each under a line per day.
fn messages(t: &mut Terminal, messages: &[Message], conversations: &Conversations) -> io::Result<()> {
    if messages.is_empty() {
        return t.hint("No messages here yet. Write one: covey send CONTACT|GROUP TEXT");
    }
    let mut day = String::new();
    for message in messages {
        let date = when::date(message.sent_at, &t.zone);
        if date != day {
            let heading = t.paint.dim(&date);
            t.line(&heading)?;
            day = date;
        }
        let conversation = conversations.known(&message.channel);
        let line = display::message(message, &conversation, t.paint, &t.zone);
        t.line(&line)?;
    }
    Ok(())
}

/// `summary` in numbers, and with `names` who has it not.
fn delivery_summary(t: &mut Terminal, summary: &DeliverySummary, names: bool) -> io::Result<()> {
    let DeliverySummary { total, delivered, read, missing } = summary;
    if *total == 0 {
        return t.hint("Nobody else was a member of the group.");
    }
    let label = t.paint.dim(&format!("{:9}", "reached"));
    t.line(&format!("{label} delivered to {delivered} of {total}, read by {read}"))?;
    if !names || missing.is_empty() {
        return Ok(());
    }
    let who = |delivery: &Delivery| match &delivery.alias {
        Some(alias) => clean_line(alias),
        None => short_id(&delivery.recipient),
    };
    let mut named: Vec<String> = missing.iter().map(who).collect();
    let others = total.saturating_sub(*delivered) as usize;
    if others > named.len() {
        named.push(format!("{} more", others - named.len()));
    }
    let label = t.paint.dim(&format!("{:9}", "missing"));
    t.line(&format!("{label} {}", named.join(", ")))
}

fn show(t: &mut Terminal, message: &Message) -> io::Result<()> {
    let at = |at| format!("{} {}", when::date(at, &t.zone), when::clock(at, &t.zone));
    let rows = [
        ("message", Some(message.id.clone())),
        ("channel", Some(message.channel.clone())),
        ("from", Some(format!("{} ({})", display::author(message), message.author))),
        ("sent", Some(at(message.sent_at))),
        ("received", Some(at(message.received_at)).filter(|_| !message.own)),
        ("edited", message.edited_at.map(at)),
        ("reply to", message.reply_to.clone()),
        ("state", Some(display::message_state(message.state).to_owned())),
        ("expires", message.expires_at.map(at)),
    ];
    for (label, value) in rows {
        if let Some(value) = value {
            let label = t.paint.dim(&format!("{label:9}"));
            t.line(&format!("{label} {}", clean_line(&value)))?;
        }
    }
    for delivery in &message.deliveries {
        let who = delivery.alias.as_deref().unwrap_or(&delivery.recipient);
        let why = delivery.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let how = display::message_state(delivery.state);
        let how = delivery.kept.as_ref().map_or(how.to_owned(), |kept| {
            let keepers = if kept.keepers == 1 {
                "1 keeper has it".to_owned()
            } else {
                format!("{} keepers have it", kept.keepers)
            };
            format!("{how} ({keepers}, for another {})", when::left(kept.until, t.now()))
        });
        let when = when::relative(delivery.at, t.now());
        let label = t.paint.dim(&format!("{:9}", "to"));
        t.line(&format!("{label} {}", clean_line(&format!("{who}: {how}{why}, {when}"))))?;
        // One device has nothing to tell beside that.
        for device in delivery.devices.iter().filter(|_| delivery.devices.len() > 1) {
            let (how, when) = (display::message_state(device.state), when::relative(device.at, t.now()));
            let line = format!("{}: {how}, {when}", short_id(&device.device));
            t.line(&format!("{:9}   {}", "", clean_line(&line)))?;
        }
    }
    if let Some(summary) = &message.delivery_summary {
        delivery_summary(t, summary, message.deliveries.is_empty())?;
    }
    let text = if message.deleted { t.paint.dim("(deleted for everyone)") } else { clean(&message.text) };
    t.line(&format!("\n{text}"))
}
