//! Tells the story: line by line to people, as one object in the end to programs.

use std::io;

use covey_cli::Terminal;
use serde_json::json;

/// Tells the story.
pub(super) struct Narrator<'a> {
    terminal: &'a mut Terminal,
    act: u32,
    told: Vec<String>,
}

impl<'a> Narrator<'a> {
    pub(super) fn new(terminal: &'a mut Terminal) -> Self {
        Self { terminal, act: 0, told: Vec::new() }
    }

    /// A new act begins.
    pub(super) fn act(&mut self, title: &str) -> io::Result<()> {
        self.act += 1;
        let title = format!("{}. {title}", self.act);
        if !self.terminal.json {
            let heading = self.terminal.paint.heading(&title);
            self.terminal.line(&format!("\n{heading}"))?;
        }
        self.told.push(title);
        Ok(())
    }

    /// Something happened.
    pub(super) fn tell(&mut self, what: &str) -> io::Result<()> {
        if !self.terminal.json {
            self.terminal.line(&format!("   {what}"))?;
        }
        self.told.push(what.to_owned());
        Ok(())
    }

    /// Something for the curious, on stderr.
    pub(super) fn note(&mut self, what: &str) -> io::Result<()> {
        if what.is_empty() { Ok(()) } else { self.terminal.complain(what) }
    }

    /// The story has come to its good end.
    pub(super) fn end(self) -> io::Result<()> {
        if self.terminal.json {
            return self.terminal.json(&json!({"ok": true, "told": self.told}));
        }
        self.terminal.line("\nThat was it: every node is stopped and every file is gone.")?;
        self.terminal.hint("Your own node: covey daemon")
    }
}
