//! Follows a daemon's journal with `covey tail --follow --json`, across its restarts.

use std::{
    cell::RefCell,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Instant,
};

use serde_json::Value;

use super::PATIENCE;

/// All that happened at a node so far, and what happens.
#[derive(Default)]
pub(crate) struct Journal {
    events: RefCell<Vec<Value>>,
    follower: RefCell<Option<Follower>>,
}

/// One `covey tail`, which lives as long as its daemon.
struct Follower {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

impl Follower {
    fn start(mut covey: Command, cursor: &str) -> Self {
        covey.args(["tail", "--follow", "--json", "--from", cursor]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = covey.spawn().expect("covey starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("every line is an event");
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Journal {
    /// Goes through all that has happened since the node was made, and on, until something is found. Why not, if it is
    /// not to be.
    pub(super) fn search<T>(
        &self,
        covey: impl Fn() -> Command,
        mut found: impl FnMut(&[Value]) -> Option<T>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = found(&self.events.borrow()) {
                return Ok(found);
            }
            let mut follower = self.follower.borrow_mut();
            let cursor = self.cursor();
            let follower = follower.get_or_insert_with(|| Follower::start(covey(), &cursor));
            match follower.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.events.borrow_mut().push(event),
                Err(RecvTimeoutError::Timeout) => {
                    let last: Vec<String> =
                        self.events.borrow().iter().rev().take(5).rev().map(ToString::to_string).collect();
                    return Err(format!("not within {} s; the last events: {last:#?}", PATIENCE.as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err("the daemon went away".to_owned()),
            }
        }
    }

    /// The daemon has ended.
    pub(super) fn let_go(&self) {
        // What it wrote before its end is read again by the next.
        drop(self.follower.borrow_mut().take());
    }

    fn cursor(&self) -> String {
        let events = self.events.borrow();
        let newest = events.iter().rev().find_map(|event| event["cursor"].as_str());
        newest.unwrap_or("0").to_owned()
    }
}
