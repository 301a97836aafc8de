//! Bounds of the session layer.

/// Signed prekey and last-resort KEM key are replaced after this many milliseconds (2 days).
pub const PREKEY_ROTATION_MS: u64 = 2 * 24 * 3_600_000;
/// Replaced prekeys are kept this long for first messages still on their way (30 days).
pub const PREKEY_KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// One-time pairs handed out and not yet used; handing out one more forgets the oldest.
pub const MAX_ONE_TIME: usize = 100;
/// Message keys skipped by one message. Bounds the work an authenticated-looking header can cause.
pub const MAX_FORWARD_JUMP: u64 = 1_000;
/// Skipped message keys stored per receiving chain; the oldest are evicted.
pub const MAX_SKIPPED_PER_CHAIN: usize = 256;
/// Receiving chains kept per session; the oldest is evicted.
pub const MAX_RECEIVING_CHAINS: usize = 5;
/// Sessions kept beside the active one; the least recently used is evicted.
pub const MAX_ARCHIVED: usize = 40;
/// Longest plaintext of one envelope in bytes.
pub const MAX_PLAINTEXT: usize = 60 * 1024;
/// Longest envelope in bytes: plaintext, tag, header and the handshake of a first message.
pub const MAX_ENVELOPE: usize = MAX_PLAINTEXT + 2 * 1024;
/// Longest encoded prekey bundle in bytes.
pub const MAX_BUNDLE: usize = 2 * 1024;
/// Longest encoded `DeviceSessions` in bytes (every limit reached at once stays below it).
pub const MAX_SESSIONS_BYTES: usize = 4 * 1024 * 1024;
/// Longest encoded `PrekeyStore` in bytes.
pub const MAX_STORE_BYTES: usize = 64 * 1024;
