//! Parcels that wait, and that are kept for others.

use covey_pairing::ids::DeviceId;

use crate::store::{Key, Table};

/// A parcel kept for somebody who is not connected.
pub(in crate::engine) fn custody(recipient: &DeviceId, sender: &DeviceId, number: u64) -> Key {
    custody_for(recipient).id(sender.as_bytes()).u64(number)
}

/// All parcels kept for a device.
pub(in crate::engine) fn custody_for(recipient: &DeviceId) -> Key {
    Key::table(Table::Custody).id(recipient.as_bytes())
}

/// A parcel that has not been acknowledged.
pub(in crate::engine) fn parcel(device: &DeviceId, number: u64) -> Key {
    parcels(device).u64(number)
}

/// All parcels for a device.
pub(in crate::engine) fn parcels(device: &DeviceId) -> Key {
    Key::table(Table::Outbox).id(device.as_bytes())
}

/// All parcels.
pub(in crate::engine) fn all_parcels() -> Key {
    Key::table(Table::Outbox)
}

/// All parcels kept for others.
pub(in crate::engine) fn all_custody() -> Key {
    Key::table(Table::Custody)
}
