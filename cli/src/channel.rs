//! `covey channel …`: conversations.

use std::io;

use clap::{Args, Subcommand};
use covey_api::{Channel, ChannelArchive, ChannelKind, ChannelList, ChannelMarkRead, ChannelMute, ChannelShow};

use crate::{
    Failure, Session, Terminal,
    conversations::Conversation,
    display,
    table::{Cell, Table},
    text::clean_line,
    when,
};

/// Conversations: list, archive, mute, mark as read
#[derive(Subcommand, Debug)]
pub enum ChannelCommand {
    /// List your conversations
    #[command(after_help = "Examples:\n  covey channel list\n  covey channel list --archived")]
    List {
        /// The archived ones instead
        #[arg(long)]
        archived: bool,
        /// The requests of strangers instead (only if your node does not insist on pairing)
        #[arg(long, conflicts_with = "archived")]
        requests: bool,
    },
    /// Show one conversation
    #[command(after_help = "Example:\n  covey channel show bob")]
    Show(ChannelArg),
    /// Archive a conversation
    #[command(after_help = "Examples:\n  covey channel archive bob\n  covey channel archive bob --undo")]
    Archive {
        #[command(flatten)]
        channel: ChannelArg,
        /// Bring it back from the archive
        #[arg(long)]
        undo: bool,
    },
    /// Mute a conversation
    #[command(after_help = "Examples:\n  covey channel mute bob\n  covey channel mute bob --undo")]
    Mute {
        #[command(flatten)]
        channel: ChannelArg,
        /// Unmute it
        #[arg(long)]
        undo: bool,
    },
    /// Mark messages as read; their authors see it, unless you switched read receipts off
    #[command(after_help = "Examples:\n  covey channel mark-read bob\n  covey channel mark-read bob --up-to 1f2e3d4c")]
    MarkRead {
        #[command(flatten)]
        channel: ChannelArg,
        /// Up to and including this message (default: all)
        #[arg(long, value_name = "MESSAGE")]
        up_to: Option<String>,
    },
}

/// A channel.
#[derive(Args, Debug)]
pub struct ChannelArg {
    /// A contact or a group (alias, name, id, or the first 8 characters of an id), or the id of a channel
    channel: String,
}

impl ChannelCommand {
    pub(crate) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        let client_id = session.client_id.clone();
        match self {
            Self::List { archived, requests } => {
                terminal.show(&session.call(&ChannelList { archived, requests }).await?, list)?;
            }
            Self::Show(ChannelArg { channel }) => {
                terminal.show(&session.call(&ChannelShow { channel }).await?, show)?;
            }
            Self::Archive { channel: ChannelArg { channel }, undo } => {
                let channel = session.call(&ChannelArchive { channel, archived: Some(!undo), client_id }).await?;
                let done = if undo { "is back from the archive" } else { "is archived" };
                tell(terminal, &channel, done)?;
            }
            Self::Mute { channel: ChannelArg { channel }, undo } => {
                let channel = session.call(&ChannelMute { channel, muted: Some(!undo), client_id }).await?;
                let done = if undo { "is not muted any more" } else { "is muted" };
                tell(terminal, &channel, done)?;
            }
            Self::MarkRead { channel: ChannelArg { channel }, up_to } => {
                let channel = session.call(&ChannelMarkRead { channel, up_to, client_id }).await?;
                let done = match channel.unread {
                    0 => "is read".to_owned(),
                    left => format!("is read up to there; {left} are unread"),
                };
                tell(terminal, &channel, &done)?;
            }
        }
        Ok(())
    }
}

fn tell(terminal: &mut Terminal, channel: &Channel, done: &str) -> io::Result<()> {
    terminal.show(channel, |t, channel| {
        let what = match channel.kind {
            ChannelKind::Direct => "conversation with",
            ChannelKind::Group => "group",
        };
        t.line(&format!("The {what} {} {done}.", Conversation::from(channel).label))
    })
}

fn list(t: &mut Terminal, channels: &Vec<Channel>) -> io::Result<()> {
    if channels.is_empty() {
        return t.hint("No conversations. They begin when you pair with somebody or join a group: `covey pair list`, `covey group list`.");
    }
    let mut table = Table::new(["WITH", "KIND", "UNREAD", "SINCE", "ID", "LAST MESSAGE"]);
    for channel in channels {
        let last = channel
            .last_message
            .as_ref()
            .map(|last| format!("{}: {}", display::author(last), display::excerpt_of(last)));
        let kind = match channel.members {
            _ if !channel.open => format!("{}, closed", display::word(channel.kind)),
            Some(members) => format!("{} of {members}", display::word(channel.kind)),
            None => display::word(channel.kind),
        };
        let unread = if channel.unread == 0 { String::from("-") } else { channel.unread.to_string() };
        table.row([
            Conversation::from(channel).label.into(),
            kind.into(),
            unread.into(),
            when::relative(channel.since, t.now()).into(),
            display::id(t, &channel.channel).into(),
            Cell::words(&last.unwrap_or_default()),
        ]);
    }
    let table = table.render(t.paint);
    t.line(&table)
}

fn show(t: &mut Terminal, channel: &Channel) -> io::Result<()> {
    let mut marks = Vec::new();
    for (set, mark) in [
        (!channel.open, "closed: nothing can be written to it"),
        (channel.muted, "muted"),
        (channel.archived, "archived"),
        (channel.request, "a request of a stranger"),
    ] {
        if set {
            marks.push(mark);
        }
    }
    let rows = [
        ("channel", Some(channel.channel.clone())),
        ("with", Some(Conversation::from(channel).label)),
        ("kind", Some(display::word(channel.kind))),
        ("contact", channel.contact.clone()),
        ("members", channel.members.map(|members| members.to_string())),
        ("role", channel.role.map(display::word)),
        ("unread", Some(channel.unread.to_string())),
        ("since", Some(when::relative(channel.since, t.now()))),
        ("marks", Some(marks.join(", ")).filter(|marks| !marks.is_empty())),
    ];
    for (label, value) in rows {
        if let Some(value) = value {
            let label = t.paint.dim(&format!("{label:8}"));
            t.line(&format!("{label} {}", clean_line(&value)))?;
        }
    }
    match &channel.last_message {
        Some(last) => {
            let line = display::message(last, &channel.into(), t.paint, &t.zone);
            t.line(&line)
        }
        None => Ok(()),
    }
}
