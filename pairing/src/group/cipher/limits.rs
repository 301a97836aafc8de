//! Bounds of sender keys, each with its reason.

/// A chain is replaced after this many milliseconds (7 days): whoever steals its key later reads no older ones.
pub const ROTATION_AGE_MS: u64 = 7 * 24 * 3_600_000;
/// A chain is replaced after this many messages, for the same reason.
pub const ROTATION_MESSAGES: u64 = 1_000;
/// Leaves and device revocations wait this long (30 s) for others to be answered by one new chain.
pub const ROTATION_DELAY_MS: u64 = 30_000;
/// Messages of one chain, at the most: nothing is sealed beyond it, so this also bounds the work a message can cause
/// before it is authenticated. Above [`ROTATION_MESSAGES`], so that nobody is stopped in the middle of a batch.
pub const MAX_CHAIN: u64 = 2_000;
/// Keys of messages that have not arrived, per chain, the oldest evicted: bounds the stored state (45 KB), and lets the
/// newest of a whole chain be opened first.
pub const MAX_SKIPPED: usize = 1_000;
/// Chains kept of one device beside its newest, the longest unused evicted. They are for messages on their way; whoever
/// needs an older one asks for it again.
pub const MAX_OLD_CHAINS: usize = 5;
/// Highest generation: above every time of ours, below what loses precision in JSON (2^53).
pub const MAX_GENERATION: u64 = (1 << 53) - 1;
/// Own chains that are kept after their replacement, so that members who were away can still ask for them.
pub const MAX_PAST_CHAINS: usize = 16;
/// Devices that joined during one generation; one more begins the next. Bounds what is stored with each batch (45 KB).
pub const MAX_NEWCOMERS: usize = 1_024;
/// Devices remembered as served out of turn; one more may be served twice.
pub const MAX_EARLY: usize = 512;
/// Longest payload of an entry in bytes: a sealed body, key id, index, commitment. Below the 64 KiB of an entry.
pub const MAX_PAYLOAD: usize = 61 * 1024;
/// Longest encoded [`super::Distribution`] in bytes (200 in use).
pub const MAX_DISTRIBUTION: usize = 512;
/// Longest encoded [`super::ReceiverChains`] in bytes; every other limit reached at once stays below it.
pub const MAX_RECEIVER_BYTES: usize = 512 * 1024;
/// Longest encoded [`super::OwnChain`] in bytes (300 in use).
pub const MAX_OWN_BYTES: usize = 1024;
/// Longest encoded [`super::DistributionWork`] in bytes.
pub const MAX_WORK_BYTES: usize = 128 * 1024;
/// Longest encoded [`super::PastChains`] in bytes.
pub const MAX_PAST_BYTES: usize = 2 * 1024 * 1024;
