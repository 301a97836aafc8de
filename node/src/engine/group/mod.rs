//! Groups: the roster in memory, what it means for channels, sessions and peers, and the keys members give each other.
//!
//! | module | subject |
//! |---|---|
//! | [`standing`] | how we stand to each group, as stored |
//! | [`rosters`] | rosters in memory; what the rest of the engine asks them |
//! | [`ops`] | operations: written, taken |
//! | [`stored`] | operations as stored |
//! | [`replay`] | rosters filled from what is stored |
//! | [`changes`] | what changes on a roster, carried out |
//! | [`content`] | whether what members wrote counts |
//! | [`chains`] | sender keys: sealing, opening, handing out |
//! | [`notes`] | what devices tell each other about being a member |
//! | [`invites`] | invites of contacts |
//! | [`admission`] | others who want to come in |
//! | [`welcome`] | the way in |
//! | [`knock`] | strangers who come with a ticket |
//! | [`readers`] | since when members may read what we write |
//! | [`peers`] | which devices of members may connect |
//! | [`ways`] | how parcels come to members that are no neighbours |
//! | [`doctor`] | comparing with other members |
//! | [`forks`] | feeds with two histories |
//! | [`repair`] | missing operations, told from member to member |
//! | [`proof`] | that a member wrote a message |

pub(super) mod admission;
mod chains;
mod changes;
mod content;
pub(super) mod doctor;
pub(super) mod forks;
pub(super) mod invites;
pub(super) mod knock;
mod membership;
pub(super) mod notes;
pub(super) mod ops;
mod peers;
pub(super) mod proof;
mod readers;
pub(super) mod repair;
mod replay;
pub(super) mod rosters;
pub(super) mod show;
pub(super) mod standing;
pub(super) mod stored;
pub(super) mod ways;
pub(super) mod welcome;

pub(super) use chains::{Reader, answer, body, forget_key, hand_out, healed, learn, renewed, seal};
pub(super) use content::{counts, is_deleted, look_again, reconcile};
pub(super) use ops::{
    awaits_founder, closed, cut_of, cut_of_all, founder, may_write, stranger, take, take_if_missed, write,
};
pub(super) use peers::{allow_near, next_wake, tick, told};
pub(super) use readers::may_read;
pub(super) use rosters::{
    Groups, account_of, account_of_device, advance, are_all, begin, connected_peer, cut, includes, is_connected,
    is_restored, knows, load, point, point_device, recipients, reload, scope, session_psk, shared_with, spread_for,
    work_done,
};
