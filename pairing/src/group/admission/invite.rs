//! What an invitee is shown of a group before they accept.

use serde::{Deserialize, Serialize};

use crate::{
    group::roster::{Grant, OpId, is_group_name},
    ids::{AccountId, GroupId},
    text::is_note,
    version::Version,
};

/// Longest invite in bytes: a note of four bytes a character, the name, and the ids.
const INVITE_MAX: usize = 2 * 1024;
/// Longest note, in characters; the same as for the invite of a contact.
const NOTE_MAX_CHARS: usize = 280;

/// An invitation to a group. Travels sealed to a device of the invitee; a hint for people, not proof of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInvite {
    /// The group.
    pub group: GroupId,
    /// What it is called.
    pub name: String,
    /// Who invites.
    pub inviter: AccountId,
    /// Id of the roster operation that is the ground to join.
    pub operation: OpId,
    /// What the invitee becomes.
    pub grant: Grant,
    /// Members at the time.
    pub members: u32,
    /// What the inviter says.
    pub note: String,
}

#[derive(Serialize, Deserialize)]
struct Wire(Version<1>, GroupId, String, AccountId, OpId, Grant, u32, String);

impl GroupInvite {
    /// `None` if name or note are not such.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let Self { group, name, inviter, operation, grant, members, note } = self.clone();
        let wire = Wire(Version, group, name, inviter, operation, grant, members, note);
        self.is_within_limits().then(|| covey_codec::encode(&wire).expect("plain data encodes"))
    }

    /// Parses [`GroupInvite::to_bytes`]. `None` if it is not an invite within the limits.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Wire(_, group, name, inviter, operation, grant, members, note) =
            covey_codec::decode(bytes, INVITE_MAX).ok()?;
        let invite = Self { group, name, inviter, operation, grant, members, note };
        invite.is_within_limits().then_some(invite)
    }

    fn is_within_limits(&self) -> bool {
        is_group_name(&self.name) && is_note(&self.note, NOTE_MAX_CHARS)
    }
}
