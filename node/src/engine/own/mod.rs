//! What the devices of one account agree on: a record for each key, in a channel that only they have. The newest record of a
//! key counts, by the order of the channel, so all of them hold the same however entries arrive.
//!
//! Whoever changes something that is shared writes the notice [`crate::engine::notices::Notice::Shared`]. After the input the present
//! value is compared with the record that counts, and written if it is another one. What came from the channel is equal to its record, so
//! it is never written back. (`node/SPEC.md`, *Own channel*.)
//!
//! | module | subject |
//! |---|---|
//! | [`write`] | what changed here, written |
//! | [`take`] | what others wrote, taken |
//! | [`merge`] | which record counts |
//! | [`nouns`] | what there are records of |
//! | [`contacts`] | contacts with their pacts |
//! | [`conversations`] | conversations that have ended |
//! | [`devices`] | names of our devices |
//! | [`groups`] | groups: asked to join, in, out |
//! | [`keepers`] | our keepers, and what mail for us is sealed to |
//! | [`reading`] | how far channels were read, muted, archived |
//! | [`tickets`] | tickets of ours, and what is left of them |

mod contacts;
mod conversations;
mod devices;
mod groups;
mod keepers;
mod merge;
mod nouns;
pub(super) mod reading;
pub(super) mod take;
mod tickets;
pub(super) mod write;
