//! The journal of the mock: what happened, told in pages and as it happens.

use std::sync::MutexGuard;

use covey_api::*;
use futures::StreamExt as _;
use tokio::sync::watch;

use super::{Mock, at};

impl Mock {
    fn journal(&self) -> MutexGuard<'_, watch::Sender<Vec<Event>>> {
        self.journal.lock().unwrap()
    }

    pub fn subscribers(&self) -> usize {
        self.journal().receiver_count()
    }

    /// As if the daemon stopped.
    pub fn end_subscriptions(&self) {
        let mut journal = self.journal();
        let events = journal.borrow().clone();
        *journal = watch::Sender::new(events);
    }

    pub fn happen(&self, kind: &str, data: impl serde::Serialize) {
        self.journal().send_modify(|journal| {
            let cursor = Some((journal.len() + 1).to_string());
            let data = serde_json::to_value(data).unwrap();
            journal.push(Event { cursor, kind: kind.into(), at: at(0), data });
        });
    }
}

impl EventsApi for Mock {
    async fn fetch(&self, params: EventsFetch) -> Result<EventPage, ApiError> {
        let journal = self.journal().borrow().clone();
        let from = match (&params.from, params.last) {
            (Some(cursor), _) => cursor.parse().unwrap(),
            (None, Some(last)) => journal.len().saturating_sub(last as usize),
            (None, None) => 0,
        };
        // Pages of two, so that every longer story takes several.
        let events: Vec<Event> = journal[from..].iter().take(2).cloned().collect();
        let end = from + events.len();
        Ok(EventPage { events, cursor: end.to_string(), more: end < journal.len() })
    }

    async fn ack(&self, params: EventsAck) -> Result<Done, ApiError> {
        self.state().acked.push((params.consumer, params.cursor));
        Ok(Done::OK)
    }
}

impl EventSource for Mock {
    async fn subscribe(&self, params: EventsSubscribe) -> Result<EventStream, ApiError> {
        let journal = self.journal().subscribe();
        let from = match params.from {
            Some(cursor) => cursor.parse::<usize>().map_err(|_| {
                ApiError::new(Reason::InvalidCursor, "That cursor is not of this journal. Start without one.")
            })?,
            None => journal.borrow().len(),
        };
        Ok(futures::stream::unfold((journal, from), |(mut journal, next)| async move {
            let event = journal.wait_for(|events| events.len() > next).await.ok()?[next].clone();
            Some((Ok(EventText::from(&event)), (journal, next + 1)))
        })
        .boxed())
    }
}
