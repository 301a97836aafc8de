//! What a check found.

use serde::Serialize;

/// Problems that are told one by one; further ones are counted.
const MOST_TOLD: usize = 200;

/// A feed, as a check saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedFeed {
    /// The channel, hexadecimal.
    pub channel: String,
    /// The author's device, `cvd1…`.
    pub author: String,
    /// Ours.
    pub own: bool,
    /// Which of the author's feeds in this channel.
    pub incarnation: u64,
    /// Entries from the first one on without a gap.
    pub entries: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// No problem.
    pub ok: bool,
    /// Records looked at.
    pub records: u64,
    /// Texts that can be read.
    pub messages: u64,
    /// All feeds.
    pub feeds: Vec<CheckedFeed>,
    /// What is wrong, for people.
    pub problems: Vec<String>,
    /// What is remarkable and not wrong, for people.
    pub notes: Vec<String>,
    #[serde(skip)]
    untold: usize,
}

impl Findings {
    /// Something is wrong.
    pub(crate) fn problem(&mut self, what: impl Into<String>) {
        if self.problems.len() < MOST_TOLD { self.problems.push(what.into()) } else { self.untold += 1 }
    }

    /// Something is remarkable.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        if self.notes.len() < MOST_TOLD {
            self.notes.push(what.into());
        }
    }

    /// The check has ended.
    pub(crate) fn end(&mut self) {
        if self.untold > 0 {
            self.problems.push(format!("and {} further problems", self.untold));
            self.untold = 0;
        }
        self.ok = self.problems.is_empty();
    }
}
