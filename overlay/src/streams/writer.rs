//! Outgoing streams: a bounded queue of frames and the task that writes them, many in one write.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{
    AsyncReadExt as _, AsyncWriteExt as _,
    io::{ReadHalf, WriteHalf},
};
use libp2p::{PeerId, Stream, swarm::ConnectionId};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, timeout},
};

use super::{
    ACCEPTED, ALL_QUEUES_BYTES, COALESCE, FINISH, OPEN_TIMEOUT, OpenStream, QUEUE_BYTES, QUEUE_FRAMES, REFUSED,
    REOPEN_FIRST, REOPEN_MOST, Valve, Via, WRITE_STALL,
};
use crate::{
    Event, Protocol, SendError,
    backoff::jittered,
    pulse::{BULK, Pulse},
    shared::Shared,
};

/// When a writer opens its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// At once, and again whenever it ends.
    Always,
    /// When there is a frame to send.
    Frames,
}

/// The queue's end of one outgoing stream.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Counted>,
    bytes: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
    wake: Arc<Notify>,
    relocate: Arc<Notify>,
    /// Where the stream is while there is one.
    on: Arc<Mutex<Option<ConnectionId>>>,
    valve: Arc<Valve>,
}

impl Writer {
    pub(crate) fn start(shared: &Arc<Shared>, peer: PeerId, protocol: Protocol, need: Need) -> Self {
        let (queue, frames) = mpsc::channel(QUEUE_FRAMES);
        let (valve, wake, relocate) = (Arc::new(Valve::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let on = Arc::new(Mutex::new(None));
        let task = Task {
            shared: shared.clone(),
            peer,
            protocol,
            need,
            frames,
            taken: VecDeque::new(),
            wake: wake.clone(),
            relocate: relocate.clone(),
            on: on.clone(),
            valve: valve.clone(),
            told: None,
        };
        let ends = valve.clone();
        shared.runtime.spawn(async move {
            ends.run(task.run()).await;
        });
        Self { queue, bytes: Arc::default(), all: shared.queued.clone(), wake, relocate, on, valve }
    }

    /// Queues a frame. `[NET-QUEUE-LIMIT]`
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), SendError> {
        let frame = Counted::new(frame, &self.bytes, &self.all).ok_or(SendError::QueueFull)?;
        self.queue.try_send(frame).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => SendError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => SendError::NotConnected,
        })
    }

    /// The peer opened its stream to us: a refused one of ours may now be accepted.
    pub(crate) fn retry(&self) {
        self.wake.notify_one();
    }

    /// There is a better connection: end the stream in good order and open it there.
    pub(crate) fn relocate(&self) {
        self.relocate.notify_one();
    }

    /// The connection that its stream is on, if it has one.
    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        *self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shut(&self) {
        self.valve.shut();
    }
}

/// A queued frame that counts against its queue and against all queues until it is written or dropped.
#[derive(Debug)]
struct Counted {
    frame: Bytes,
    counters: [Arc<AtomicUsize>; 2],
}

impl Counted {
    fn new(frame: Bytes, queue: &Arc<AtomicUsize>, all: &Arc<AtomicUsize>) -> Option<Self> {
        let len = frame.len();
        let counted = Self { frame, counters: [queue.clone(), all.clone()] };
        let fits = [(queue, QUEUE_BYTES), (all, ALL_QUEUES_BYTES)]
            .map(|(counter, most)| counter.fetch_add(len, Ordering::Relaxed) + len <= most);
        fits.iter().all(|fits| *fits).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        for counter in &self.counters {
            counter.fetch_sub(self.frame.len(), Ordering::Relaxed);
        }
    }
}

/// Why a stream is no longer written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Refused,
    Failed,
    /// In good order, to go on elsewhere: nothing is lost.
    Relocated,
    /// To go on elsewhere, but the peer has not confirmed the end of this one: its last frames may be lost. Perhaps the
    /// connection is gone.
    Left,
}

struct Task {
    shared: Arc<Shared>,
    peer: PeerId,
    protocol: Protocol,
    need: Need,
    frames: mpsc::Receiver<Counted>,
    /// Taken from the queue, not yet written.
    taken: VecDeque<Counted>,
    wake: Arc<Notify>,
    relocate: Arc<Notify>,
    on: Arc<Mutex<Option<ConnectionId>>>,
    valve: Arc<Valve>,
    /// What the node was told last: open or not.
    told: Option<bool>,
}

impl Task {
    async fn run(mut self) {
        let mut pause = REOPEN_FIRST;
        loop {
            if self.need == Need::Frames && self.taken.is_empty() && !self.take_one().await {
                return;
            }
            let end = match self.open().await {
                Ok((stream, via)) => {
                    pause = REOPEN_FIRST;
                    if self.told != Some(true) {
                        self.tell(true, false).await;
                    }
                    self.is_on(Some(via.connection));
                    let end = self.write(stream, &via.pulse).await;
                    self.is_on(None);
                    if end == End::Relocated {
                        continue;
                    }
                    self.lose(end).await;
                    if end == End::Left {
                        continue;
                    }
                    end
                }
                Err(End::Refused) => {
                    self.lose(End::Refused).await;
                    End::Refused
                }
                // Nothing was sent, nothing is lost; but the node should know if it had another stream before.
                Err(end) => {
                    if self.told == Some(true) {
                        self.tell(false, false).await;
                    }
                    if end == End::Left {
                        continue;
                    }
                    end
                }
            };
            tracing::debug!(peer = %self.peer, protocol = %self.protocol, ?end, "stream ended");
            self.rest(pause).await;
            pause = (pause * 2).min(REOPEN_MOST);
        }
    }

