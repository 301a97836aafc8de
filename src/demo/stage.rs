//! Where the demo plays: a temporary directory and the nodes in it.

use std::{collections::BTreeMap, time::Duration};

use covey_api::Exit;
use covey_cli::{Failure, Globals};
use tempfile::TempDir;

use super::node::{Launch, Node};

/// How long any step may take unless `--timeout` says otherwise: discovery on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(90);

/// A temporary directory and the nodes in it.
pub(super) struct Stage {
    dir: TempDir,
    nodes: BTreeMap<&'static str, Node>,
    pub(super) patience: Duration,
}

impl Stage {
    pub(super) fn build(globals: &Globals) -> Result<Self, Failure> {
        let dir = tempfile::Builder::new().prefix("covey-demo-").tempdir().map_err(|error| {
            refused(format!("cannot make a temporary directory: {error}; set TMPDIR to a place where I may write"))
        })?;
        Ok(Self { dir, nodes: BTreeMap::new(), patience: globals.timeout.unwrap_or(PATIENCE) })
    }

    /// Starts a node, for the first time or again.
    pub(super) async fn start(&mut self, name: &'static str, launch: Launch) -> Result<&Node, Failure> {
        let dir = self.dir.path().join(name);
        // Into the map before it is ready, so that it is stopped even if it never gets there.
        self.nodes.insert(name, Node::spawn(name, dir, &launch, self.patience)?);
        let node = self.nodes.get_mut(name).ok_or_else(|| missing(name))?;
        node.ready().await?;
        Ok(node)
    }

    /// A node that was started.
    pub(super) fn node(&self, name: &'static str) -> Result<&Node, Failure> {
        self.nodes.get(name).ok_or_else(|| missing(name))
    }

    /// Stops a node; its directory stays.
    pub(super) async fn stop(&mut self, name: &'static str) {
        if let Some(node) = self.nodes.remove(name) {
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
