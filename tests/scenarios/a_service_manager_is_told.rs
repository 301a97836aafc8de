//! What systemd hears: ready, reloading, stopping, and a watchdog that is fed while the node answers.

use std::os::unix::net::UnixDatagram;

use tempfile::TempDir;

use crate::harness::{Launch, Node, PATIENCE, eventually};

/// Bytes of a segment of the database's log.
const SEGMENT: u64 = 512 * 1024;

struct Manager {
    socket: UnixDatagram,
    dir: TempDir,
}

impl Manager {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("binds");
        socket.set_read_timeout(Some(PATIENCE)).expect("sets");
        Self { socket, dir }
    }

    fn address(&self) -> String {
        format!("NOTIFY_SOCKET={}", self.dir.path().join("notify").display())
    }

    fn next(&self) -> String {
        let mut text = [0; 4096];
        let length = self.socket.recv(&mut text).expect("the daemon tells something");
        String::from_utf8(text[..length].to_vec()).expect("UTF-8")
    }

    fn until(&self, wanted: &str) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|text: &String| !text.starts_with(wanted)) {
            heard.push(self.next());
        }
        heard
    }
}

#[test]
fn it_hears_of_the_start_a_reload_and_the_end_and_the_watchdog_is_fed() {
    let manager = Manager::new();
    let launch = Launch::default().run_by(&["env", &manager.address(), "WATCHDOG_USEC=400000"]);
    let mut alice = Node::launch("alice", launch);
    assert!(manager.next().starts_with("READY=1"));
    for _ in 0..3 {
        manager.until("WATCHDOG=1");
    }
    alice.signal("HUP");
    manager.until("RELOADING=1");
    manager.until("READY=1");
    alice.stop();
    assert!(!manager.until("STOPPING=1").is_empty());
}

#[test]
fn a_full_disk_is_told_and_no_reason_to_start_the_node_again() {
    let manager = Manager::new();
    let mut alice = Node::start("alice");
    alice.stop();
    let size = alice.data().join("db/db").metadata().expect("a database").len();
    // Files may not grow beyond this: writes fail as on a full disk, without one being filled.
    let limit = format!("--fsize={}", size.next_multiple_of(SEGMENT) + 200_000);
    let wrapper = ["env", "--ignore-signal=XFSZ", &manager.address(), "WATCHDOG_USEC=400000", "prlimit", &limit];
    alice.resume_as(Launch::default().run_by(&wrapper));
    manager.until("WATCHDOG=1");
    let name = "n".repeat(60);
    eventually("the disk to be full", || {
        let full = (0..50).any(|n| alice.run(&["--json", "account", "rename", &format!("{name}{n}")]).code == 5);
        full.then_some(())
    });
    while manager.next().ends_with("STATUS=ready") {}
    for _ in 0..3 {
        let next = manager.next();
        let status = next.strip_prefix("WATCHDOG=1\nSTATUS=").unwrap_or_else(|| panic!("{next}"));
        assert!(status.contains("disk") || status.contains("db"), "{status}");
    }
}
