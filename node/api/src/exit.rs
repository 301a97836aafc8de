//! Process exit codes: the class of an outcome, the same for the daemon and every client command.

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done as asked.
    Done = 0,
    /// The request was understood and refused: not paired, no such contact, not allowed, locked by another passphrase, …
    Refused = 1,
    /// The command line, the parameters or the configuration are wrong.
    Usage = 2,
    /// No daemon answers.
    Unreachable = 3,
    /// It took longer than allowed; the work may still finish.
    TimedOut = 4,
    /// Stored data is corrupt, or another process holds it.
    Data = 5,
    /// A bug in covey.
    Bug = 70,
}

impl Exit {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}
