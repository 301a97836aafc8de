//! What an operator sees of a relationship.

use serde::{Deserialize, Serialize};

/// The state of the relationship with one other account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing between us.
    Stranger,
    /// Our invite is out.
    Invited,
    /// Their invite is in; the operator is asked.
    Pending,
    /// Both sides consented.
    Paired,
    /// We declined them: their further invites are dropped.
    Declined,
    /// They declined us.
    Refused,
    /// The last invite, ours or theirs, ran out unanswered.
    Expired,
    /// The last invite was withdrawn, by us or by them.
    Cancelled,
    /// We want to hear nothing from them.
    Blocked,
    /// We were paired; one of us ended it.
    Removed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Stranger,
        Self::Invited,
        Self::Pending,
        Self::Paired,
        Self::Declined,
        Self::Refused,
        Self::Expired,
        Self::Cancelled,
        Self::Blocked,
        Self::Removed,
    ];

    /// The lower-case name used in texts and in the local interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Invited => "invited",
            Self::Pending => "pending",
            Self::Paired => "paired",
            Self::Declined => "declined",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
            Self::Removed => "removed",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
