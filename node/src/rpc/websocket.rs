//! One WebSocket: requests are begun in the order in which they arrive [NODE-ORDER], answered when they are done, and events go
//! between the answers.
//!
//! Memory is bounded whatever the client does. It may have [`MAX_RUNNING`] calls under way and [`MAX_UNREAD`] bytes of
//! answers unread; beyond either its next request is not read, and TCP slows it. Events have a small buffer of their
//! own: a subscriber that does not read falls behind in the journal, which is on disk.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use covey_api::{MAX_RUNNING, MAX_UNREAD};
use futures::{
    FutureExt as _, Sink, SinkExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{FuturesUnordered, SplitStream},
};
use jsonrpsee::{Extensions, MethodSink};
use serde_json::value::RawValue;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::dispatch::{Answer, Connection, Dispatcher};
use crate::access::Caller;
use crate::runtime::{
    self,
    turn::{self, HandedOver},
};

/// What an answer costs beside its text, so that a great number of short ones is bounded too.
const ANSWER_OVERHEAD: usize = 64;
/// Events that wait for a client to read them.
const EVENT_BUFFER: usize = 64;
/// The client is asked for a sign of life this often.
const PING_EVERY: Duration = Duration::from_secs(30);
/// And taken for gone when it gave none for this long.
const MAX_SILENCE: Duration = Duration::from_secs(75);
/// How long the calls under way may take when the daemon stops.
const FINISH: Duration = Duration::from_secs(2);
/// How long a client has to read its last answers and say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// A token that lasts longer is looked at again when the client comes again: timers do not reach further.
const LONGEST_LEFT: Duration = Duration::from_secs(365 * 86_400);

/// Codes of the WebSocket protocol with which the server closes.
mod close {
    /// The daemon stops, or the client is gone.
    pub(super) const GOING_AWAY: u16 = 1001;
    /// The client said goodbye.
    pub(super) const NORMAL: u16 = 1000;
    /// What let the client in was revoked or has expired.
    pub(super) const REVOKED: u16 = 4401;
}

/// What ends connections.
pub(super) struct Ends {
    /// The daemon stops: what was begun is finished.
    pub(super) stop: CancellationToken,
    /// What let the client in was revoked: nothing more is done or said.
    revoked: CancellationToken,
    /// How long what let the client in is still valid.
    left: Option<Duration>,
}

impl Ends {
    /// Those of a connection of `caller`.
    pub(super) fn new(stop: CancellationToken, caller: Option<&Caller>) -> Self {
        let grant = caller.and_then(Caller::grant);
        let revoked = grant.map_or_else(CancellationToken::new, |grant| grant.revoked().clone());
        let left = grant.and_then(|grant| grant.expires_at());
        let left = left.map(|at| Duration::from_millis(at.saturating_sub(runtime::now())).min(LONGEST_LEFT));
        Self { stop, revoked, left }
    }

