//! `covey tail`: the journal, for people and as NDJSON.

mod told;

use std::{io, time::Duration};

use clap::Args;
use covey_api::{Event, EventKind, EventsAck, EventsFetch, EventsSubscribe, NodeStatus, Reason};
use jsonrpsee::core::client::{Error as ClientError, SubscriptionCloseReason};
use tokio::time::Instant;

use self::told::Teller;
use crate::{Failure, Globals, Session, Terminal};

/// How soon a daemon that went away is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long it is waited at most before it is looked for once more: nobody minds a few seconds after a night.
const LOOK_AGAIN_AT_MOST: Duration = Duration::from_secs(5);

/// Arguments of `tail`.
#[derive(Args, Debug)]
pub struct TailArgs {
    /// Keep showing events as they happen
    #[arg(long, short)]
    follow: bool,
    /// Show everything after this cursor (from the JSON of an earlier event)
    #[arg(long, value_name = "CURSOR")]
    from: Option<String>,
    /// Show everything that this consumer has not seen yet; the daemon remembers how far it was shown
    #[arg(long, value_name = "NAME", conflicts_with = "from", value_parser = consumer)]
    consumer: Option<String>,
    /// Only events of this kind, like message.received (repeatable)
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<EventKind>,
    /// Only what happens in this conversation: a contact, group or channel (repeatable)
    #[arg(long, value_name = "CHANNEL")]
    channel: Vec<String>,
    /// Only what this contact does, and the conversation with them (repeatable)
    #[arg(long, value_name = "CONTACT")]
    contact: Vec<String>,
    /// Leave out what is not in the journal, such as who connects
    #[arg(long)]
    no_transient: bool,
    /// How many of the newest events, if there is no place to start from
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    lines: u32,
}

/// Anything but nothing: the daemon has the last word on names.
fn consumer(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("a consumer has a name".into()) } else { Ok(text.to_owned()) }
}

