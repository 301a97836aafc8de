//! Proof of work on a stranger's invite: 2^20 hashes to make, one to check.

use super::{
    InviteFrame, Pass,
    time::{DAY_MS, INVITE_LIFETIME_MS},
};
use crate::{crypto::hash::blake3, ids::AccountId};

/// Leading zero bits: about a second on a small computer, so that filling a stranger's queue costs minutes.
pub const WORK_BITS: u8 = 20;

const CONTEXT: &[u8] = b"covey invite work v1\0";

/// The day of a time in Unix milliseconds.
pub(super) fn day_of(time: u64) -> u32 {
    u32::try_from(time / DAY_MS).unwrap_or(u32::MAX)
}

/// Searches the nonce for Noise message 1 `message` to `invitee`.
pub(super) fn mine(invitee: &AccountId, day: u32, message: &[u8], bits: u8) -> Pass {
    let about = About::new(invitee, day, message);
    let nonce = (0..=u64::MAX).find(|nonce| about.zero_bits(*nonce) >= u32::from(bits));
    Pass { day, nonce: nonce.unwrap_or(0), token: None }
}

/// Whether the work on `invite` was done for `invitee`, in time. The day is that of the offer (checked once it is
/// open), so work cannot be stored up for longer than an invite lives.
pub(super) fn is_done(invitee: &AccountId, invite: &InviteFrame, bits: u8, now: u64) -> bool {
    let Pass { day, nonce, .. } = invite.pass;
    let today = day_of(now);
    let in_time = day <= today.saturating_add(1) && day.saturating_add(day_of(INVITE_LIFETIME_MS)) >= today;
    in_time && About::new(invitee, day, &invite.message).zero_bits(nonce) >= u32::from(bits)
}

/// Whether the work was done on the day the offer was made.
pub(super) fn matches_day(pass: &Pass, made_at: u64) -> bool {
    pass.day == day_of(made_at)
}

struct About([u8; CONTEXT.len() + 32 + 4 + 32 + 8]);

impl About {
    fn new(invitee: &AccountId, day: u32, message: &[u8]) -> Self {
        let mut bytes = [0; CONTEXT.len() + 32 + 4 + 32 + 8];
        let fixed = [CONTEXT, invitee.as_bytes(), &day.to_le_bytes(), &blake3(message)].concat();
        bytes[..fixed.len()].copy_from_slice(&fixed);
        Self(bytes)
    }

    fn zero_bits(&self, nonce: u64) -> u32 {
        let mut bytes = self.0;
        let at = bytes.len() - 8;
        bytes[at..].copy_from_slice(&nonce.to_le_bytes());
        let hash = blake3(&bytes);
        hash.first_chunk().map_or(0, |head| u64::from_be_bytes(*head).leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_bytes::ByteBuf;

    const ME: AccountId = AccountId::from_bytes([1; 32]);
    const NOW: u64 = 20_000 * DAY_MS + 5;

    fn invite(day: u32, bits: u8) -> InviteFrame {
        let message = ByteBuf::from(*b"message 1");
        let from = Some(AccountId::from_bytes([2; 32]));
        InviteFrame { from, pass: mine(&ME, day, &message, bits), message }
    }

    /// [LIMIT-1]
    #[test]
    fn work_counts_for_its_message_invitee_and_day_only() {
        let good = invite(20_000, 12);
        assert!(is_done(&ME, &good, 12, NOW));
        assert!(!is_done(&AccountId::from_bytes([3; 32]), &good, 12, NOW));
        let mut other = good.clone();
        other.message.push(0);
        assert!(!is_done(&ME, &other, 12, NOW));
        let moved = InviteFrame { pass: Pass { day: 20_001, ..good.pass.clone() }, ..good };
        assert!(!is_done(&ME, &moved, 12, NOW));
    }

    /// [LIMIT-1]
    #[test]
    fn work_is_good_for_as_long_as_an_invite_lives() {
        for (day, done) in [(19_985, false), (19_986, true), (20_000, true), (20_001, true), (20_002, false)] {
            assert_eq!(is_done(&ME, &invite(day, 4), 4, NOW), done, "day {day}");
        }
    }

    /// [LIMIT-1]
    #[test]
    fn the_real_difficulty_can_be_met_and_less_does_not_pass() {
        assert!(is_done(&ME, &invite(20_000, WORK_BITS), WORK_BITS, NOW));
        assert!(!is_done(&ME, &invite(20_000, 1), WORK_BITS, NOW));
    }
}
