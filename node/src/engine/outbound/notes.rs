//! What we tell devices about being a member.

use covey_pairing::ids::AccountId;
use serde_bytes::ByteBuf;

use crate::engine::outbound::post;
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::wire::note::Note;
use crate::engine::wire::parcel::{Content, VERSION};
use crate::engine::{Cx, EngineError};

/// Posts a note to a device.
pub(in crate::engine) fn post(
    cx: &mut Cx<'_, '_>,
    device: &ContactDevice,
    note: &Note,
    group: Option<u64>,
) -> Result<(), EngineError> {
    let bytes = covey_codec::encode(&(VERSION, note)).map_err(EngineError::bug)?;
    post::post(cx, device, &Content::Group(ByteBuf::from(bytes)), group)
}

/// Posts it to the devices of an account.
pub(in crate::engine) fn tell(cx: &mut Cx<'_, '_>, account: &AccountId, note: &Note) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        post(cx, &device, note, None)?;
    }
    Ok(())
}
