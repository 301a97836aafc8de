//! How a command ends when it does not end well: one sentence, what to do, the right exit code.

use std::io;

use covey_api::{ApiError, Exit, Reason, sentence as as_sentence};
use jsonrpsee::core::client::Error as ClientError;
use serde_json::{Value, json};

use crate::{
    Terminal,
    text::{clean_line, clean_words, short_group, short_id},
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was refused, by the daemon or on the way to it.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// A part of the program that has no RPC errors ended with this class and sentence.
    #[error("{sentence}")]
    Ended {
        /// The class.
        exit: Exit,
        /// What happened and what to do.
        sentence: String,
    },
    /// The outcome has been shown already; only the exit code is left to tell.
    #[error("ended with exit code {}", .0.code())]
    Told(Exit),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

impl Failure {
    /// A refusal that never reached the daemon.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self::Refused(ApiError::new(reason, message))
    }

    /// The exit code of the process.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(error) => error.exit(),
            Self::Told(exit) | Self::Ended { exit, .. } => *exit,
            Self::Output(_) => Exit::Refused,
        }
    }

    /// Tells it on stderr, if there is anything left to tell. With `--json` as one JSON object.
    pub fn tell(&self, terminal: &mut Terminal) {
        let told = match self {
            Self::Told(_) => Ok(()),
            Self::Refused(error) if terminal.json => terminal.complain(&as_json(error).to_string()),
            Self::Refused(error) => sentence(error, terminal),
            Self::Ended { exit, sentence } if terminal.json => {
                let ended = json!({"error": {"message": as_sentence(sentence), "exit": exit.code()}});
                terminal.complain(&ended.to_string())
            }
            Self::Ended { .. } | Self::Output(_) => terminal.error(&as_sentence(&clean_line(&self.to_string()))),
        };
        // Nobody listens on stderr: the exit code has to do.
        let _ = told;
    }
}

/// A reader that went away (`covey messages | head`) is not an error.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Told(Exit::Done) } else { Self::Output(error) }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let (reason, message) = match error {
            ClientError::Call(refusal) => return Self::Refused(refusal.into()),
            ClientError::RequestTimeout => (
                Reason::TimedOut,
                "The daemon did not answer in time. Look with `covey status`, or allow more with --timeout.".into(),
            ),
            ClientError::ParseError(error) => (
                Reason::Internal,
                format!(
                    "The daemon's answer makes no sense to this version of covey ({error}). Restart the daemon after an update."
                ),
            ),
            ClientError::RestartNeeded(_) | ClientError::Transport(_) | ClientError::ServiceDisconnect => (
                Reason::Unreachable,
                "The daemon closed the connection. It may be stopping; look with `covey status`.".into(),
            ),
            other => (Reason::Internal, format!("The RPC client failed: {other}.")),
        };
        Self::new(reason, message)
    }
}

fn as_json(error: &ApiError) -> Value {
    json!({"error": {
        "code": error.code,
        "reason": error.reason,
        "message": error.message,
        "data": error.data,
        "exit": error.exit().code(),
    }})
}

/// The sentence, and below it the candidates of an ambiguous name, with what tells them apart.
fn sentence(error: &ApiError, terminal: &mut Terminal) -> io::Result<()> {
    terminal.error(&clean_line(&error.message))?;
    for candidate in error.data["candidates"].as_array().into_iter().flatten() {
        let first = |fields: &[&str]| fields.iter().find_map(|field| candidate[field].as_str()).unwrap_or_default();
        let id = match first(&["group"]) {
            "" => short_id(first(&["contact", "account", "channel"])),
            group => short_group(group),
        };
        // What is in quotes they call themselves.
        let is_ours = candidate["alias"].is_string() || candidate["group"].is_string();
        let name = clean_line(first(&["alias", "name"]));
        let name = if is_ours || name.is_empty() { name } else { format!("\"{name}\"") };
        let note = candidate["note"].as_str().filter(|note| !note.is_empty());
        let note = note.map(|note| format!("  \"{}\"", clean_words(note))).unwrap_or_default();
        let about = candidate["about"].as_str().map(|about| format!("  {}", clean_words(about))).unwrap_or_default();
        terminal.complain(&format!("  {name:16} {}{note}{about}", clean_line(&id)))?;
    }
    Ok(())
}
