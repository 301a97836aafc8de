//! What signals ask of the process.
//!
//! SIGINT and SIGTERM end it. SIGHUP means two things: an operator (or `systemctl reload`) wants the configuration to be read
//! again, or the terminal in which the process was started is gone. A process that had a terminal at its start and has
//! none any more is in the second case, and ends as after SIGTERM; started with `nohup` it goes on. SIGUSR1 and SIGUSR2
//! ask how the node is.

use std::{
    fs::{self, File},
    time::Duration,
};

use covey_api::Exit;
use covey_cli::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// End.
    Stop,
    /// Read the configuration again.
    Reload,
    /// Log how the node is.
    Report,
}

/// The signals that this process listens to.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    /// The process ends when its terminal does.
    ends_with_terminal: bool,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        // Before the handler takes its place.
        let ignores_hangup = fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status));
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::Ended {
                exit: Exit::Refused,
                sentence: format!("cannot listen for signals: {error}"),
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            user1: listen(SignalKind::user_defined1())?,
            user2: listen(SignalKind::user_defined2())?,
            ends_with_terminal: has_terminal() && !ignores_hangup,
        })
    }

    /// What the next signal asks.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.hangup.recv() => if self.ends_with_terminal && !has_terminal() { Wish::Stop } else { Wish::Reload },
            _ = self.user1.recv() => Wish::Report,
            _ = self.user2.recv() => Wish::Report,
        }
    }

    /// Returns when the process is asked to end.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }

    /// Returns when the process is asked once more to end. What comes within a second of the first time is the same wish: some
    /// programs signal a process and then its whole group.
    pub(crate) async fn stop_again(&mut self) {
        let same = async {
            loop {
                self.stop().await;
            }
        };
        let _elapsed: Result<(), _> = tokio::time::timeout(Duration::from_secs(1), same).await;
        self.stop().await;
    }
}

/// Whether a terminal controls this process.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Whether SIGHUP (signal 1) is ignored, by what /proc/self/status says.
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_noticed() {
        assert!(ignores_hangup("Name:\tcovey\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n"));
        assert!(!ignores_hangup("Name:\tcovey\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
        assert!(!ignores_hangup(""));
    }
}
