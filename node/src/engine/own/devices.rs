//! Names of our devices, and what each may do, as they share them. Which devices there are is for the key log alone to say.

use covey_api::EventKind;
use covey_pairing::ids::DeviceId;
use serde_bytes::ByteBuf;
use tracing::debug;

use crate::engine::contacts::own_devices as known;
use crate::engine::records::own_devices::{self, MAX_NAME, OwnDevice};
use crate::engine::records::own_records;
use crate::engine::shown::device;
use crate::engine::wire::own_record::{Key, MAX_VALUE, kind, value_of};
use crate::engine::{Cx, EngineError, journal};

/// Version, name, whether it is a holder.
type Wire = (u8, String, bool);

const VERSION: u8 = 1;

/// What there is to say of a device: nothing of one that nobody gave a name.
pub(super) fn current(cx: &Cx<'_, '_>, key: &Key) -> Result<Option<ByteBuf>, EngineError> {
    let Some(id) = key.id().map(DeviceId::from_bytes) else { return Ok(None) };
    let Some(known) = known::of(cx, &id)?.filter(|known| known.revoked_at.is_none()) else { return Ok(None) };
    if known::is_unnamed(cx, &known) {
        return Ok(None);
    }
    Ok(Some(value_of(&(VERSION, known.name, known.holder))?))
}

/// A record of a device counts from now on.
pub(super) fn apply(cx: &mut Cx<'_, '_>, key: &Key, value: &[u8]) -> Result<(), EngineError> {
    let (Some(id), Ok((VERSION, name, holder))) =
        (key.id().map(DeviceId::from_bytes), covey_codec::decode::<Wire>(value, MAX_VALUE))
    else {
        debug!("a name of a device, as this version does not know it");
        return Ok(());
    };
    // [OWN-12] Whatever a stolen device says: a name is one, and of a device that the log names.
    let is_name = covey_api::names::name(&name).is_ok() && name.chars().count() <= MAX_NAME;
    let Some(known) = known::of(cx, &id)?.filter(|known| is_name && known.revoked_at.is_none()) else { return Ok(()) };
    // What this device may do it knows itself.
    let holder = if cx.me.is_this_device(&id) { known.holder } else { holder };
    let named = OwnDevice { name, holder, ..known.clone() };
    if named == known {
        return Ok(());
    }
    own_devices::set(cx.tx, &named)?;
    let shown = device::show(cx, &named);
    journal::record(cx, EventKind::DeviceChanged, &shown)
}

/// Our account has other devices than before: what was said of them may have come before they were known.
pub(super) fn apply_again(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    for winner in own_records::all(cx.tx)?.into_iter().filter(|winner| winner.key.0 == kind::DEVICE) {
        apply(cx, &winner.key, &winner.value)?;
    }
    Ok(())
}