fn kind(text: &str) -> Result<EventKind, String> {
    let all = EventKind::ALL;
    let found = all.iter().find(|kind| kind.as_str() == text);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|kind| kind.as_str()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

/// A list, if there is anything in it.
fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

impl TailArgs {
    pub(crate) async fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        let session = Session::connect(globals).await?;
        let mut tail = Tail { args: self, session, cursor: None, teller: Teller::default() };
        tail.past(terminal).await?;
        if !tail.args.follow {
            return Ok(());
        }
        loop {
            match tail.future(terminal).await {
                Err(failure) if is_gone(&failure) => tail.reconnect(globals, terminal).await?,
                // Too slow for the daemon: taken up again at the cursor.
                Ok(()) => {}
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// Whether the daemon, not what was asked of it, is what is wrong: it is away, or locked.
fn is_gone(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(error) if matches!(error.reason, Reason::Unreachable | Reason::ShuttingDown | Reason::TimedOut | Reason::Locked))
}

/// A reader of the journal, and how far it has come.
struct Tail {
    args: TailArgs,
    session: Session,
    /// Everything up to here has been shown.
    cursor: Option<String>,
    teller: Teller,
}

impl Tail {
    /// What is asked of the journal first.
    fn first_page(&self) -> EventsFetch {
        let TailArgs { from, consumer, lines, kind, channel, contact, .. } = &self.args;
        let last = (from.is_none() && consumer.is_none()).then_some(*lines);
        EventsFetch {
            from: from.clone(),
            consumer: consumer.clone(),
            last,
            limit: None,
            kinds: some(kind),
            channels: some(channel),
            contacts: some(contact),
        }
    }

    /// What is asked of it after `cursor`.
    fn next_page(&self, cursor: String) -> EventsFetch {
        EventsFetch { from: Some(cursor), consumer: None, last: None, ..self.first_page() }
    }

    /// The live part of it, from where the rest ended.
    fn subscription(&self) -> EventsSubscribe {
        let TailArgs { kind, channel, contact, no_transient, .. } = &self.args;
        EventsSubscribe {
            from: self.cursor.clone(),
            consumer: None,
            kinds: some(kind),
            channels: some(channel),
            contacts: some(contact),
            transient: no_transient.then_some(false),
        }
    }

    /// Shows what has happened so far.
    async fn past(&mut self, terminal: &mut Terminal) -> Result<(), Failure> {
        let mut fetch = self.first_page();
        loop {
            let page = self.session.call(&fetch).await?;
            for event in &page.events {
                self.show(terminal, event).await?;
            }
            self.cursor = Some(page.cursor.clone());
            if !page.events.is_empty() {
                self.ack().await?;
            }
            // One of few selected events may be empty, and not the last.
            if !page.more {
                return Ok(());
            }
            fetch = self.next_page(page.cursor);
        }
    }

    /// Shows what happens, until the daemon goes away or is too fast for us.
    async fn future(&mut self, terminal: &mut Terminal) -> Result<(), Failure> {
        let request = self.subscription();
        let mut events = self.session.subscribe(&request).await?;
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| Failure::from(ClientError::ParseError(error)))?;
            self.show(terminal, &event).await?;
            if let Some(at) = event.cursor {
                // Shown already: should the acknowledgement be lost, it is sent again, not the event.
                self.cursor = Some(at);
                self.ack().await?;
            }
        }
        if matches!(events.close_reason(), Some(SubscriptionCloseReason::Lagged)) {
            return Ok(());
        }
        Err(Failure::new(Reason::Unreachable, "The daemon went away."))
    }

    /// Waits for the daemon to be back, or unlocked, for as long as `--timeout` says, or until it is.
    async fn reconnect(&mut self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        let locked = self.session.call(&NodeStatus {}).await.is_ok_and(|status| status.locked);
        let what = if locked {
            "The node was locked. Waiting until it is unlocked"
        } else {
            "The daemon went away. Waiting until it is back"
        };
        terminal.hint(&format!("{what}; Ctrl-C ends this."))?;
        let until = globals.timeout.map(|patience| Instant::now() + patience);
        let mut pause = LOOK_AGAIN;
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(self.gone());
            }
            tokio::time::sleep(left.map_or(pause, |left| left.min(pause))).await;
            pause = LOOK_AGAIN_AT_MOST.min(pause * 2);
            match Session::connect(globals).await {
                Ok(session) => self.session = session,
                Err(failure) if is_gone(&failure) => continue,
                Err(failure) => return Err(failure),
            }
            let there = match self.session.call(&EventsFetch { last: Some(0), ..EventsFetch::default() }).await {
                Ok(_) => self.ack().await,
                Err(failure) => Err(failure),
            };
            match there {
                Err(failure) if is_gone(&failure) => {}
                Err(failure) => return Err(failure),
                Ok(()) => return Ok(terminal.hint("The daemon is back.")?),
            }
        }
    }

    fn gone(&self) -> Failure {
        let cursor = self.cursor.as_deref().unwrap_or_default();
        Failure::new(
            Reason::Unreachable,
            format!(
                "The daemon went away. To go on later without missing anything: `covey tail --follow --from {cursor}`."
            ),
        )
    }

    async fn ack(&self) -> Result<(), Failure> {
        if let (Some(consumer), Some(cursor)) = (&self.args.consumer, &self.cursor) {
            let ack = EventsAck { consumer: consumer.clone(), cursor: cursor.clone(), client_id: None };
            self.session.call(&ack).await?;
        }
        Ok(())
    }

    async fn show(&mut self, terminal: &mut Terminal, event: &Event) -> io::Result<()> {
        if terminal.json {
            return terminal.ndjson(event);
        }
        match self.teller.tell(&self.session, terminal, event).await {
            Some(line) => terminal.line(&line),
            None => Ok(()),
        }
    }
}
