//! A new machine that waits to become a device of an account: `covey init --link` as a child process.

use std::{path::Path, time::Duration};

use covey_cli::Failure;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};

use super::{node::late, process, stage::refused};

/// A new machine. It is killed when dropped.
pub(super) struct Machine {
    name: &'static str,
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
    patience: Duration,
    /// `covey-link:…`
    pub(super) link: String,
}

impl Machine {
    /// It shows a link and waits.
    pub(super) async fn start(name: &'static str, dir: &Path, patience: Duration) -> Result<Self, Failure> {
        let mut command = process::covey(dir)?;
        process::on_loopback(&mut command);
        command.args(["--json", "init", "--link", "--name", name, "--listen", "/ip4/127.0.0.1/tcp/0"]);
        let mut child = command.spawn().map_err(|error| refused(format!("cannot start a new machine: {error}")))?;
        let stdout = child.stdout.take().ok_or_else(|| refused("a new machine has no output".into()))?;
        let told = BufReader::new(stdout).lines();
        let mut machine = Self { name, child, told, patience, link: String::new() };
        machine.link = machine.next("link").await?;
        Ok(machine)
    }

    /// The digits that it shows when a device of the account answers.
    pub(super) async fn digits(&mut self) -> Result<String, Failure> {
        self.next("digits").await
    }

    /// Waits until it has taken the account over.
    pub(super) async fn linked(mut self) -> Result<(), Failure> {
        self.next("account").await?;
        match timeout(self.patience, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => Err(self.failed()),
            Err(_) => Err(late(self.name, "be linked", self.patience)),
        }
    }

    /// What it tells of something, once it does.
    async fn next(&mut self, of: &str) -> Result<String, Failure> {
        let search = async {
            while let Ok(Some(line)) = self.told.next_line().await {
                let told: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(text) = told.get(of).and_then(Value::as_str) {
                    return Some(text.to_owned());
                }
            }
            None
        };
        match timeout(self.patience, search).await {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(self.failed()),
            Err(_) => Err(late(self.name, "be linked", self.patience)),
        }
    }

    fn failed(&self) -> Failure {
        refused(format!("the new machine {} ended instead of being linked", self.name))
    }
}
