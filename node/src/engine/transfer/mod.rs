//! The history of conversations, given to a device that was linked.
//!
//! Its entries come as all entries do, by the synchronisation of feeds: they are verified, stored and acknowledged like any other
//! ([`super::replication::take`]). Only their content keys were wrapped for devices of before. Those come here, some hundred in one
//! chunk, from any other device of ours that is connected:
//!
//! ```text
//!   linked device                                             another device of ours
//!   take: ask  ── session message: key K, ranges of entries ─>  give: asked
//!   take: chunk <─ frame: content keys, sealed under K ───────
//!   progress ──── frame: how far it is, each second ─────────>  progress: told
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`take`] | what is asked for and when; the chunks that come |
//! | [`opening`] | the entries of a chunk, opened and put into their places |
//! | [`give`] | the answers |
//! | [`progress`] | how far it is; when it has ended |

pub(super) mod give;
mod opening;
pub(super) mod progress;
pub(super) mod take;
