//! Inbound streams: the gate in front of them and the reading of frames.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::{PeerId, Stream, swarm::ConnectionId};
use tokio::{
    sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::{ACCEPTED, OPEN_TIMEOUT, Origin, REFUSED, REPLACE_GRACE, STREAMS_PER_PROTOCOL, Valve};
use crate::{
    Event, Protocol,
    event::Queued,
    pulse::Pulse,
    shared::{Admission, Shared},
};

/// Bytes read of a refused stream before it is dropped, so that the refusal is not overtaken by a reset.
const DRAIN: usize = 16 << 10;
/// Growth of a frame's buffer: nothing is allocated on the strength of a length alone.
const CHUNK: usize = 64 << 10;

/// A stream that a peer opened.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) peer: PeerId,
    pub(crate) connection: ConnectionId,
    pub(crate) protocol: Protocol,
    pub(crate) stream: Stream,
}

/// The inbound streams of one (peer, protocol): one is read, at most one more waits to replace it.
#[derive(Debug)]
pub(crate) struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    places: Arc<Semaphore>,
    /// Of the streams that are in, the oldest first.
    valves: VecDeque<Arc<Valve>>,
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self { turn: Arc::default(), places: Arc::new(Semaphore::new(STREAMS_PER_PROTOCOL)), valves: VecDeque::new() }
    }

    /// A place for one more stream, if there is one. `[NET-STREAM-LIMIT]`
    pub(crate) fn enter(&mut self) -> Option<Place> {
        let held = self.places.clone().try_acquire_owned().ok()?;
        let valve = Arc::new(Valve::new());
        let previous = self.valves.back().cloned();
        self.valves.push_back(valve.clone());
        // Those that left are at the front: streams are read in turn.
        self.valves.drain(..self.valves.len().saturating_sub(STREAMS_PER_PROTOCOL));
        Some(Place { turn: self.turn.clone(), previous, valve, _held: held })
    }

    pub(crate) fn shut(&self) {
        self.valves.iter().for_each(|valve| valve.shut());
    }
}

/// The right to be read next.
#[derive(Debug)]
pub(crate) struct Place {
    turn: Arc<tokio::sync::Mutex<()>>,
    previous: Option<Arc<Valve>>,
    valve: Arc<Valve>,
    _held: OwnedSemaphorePermit,
}

impl Place {
    /// Waits until the previous stream has ended, or ends it: its frames never come after this one's.
    async fn turn(&self) -> OwnedMutexGuard<()> {
        if let Ok(turn) = timeout(REPLACE_GRACE, self.turn.clone().lock_owned()).await {
            return turn;
        }
        if let Some(previous) = &self.previous {
            previous.shut();
        }
        self.turn.clone().lock_owned().await
    }
}

/// Takes in, refuses or drops a stream. Never waits.
pub(crate) fn accept(shared: &Arc<Shared>, inbound: Inbound) {
    match shared.admit(&inbound) {
        Admission::Read { place, origin, source, pulse } => {
            let reader = Reader {
                shared: shared.clone(),
                peer: inbound.peer,
                protocol: inbound.protocol,
                origin,
                source,
                pulse,
                valve: place.valve.clone(),
            };
            shared.runtime.spawn(async move { reader.run(place, inbound.stream).await });
        }
        Admission::Refuse => refuse(shared, inbound.stream),
    }
}

/// Writes the uniform refusal and closes, if not too many refusals are being written. `[NET-GATE-UNIFORM]`
pub(crate) fn refuse(shared: &Arc<Shared>, stream: Stream) {
    shared.counters.refused();
    if let Ok(held) = shared.refusals.clone().try_acquire_owned() {
        shared.runtime.spawn(async move {
            let _ = timeout(OPEN_TIMEOUT, write_refusal(stream)).await;
            drop(held);
        });
    }
}

async fn write_refusal(mut stream: Stream) -> std::io::Result<()> {
    stream.write_all(&[REFUSED]).await?;
    stream.close().await?;
    let mut sink = [0; 1024];
    let mut drained = 0;
    while drained < DRAIN {
        match stream.read(&mut sink).await? {
            0 => break,
            n => drained += n,
        }
    }
    Ok(())
}

/// Why a stream is no longer read.
enum End {
    /// The remote closed it, it failed, or it broke the protocol: nothing to say.
    Over,
    /// The right to send has ended: say so, in the same words as ever.
    Refuse,
}

struct Reader {
    shared: Arc<Shared>,
    peer: PeerId,
    protocol: Protocol,
    origin: Origin,
    source: Option<std::net::IpAddr>,
    pulse: Arc<Pulse>,
    valve: Arc<Valve>,
}

