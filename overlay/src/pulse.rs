//! Signs of life of one connection: when to ask for one, and when to give the connection up. `[NET-LIVE]`
//!
//! A TCP connection whose other end has moved away looks well: the kernel takes what is written and sends it again for
//! a quarter of an hour. So the peer is asked for a sign of life: at once when there is reason to doubt the connection, 2 s
//! after something was written and nothing came back (and if the answer is late all other peers too: the reason may be this
//! node's own network), and otherwise the more seldom the longer nothing happens, because
//! an idle phone pays for each packet. Who does not answer in time is given up. Anything counts as an answer: a ping, bytes of
//! a frame, and bulk that could be written, which the kernel takes only while the peer takes it. Without the last two a slow
//! line would be cut while it carries something large.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// A ping that takes so long has failed.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// What was written should have brought something back after this.
const WRITTEN: Duration = Duration::from_secs(2);
/// First pause of an idle connection between pings; doubled up to [`IDLE_MOST`].
const IDLE_FIRST: Duration = Duration::from_secs(5);
/// Longest such pause. Many routers forget an idle UDP connection after 30 s; QUIC keeps it alive by itself.
const IDLE_MOST: Duration = Duration::from_secs(60);
/// Who was asked and did not answer for so long is gone. `[NET-LIVE]`
const SILENT: Duration = Duration::from_secs(7);
/// The same where there is reason to doubt the connection. `[NET-LIVE]`
const DOUBTED: Duration = Duration::from_secs(5);
/// An answer that takes longer is a reason to use another connection, if there is one.
const SLOW: Duration = Duration::from_secs(3);
/// What was written is not answered, nor the question after it for so long: the others are asked too.
const LATE: Duration = Duration::from_secs(1);
/// Bulk that counts as one when it was written.
pub(crate) const BULK: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Pulse {
    state: Mutex<State>,
    /// Wakes whoever asks for signs of life.
    stir: Arc<Notify>,
    over: CancellationToken,
}

#[derive(Debug)]
struct State {
    last: Instant,
    /// When the peer was asked; it has not answered.
    asked: Option<Instant>,
    /// When something was written, of which nothing came back yet.
    written: Option<Instant>,
    /// When to ask the others too, unless something comes.
    late: Option<Instant>,
    doubted: bool,
    /// The pause until the next ping while nothing happens.
    idle: Duration,
    /// False of a peer that does not answer pings.
    watched: bool,
}

impl Pulse {
    pub(crate) fn new(now: Instant, stir: Arc<Notify>) -> Self {
        let state = State {
            last: now,
            asked: None,
            written: None,
            late: None,
            doubted: false,
            idle: IDLE_FIRST,
            watched: true,
        };
        Self { state: Mutex::new(state), stir, over: CancellationToken::new() }
    }

    /// The connection is closed or given up.
    pub(crate) fn end(&self) {
        self.over.cancel();
    }

    /// Waits for the end of the connection. yamux does not tell the streams of a connection that is closed by this node:
    /// whoever reads or writes one would wait for ever.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }

    pub(crate) fn beat(&self, now: Instant) {
        let mut state = self.lock();
        state.last = state.last.max(now);
        (state.asked, state.written, state.late, state.doubted) = (None, None, None, false);
    }

    /// Something was written that the peer should answer in some way.
    pub(crate) fn wrote(&self, now: Instant) {
        let mut state = self.lock();
        if state.written.is_none() {
            state.written = Some(now);
            drop(state);
            self.stir.notify_one();
        }
    }

    /// Something happened that the connection may not have survived.
    pub(crate) fn doubt(&self) {
        let mut state = self.lock();
        if !state.doubted {
            (state.doubted, state.idle) = (true, IDLE_FIRST);
            drop(state);
            self.stir.notify_one();
        }
    }

    /// The peer does not answer pings: its silence says nothing.
    pub(crate) fn ignore(&self) {
        self.lock().watched = false;
    }

    /// When to ask for a sign of life, if nothing comes.
    pub(crate) fn asks_at(&self) -> Option<Instant> {
        let state = self.lock();
        if !state.watched || state.asked.is_some() {
            return None;
        }
        let idle = state.last + state.idle;
        let written = state.written.map_or(idle, |at| idle.min(at + WRITTEN));
        Some(if state.doubted { state.last } else { written })
    }

    /// Whether to ask now; then it counts as asked.
    pub(crate) fn ask(&self, now: Instant) -> bool {
        if self.asks_at().is_none_or(|at| now < at) {
            return false;
        }
        let mut state = self.lock();
        state.asked = Some(now);
        state.idle = state.idle.saturating_mul(2).min(IDLE_MOST);
        state.late = state.written.map(|_| now + LATE);
        true
    }

