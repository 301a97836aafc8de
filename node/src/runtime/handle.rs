//! How the rest of the daemon reaches the engine.

use covey_api::{ApiError, Reason};
use tokio::sync::{mpsc, oneshot};

use super::recent::Journal;
use super::{Commits, turn};
use crate::engine::{Command, Cx, Input};

/// A cloneable way to the engine's thread.
#[derive(Clone)]
pub struct EngineHandle {
    inputs: mpsc::Sender<Input>,
    journal: Journal,
    commits: Commits,
}

impl EngineHandle {
    pub(super) fn new(inputs: mpsc::Sender<Input>, journal: Journal, commits: Commits) -> Self {
        Self { inputs, journal, commits }
    }

    /// Runs `command` on the engine; the answer comes once everything it rests on is durable.
    ///
    /// # Errors
    /// The command's own, or [`Reason::ShuttingDown`] when the engine has stopped.
    pub async fn call<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        // A caller that went away is normal.
        let command = Command::new(command, move |result| drop(reply.send(result)));
        self.input(Input::Command(command)).await?;
        turn::pass();
        answer.await.map_err(|_| stopped())?
    }

    /// Hands an input over, waiting while the engine is busy.
    ///
    /// # Errors
    /// [`Reason::ShuttingDown`] when the engine has stopped.
    pub async fn input(&self, input: Input) -> Result<(), ApiError> {
        self.inputs.send(input).await.map_err(|_| stopped())
    }

    /// Whether the engine still takes inputs.
    pub fn is_alive(&self) -> bool {
        !self.inputs.is_closed()
    }

    /// How the engine commits, in numbers.
    pub fn commits(&self) -> &Commits {
        &self.commits
    }

    /// The journal's newest events, to wait on.
    pub(crate) fn journal(&self) -> Journal {
        self.journal.clone()
    }
}

fn stopped() -> ApiError {
    ApiError::new(Reason::ShuttingDown, "The daemon is shutting down. Try again when it has started.")
}
