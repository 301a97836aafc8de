//! What the fuzz targets do: one function for everything in covey that reads bytes of others.
//!
//! Each takes any bytes, must return, and answers whether the bytes were taken for what they claim to be. Where bytes
//! only count under a signature or a key, the function plays the attacker who has it (a hostile contact, a stranger
//! with an account of his own) and signs and seals what it was given. `tests/corpora` runs the same functions over the
//! committed corpora in every ordinary test run.

mod api;
mod codec;
pub mod feed;
pub mod groups;
pub mod keepers;
pub mod links;
pub mod node;
mod overlay;
pub mod pairing;
pub mod sessions;
pub mod steps;
mod sync;

/// A target: its name, and what it does with the bytes.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: &[Target] = &[
    ("codec", codec::decode),
    ("feed_header", feed::header),
    ("feed_entry", feed::entry),
    ("feed_run", feed::run),
    ("feed_fork", feed::fork),
    ("feed_sync", sync::frames),
    ("overlay_record", overlay::record),
    ("overlay_frames", overlay::frames),
    ("pair_frame", pairing::frame),
    ("pair_offer", pairing::offer),
    ("pair_answer", pairing::answer),
    ("pair_card", pairing::card),
    ("pair_keylog", pairing::key_log),
    ("pair_ticket", pairing::ticket),
    ("pair_bundle", sessions::bundle),
    ("pair_session", sessions::envelope),
    ("pair_steps", steps::header),
    ("pair_parcel", sessions::parcel),
    ("pair_body", sessions::body),
    ("pair_link", links::link),
    ("keeper_objects", keepers::objects),
    ("group_distribution", groups::distribution),
    ("group_payload", groups::payload),
    ("group_statement", groups::statement),
    ("group_ticket", groups::ticket),
    ("group_welcome", groups::welcome),
    ("group_operation", groups::operation),
    ("node_pair", node::pair),
    ("node_sync", node::sync),
    ("node_payload", node::payload),
    ("node_body", node::body),
    ("node_parcel", node::parcel),
    ("node_control", node::control),
    ("node_transfer", node::transfer),
    ("node_card", node::card),
    ("api_params", api::params),
];

/// Runs the target of this name.
///
/// # Panics
/// If there is none, or if it found a bug.
pub fn run(name: &str, bytes: &[u8]) -> bool {
    let target = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    (target.1)(bytes)
}
