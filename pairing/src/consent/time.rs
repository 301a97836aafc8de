//! The durations of the consent handshake, in milliseconds.

/// One day.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// An invite can be answered for this long after it was made. Long enough for a holiday.
pub const INVITE_LIFETIME_MS: u64 = 14 * DAY_MS;

/// An acknowledged invite is left again after this long: the acknowledgement is the same whether the invite was
/// kept or dropped for a limit, so it must not end the attempts.
pub const REMIND_AFTER_MS: u64 = DAY_MS;

/// A contact's fresh invites replace the pact at most this often without the operator: each costs a conversation.
pub const RENEW_EVERY_MS: u64 = 60 * 60 * 1000;

/// Answers, confirms, cancels and removals that nobody acknowledges are given up after this long; so is an
/// accepted invite whose inviter never confirms.
pub const UNDELIVERED_LIFETIME_MS: u64 = 60 * DAY_MS;

/// How far the clock of another account may be ahead of ours before what it dates is refused.
pub const CLOCK_SKEW_MS: u64 = DAY_MS;

/// From when on an offer made at `at` is refused for its age by every clock that may read it.
pub(crate) fn replayable_until(at: u64) -> u64 {
    at.saturating_add(INVITE_LIFETIME_MS).saturating_add(CLOCK_SKEW_MS)
}