impl Reader {
    async fn run(self, place: Place, mut stream: Stream) {
        let turn = self.valve.run(place.turn()).await;
        let end = match &turn {
            Some(_) => self.valve.run(self.read(&mut stream)).await.unwrap_or(End::Refuse),
            None => End::Refuse,
        };
        drop(turn);
        drop(place);
        if matches!(end, End::Refuse) {
            refuse(&self.shared, stream);
        }
    }

    async fn read(&self, stream: &mut Stream) -> End {
        self.shared.announced(&self.peer).await;
        if stream.write_all(&[ACCEPTED]).await.is_err() || stream.flush().await.is_err() {
            return End::Over;
        }
        loop {
            match self.frame(stream).await {
                Ok((frame, held)) => self.deliver(frame, held).await,
                Err(end) => return end,
            }
        }
    }

    /// One frame: its length against the limits first, then memory for it, then its bytes.
    async fn frame(&self, stream: &mut Stream) -> Result<(Bytes, OwnedSemaphorePermit), End> {
        let limits = &self.shared.limits;
        let mut header = [0; 4];
        let first = async {
            tokio::select! {
                biased; // What came before the end of the connection is read.
                read = stream.read_exact(&mut header[..1]) => read,
                () = self.pulse.over() => Err(std::io::ErrorKind::ConnectionAborted.into()),
            }
        };
        if self.stranger() {
            timeout(limits.stranger_idle, first).await.map_err(|_| End::Over)?.map_err(|_| End::Over)?;
        } else {
            first.await.map_err(|_| End::Over)?;
        }
        let limit = if self.stranger() { limits.stranger_frame_timeout } else { limits.frame_timeout };
        timeout(limit, stream.read_exact(&mut header[1..])).await.map_err(|_| End::Over)?.map_err(|_| End::Over)?;
        self.pulse.beat(Instant::now());
        let announced = u32::from_be_bytes(header);
        let Some(len) = length(self.protocol, announced) else {
            tracing::debug!(peer = %self.peer, protocol = %self.protocol, announced, "frame of a forbidden size");
            return Err(End::Over);
        };
        // [NET-STRANGER-BUDGET]
        if self.stranger()
            && !self.shared.stranger_frame(self.protocol, self.origin.budget(self.peer), announced, Instant::now())
        {
            return Err(End::Refuse);
        }
        let bytes = if self.stranger() { &self.shared.stranger_bytes } else { &self.shared.event_bytes };
        let held = bytes.clone().acquire_many_owned(announced).await.map_err(|_| End::Over)?;
        // [NET-FRAME-SLOW]
        let frame = timeout(limit, body(stream, len, || self.pulse.beat(Instant::now())))
            .await
            .map_err(|_| End::Over)?
            .map_err(|_| End::Over)?;
        Ok((frame, held))
    }

    /// Waits while the node is slow: this peer's stream then fills up, and no other's.
    async fn deliver(&self, frame: Bytes, held: OwnedSemaphorePermit) {
        let Ok(place) = self.shared.events.reserve().await else { return };
        self.shared.counters.received(frame.len());
        let event = Event::Frame { peer: self.peer, protocol: self.protocol, source: self.source, frame };
        self.valve.deliver(place, Queued { event, bytes: Some(held) });
    }

    /// Only `Pair` streams are read of peers that are not allowed; the others end with the right to them.
    fn stranger(&self) -> bool {
        !self.shared.is_allowed(&self.peer)
    }
}

/// The announced length of a frame, if the protocol allows it.
fn length(protocol: Protocol, announced: u32) -> Option<usize> {
    // [NET-FRAME-MAX]
    usize::try_from(announced).ok().filter(|len| (1..=protocol.max_frame()).contains(len))
}

/// Memory is taken as the bytes arrive, not as they are announced.
async fn body(stream: &mut (impl AsyncRead + Unpin), len: usize, arrived: impl Fn()) -> std::io::Result<Bytes> {
    let mut frame = Vec::with_capacity(len.min(CHUNK));
    while frame.len() < len {
        let start = frame.len();
        frame.resize(len.min(start + CHUNK), 0);
        stream.read_exact(&mut frame[start..]).await?;
        arrived();
    }
    Ok(frame.into())
}

/// One frame without limits of time, memory and rate.
pub(crate) async fn read_frame(protocol: Protocol, stream: &mut (impl AsyncRead + Unpin)) -> Option<Bytes> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.ok()?;
    body(stream, length(protocol, u32::from_be_bytes(header))?, || {}).await.ok()
}
