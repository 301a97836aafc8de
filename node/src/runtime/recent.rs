//! The newest events of the journal in memory, as they were written. Subscribers that keep up are served from here, beside
//! the engine and without reading the store; who is behind reads the store through the engine.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::engine::Written;

/// Bytes of events that are kept, about.
const MOST: usize = 1 << 20;

/// Bytes of an event besides its text, about.
const BESIDES: usize = 256;

/// Where the engine puts events when they are durable.
#[derive(Debug)]
pub(super) struct Recent {
    newest: watch::Sender<u64>,
    kept: Arc<Mutex<Kept>>,
    followers: Arc<AtomicUsize>,
}

/// Where subscribers get them.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    newest: watch::Receiver<u64>,
    kept: Arc<Mutex<Kept>>,
    followers: Arc<AtomicUsize>,
}

/// Somebody follows the journal as long as this is there.
#[derive(Debug)]
pub(crate) struct Following(Arc<AtomicUsize>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Kept {
    /// All events after this cursor are here.
    after: u64,
    events: VecDeque<Arc<Written>>,
    bytes: usize,
}

impl Recent {
    pub(super) fn new() -> (Self, Journal) {
        let (newest, watched) = watch::channel(0);
        let (kept, followers) = (Arc::new(Mutex::new(Kept::default())), Arc::default());
        let journal = Journal { newest: watched, kept: Arc::clone(&kept), followers: Arc::clone(&followers) };
        (Self { newest, kept, followers }, journal)
    }

    /// Whether anybody follows the journal. For nobody it is not shown while it is written.
    pub(super) fn is_followed(&self) -> bool {
        self.followers.load(Ordering::Relaxed) > 0
    }

    /// The journal has events up to this cursor; what it says of them is in the store.
    pub(super) fn begin(&self, cursor: u64) {
        self.keep(|kept| *kept = Kept { after: cursor, ..Kept::default() });
        self.tell(cursor);
    }

    /// One more event.
    pub(super) fn add(&self, written: Written) {
        let cursor = written.cursor;
        self.keep(|kept| kept.add(written));
        self.tell(cursor);
    }

    /// What earlier events say is not so any more.
    pub(super) fn forget(&self) {
        let cursor = *self.newest.borrow();
        self.keep(|kept| *kept = Kept { after: cursor, ..Kept::default() });
    }

    fn keep(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn tell(&self, cursor: u64) {
        self.newest.send_if_modified(|newest| {
            let newer = cursor > *newest;
            *newest = cursor.max(*newest);
            newer
        });
    }
}

impl Kept {
    fn add(&mut self, written: Written) {
        self.bytes += bytes(&written);
        self.events.push_back(Arc::new(written));
        while self.bytes > MOST
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= bytes(&oldest);
            self.after = oldest.cursor;
        }
    }
}

fn bytes(written: &Written) -> usize {
    BESIDES + written.text.as_str().len()
}

impl Journal {
    /// Has events kept here from now on; what was written before is read from the store.
    pub(crate) fn follow(&self) -> Following {
        self.followers.fetch_add(1, Ordering::Relaxed);
        Following(Arc::clone(&self.followers))
    }

    /// At most `limit` events after `cursor`, with their cursors; none if some of them are not here.
    pub(crate) fn after(&self, cursor: u64, limit: usize) -> Option<Vec<Arc<Written>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if cursor < kept.after {
            return None;
        }
        let begin = kept.events.partition_point(|written| written.cursor <= cursor);
        Some(kept.events.iter().skip(begin).take(limit).cloned().collect())
    }

    /// What is there is seen from now on.
    pub(crate) fn see(&mut self) {
        self.newest.borrow_and_update();
    }

    /// Waits for more; an error when the engine has stopped.
    pub(crate) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.newest.changed().await
    }
}

#[cfg(test)]
mod tests {
    use covey_api::{EventText, Time};
    use serde_json::json;

    use super::*;
    use crate::engine::Subject;

    fn written(cursor: u64, text: usize) -> Written {
        let (kind, data) = ("message.sent", json!({ "text": "x".repeat(text) }));
        let text = EventText::new(Some(cursor), kind, Time::from_unix_ms(1), &data).expect("JSON");
        Written { cursor, kind, about: Subject::of(kind, &data), text }
    }

    fn cursors(journal: &Journal, after: u64, limit: usize) -> Option<Vec<u64>> {
        journal.after(after, limit).map(|all| all.iter().map(|written| written.cursor).collect())
    }

    #[test]
    fn who_keeps_up_reads_from_memory_and_who_is_behind_does_not() {
        let (recent, journal) = Recent::new();
        recent.begin(7);
        assert_eq!(cursors(&journal, 6, 10), None, "that is in the store");
        assert_eq!(cursors(&journal, 7, 10), Some(vec![]));
        (8..12).for_each(|cursor| recent.add(written(cursor, 100)));
        assert_eq!(cursors(&journal, 7, 2), Some(vec![8, 9]));
        assert_eq!(cursors(&journal, 9, 10), Some(vec![10, 11]));
    }

    #[test]
    fn a_flood_of_events_takes_no_more_memory_than_a_few() {
        let (recent, journal) = Recent::new();
        (1..=1_000).for_each(|cursor| recent.add(written(cursor, MOST / 100 - 2 * BESIDES)));
        let kept = journal.after(1_000 - 50, 1_000).expect("the newest");
        assert_eq!(kept.len(), 50);
        assert_eq!(cursors(&journal, 500, 10), None);
        assert!(journal.kept.lock().expect("whole").events.len() <= 110);
    }

    #[test]
    fn it_is_known_whether_anybody_follows() {
        let (recent, journal) = Recent::new();
        assert!(!recent.is_followed());
        let (one, other) = (journal.follow(), journal.clone().follow());
        drop(one);
        assert!(recent.is_followed());
        drop(other);
        assert!(!recent.is_followed());
    }

    #[test]
    fn what_is_not_so_any_more_is_read_from_the_store_again() {
        let (recent, journal) = Recent::new();
        recent.add(written(1, 10));
        recent.forget();
        assert_eq!(cursors(&journal, 0, 10), None);
        recent.add(written(2, 10));
        assert_eq!(cursors(&journal, 1, 10), Some(vec![2]));
    }
}
