//! Which of the operations that did not know each other count.

use super::{denied::Denied, ids::OpId};

/// Why an operation does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Its author lacked the right, or what it is about was not so, in the roster the author saw or at its place in the order.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A removal, demotion or device change that it did not know outweighs it.
    #[error("outweighed by {by}, which it did not know")]
    Outweighed {
        /// The operation that does.
        by: OpId,
    },
    /// A removal that does not count because what it rests on was outweighed in turn.
    #[error("it rests on what was outweighed")]
    Unfounded,
    /// Its author wrote two histories; this is in or after the fork.
    #[error("its feed is forked")]
    Forked,
}
