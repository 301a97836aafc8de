//! What the operator configured, as far as the engine cares.

use covey_pairing::consent::{StrangerLimitsConfig, WORK_BITS};
use covey_pairing::keeper::{Limits, MAX_OWNERS};

/// The engine's part of the configuration.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `true`: strangers may only leave an invite. `false` is the legacy open mode: a stranger's invite is answered at
    /// once and what they write arrives in the list of requests, never in the inbox.
    pub pairing_required: bool,
    /// Declined inviters hear nothing instead of a decline.
    pub decline_silently: bool,
    /// Contacts may ask that this node keeps their mail.
    pub keeps_for_contacts: bool,
    /// Tell contacts what was read.
    pub read_receipts: bool,
    /// Publish the contact card so that account ids can be looked up.
    pub discoverable: bool,
    /// How long journal events are kept, in milliseconds.
    pub journal_keep: u64,
    /// Most bytes of journal events kept, as stored.
    pub journal_bytes: u64,
    /// The data directory may be an old copy of itself: nothing is continued that another copy may have continued.
    pub suspect_rollback: bool,
    /// How long leaves of groups may wait for others before keys are replaced, in milliseconds.
    pub rotation_delay: u64,
    /// Most members of a group that this node lets people into.
    pub max_members: usize,
    /// What one account may make this node keep.
    pub quota: Quota,
    /// What work the operations of one account on rosters may make, in evaluations.
    pub work: Quota,
    /// What strangers may do.
    pub strangers: StrangerLimitsConfig,
    /// Most bytes of mail kept for other accounts.
    pub mail_bytes: u64,
    /// Most accounts whose mail is kept.
    pub mail_accounts: usize,
    /// Leading zero bits of the proof of work on our own invites.
    pub work_bits: u8,
    /// Which rules this node breaks, in builds that can.
    #[cfg(any(test, feature = "hostile"))]
    pub mischief: Option<Mischief>,
}

/// What a node that was built to lie is.
#[cfg(any(test, feature = "hostile"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// A member of groups.
    Member,
    /// A keeper.
    Keeper,
    /// Somebody who leaves mail.
    Depositor,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            pairing_required: true,
            decline_silently: false,
            keeps_for_contacts: true,
            read_receipts: true,
            discoverable: true,
            journal_keep: 30 * 24 * 3_600_000,
            journal_bytes: 1 << 30,
            suspect_rollback: false,
            rotation_delay: 30_000,
            max_members: covey_pairing::group::roster::MEMBERS_MAX,
            quota: Quota::default(),
            work: WORK,
            strangers: StrangerLimitsConfig::default(),
            mail_bytes: Limits::default().all,
            mail_accounts: MAX_OWNERS,
            work_bits: WORK_BITS,
            #[cfg(any(test, feature = "hostile"))]
            mischief: None,
        }
    }
}

/// Evaluations of operations that one account may cause, at once and every second after that. One takes about five
/// microseconds: a second of one core, and then a hundredth of it. Most operations cost one; one that is very late
/// costs as many as there are.
const WORK: Quota = Quota { burst: 200_000, per_second: 2_000 };

/// What one account may make this node keep, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// At once.
    pub burst: u64,
    /// After that, every second.
    pub per_second: u64,
}

impl Default for Quota {
    /// About 250,000 short messages, then 24 a second or 2 GiB a day: far above what people write and what a month
    /// without a connection leaves to catch up on, and below what fills a disk overnight.
    fn default() -> Self {
        Self { burst: 256 << 20, per_second: 24 << 10 }
    }
}
