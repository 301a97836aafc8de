//! Bounds of the session layer, each with its reason.

/// Signed prekey and last-resort KEM key are replaced after this many milliseconds (2 days): whoever steals a device
/// later reads at most the first messages of that time.
pub const PREKEY_ROTATION_MS: u64 = 2 * 24 * 3_600_000;
/// Replaced prekeys are kept this long (30 days), for first messages still on their way.
pub const PREKEY_KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// A bundle older than this (32 days) is refused: its owner has deleted the secrets.
pub const BUNDLE_MAX_AGE_MS: u64 = PREKEY_ROTATION_MS + PREKEY_KEPT_MS;
/// One-time pairs handed out and not yet used. Bounds the stored state; far more contacts than pair at the same time.
pub const MAX_ONE_TIME: usize = 256;
/// The same of one account: one for each pact that is being made, and some for bundles that were lost on the way. One more
/// forgets the oldest of that account.
pub const MAX_ONE_TIME_EACH: usize = 4;
/// Message keys one message may skip: bounds the work a header can cause before it is authenticated.
pub const MAX_FORWARD_JUMP: u64 = 1_000;
/// Skipped message keys stored per receiving chain, the oldest evicted: bounds the stored state.
pub const MAX_SKIPPED_PER_CHAIN: usize = 256;
/// Receiving chains kept per session, the oldest evicted: messages delayed over more turns than this are lost.
pub const MAX_RECEIVING_CHAINS: usize = 5;
/// Sessions kept beside the active one, the least recently used evicted.
pub const MAX_ARCHIVED: usize = 40;
/// Archived sessions nothing arrived on for this long (30 days) are erased, for forward secrecy.
pub const ARCHIVE_KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// First messages with one last-resort key a device can send before that key is gone; each is remembered for as long,
/// so that none can be replayed.
pub const MAX_REMEMBERED_HANDSHAKES: usize = 256;
/// Messages on another session after which the active one, though preferred, is taken to be unknown to them.
pub const MAX_STRIKES: u8 = 3;
/// Longest plaintext of one envelope in bytes, below the 64 KiB of a feed entry.
pub const MAX_PLAINTEXT: usize = 60 * 1024;
/// Longest envelope in bytes: plaintext, tag, header, the handshake of a first message, a KEM key and a KEM ciphertext.
pub const MAX_ENVELOPE: usize = MAX_PLAINTEXT + 4 * 1024;
/// A KEM key is offered when this many messages were exchanged since the last post-quantum step: a step costs 2.3 KB, so
/// less than 50 bytes a message. Apple's PQ3 takes about as many.
pub const STEP_AFTER_MESSAGES: u64 = 50;
/// Or when this many milliseconds passed since then (7 days), as in PQ3: bounds what a thief of a device reads of a slow
/// conversation.
pub const STEP_AFTER_MS: u64 = 7 * 24 * 3_600_000;
/// Decapsulation keys kept per session, and keys of theirs: one that is offered and one before it, whose answer may be on
/// its way.
pub const MAX_KEM_OFFERS: usize = 2;
/// A decapsulation key that nobody answered is erased after this many milliseconds (30 days), as archived sessions are.
pub const OFFER_KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// Longest encoded prekey bundle in bytes (1.5 KB with a one-time pair).
pub const MAX_BUNDLE: usize = 2 * 1024;
/// Longest encoded [`super::DeviceSessions`] in bytes; every other limit reached at once stays below it.
pub const MAX_SESSIONS_BYTES: usize = 4 * 1024 * 1024;
/// Longest encoded [`super::PrekeyStore`] in bytes; every other limit reached at once stays below it.
pub const MAX_STORE_BYTES: usize = 256 * 1024;
