//! The process and its disk.

use std::fs;
use std::path::{Path, PathBuf};

use super::page::Page;

/// How much space there is, in bytes.
pub(super) struct Disk {
    pub(super) used: u64,
    pub(super) free: u64,
}

/// The space that the database in `data_dir` takes, and what is left.
pub(super) async fn disk(data_dir: PathBuf) -> Option<Disk> {
    let look = move || {
        let free = rustix::fs::statvfs(&data_dir).ok().map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize))?;
        Some(Disk { used: bytes_below(&data_dir.join("db")), free })
    };
    tokio::task::spawn_blocking(look).await.ok()?
}

/// Bytes of the files below a directory. Links are not followed.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The names are those that all clients of Prometheus use.
pub(super) fn fill(page: &mut Page, started_at: u64) {
    page.seconds("process_start_time_seconds", "Start of the process, Unix time", super::seconds(started_at));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(kib) = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")) {
        let bytes = kib.trim().parse::<u64>().unwrap_or(0).saturating_mul(1_024);
        page.gauge("process_resident_memory_bytes", "Memory in use", bytes);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open files and sockets", open.count());
    }
}
