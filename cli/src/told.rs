//! What was done, and what can be done next.

use std::io;

use crate::Terminal;

/// What was done, and what can be done next.
pub(crate) struct Told {
    done: String,
    next: Option<String>,
}

impl Told {
    pub(crate) fn done(done: String) -> Self {
        Self { done, next: None }
    }

    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    pub(crate) fn tell(self, t: &mut Terminal) -> io::Result<()> {
        t.line(&self.done)?;
        self.next.map_or(Ok(()), |next| t.hint(&next))
    }
}
