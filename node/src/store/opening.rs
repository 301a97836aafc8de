//! Opening sled's files: the lock, half-written snapshots, and writing through.

use std::{
    fs::{self, File},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

/// How long an open waits for the lock on the database file: sled's workers may hold it for a moment after a close.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Makes the kernel write the log in the order in which sled does (the attribute that `chattr +S` sets).
///
/// sled takes what `sync_file_range` was called for as written, reuses segments of the log and notes how far the log
/// is good on that ground. But parts that lie in newly allocated space are not found again after a power cut, whereas
/// later ones in reused space are: large transactions then cost the whole tree. Not all file systems have the
/// attribute; those that write in order anyway (ZFS) or keep nothing (tmpfs) can do without.
pub(super) fn write_through(log: &File) -> bool {
    let Ok(flags) = ioctl_getflags(log) else { return false };
    flags.contains(IFlags::SYNC) || ioctl_setflags(log, flags | IFlags::SYNC).is_ok()
}

/// Removes snapshots (sled's index of its log) that a crash or a full disk left half-written: sled would take the
/// newest of them for good and then find it corrupt. `false`: somebody holds the lock, and what looks half-written may
/// be in the making.
fn remove_unfinished_snapshots(dir: &Path) -> io::Result<bool> {
    // Held until they are removed. Without a log there is nothing to lock, and what is wrong is for sled to say.
    let Ok(log) = File::open(dir.join("db")) else { return Ok(true) };
    if log.try_lock().is_err() {
        return Ok(false);
    }
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(dir.join(&*name))?;
        }
    }
    Ok(true)
}

pub(super) fn open_patiently(dir: &Path, cache_bytes: u64) -> sled::Result<sled::Db> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    open_waiting(dir, cache_bytes, || {
        thread::sleep(Duration::from_millis(10));
        Instant::now() < deadline
    })
}

/// Opens the database when nobody holds its lock. `wait` comes between two attempts and says whether there is another.
///
/// No attempt goes on to sled before the unfinished snapshots are gone: the lock may become free at any moment.
pub(super) fn open_waiting(dir: &Path, cache_bytes: u64, mut wait: impl FnMut() -> bool) -> sled::Result<sled::Db> {
    loop {
        let free = remove_unfinished_snapshots(dir)?;
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(None);
        let opened = if free { config.open() } else { Err(sled::Error::Io(io::Error::other(LOCKED))) };
        match opened {
            Err(sled::Error::Io(e)) if is_lock(&e) && wait() => {}
            result => return result,
        }
    }
}

/// How sled begins the text of the error for a lock that somebody else holds.
const LOCKED: &str = "could not acquire lock";

/// sled reports a lock held by someone else as an error of kind `Other` with this text.
pub(super) fn is_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().starts_with(LOCKED)
}
