//! Signs of life of one connection. `[NET-LIVE]`
//!
//! A TCP connection whose other end has moved away looks well: the kernel takes what is written and sends it again for
//! a quarter of an hour. So each connection is pinged, and one by which nothing has come for a while is given up.
//! Anything counts: a ping that was answered, bytes of a frame, and bulk that could be written, which the kernel takes
//! only while the peer takes it. Without the last two a slow line would be cut while it carries something large.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Pause between pings.
pub(crate) const PING: Duration = Duration::from_secs(5);
/// A ping that takes so long has failed.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(6);
/// A connection by which nothing came for so long is closed: a ping and its time-out. `[NET-LIVE]`
const SILENT: Duration = Duration::from_secs(11);
/// A connection that there is reason to doubt gets so long for a sign of life: one ping. `[NET-LIVE]`
const DOUBTED: Duration = Duration::from_secs(7);
/// Bulk that counts as one when it was written.
pub(crate) const BULK: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Pulse(Mutex<State>);

#[derive(Debug)]
struct State {
    last: Instant,
    doubted: Option<Instant>,
    /// False of a peer that does not answer pings.
    watched: bool,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { last: now, doubted: None, watched: true }))
    }

    pub(crate) fn beat(&self, now: Instant) {
        let mut state = self.lock();
        state.last = state.last.max(now);
        state.doubted = None;
    }

    /// Something happened that the connection may not have survived.
    pub(crate) fn doubt(&self, now: Instant) {
        self.lock().doubted.get_or_insert(now);
    }

    /// The peer does not answer pings: its silence says nothing.
    pub(crate) fn ignore(&self) {
        self.lock().watched = false;
    }

    /// When it is to be given up unless something comes.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        let state = self.lock();
        let silent = state.last + SILENT;
        state.watched.then(|| state.doubted.map_or(silent, |since| silent.min(since + DOUBTED)))
    }

    /// Nothing has come for longer than pings take to be answered, or there is another reason to doubt it.
    pub(crate) fn is_doubtful(&self, now: Instant) -> bool {
        let state = self.lock();
        state.watched && (state.doubted.is_some() || state.last + PING + Duration::from_secs(3) <= now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_connection_ends_and_any_sign_of_life_prevents_it() {
        // [NET-LIVE]
        let start = Instant::now();
        let pulse = Pulse::new(start);
        assert_eq!(pulse.ends_at(), Some(start + SILENT));
        let later = start + Duration::from_secs(9);
        assert!(pulse.is_doubtful(later));
        pulse.beat(later);
        assert!(!pulse.is_doubtful(later));
        assert_eq!(pulse.ends_at(), Some(later + SILENT));
    }

    #[test]
    fn a_doubted_connection_has_the_time_of_one_ping() {
        // [NET-LIVE]
        let start = Instant::now();
        let pulse = Pulse::new(start);
        pulse.doubt(start + Duration::from_secs(1));
        pulse.doubt(start + Duration::from_secs(5));
        assert_eq!(pulse.ends_at(), Some(start + Duration::from_secs(8)), "more doubts give no more time");
        assert!(PING < DOUBTED, "a living one is heard of in time");
        pulse.beat(start + Duration::from_secs(6));
        assert_eq!(pulse.ends_at(), Some(start + Duration::from_secs(6) + SILENT));
    }

    #[test]
    fn a_peer_that_answers_no_pings_is_not_watched() {
        let pulse = Pulse::new(Instant::now());
        pulse.ignore();
        pulse.doubt(Instant::now());
        assert_eq!(pulse.ends_at(), None);
    }
}
