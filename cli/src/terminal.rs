//! The only place that writes to stdout and stderr.

use std::{
    env,
    io::{self, IsTerminal, Read, Write},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::{
    Globals,
    text::{Paint, escape_json},
};

/// Bytes of an answer that are read: more than a yes or no takes.
const LONGEST_ANSWER: usize = 64;

/// Where a command reads and writes.
pub struct Streams {
    /// Results.
    pub out: Box<dyn Write + Send>,
    /// Diagnostics and hints.
    pub err: Box<dyn Write + Send>,
    /// Text for `-`.
    pub stdin: Box<dyn Read + Send>,
}

/// Streams and how to write to them.
pub struct Terminal {
    streams: Streams,
    /// Bare JSON results.
    pub json: bool,
    /// No hints.
    pub quiet: bool,
    /// Full ids.
    pub full_ids: bool,
    /// Is a person looking at stdout?
    pub interactive: bool,
    /// Is a person typing at stdin?
    pub typing: bool,
    /// Colours on stdout.
    pub paint: Paint,
    paint_err: Paint,
    /// The zone that times are shown in.
    pub zone: TimeZone,
    now: fn() -> Timestamp,
}

impl Terminal {
    /// The process's own streams; colours only on a terminal and never with `NO_COLOR`.
    #[must_use]
    pub fn of_process(globals: &Globals) -> Self {
        let colours_wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let (out, err) = (io::stdout(), io::stderr());
        let interactive = out.is_terminal();
        let err_is_terminal = err.is_terminal();
        let streams = Streams { out: Box::new(out), err: Box::new(err), stdin: Box::new(io::stdin()) };
        Self {
            interactive,
            typing: io::stdin().is_terminal(),
            paint: Paint(colours_wanted && interactive),
            paint_err: Paint(colours_wanted && err_is_terminal),
            zone: TimeZone::system(),
            now: Timestamp::now,
            ..Self::plain(globals, streams)
        }
    }

    /// Other streams, for tests: no colours, UTC, and the epoch for the time of day.
    #[must_use]
    pub fn plain(globals: &Globals, streams: Streams) -> Self {
        Self {
            streams,
            json: globals.json,
            quiet: globals.quiet,
            full_ids: globals.verbose > 0,
            interactive: false,
            typing: false,
            paint: Paint(false),
            paint_err: Paint(false),
            zone: TimeZone::UTC,
            now: || Timestamp::UNIX_EPOCH,
        }
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Shows an answer: as bare JSON with `--json`, else as `human` writes it.
    ///
    /// # Errors
    /// Those of writing to stdout.
    pub fn show<T: Serialize>(
        &mut self,
        answer: &T,
        human: impl FnOnce(&mut Self, &T) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.json { self.json(answer) } else { human(self, answer) }
    }

    /// Writes a value as JSON: on one line, or indented if a person is looking.
    ///
    /// # Errors
    /// Those of writing to stdout.
    pub fn json<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        let text = if self.interactive { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        self.line(&escape_json(&text?))
    }

    /// Writes one line of NDJSON.
    ///
    /// # Errors
    /// Those of writing to stdout.
    pub fn ndjson<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        self.line(&escape_json(&serde_json::to_string(value)?))
    }

    /// Writes a line to stdout. What came from others has to be cleaned before.
    ///
    /// # Errors
    /// Those of writing to stdout.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.streams.out.write_all(format!("{text}\n").as_bytes())?;
        self.streams.out.flush()
    }

    /// Shows how far something is, on stderr, in the place of what was shown so before: only to somebody who is looking, and not with
    /// `--quiet` or `--json`. With an empty text the place is free again.
    ///
    /// # Errors
    /// None that matter: nobody may be looking.
    pub fn redraw(&mut self, text: &str) -> io::Result<()> {
        if self.interactive && !self.quiet && !self.json {
            let _ = write!(self.streams.err, "\r{text}\x1b[K");
            let _ = self.streams.err.flush();
        }
        Ok(())
    }

    /// Says what could be done next, on stderr; not with `--quiet` or `--json`.
    ///
    /// # Errors
    /// None that matter: nobody may be reading hints.
    pub fn hint(&mut self, text: &str) -> io::Result<()> {
        if !self.quiet && !self.json {
            let hint = self.paint_err.dim(text);
            let _ = writeln!(self.streams.err, "{hint}");
        }
        Ok(())
    }

    /// Writes a line of an error to stderr.
    ///
    /// # Errors
    /// Those of writing to stderr.
    pub fn complain(&mut self, text: &str) -> io::Result<()> {
        self.streams.err.write_all(format!("{text}\n").as_bytes())
    }

    /// Writes an error's sentence to stderr.
    ///
    /// # Errors
    /// Those of writing to stderr.
    pub fn error(&mut self, sentence: &str) -> io::Result<()> {
        let label = self.paint_err.red("error:");
        self.complain(&format!("{label} {sentence}"))
    }

    /// Asks whoever types a question. Only `y` and `yes` are a yes.
    ///
    /// # Errors
    /// Those of writing to stderr and of reading.
    pub fn ask(&mut self, question: &str) -> io::Result<bool> {
        let answer = self.ask_for(question)?.to_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    /// Asks whoever types a question, and gives the line that they type, without white space around it.
    ///
    /// # Errors
    /// Those of writing to stderr and of reading.
    pub fn ask_for(&mut self, question: &str) -> io::Result<String> {
        self.streams.err.write_all(question.as_bytes())?;
        self.streams.err.flush()?;
        // Byte by byte, so that nothing is read of what comes after the answer.
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while answer.len() < LONGEST_ANSWER && self.streams.stdin.read(&mut byte)? == 1 && byte != *b"\n" {
            answer.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    /// Reads stdin to its end, at most `limit` bytes.
    ///
    /// # Errors
    /// Those of reading, or that it is longer, or not UTF-8.
    pub fn read_stdin(&mut self, limit: u64) -> io::Result<String> {
        let mut text = String::new();
        self.streams.stdin.by_ref().take(limit + 1).read_to_string(&mut text)?;
        if text.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("there are more than {limit} bytes on stdin"),
            ));
        }
        Ok(text)
    }
}