    /// When its silence will be a reason to ask the others.
    pub(crate) fn late_at(&self) -> Option<Instant> {
        self.lock().late
    }

    /// Whether its silence is a reason to ask the others now; it is so once.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.lock().late.take_if(|at| *at <= now).is_some()
    }

    /// Asks out of turn. False if the peer was asked already.
    pub(crate) fn ask_too(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let free = state.watched && state.asked.is_none();
        if free {
            state.asked = Some(now);
        }
        free
    }

    /// When it is to be given up unless something comes.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        let state = self.lock();
        let patience = if state.doubted { DOUBTED } else { SILENT };
        state.asked.filter(|_| state.watched).map(|at| at + patience)
    }

    /// An answer is late, or there is another reason to doubt it.
    pub(crate) fn is_doubtful(&self, now: Instant) -> bool {
        let state = self.lock();
        state.watched && (state.doubted || state.asked.is_some_and(|at| at + SLOW <= now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(now: Instant) -> Pulse {
        Pulse::new(now, Arc::default())
    }

    #[test]
    fn a_peer_that_does_not_answer_is_given_up_and_any_sign_of_life_prevents_it() {
        // [NET-LIVE]
        let start = Instant::now();
        let pulse = pulse(start);
        assert!(!pulse.ask(start) && pulse.ends_at().is_none());
        let asked = start + IDLE_FIRST;
        assert!(pulse.ask(asked) && pulse.late_at().is_none());
        assert!(!pulse.ask(asked) && !pulse.ask_too(asked), "one question at a time");
        assert_eq!(pulse.ends_at(), Some(asked + SILENT));
        assert!(!pulse.is_doubtful(asked) && pulse.is_doubtful(asked + SLOW));
        pulse.beat(asked + SLOW);
        assert!(pulse.ends_at().is_none() && !pulse.is_doubtful(asked + SLOW));
    }

    #[test]
    fn what_is_written_into_a_dead_connection_is_noticed_in_nine_seconds() {
        // [NET-LIVE]
        let start = Instant::now();
        let pulse = pulse(start);
        let later = start + Duration::from_secs(1);
        pulse.wrote(later);
        pulse.wrote(later + Duration::from_secs(1));
        assert_eq!(pulse.asks_at(), Some(later + WRITTEN), "more of it gives no more time");
        assert!(pulse.ask(later + WRITTEN));
        assert_eq!(pulse.ends_at(), Some(later + Duration::from_secs(9)));
    }

    #[test]
    fn the_others_are_asked_only_if_the_answer_to_what_was_written_is_late() {
        // [NET-LIVE]
        let start = Instant::now();
        let pulse = pulse(start);
        pulse.wrote(start);
        let asked = start + WRITTEN;
        assert!(pulse.ask(asked) && !pulse.is_late(asked));
        pulse.beat(asked + LATE / 2);
        assert!(pulse.late_at().is_none() && !pulse.is_late(asked + LATE));
        pulse.wrote(asked + LATE);
        let asked = asked + LATE + WRITTEN;
        assert!(pulse.ask(asked));
        assert_eq!(pulse.late_at(), Some(asked + LATE));
        assert!(pulse.is_late(asked + LATE) && !pulse.is_late(asked + LATE), "once");
    }

    #[test]
    fn a_doubted_connection_is_asked_at_once_and_has_little_time() {
        // [NET-LIVE]
        let start = Instant::now();
        let pulse = pulse(start);
        pulse.doubt();
        assert!(pulse.is_doubtful(start) && pulse.ask(start));
        assert_eq!(pulse.ends_at(), Some(start + DOUBTED));
        pulse.doubt();
        assert_eq!(pulse.ends_at(), Some(start + DOUBTED), "more doubts give no more time");
    }

    #[test]
    fn an_idle_connection_is_asked_more_and_more_seldom() {
        let start = Instant::now();
        let pulse = pulse(start);
        let (mut now, mut pauses) = (start, Vec::new());
        for _ in 0..6 {
            let at = pulse.asks_at().expect("again");
            pauses.push((at - now).as_secs());
            now = at;
            assert!(pulse.ask(now));
            pulse.beat(now);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        pulse.wrote(now);
        pulse.beat(now);
        assert_eq!(pulse.asks_at(), Some(now + IDLE_MOST), "what is answered is no reason to ask more often");
    }

    #[test]
    fn a_peer_that_answers_no_pings_is_not_watched() {
        let start = Instant::now();
        let pulse = pulse(start);
        pulse.ignore();
        pulse.doubt();
        assert!(!pulse.ask(start + IDLE_MOST) && !pulse.ask_too(start) && pulse.ends_at().is_none());
    }
}