    /// Returns when what let the client in is no longer valid.
    async fn no_longer_valid(&self) {
        let expired = async {
            match self.left {
                Some(left) => sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.revoked.cancelled() => {}
            () = expired => {}
        }
    }
}

/// Serves one client until it leaves or must leave.
pub(super) async fn serve(socket: WebSocket, id: usize, extensions: Extensions, dispatcher: Dispatcher, ends: Ends) {
    let (sender, receiver) = socket.split();
    let (events, events_out) = mpsc::channel(EVENT_BUFFER);
    let (answers, answers_out) = mpsc::channel(MAX_UNREAD / ANSWER_OVERHEAD);
    let (end, ended) = oneshot::channel();
    let mut writer = tokio::spawn(write(sender, answers_out, events_out, ended));
    let mut session = Session {
        dispatcher,
        connection: Connection::with_events(id, extensions, MethodSink::new(events)),
        receiver,
        running: FuturesUnordered::new(),
        waiting: VecDeque::new(),
        answers,
        room: Arc::new(Semaphore::new(MAX_UNREAD)),
        heard: Instant::now(),
    };
    let code = tokio::select! {
        biased;
        () = ends.no_longer_valid() => close::REVOKED,
        code = session.run(&ends.stop) => code,
        // It cannot send any more.
        _ = &mut writer => return,
    };
    drop(session);
    let _ = end.send(code);
    if timeout(FAREWELL, &mut writer).await.is_err() {
        writer.abort();
    }
}

type Outgoing = (Box<RawValue>, OwnedSemaphorePermit);

struct Session {
    dispatcher: Dispatcher,
    connection: Connection,
    receiver: SplitStream<WebSocket>,
    running: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// Answers for which there was no room yet; as long as there are some, nothing more is read.
    waiting: VecDeque<Box<RawValue>>,
    answers: mpsc::Sender<Outgoing>,
    /// Bytes of answers that may still be put before the client.
    room: Arc<Semaphore>,
    /// When the client last gave a sign of life, or could not because nobody read it.
    heard: Instant,
}

impl Session {
    /// Until it ends: the code to close with.
    async fn run(&mut self, stop: &CancellationToken) -> u16 {
        let mut turn: Option<HandedOver> = None;
        let mut pings = interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let reads = turn.is_none() && self.running.len() < MAX_RUNNING && self.waiting.is_empty();
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    // What was begun happens anyway: whoever still listens learns of it.
                    let _ = timeout(FINISH, self.finish()).await;
                    return close::GOING_AWAY;
                }
                () = handed_over(&mut turn) => {}
                progress = answer(&mut self.running, &mut self.waiting, &self.room, &self.answers) => {
                    if progress.is_err() {
                        return close::GOING_AWAY;
                    }
                }
                message = self.receiver.next(), if reads => {
                    self.heard = Instant::now();
                    let text = match message {
                        Some(Ok(Message::Text(text))) => Bytes::from(text),
                        Some(Ok(Message::Binary(bytes))) => bytes,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return close::NORMAL,
                    };
                    let (call, handed_over) = turn::take(self.dispatcher.call(&self.connection, &text));
                    self.running.push(call.boxed());
                    turn = Some(handed_over);
                }
                _ = pings.tick() => {
                    if !reads {
                        self.heard = Instant::now();
                    }
                    if self.heard.elapsed() > MAX_SILENCE {
                        return close::GOING_AWAY;
                    }
                }
            }
        }
    }

    /// Waits for the calls under way and their answers.
    async fn finish(&mut self) {
        while !self.running.is_empty() || !self.waiting.is_empty() {
            if answer(&mut self.running, &mut self.waiting, &self.room, &self.answers).await.is_err() {
                return;
            }
        }
    }
}

/// The writer is gone.
struct Gone;

/// Takes one call that is done, or puts one answer before the client once there is room; waits for either.
async fn answer(
    running: &mut FuturesUnordered<BoxFuture<'static, Answer>>,
    waiting: &mut VecDeque<Box<RawValue>>,
    room: &Arc<Semaphore>,
    answers: &mpsc::Sender<Outgoing>,
) -> Result<(), Gone> {
    let cost = waiting.front().map_or(0, |answer| answer.get().len().saturating_add(ANSWER_OVERHEAD));
    let cost = u32::try_from(cost.min(MAX_UNREAD)).unwrap_or(u32::MAX);
    tokio::select! {
        biased;
        Some(answer) = running.next(), if !running.is_empty() => {
            waiting.extend(answer);
            Ok(())
        }
        place = Arc::clone(room).acquire_many_owned(cost), if !waiting.is_empty() => {
            let (Ok(place), Some(answer)) = (place, waiting.pop_front()) else { return Err(Gone) };
            // There is a place in the channel for each that there is room for.
            answers.try_send((answer, place)).map_err(|_| Gone)
        }
        else => std::future::pending().await,
    }
}

/// Resolves when the newest call was handed over; never if there is none.
async fn handed_over(turn: &mut Option<HandedOver>) {
    match turn {
        Some(waiting) => {
            // An error says that it ended.
            let _ = waiting.await;
            *turn = None;
        }
        None => std::future::pending().await,
    }
}

/// Writes what there is to write until told to close.
async fn write(
    mut socket: impl Sink<Message> + Unpin,
    mut answers: mpsc::Receiver<Outgoing>,
    mut events: mpsc::Receiver<Box<RawValue>>,
    mut end: oneshot::Receiver<u16>,
) {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut flushed = true;
    loop {
        let message = tokio::select! {
            biased;
            Some((answer, _place)) = answers.recv() => text(&answer),
            code = &mut end => {
                let code = code.unwrap_or(close::GOING_AWAY);
                let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::default() }))).await;
                return;
            }
            Some(event) = events.recv() => text(&event),
            // Only when nothing waits.
            () = std::future::ready(()), if !flushed => {
                if socket.flush().await.is_err() {
                    return;
                }
                flushed = true;
                continue;
            }
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        if socket.feed(message).await.is_err() {
            return;
        }
        flushed = false;
    }
}

fn text(json: &RawValue) -> Message {
    Message::Text(Utf8Bytes::from(json.get()))
}
