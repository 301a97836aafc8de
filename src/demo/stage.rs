//! Where the demo plays: a temporary directory and the nodes in it.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use covey_api::Exit;
use covey_cli::{Failure, Globals};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    machine::Machine,
    node::{Launch, Node},
    process,
};

/// How long any step may take unless `--timeout` says otherwise: discovery on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(90);

/// A temporary directory and the nodes in it.
pub(super) struct Stage {
    dir: TempDir,
    nodes: BTreeMap<&'static str, Node>,
    /// Where the journals of those ended that were stopped.
    ends: BTreeMap<&'static str, String>,
    pub(super) patience: Duration,
}

impl Stage {
    pub(super) fn build(globals: &Globals) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new().prefix("covey-demo-").tempdir().map_err(|error| {
            refused(format!("cannot make a temporary directory: {error}; set TMPDIR to a place where I may write"))
        })?;
        Ok(Self { dir, nodes: BTreeMap::new(), ends: BTreeMap::new(), patience: globals.timeout.unwrap_or(PATIENCE) })
    }

    /// Starts a node, for the first time or again.
    pub(super) async fn start(&mut self, name: &'static str, launch: Launch) -> Result<&Node, Failure> {
        // Into the map before it is ready, so that it is stopped even if it never gets there.
        self.nodes.insert(name, Node::spawn(name, self.home(name), &launch, self.patience)?);
        self.ready(name).await
    }

    /// Starts a node inside this process.
    pub(super) async fn host(&mut self, name: &'static str, launch: Launch) -> Result<&Node, Failure> {
        self.nodes.insert(name, Node::host(name, self.home(name), &launch, self.patience).await?);
        self.ready(name).await
    }

    async fn ready(&mut self, name: &'static str) -> Result<&Node, Failure> {
        let node = self.nodes.get_mut(name).ok_or_else(|| missing(name))?;
        node.ready(self.ends.remove(name)).await?;
        Ok(node)
    }

    /// A node that was started.
    pub(super) fn node(&self, name: &'static str) -> Result<&Node, Failure> {
        self.nodes.get(name).ok_or_else(|| missing(name))
    }

    /// Where everything of a node is.
    fn home(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command in the directory of a node that does not run, and yields what it printed.
    pub(super) async fn run(&self, name: &str, args: &[&str], stdin: &str) -> Result<Value, Failure> {
        process::run(&self.home(name), args, stdin).await
    }

    /// A new machine that waits to be linked.
    pub(super) async fn machine(&self, name: &'static str) -> Result<Machine, Failure> {
        Machine::start(name, &self.home(name), self.patience).await
    }

    /// Waits for a node that stops by itself, and yields the exit code of its process.
    pub(super) async fn ended(&mut self, name: &'static str) -> Result<Option<i32>, Failure> {
        self.nodes.remove(name).ok_or_else(|| missing(name))?.ended().await
    }

    /// Ends a node, and nothing of it is left.
    pub(super) async fn burn(&mut self, name: &'static str) -> Result<(), Failure> {
        self.stop(name).await;
        self.ends.remove(name);
        let home = self.home(name);
        fs::remove_dir_all(&home).map_err(|error| refused(format!("cannot remove {}: {error}", home.display())))
    }

    /// Stops a node; its directory stays.
    pub(super) async fn stop(&mut self, name: &'static str) {
        if let Some(node) = self.nodes.remove(name) {
            self.ends.extend(node.end_of_journal().await.map(|end| (name, end)));
            node.stop().await;
        }
    }

    /// Stops everything and removes the directory.
    pub(super) async fn strike(mut self) {
        let names: Vec<_> = self.nodes.keys().copied().collect();
        for name in names {
            self.stop(name).await;
        }
        // Best effort: what is left in a temporary directory is not worth a failure after the story.
        let _ = self.dir.close();
    }

    /// What the nodes have logged last.
    pub(super) fn last_words(&self) -> String {
        self.nodes.values().map(Node::last_words).collect::<Vec<_>>().join("")
    }
}

pub(super) fn refused(sentence: String) -> Failure {
    Failure::Ended { exit: Exit::Refused, sentence }
}

fn missing(name: &str) -> Failure {
    Failure::Ended { exit: Exit::Bug, sentence: format!("the demo asks for {name}, whom it has not started") }
}
