//! What devices tell each other about being a member. It travels in parcels between two devices; only the roster decides
//! what it is worth.

use covey_feed::ChannelId;
use covey_pairing::group::roster::{Exit, Op, OpId};
use covey_pairing::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tracing::debug;

use super::rosters::{Group, get};
use super::{admission, changes, invites, welcome};
use crate::engine::channels;
use crate::engine::contacts::{self, ContactDevice, Owner};
use crate::engine::parcels::{self, Content, MAX_FRAME, VERSION};
use crate::engine::{Cx, EngineError};

/// One thing told.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) enum Note {
    /// You are invited.
    #[serde(rename = "i")]
    Invite(ByteBuf),
    /// No, thank you.
    #[serde(rename = "n")]
    Decline(ChannelId),
    /// Let me in: statement, card, what I say about myself.
    #[serde(rename = "j")]
    Join(ChannelId, ByteBuf, ByteBuf, String),
    /// You are in.
    #[serde(rename = "w")]
    Welcome(ByteBuf),
    /// You are not let in.
    #[serde(rename = "r")]
    Refused(ChannelId),
    /// You are no more the member that you became by this operation.
    #[serde(rename = "o")]
    Removed(ChannelId, OpId),
}

/// Posts a note to a device.
pub(in crate::engine) fn post(
    cx: &mut Cx<'_, '_>,
    device: &ContactDevice,
    note: &Note,
    group: Option<u64>,
) -> Result<(), EngineError> {
    let bytes = covey_codec::encode(&(VERSION, note)).map_err(EngineError::bug)?;
    parcels::post(cx, device, &Content::Group(ByteBuf::from(bytes)), group)
}

/// Posts it to the devices of an account.
pub(super) fn tell(cx: &mut Cx<'_, '_>, account: &AccountId, note: &Note) -> Result<(), EngineError> {
    for device in contacts::devices(cx.tx, account)? {
        post(cx, &device, note, None)?;
    }
    Ok(())
}

/// A note from a device that we have to do with.
pub(in crate::engine) fn receive(
    cx: &mut Cx<'_, '_>,
    owner: Owner,
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
        Note::Invite(bytes) => invites::invited(cx, owner, &bytes),
        Note::Decline(id) => invites::declined(cx, owner, &id),
        Note::Join(id, statement, card, note) => {
            let Some(joiner) = admission::verified(cx, &id, &statement, &card, owner.account) else { return Ok(()) };
            admission::asked(cx, &id, &joiner, statement, card, &note)
        }
        Note::Welcome(bytes) => welcome::welcomed(cx, owner, &bytes),
        Note::Refused(id) => welcome::refused(cx, owner, &id),
        Note::Removed(id, joined) => removed(cx, owner, &id, joined),
    }
}

/// Whether `account` could remove us.
pub(super) fn may_remove_us(group: &Group, me: &AccountId, account: &AccountId) -> bool {
    group.roster.allowed(account, &Op::Remove { account: *me, cut: Vec::new() }).is_ok()
}

/// [NOTE-5] Somebody says that we were removed: believed of those who may.
pub(super) fn removed(cx: &mut Cx<'_, '_>, owner: Owner, id: &ChannelId, joined: OpId) -> Result<(), EngineError> {
    let Some(mut channel) = channels::group(cx.tx, id)? else { return Ok(()) };
    let me = cx.me.account_id();
    let believed = get(cx, channel.no).is_some_and(|group| {
        // Who came back since is another member.
        let meant = group.own(&me).is_some_and(|member| member.joined == joined);
        meant && may_remove_us(group, &me, &owner.account)
    });
    if believed { changes::went_out(cx, &mut channel, Some(Exit::Removed), Some(owner.account)) } else { Ok(()) }
}