    /// Asks for a stream and for the peer's verdict on it.
    async fn open(&self) -> Result<(Stream, Via), End> {
        let (reply, opened) = oneshot::channel();
        let request = OpenStream { peer: self.peer, protocol: self.protocol, reply };
        let opening = async {
            self.shared.opens.send(request).await.map_err(|_| End::Failed)?;
            let (mut stream, via) = opened.await.map_err(|_| End::Failed)?;
            let mut verdict = [REFUSED];
            tokio::select! {
                read = stream.read_exact(&mut verdict) => read.map_err(|_| End::Failed)?,
                () = via.pulse.over() => return Err(End::Left),
            }
            via.pulse.beat(Instant::now());
            if verdict == [ACCEPTED] { Ok((stream, via)) } else { Err(End::Refused) }
        };
        timeout(OPEN_TIMEOUT, opening).await.unwrap_or(Err(End::Failed))
    }

    async fn write(&mut self, stream: Stream, pulse: &Pulse) -> End {
        let (mut verdicts, mut frames) = stream.split();
        let relocate = self.relocate.clone();
        loop {
            if self.taken.is_empty() {
                tokio::select! {
                    biased;
                    () = relocate.notified() => {
                        // The acceptor reads to the end and then ends the stream itself.
                        let ended = timeout(FINISH, finish(&mut frames, &mut verdicts)).await;
                        return if ended == Ok(true) { End::Relocated } else { End::Left };
                    }
                    end = watch(&mut verdicts, pulse) => return end,
                    more = self.take_one() => if !more { return End::Failed },
                }
            }
            let batch = self.gather();
            let mut writing = pin!(write(&mut frames, &batch, pulse));
            let written = tokio::select! {
                end = watch(&mut verdicts, pulse) => return end,
                written = timeout(WRITE_STALL, &mut writing) => written,
                () = relocate.notified() => {
                    // What is half written is finished first, and then it moves; or the connection is dead.
                    relocate.notify_one();
                    match timeout(FINISH, &mut writing).await {
                        Ok(written) => Ok(written),
                        Err(_) => return End::Left,
                    }
                }
            };
            match written {
                Ok(Ok(())) => {
                    pulse.wrote(Instant::now());
                    self.shared.counters.sent(self.taken.len(), batch.len());
                }
                Ok(Err(_)) | Err(_) => return End::Failed,
            }
            self.taken.clear();
        }
    }

    fn is_on(&self, connection: Option<ConnectionId>) {
        *self.on.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    async fn take_one(&mut self) -> bool {
        let frame = self.frames.recv().await;
        let more = frame.is_some();
        self.taken.extend(frame);
        more
    }

    /// The taken frame and whatever else waits, as one write. `[NET-STREAM-COALESCE]`
    fn gather(&mut self) -> BytesMut {
        let mut bytes: usize = self.taken.iter().map(|f| f.frame.len() + 4).sum();
        while bytes < COALESCE {
            let Ok(frame) = self.frames.try_recv() else { break };
            bytes += frame.frame.len() + 4;
            self.taken.push_back(frame);
        }
        let mut batch = BytesMut::with_capacity(bytes);
        for Counted { frame, .. } in &self.taken {
            batch.put_u32(u32::try_from(frame.len()).expect("send() checked it against the largest frame"));
            batch.put_slice(frame);
        }
        batch
    }

    /// After a refusal nothing of the queue will ever be wanted; after a failure only the last write is lost.
    async fn lose(&mut self, end: End) {
        let mut lost = self.taken.len();
        self.taken.clear();
        if end == End::Refused {
            while self.frames.try_recv().is_ok() {
                lost += 1;
            }
        }
        if lost > 0 || self.told != Some(false) {
            self.tell(false, end == End::Refused).await;
        }
    }

    async fn tell(&mut self, open: bool, refused: bool) {
        self.told = Some(open);
        if !self.shared.is_reported(&self.peer) {
            return;
        }
        self.shared.announced(&self.peer).await;
        let (peer, protocol) = (self.peer, self.protocol);
        let event = if open { Event::Opened { peer, protocol } } else { Event::Closed { peer, protocol, refused } };
        if let Ok(place) = self.shared.events.reserve().await {
            self.valve.deliver(place, event.into());
        }
    }

    async fn rest(&self, pause: Duration) {
        let pause = jittered(pause, &mut rand::rng());
        // Whichever comes first.
        let _ = timeout(pause, self.wake.notified()).await;
    }
}

/// Waits for the acceptor to end the stream, for it has nothing else to say, or for the end of the connection.
async fn watch(verdicts: &mut ReadHalf<Stream>, pulse: &Pulse) -> End {
    let mut verdict = [ACCEPTED];
    tokio::select! {
        read = verdicts.read_exact(&mut verdict) => match read {
            Ok(()) if verdict == [REFUSED] => End::Refused,
            _ => End::Failed,
        },
        () = pulse.over() => End::Left,
    }
}

/// True when the acceptor has read everything and ended the stream.
async fn finish(frames: &mut WriteHalf<Stream>, verdicts: &mut ReadHalf<Stream>) -> bool {
    let mut rest = [0];
    frames.close().await.is_ok() && matches!(verdicts.read(&mut rest).await, Ok(0))
}

async fn write(frames: &mut WriteHalf<Stream>, batch: &[u8], pulse: &Pulse) -> std::io::Result<()> {
    for chunk in batch.chunks(BULK) {
        frames.write_all(chunk).await?;
        if chunk.len() == BULK {
            pulse.beat(Instant::now());
        }
    }
    frames.flush().await
}
