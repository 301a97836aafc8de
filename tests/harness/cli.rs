//! The binary as a user runs it.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{Read, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::PATIENCE;

/// How often is looked whether a command has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The JSON value that a successful command printed, and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        assert_eq!(self.stderr, "", "a successful command has nothing to say on stderr");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one sentence of a command that failed with `code` and left stdout empty.
    #[track_caller]
    pub(crate) fn sentence(&self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        // A daemon that does not get far may have logged something before.
        let is_log =
            |line: &&str| line.starts_with(|c: char| c.is_ascii_digit()) && line.as_bytes().get(10) == Some(&b'T');
        let mut lines = self.stderr.lines().filter(|line| !is_log(line));
        let sentence = lines.next().unwrap_or_default().strip_prefix("error: ").unwrap_or_default().to_owned();
        assert!(sentence.len() > 15, "no sentence: {self:?}");
        assert!(is_sentence(&sentence), "not one with a capital and a full stop: {self:?}");
        let more: Vec<&str> = lines.filter(|line| !line.starts_with("  ")).collect();
        assert!(more.is_empty(), "more than a sentence and its candidates: {self:?}");
        self.no_panic();
        sentence
    }

    /// Nothing of a panic or a backtrace can be seen.
    #[track_caller]
    pub(crate) fn no_panic(&self) {
        for sign in ["panic", "backtrace", "RUST_", ".rs:", "has a bug", "ERROR"] {
            assert!(!self.stderr.contains(sign), "{self:?}");
        }
        assert_ne!(self.code, 70, "{self:?}");
    }
}

/// Whether an error has the form of all: a capital in front, a full stop at the end. A name, setting or path in front stays as
/// it is.
fn is_sentence(text: &str) -> bool {
    const PEOPLE: [&str; 9] = ["nobody", "alice", "bob", "bobby", "carol", "dave", "dora", "erin", "mallory"];
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_word = first.bytes().all(|byte| byte.is_ascii_lowercase());
    (!is_word || PEOPLE.contains(&first)) && text.ends_with(['.', '?', '…'])
}

/// The binary that was built with these tests, or the one `COVEY_TEST_BINARY` names.
pub(crate) fn binary() -> OsString {
    env::var_os("COVEY_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_covey").into())
}

/// A command without anything of the caller's environment that covey looks at; `home` stands for the home directory.
pub(crate) fn covey(home: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end, with something on its stdin. One that does not end in time is killed.
pub(crate) fn run<S: AsRef<OsStr>>(mut command: Command, args: impl IntoIterator<Item = S>, stdin: &str) -> Ran {
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("covey starts");
    // It may end without reading.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    let collect = |mut pipe: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).map(|_| text).expect("covey writes UTF-8")
        })
    };
    let stdout = collect(Box::new(child.stdout.take().expect("a pipe")));
    let stderr = collect(Box::new(child.stderr.take().expect("a pipe")));
    let deadline = Instant::now() + PATIENCE;
    let mut killed = false;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > deadline && !killed {
            child.kill().expect("can be killed");
            killed = true;
        }
        thread::sleep(LOOK_AGAIN);
    };
    let text = |pipe: thread::JoinHandle<String>| pipe.join().expect("covey writes UTF-8");
    let ran = Ran { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) };
    assert!(!killed, "{command:?} did not end: {ran:?}");
    ran
}
