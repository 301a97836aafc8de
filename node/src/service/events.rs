//! The journal over the RPC: pages, acknowledgements, and a live stream that misses nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use covey_api::{
    ApiError, Done, EventKind, EventPage, EventSource, EventStream, EventText, EventsAck, EventsApi, EventsFetch,
    EventsSubscribe, Peer, Reason, Time,
};
use futures::StreamExt as _;
use futures::stream;
use tokio::sync::broadcast::{self, error::RecvError};

use super::Service;
use super::consumers::Hold;
use crate::addressing;
use crate::engine::{Selection, Subject, Written, idempotency, rpc};
use crate::runtime::{self, Change, EngineHandle, Following, Journal};
use crate::slot::{self, Slot};

/// Events read at a time for a subscriber.
const PAGE: usize = 128;

impl EventsApi for Service {
    async fn fetch(&self, params: EventsFetch) -> Result<EventPage, ApiError> {
        self.look(params, rpc::events::fetch).await
    }

    async fn ack(&self, params: EventsAck) -> Result<Done, ApiError> {
        // Not in the audit log: a consumer acknowledges every event.
        let asker = self.caller.asker();
        self.engine
            .call(move |cx| {
                cx.asker = asker;
                idempotency::once(cx, params, |cx, params| rpc::events::ack(cx, &params))
            })
            .await
    }
}

impl EventSource for Service {
    async fn subscribe(&self, params: EventsSubscribe) -> Result<EventStream, ApiError> {
        let body = self.body.get()?;
        let journal = self.engine.get()?.journal();
        let following = journal.follow();
        let asker = self.caller.asker();
        let peers = params.transient.unwrap_or(true).then(|| body.connections.changes());
        let hold = params.consumer.as_ref().map(|name| self.consumers.take(asker.own(name)));
        let begun = self.engine.call(move |cx| {
            cx.asker = asker;
            rpc::events::begin(cx, &params)
        });
        let (cursor, selection) = begun.await?;
        let engine = self.engine.clone();
        let read = VecDeque::new();
        let reader =
            Reader { engine, journal, _following: following, peers, hold, selection, cursor, read, ended: false };
        Ok(stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }).boxed())
    }
}

/// One subscriber's place in the journal. It reads only as fast as its subscriber does.
struct Reader {
    engine: Slot<EngineHandle>,
    journal: Journal,
    _following: Following,
    /// Who comes and goes, if the subscriber wants to know.
    peers: Option<broadcast::Receiver<Change>>,
    /// Its name as a consumer.
    hold: Option<Hold>,
    selection: Selection,
    cursor: u64,
    read: VecDeque<EventText>,
    ended: bool,
}

impl Reader {
    /// The next event, or why there are no more; waits for it. `None` when the daemon stops.
    async fn next(&mut self) -> Option<Result<EventText, ApiError>> {
        if self.ended {
            return None;
        }
        // Taken out for the time, so that both can be waited for.
        let hold = self.hold.take();
        let taken = async {
            match &hold {
                Some(hold) => hold.taken().await,
                None => std::future::pending().await,
            }
        };
        let next = tokio::select! {
            biased;
            () = taken => {
                self.ended = true;
                Some(Err(ApiError::new(Reason::ConsumerTaken, "The consumer subscribed again; this subscription ends.")))
            }
            event = self.event() => match event {
                Some(event) => Some(Ok(event)),
                None if self.engine.is_locked() => {
                    self.ended = true;
                    Some(Err(slot::locked()))
                }
                None => None,
            },
        };
        self.hold = hold;
        next
    }

    async fn event(&mut self) -> Option<EventText> {
        loop {
            if let Some(event) = self.read.pop_front() {
                return Some(event);
            }
            // Seen before reading, so that what is written in between wakes us again.
            self.journal.see();
            let more = match self.journal.after(self.cursor, PAGE) {
                Some(events) => self.take(&events),
                None => self.page().await?,
            };
            if self.read.is_empty() && !more {
                tokio::select! {
                    changed = self.journal.changed() => changed.ok()?,
                    change = change(&mut self.peers) => {
                        if let Some(event) = self.peer(change).await {
                            return Some(event);
                        }
                    }
                }
            }
        }
    }

    /// Takes events as they were written. Whether there may be more.
    fn take(&mut self, events: &[Arc<Written>]) -> bool {
        self.cursor = events.last().map_or(self.cursor, |last| last.cursor);
        let selected = events.iter().filter(|written| self.selection.takes(written.kind, &written.about));
        self.read.extend(selected.map(|written| written.text.clone()));
        events.len() == PAGE
    }

    /// Reads events from the store. Whether there are more.
    async fn page(&mut self) -> Option<bool> {
        let (cursor, selection) = (self.cursor, self.selection.clone());
        let page = self.engine.call(move |cx| rpc::events::page(cx, cursor, PAGE, &selection)).await.ok()?;
        self.cursor = page.cursor.parse().ok()?;
        self.read.extend(page.events.iter().map(EventText::from));
        Some(page.more)
    }

    /// Tells of a peer, if it is a device of somebody we know.
    async fn peer(&self, change: Change) -> Option<EventText> {
        let Change { peer, connection, connected } = change;
        let owners = self.engine.call(move |cx| rpc::node::owners(cx, &[peer])).await.ok()?;
        let (contact, alias) = owners.into_iter().next().flatten()?;
        let peer = Peer {
            peer_id: addressing::peer_id(peer)?.to_string(),
            contact: Some(contact),
            alias,
            address: connection.address,
            relayed: connection.relayed,
            connected_since: Some(Time::from_unix_ms(connection.since)),
            connected,
        };
        let data = serde_json::to_value(peer).ok()?;
        let kind = EventKind::Peer.as_str();
        let is_selected = self.selection.takes(kind, &Subject::of(kind, &data));
        is_selected.then(|| EventText::new(None, kind, Time::from_unix_ms(runtime::now()), &data).ok()).flatten()
    }
}

/// The next one who comes or goes. Those that were missed are no loss: they are transient.
async fn change(peers: &mut Option<broadcast::Receiver<Change>>) -> Change {
    let Some(changes) = peers else { return std::future::pending().await };
    loop {
        match changes.recv().await {
            Ok(change) => return change,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
