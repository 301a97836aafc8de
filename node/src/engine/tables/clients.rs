//! What clients see of the node: events, answers, tokens, the audit log; and what the node says of itself.

use covey_pairing::ids::DeviceId;

use crate::store::{Key, Table};

/// A journal event.
pub(in crate::engine) fn event(cursor: u64) -> Key {
    Key::table(Table::Journal).u64(cursor)
}

/// The whole journal.
pub(in crate::engine) fn events() -> Key {
    Key::table(Table::Journal)
}

/// How much space the journal takes.
pub(in crate::engine) fn journal_size() -> Key {
    Key::table(Table::Meta).raw("journal size")
}

/// A consumer's place in the journal.
pub(in crate::engine) fn consumer(name: &str) -> Key {
    Key::table(Table::Consumer).id(name)
}

/// The result of an idempotent call.
pub(in crate::engine) fn client_id(id: &str) -> Key {
    Key::table(Table::ClientId).id(id)
}

/// A token of the API.
pub(in crate::engine) fn api_token(id: &[u8; 8]) -> Key {
    api_tokens().id(id)
}

/// All tokens of the API.
pub(in crate::engine) fn api_tokens() -> Key {
    Key::table(Table::Token)
}

/// An entry of the audit log.
pub(in crate::engine) fn audited(number: u64) -> Key {
    audit().u64(number)
}

/// The audit log.
pub(in crate::engine) fn audit() -> Key {
    Key::table(Table::Audit)
}

/// All results of idempotent calls.
pub(in crate::engine) fn client_ids() -> Key {
    Key::table(Table::ClientId)
}

/// Our own signed card and the addresses it names.
pub(in crate::engine) fn own_card() -> Key {
    Key::table(Table::Meta).raw("own card")
}

/// The name we go by.
pub(in crate::engine) fn own_name() -> Key {
    Key::table(Table::Meta).raw("own name")
}

/// [`crate::engine::records::own_devices::OwnDevice`] of a device of ours.
pub(in crate::engine) fn own_device(device: &DeviceId) -> Key {
    own_devices().id(device.as_bytes())
}

/// All devices of ours.
pub(in crate::engine) fn own_devices() -> Key {
    Key::table(Table::OwnDevice)
}

/// The link of a new machine that is under way: see [`crate::engine::records::links`].
pub(in crate::engine) fn link() -> Key {
    Key::table(Table::Meta).raw("link")
}

/// This machine while it waits to be linked: see [`crate::engine::records::links`].
pub(in crate::engine) fn joining() -> Key {
    Key::table(Table::Meta).raw("joining")
}

/// [`crate::engine::records::transfer::Transfer`] to this device.
pub(in crate::engine) fn transfer() -> Key {
    Key::table(Table::Meta).raw("transfer")
}

/// Cards of our other devices that were handed over with the account and not looked at yet.
pub(in crate::engine) fn handed_cards() -> Key {
    Key::table(Table::Meta).raw("handed cards")
}

/// There while files may still hold the seed of a sealed node.
pub(in crate::engine) fn seed_left() -> Key {
    Key::table(Table::Meta).raw("seed left")
}

/// A history of our own account that is not ours.
pub(in crate::engine) fn second_history() -> Key {
    Key::table(Table::Meta).raw("second history")
}

/// Our objection to a recovery of our account.
pub(in crate::engine) fn objection() -> Key {
    Key::table(Table::Meta).raw("objection")
}

/// A recovery of our account that was accepted.
pub(in crate::engine) fn accepted() -> Key {
    Key::table(Table::Meta).raw("accepted")
}

/// This disk was an old copy of itself once.
pub(in crate::engine) fn went_back() -> Key {
    Key::table(Table::Meta).raw("went back")
}

/// Our own account and device.
pub(crate) fn identity() -> Key {
    Key::table(Table::Meta).raw("identity")
}
