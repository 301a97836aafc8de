//! The journal over the RPC: pages, acknowledgements, and a live stream that misses nothing.

use std::collections::VecDeque;

use covey_api::{ApiError, Done, Event, EventPage, EventSource, EventsAck, EventsApi, EventsFetch, EventsSubscribe};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;

use super::Service;
use crate::engine::{Asker, idempotency, rpc};
use crate::runtime::EngineHandle;

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
    async fn subscribe(&self, params: EventsSubscribe) -> Result<BoxStream<'static, Event>, ApiError> {
        let journal = self.engine.journal();
        let asker = self.caller.asker();
        let who = asker.clone();
        let cursor = self.engine.call(move |cx| {
            cx.asker = who;
            rpc::events::begin(cx, &params)
        });
        let cursor = cursor.await?;
        let reader = Reader { engine: self.engine.clone(), journal, asker, cursor, read: VecDeque::new() };
        Ok(stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }).boxed())
    }
}

/// One subscriber's place in the journal. It reads only as fast as its subscriber does.
struct Reader {
    engine: EngineHandle,
    journal: watch::Receiver<u64>,
    asker: Asker,
    cursor: u64,
    read: VecDeque<Event>,
}

impl Reader {
    /// The next event; waits for it. `None` when the engine has stopped.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                return Some(event);
            }
            // Seen before reading, so that what is written in between wakes us again.
            self.journal.borrow_and_update();
            let (cursor, asker) = (self.cursor, self.asker.clone());
            let page = self.engine.call(move |cx| {
                cx.asker = asker;
                rpc::events::page(cx, cursor, PAGE)
            });
            let page = page.await.ok()?;
            self.cursor = page.cursor.parse().ok()?;
            self.read.extend(page.events);
            if self.read.is_empty() && !page.more {
                self.journal.changed().await.ok()?;
            }
        }
    }
}
