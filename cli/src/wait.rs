//! Sending, and waiting for how far it comes.
//!
//! Waiting is the client's business: the message is durable once `send` answered, and the journal tells the rest. Nothing
//! can fall in between, because the place in the journal is taken before the message is sent.

use clap::ValueEnum;
use covey_api::{
    ChannelShow, EventsFetch, EventsSubscribe, Exit, Message, MessageShow, MessageState, Reason, Request, Sent,
};
use jsonrpsee::core::client::Subscription;

use crate::{
    Failure, Session, Terminal,
    conversations::Conversation,
    display,
    text::{clean_line, short_id},
};

/// How far a message shall have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// A device of theirs has stored it; in a group, of the first of them
    Delivered,
    /// They have read it; in a group, the first of them
    Read,
}

/// What is known about a message so far.
enum Progress {
    There,
    Underway,
    Never,
}

impl WaitFor {
    fn progress(self, state: MessageState) -> Progress {
        match (self, state) {
            (_, MessageState::Read) | (Self::Delivered, MessageState::Delivered) => Progress::There,
            (_, MessageState::Expired | MessageState::Failed) => Progress::Never,
            _ => Progress::Underway,
        }
    }
}

/// Sends, waits if asked to, and shows what became of it. `to` is what was asked for.
pub(crate) async fn send<R: Request<Answer = Sent>>(
    session: &Session,
    terminal: &mut Terminal,
    request: &R,
    to: &str,
    wait: Option<WaitFor>,
) -> Result<(), Failure> {
    let Some(wait) = wait else {
        let sent = session.call(request).await?;
        let to = recipient(session, terminal, &sent, to).await;
        return Ok(show(terminal, &sent, &to)?);
    };
    let start = session.call(&EventsFetch { last: Some(0), ..EventsFetch::default() }).await?.cursor;
    let sent = session.call(request).await?;
    let Ok(outcome) = tokio::time::timeout(session.patience, follow(session, &sent.id, start, wait)).await else {
        return Err(late(&sent, wait, session));
    };
    let message = outcome?;
    let sent = Sent { state: message.state, ..sent };
    let to = recipient(session, terminal, &sent, to).await;
    show(terminal, &sent, &to)?;
    match wait.progress(message.state) {
        Progress::Never => {
            for delivery in message.deliveries.iter().filter_map(|delivery| delivery.why.as_deref()) {
                terminal.error(&clean_line(delivery))?;
            }
            Err(Failure::Told(Exit::Refused))
        }
        Progress::There | Progress::Underway => Ok(()),
    }
}

/// Looks at the message again whenever the journal speaks of it.
async fn follow(session: &Session, id: &str, start: String, wait: WaitFor) -> Result<Message, Failure> {
    let mut cursor = start;
    loop {
        let request =
            EventsSubscribe { from: Some(cursor.clone()), transient: Some(false), ..EventsSubscribe::default() };
        let mut events: Subscription<_> = session.subscribe(&request).await?;
        let show = MessageShow { id: id.to_owned() };
        let message = session.call(&show).await?;
        if !matches!(wait.progress(message.state), Progress::Underway) {
            return Ok(message);
        }
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| Failure::from(jsonrpsee::core::client::Error::ParseError(error)))?;
            cursor = event.cursor.unwrap_or(cursor);
            if event.data["id"] != *id {
                continue;
            }
            let message = session.call(&show).await?;
            if !matches!(wait.progress(message.state), Progress::Underway) {
                return Ok(message);
            }
        }
        // The daemon is gone, or we were too slow for it: the next call tells which.
    }
}

fn late(sent: &Sent, wait: WaitFor, session: &Session) -> Failure {
    let missing = match wait {
        WaitFor::Delivered => "not delivered",
        WaitFor::Read => "not read",
    };
    Failure::Refused(
        covey_api::ApiError::new(
            Reason::TimedOut,
            format!(
                "The message was {missing} within {} s. It is safe and will be delivered when they can be reached; look with `covey message show {}`.",
                session.patience.as_secs_f32(),
                short_id(&sent.id)
            ),
        )
        .with_data(serde_json::json!(sent)),
    )
}

/// Whom a message went to.
struct Recipient {
    name: String,
    /// A group without anybody else: nobody is waited for.
    nobody: bool,
}

/// Whom it went to, in the words of the daemon. It is sent already: should that not be known, what was asked for has to do.
async fn recipient(session: &Session, terminal: &mut Terminal, sent: &Sent, asked: &str) -> Recipient {
    if terminal.json {
        return Recipient { name: String::new(), nobody: false };
    }
    let channel = session.call(&ChannelShow { channel: sent.channel.clone() }).await.ok();
    Recipient {
        name: channel.as_ref().map_or_else(|| clean_line(asked), |channel| Conversation::from(channel).label),
        nobody: channel.is_some_and(|channel| channel.members == Some(1)),
    }
}

/// `c6a3c843 to bobby, waiting to be delivered`
fn show(terminal: &mut Terminal, sent: &Sent, to: &Recipient) -> std::io::Result<()> {
    terminal.show(sent, |t, sent| {
        let (id, Recipient { name, nobody }) = (display::id(t, &sent.id), to);
        t.line(&format!("{id} to {name}, {}", display::message_state(sent.state)))?;
        if *nobody { t.hint("Nobody else is a member yet.") } else { Ok(()) }
    })
}
