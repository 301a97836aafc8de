//! What there are records of: each kind says what the present value is, and what follows from a record that counts.

use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::contacts::renewal;
use crate::engine::own::merge::Rank;
use crate::engine::own::{contacts, conversations, devices, groups, keepers, reading, tickets};
use crate::engine::records::own_records::Winner;
use crate::engine::records::people;
use crate::engine::wire::own_record::{Key, MAX_VALUE, kind, value_of};
use crate::engine::{Cx, EngineError, tables};

/// The present value of a key here. None if there is nothing to say, or this version does not know what it is of.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    match key.0 {
        kind::CONTACT => contacts::current(cx, key),
        kind::READING => reading::current(cx, key),
        kind::GROUP => groups::current(cx, key),
        kind::DEVICE => devices::current(cx, key),
        kind::TICKET => tickets::current(cx, key),
        kind::CONVERSATION => conversations::current(cx, key),
        kind::KEEPER => keepers::current(cx, key),
        kind::INBOX => keepers::current_inbox(cx),
        kind::NAME => match people::own_name(cx.tx)? {
            Some(name) => Ok(Some(value_of(&(1u8, name))?)),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Whether two values of a key say the same.
pub(super) fn is_same(key: &Key, a: &[u8], b: &[u8]) -> bool {
    match key.0 {
        kind::CONTACT => a == b || contacts::is_same(a, b),
        kind::GROUP => a == b || groups::is_same(a, b),
        kind::TICKET => a == b || tickets::is_same(key, a, b),
        kind::CONVERSATION => a == b || conversations::is_same(a, b),
        kind::KEEPER => a == b || keepers::is_same(key, a, b),
        kind::INBOX => a == b || keepers::is_same_inbox(a, b),
        _ => a == b,
    }
}

/// [OWN-7] Whether a value can be of its key, as far as this version knows.
pub(super) fn is_sound(cx: &Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<bool, EngineError> {
    match key.0 {
        kind::CONTACT => Ok(contacts::is_sound(cx, key, value)),
        kind::KEEPER | kind::INBOX => keepers::is_sound(cx, key, value),
        _ => Ok(true),
    }
}

/// How a record at a place ranks, beside one that is known.
pub(super) fn rank(record: &Winner, known: Option<&Winner>) -> Rank {
    let place = Rank::of_place(record.at);
    if matches!(record.key.0, kind::KEEPER | kind::INBOX) {
        let decisions = keepers::rank(&record.key, &record.value);
        return Rank { decisions, ..place };
    }
    if record.key.0 != kind::CONTACT {
        return place;
    }
    let (decisions, weight, confirmed) = contacts::rank(&record.value, known.map(|known| known.value.as_slice()));
    Rank { decisions, weight, confirmed, ..place }
}

/// A record of a key counts from now on.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    match key.0 {
        kind::READING => reading::apply(cx, key, value),
        kind::GROUP => groups::apply(cx, key, value),
        kind::DEVICE => devices::apply(cx, key, value),
        kind::TICKET => tickets::apply(cx, key, value),
        kind::CONVERSATION => conversations::apply(cx, key, value),
        kind::KEEPER => keepers::apply(cx, key, value),
        kind::INBOX => keepers::apply_inbox(cx, key, value),
        kind::NAME => named(cx, value),
        // Contacts: see `contacts::learned`. The rest is of a later version.
        _ => Ok(()),
    }
}

fn named(cx: &mut Cx<'_, '_>, value: &[u8]) -> Result<(), EngineError> {
    let Ok((1u8, name)) = covey_codec::decode::<(u8, String)>(value, MAX_VALUE) else {
        debug!("a name of this account that this version does not know");
        return Ok(());
    };
    if covey_api::names::name(&name).is_err() || people::own_name(cx.tx)?.as_ref() == Some(&name) {
        return Ok(());
    }
    cx.tx.put(&tables::own_name(), &name)?;
    renewal::renewed(cx)
}
