//! What a message could not cost less than: the disk, the store with the rows of a message, a connection.

use std::{fs::File, io::Write as _, time::Instant};

use rand::{Rng as _, SeedableRng, rngs::StdRng};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::measure::median;

/// Sizes of the rows of one message: entry, message, what finds it again. (`covey db stats` tells them.)
const ROWS: [usize; 3] = [500, 370, 115];
/// Rows that change with every commit: head, session, channel, counters, what others have.
const HOT: [usize; 5] = [180, 600, 220, 40, 140];
/// Of an event, which shares its row with others of the same commit: in this many rows, 2 of them for each message.
const EVENT: usize = 100;
const EVENTS_IN_A_ROW: usize = 32;
const COMMITS: usize = 500;
const MESSAGES: usize = 40_000;
const ROUND_TRIPS: usize = 2_000;
const FRAME: usize = 512;

pub struct Floors {
    /// Microseconds each.
    pub fsync: f64,
    pub commit: f64,
    /// The same with the log written through, as the node has it written (`node/src/store/opening.rs` says why).
    pub durable: f64,
    pub round_trip: f64,
    /// Messages in a second.
    pub rate: f64,
}

impl Floors {
    pub async fn measure() -> Self {
        Self {
            fsync: fsync(),
            commit: commit(false),
            durable: commit(true),
            round_trip: round_trip().await,
            rate: rate(),
        }
    }
}

fn micros(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}

fn fsync() -> f64 {
    let dir = tempfile::tempdir().expect("a directory");
    let mut file = File::create(dir.path().join("file")).expect("a file");
    let write = |_| {
        let began = Instant::now();
        file.write_all(&[7; 4096]).expect("a disk");
        file.sync_all().expect("a disk");
        micros(began)
    };
    median((0..COMMITS).map(write).collect())
}

/// sled with such rows, flushed as the node does. Its log is written through only if told so.
struct Rows {
    db: sled::Db,
    log: File,
    rng: StdRng,
    number: u64,
    _dir: tempfile::TempDir,
}

impl Rows {
    fn new(through: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let config = sled::Config::new().path(dir.path()).cache_capacity(8 << 20).flush_every_ms(None);
        let db = config.open().expect("a database");
        let log = File::open(dir.path().join("db")).expect("its log");
        if through && let Ok(flags) = ioctl_getflags(&log) {
            // Not all file systems have it; the node does without it there, too.
            let _ = ioctl_setflags(&log, flags | IFlags::SYNC);
        }
        Self { db, log, rng: StdRng::seed_from_u64(1), number: 0, _dir: dir }
    }

    fn commit(&mut self, messages: usize) {
        let mut batch = sled::Batch::default();
        for _ in 0..messages {
            self.number += 1;
            for (table, size) in ROWS.into_iter().enumerate() {
                let key = [&[table as u8][..], &self.number.to_be_bytes(), &[7; 8]].concat();
                batch.insert(key, self.row(size));
            }
        }
        let mut events = 2 * messages;
        while events > 0 {
            let in_row = events.min(EVENTS_IN_A_ROW);
            let key = [&[50][..], &self.number.to_be_bytes(), &events.to_be_bytes()].concat();
            batch.insert(key, self.row(in_row * EVENT));
            events -= in_row;
        }
        for (table, size) in HOT.into_iter().enumerate() {
            batch.insert(vec![100 + table as u8; 20], self.row(size));
        }
        self.db.apply_batch(batch).expect("a disk");
        self.db.flush().expect("a disk");
        self.log.sync_all().expect("a disk");
    }

    fn row(&mut self, size: usize) -> Vec<u8> {
        let mut row = vec![0; size];
        self.rng.fill_bytes(&mut row);
        row
    }
}

fn commit(through: bool) -> f64 {
    let mut rows = Rows::new(through);
    let commit = |_| {
        let began = Instant::now();
        rows.commit(1);
        micros(began)
    };
    median((0..COMMITS).map(commit).collect())
}

fn rate() -> f64 {
    let mut rows = Rows::new(false);
    let began = Instant::now();
    (0..MESSAGES / super::WINDOW).for_each(|_| rows.commit(super::WINDOW));
    (MESSAGES / super::WINDOW * super::WINDOW) as f64 / began.elapsed().as_secs_f64()
}

/// There and back on a connection of this machine.
async fn round_trip() -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("TCP");
        let mut frame = [0; FRAME];
        while stream.read_exact(&mut frame).await.is_ok() && stream.write_all(&frame).await.is_ok() {}
    });
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("TCP");
    let mut trips = Vec::new();
    for _ in 0..ROUND_TRIPS {
        let began = Instant::now();
        let mut frame = [7; FRAME];
        stream.write_all(&frame).await.expect("a connection");
        stream.read_exact(&mut frame).await.expect("a connection");
        trips.push(micros(began));
    }
    median(trips)
}
