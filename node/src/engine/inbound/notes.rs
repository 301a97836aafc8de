//! What other devices tell us about being a member.

use tracing::debug;

use crate::engine::group::{admission, invites, membership, returning, welcome};
use crate::engine::records::devices::{ContactDevice, DeviceRef};
use crate::engine::wire::note::Note;
use crate::engine::wire::parcel::{MAX_FRAME, VERSION};
use crate::engine::{Cx, EngineError};

/// A note from a device that we have to do with.
pub(in crate::engine) fn receive(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    device: &ContactDevice,
    bytes: &[u8],
) -> Result<(), EngineError> {
    let note = match covey_codec::decode(bytes, MAX_FRAME) {
        Ok((VERSION, note)) => note,
        Ok(_) => return Ok(()),
        Err(error) => {
            debug!(device = %device.id.fmt_short(), %error, "a note about a group that this version does not know");
            return Ok(());
        }
    };
    match note {
        Note::Invite(bytes) => match invites::invited(cx, owner, &bytes)? {
            Some(group) => membership::doubted(cx, owner, device, &group),
            None => Ok(()),
        },
        Note::Decline(id) => invites::declined(cx, owner, &id),
        Note::Join(id, statement, card, note) => {
            let Some(joiner) = admission::verified(cx, &id, &statement, &card, owner.account) else { return Ok(()) };
            admission::asked(cx, &id, &joiner, statement, card, &note)
        }
        Note::Welcome(bytes) => {
            returning::given_back(cx, owner, &bytes)?;
            welcome::welcomed(cx, owner, &bytes)
        }
        Note::Refused(id) => welcome::refused(cx, owner, &id),
        Note::Removed(id, joined) => membership::removed(cx, owner, &id, joined),
    }
}
