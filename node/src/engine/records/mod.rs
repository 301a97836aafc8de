//! What the store holds, in the types of the engine: loaded and saved, counted and listed. Nothing here decides anything.
//!
//! Records are written through the transaction that read them, so a refused input leaves no trace.
//!
//! | module | subject |
//! |---|---|
//! | [`people`] | contacts |
//! | [`devices`] | devices of other accounts and the cards that name them |
//! | [`seen`] | when devices were last heard of |
//! | [`own_devices`] | our own devices: names, what they may do |
//! | [`links`] | a new machine that is being linked |
//! | [`channels`] | channels: conversations of two, groups, and that of our own devices |
//! | [`conversations`] | which conversation a contact stands for, and what conversations are called |
//! | [`feeds`] | feeds and their entries |
//! | [`messages`] | messages in the order of a channel |
//! | [`edits`] | edits by the message that they change |
//! | [`repeats`] | messages that were written again |
//! | [`marks`] | how far recipients have our feeds |
//! | [`own_records`] | what our own devices agree on |
//! | [`standing`] | how we stand to groups |
//! | [`history`] | what others showed us of our own account |
//! | [`disputes`] | contested accounts, and where what they wrote in groups ends |
//! | [`joining`] | who asks to be let into a group |
//! | [`operations`] | operations on rosters |
//! | [`tickets`] | our own tickets |
//! | [`parked`] | entries that wait for their keys |
//! | [`transfer`] | the history that this device is given after it was linked |
//! | [`parcels`] | parcels that wait or are kept |
//! | [`keeping`] | whose mail this node keeps, and that mail |
//! | [`keeper_requests`] | who asked whom to keep mail |
//! | [`kept_slots`] | the slots of those accounts |
//! | [`kept_invites`] | their invite slots |
//! | [`left_frames`] | what was left in invite slots of others |
//! | [`mailboxes`] | where our mail waits, and that of contacts |
//! | [`sessions`] | where sessions are kept |

pub(super) mod channels;
pub(super) mod conversations;
pub(super) mod devices;
pub(super) mod disputes;
pub(super) mod edits;
pub(super) mod feeds;
pub(super) mod history;
pub(super) mod joining;
pub(super) mod keeper_requests;
pub(super) mod keeping;
pub(super) mod kept_invites;
pub(super) mod kept_slots;
pub(super) mod left_frames;
pub(super) mod links;
pub(super) mod mailboxes;
pub(super) mod marks;
pub(super) mod messages;
pub(super) mod operations;
pub(super) mod own_devices;
pub(super) mod own_records;
pub(super) mod parcels;
pub(super) mod parked;
pub(super) mod people;
pub(super) mod repeats;
pub(super) mod seen;
pub(super) mod sessions;
pub(super) mod standing;
pub(super) mod tickets;
pub(super) mod transfer;
