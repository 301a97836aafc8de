//! Two clients, one of each daemon: they pair, and one writes to the other.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use covey_api as api;
use covey_api::Call as _;
use futures::{StreamExt as _, stream};
use jsonrpsee::{core::client::Subscription, ws_client::WsClient};

use super::{WINDOW, daemon::Daemon};

/// Bytes of a text.
pub const TEXT: usize = 60;
/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(600);

pub struct Talk {
    ada: WsClient,
    /// Its subscription lives as long as it does.
    _bea: WsClient,
    contact: String,
    events: Subscription<api::Event>,
    number: usize,
}

/// Microseconds for each message.
#[derive(Default)]
pub struct Singles {
    pub acknowledged: Vec<f64>,
    pub shown: Vec<f64>,
}

/// From the first request to the last answer, and to the last event at the other node.
pub struct Streamed {
    pub acknowledged: Duration,
    pub shown: Duration,
    pub inversions: usize,
}

/// What is awaited; nothing takes longer than [`PATIENCE`].
pub async fn patiently<T>(what: &str, of: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, of).await.unwrap_or_else(|_| panic!("{what} took too long"))
}

/// A text that begins with its number.
fn text(number: usize) -> String {
    format!("{number:<TEXT$}")
}

/// The numbers of the messages that arrive.
async fn next(events: &mut Subscription<api::Event>) -> usize {
    loop {
        let event = events.next().await.expect("the daemon runs").expect("an event");
        if event.kind == "message.received" {
            let text = event.data["text"].as_str().expect("a text");
            return text.trim().parse().expect("its number");
        }
    }
}

impl Talk {
    /// They pair.
    pub async fn begin(one: &Daemon, other: &Daemon) -> Self {
        let (ada, bea) = (one.client().await, other.client().await);
        let ticket = bea.call(&api::AccountTicket::default()).await.expect("a ticket").ticket;
        let mut events = api::subscribe(&bea, &api::EventsSubscribe::default()).await.expect("events");
        let invite = api::PairInvite { to: ticket, ..api::PairInvite::default() };
        let contact = ada.call(&invite).await.expect("an invite").contact;
        patiently("pairing", async {
            loop {
                let event = events.next().await.expect("the daemon runs").expect("an event");
                let state = event.data["state"].as_str().unwrap_or_default();
                match (event.kind.as_str(), state) {
                    ("contact", "pending") => {
                        let contact = event.data["contact"].as_str().expect("an id").to_owned();
                        bea.call(&api::PairAccept { contact, ..api::PairAccept::default() }).await.expect("accepted");
                    }
                    ("contact", "paired") if event.data["confirmed"] == true => break,
                    _ => {}
                }
            }
        })
        .await;
        Self { ada, _bea: bea, contact, events, number: 0 }
    }

    pub fn contact(&self) -> &str {
        &self.contact
    }

    pub async fn one_at_a_time(&mut self, count: usize) -> Singles {
        let mut singles = Singles::default();
        for _ in 0..count {
            self.number += 1;
            let began = Instant::now();
            send(&self.ada, &self.contact, self.number).await;
            singles.acknowledged.push(began.elapsed().as_secs_f64() * 1e6);
            let shown = patiently("a message", next(&mut self.events)).await;
            singles.shown.push(began.elapsed().as_secs_f64() * 1e6);
            assert_eq!(shown, self.number);
        }
        singles
    }

    pub async fn stream(&mut self, count: usize) -> Streamed {
        let first = self.number + 1;
        self.number += count;
        let began = Instant::now();
        let (ada, contact) = (&self.ada, &self.contact);
        let sending = async {
            stream::iter(first..first + count)
                .map(|n| send(ada, contact, n))
                .buffered(WINDOW)
                .for_each(|()| async {})
                .await;
            began.elapsed()
        };
        let events = &mut self.events;
        let showing = async {
            let (mut last, mut inversions) = (0, 0);
            for _ in 0..count {
                let number = next(events).await;
                inversions += usize::from(number < last);
                last = number;
            }
            (began.elapsed(), inversions)
        };
        let (acknowledged, (shown, inversions)) =
            patiently("a stream of messages", async { tokio::join!(sending, showing) }).await;
        Streamed { acknowledged, shown, inversions }
    }

    /// Until another device of the one who writes has all that was written.
    pub async fn passed_on(&self, device: &Daemon) {
        let (client, newest) =
            (device.client().await, api::MessageList { limit: Some(1), ..api::MessageList::default() });
        patiently("what is passed on", async {
            loop {
                let listed = client.call(&newest).await.expect("it answers");
                if listed.iter().any(|message| message.text == text(self.number)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }
}

/// Messages that nobody has read yet.
pub async fn unread(daemon: &Daemon) -> usize {
    let listed = daemon.client().await.call(&api::ChannelList::default()).await.expect("it answers");
    listed.iter().map(|channel| channel.unread as usize).sum()
}

/// Until so many are there.
pub async fn catch_up(daemon: &Daemon, count: usize) -> Duration {
    let client = daemon.client().await;
    let mut events = api::subscribe(&client, &api::EventsSubscribe::default()).await.expect("events");
    let began = Instant::now();
    let mut missing = count - unread(daemon).await;
    patiently("catching up", async {
        while missing > 0 {
            next(&mut events).await;
            missing -= 1;
        }
    })
    .await;
    began.elapsed()
}

/// Writes to somebody who is away.
pub async fn write(daemon: &Daemon, contact: &str, count: usize) {
    let client = daemon.client().await;
    let sending = stream::iter(0..count).map(|n| send(&client, contact, n)).buffered(WINDOW);
    patiently("writing", sending.for_each(|()| async {})).await;
}

async fn send(client: &WsClient, to: &str, number: usize) {
    let message = api::MessageSend { to: to.to_owned(), text: text(number), ..api::MessageSend::default() };
    client.call(&message).await.expect("it is taken");
}
