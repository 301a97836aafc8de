//! Every limit of feeds and sync, with its reason.

/// Header bytes of one entry. The largest header of version 1 (8 refs, all counters at their maximum) takes 443.
pub const MAX_HEADER: usize = 1024;

/// Header and payload of one entry together: bounds what one verification step holds in memory.
pub const MAX_ENTRY: usize = 64 * 1024;

/// Payload of one entry: what is left of [`MAX_ENTRY`] beside the largest header.
pub const MAX_PAYLOAD: usize = MAX_ENTRY - MAX_HEADER;

/// Entries one entry may name as seen in other feeds: enough to join the concurrent ends of a channel.
pub const MAX_REFS: usize = 8;

/// Largest seq, lamport and incarnation: the largest integer that every JSON reader holds exactly.
pub const MAX_COUNTER: u64 = (1 << 53) - 1;

/// Entries an author may commit under one signature.
pub const MAX_BATCH_ENTRIES: usize = 64;

/// Header and payload bytes an author may commit under one signature: a batch always fits one run.
pub const MAX_BATCH_BYTES: usize = 512 * 1024;

/// Entries in one run. Fixed by the protocol, not by the requester: signatures in any store are then never further
/// apart than one run, so every stored range can be served again.
pub const MAX_RUN_ENTRIES: usize = 256;

/// Header and payload bytes in one run: with its framing a run stays below [`MAX_FRAME`].
pub const MAX_RUN_BYTES: usize = 768 * 1024;

/// One frame of `/covey/sync/1`.
pub const MAX_FRAME: usize = 1024 * 1024;

/// Encoded fork proof: two chains of at most [`MAX_RUN_ENTRIES`] headers.
pub const MAX_FORK_PROOF: usize = 640 * 1024;

/// Ranges asked of one peer in one channel at a time: one arrives while the other is being written.
pub const MAX_ASKED_PER_CHANNEL: usize = 2;

/// Ranges asked of one peer at a time: bounds what it may send us unprompted by anything newer (6 MiB).
pub const MAX_ASKED: usize = 8;

/// Ranges a peer may have asked of us and not yet been served; more are dropped and asked again by their timeout.
pub const MAX_SERVING: usize = 2 * MAX_ASKED;

/// Bytes of runs delivered to the node and not yet answered, per peer; further runs are dropped and pulled later.
pub const MAX_UNAPPLIED_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of own entries pushed to a peer and not yet acknowledged; beyond it they are only announced.
pub const PUSH_WINDOW: usize = 1024 * 1024;

/// Feeds in which one peer may claim to be ahead of us, over all channels: bounds the memory its claims cost.
pub const MAX_CLAIMS: usize = 16 * 1024;

/// Heads in one frame: about 90 bytes each.
pub const MAX_HEADS_PER_FRAME: usize = 4096;

/// Channel digests in one frame.
pub const MAX_DIGESTS_PER_FRAME: usize = 4096;

/// Acknowledgements in one frame.
pub const MAX_HAVES_PER_FRAME: usize = 4096;

/// Feeds of one peer that are backed off at a time; the one that ends first is forgotten beyond it.
pub const MAX_BACKOFFS: usize = 1024;

/// Hints about own feeds per connection: claims are unproven, so they must not become work without bound.
pub const MAX_OWN_HINTS: usize = 64;

/// Milliseconds without any run from a peer after which a range is asked again.
pub const ASK_TIMEOUT: u64 = 20_000;

/// Timeouts of one range after which its feed is backed off for that peer.
pub const MAX_TIMEOUTS: u8 = 3;

/// Milliseconds between repair digests on a quiet connection.
pub const REPAIR_INTERVAL: u64 = 60_000;

/// Milliseconds before the same unchanged heads are sent to a peer again: its digests must not cost us more.
pub const HEADS_INTERVAL: u64 = 5_000;

/// First back-off of a feed whose run was invalid, in milliseconds; doubles up to [`BACKOFF_MAX`].
pub const BACKOFF_MIN: u64 = 30_000;

/// Longest back-off of a feed, in milliseconds.
pub const BACKOFF_MAX: u64 = 3_600_000;

/// Back-off when the node itself could not take a run, in milliseconds: the peer did nothing wrong.
pub const BUSY_BACKOFF: u64 = 2_000;

/// Useless frames a peer may send at once before it is a violation.
pub const MISUSE_BURST: u32 = 512;

/// Useless frames per second that are forgiven.
pub const MISUSE_PER_SECOND: u32 = 4;

/// What an invalid run counts in useless frames: sixteen of them at once are a violation.
pub const MISUSE_INVALID_RUN: u32 = 32;

/// Rosters below this many devices are a full mesh: a tree would save nothing.
pub const MESH_BELOW: usize = 12;

/// Sizes per power of two to which a roster is rounded up for its neighbourhoods.
pub const NEIGHBOUR_STEPS: usize = 4;

/// Leaves of the tree of digests of a group, by the first byte of the author; also the most digests in one comparison.
pub const MAX_BUCKETS: usize = 256;

/// Feeds in one bucket of a comparison, about: its digest is worth as much as a fifth of a head.
pub const FEEDS_PER_BUCKET: usize = 32;

/// Heads after which the answer to a comparison ends; the next comparison goes on from there.
pub const MAX_ANSWER: usize = 1024;

/// Comparisons a peer may ask for at once, in one channel.
pub const COMPARE_BURST: u64 = 8;

/// Milliseconds after which it may ask for one more.
pub const COMPARE_INTERVAL: u64 = 2_000;

/// Milliseconds before a peer is compared with that has more than we do: it may be on its way already.
pub const COMPARE_SOON: u64 = 500;

/// Milliseconds for which another peer is not asked for entries of a device that is connected: it pushes them itself.
pub const AUTHOR_FIRST: u64 = 1_000;

/// Milliseconds before a peer is compared with that has less than we do: most likely it is catching up.
pub const COMPARE_LATE: u64 = 15_000;

/// Longest such delay, after comparisons that taught us nothing.
pub const COMPARE_LATEST: u64 = 30_000;

/// Milliseconds without progress after which the peer that is compared with gives way to another.
pub const SOURCE_TIMEOUT: u64 = 5_000;

/// Milliseconds before neighbours hear that we have caught up.
pub const SUMMARY_DELAY: u64 = 500;

/// Shortest time between two such summaries to one peer, in milliseconds.
pub const SUMMARY_INTERVAL: u64 = 5_000;

/// Milliseconds in which announcements to one peer are collected.
pub const ANNOUNCE_DELAY: u64 = 300;

/// Milliseconds for which an announced entry is expected to come by itself.
pub const GRAFT_DELAY: u64 = 500;

/// Milliseconds for which a feed that is asked of one peer is not asked of another.
pub const LEASE: u64 = 3_000;

/// Feeds in which one peer may have announced what we lack and have not asked for, in one channel; also those that
/// wait to be announced to it, and those of which is remembered how far it is.
pub const MAX_ANNOUNCED: usize = 1024;

/// Bytes relayed to one peer within [`RELAY_PERIOD`]; beyond it entries are only announced.
pub const RELAY_BYTES: usize = 1024 * 1024;

/// See [`RELAY_BYTES`], in milliseconds.
pub const RELAY_PERIOD: u64 = 1_000;

/// Milliseconds after a prune in which more duplicates are no misuse: they were on their way.
pub const PRUNE_GRACE: u64 = 10_000;

/// Connected neighbours below which other connected members are asked to take their place.
pub const MIN_NEIGHBOURS: usize = 3;

/// Digests of its past that a group remembers: a peer that is where we were is only behind.
pub const MAX_HISTORY: usize = 64;
