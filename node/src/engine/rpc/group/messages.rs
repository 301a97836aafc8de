//! Messages deleted for everyone, and proofs of who wrote them.

use covey_api::{ApiError, GroupDelete, GroupReport, GroupVerifyReport, Message, MessageProof, ProofVerdict};
use covey_pairing::group::roster::{EntryId, Op};
use covey_pairing::ids::DeviceId;
use serde_bytes::ByteArray;

use crate::engine::records::{channels, messages};
use crate::engine::rpc::group::{known, proof};
use crate::engine::{Cx, names, shown};

/// `group.delete`
///
/// # Errors
/// Unknown group or message, not allowed.
pub fn delete(cx: &mut Cx<'_, '_>, params: &GroupDelete) -> Result<Message, ApiError> {
    let mut of = known::joined(cx, &params.group)?;
    let (_, message) = names::message::resolve_in(cx, Some(&of.channel), &params.message)?;
    let device = DeviceId::from_bytes(*message.place.author.as_bytes());
    // By the id that it had first, so that none of those that say the same is shown in its place.
    let entry = message.body.again.map_or(*message.id.as_bytes(), ByteArray::into_array);
    let entry = EntryId::from_bytes(entry);
    of.act(cx, &params.message, Op::Delete { entry, device })?;
    let channel = channels::by_id(cx.tx, &of.standing.channel())?.unwrap_or(of.channel);
    let (_, message) =
        messages::by_id(cx.tx, &message.id)?.ok_or_else(|| ApiError::internal("The message is gone."))?;
    Ok(shown::message::show(cx, &channel, &message)?)
}

/// `group.report`
///
/// # Errors
/// Unknown group or message.
pub fn report(cx: &mut Cx<'_, '_>, params: &GroupReport) -> Result<MessageProof, ApiError> {
    proof::make(cx, params)
}

/// `group.verify_report`
///
/// # Errors
/// Those of the store.
pub fn verify_report(cx: &mut Cx<'_, '_>, params: &GroupVerifyReport) -> Result<ProofVerdict, ApiError> {
    proof::verify(cx, params)
}
