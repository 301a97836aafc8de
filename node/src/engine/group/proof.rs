//! Proofs that a member wrote a message: the signed entry, and the key that opens this one payload and no other.

use covey_api::{ApiError, GroupReport, GroupVerifyReport, MessageProof, ProofVerdict, Reason, Time};
use covey_feed::{Entry, header};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::cipher::report;
use covey_pairing::ids::DeviceId;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::rosters::get;
use super::show;
use super::standing;
use crate::engine::payload::Body;
use crate::engine::{Cx, channels, feeds, messages, rpc, take};

const PREFIX: &str = "covey-proof:";
const VERSION: u8 = 1;
/// Bytes of the hash at the end, against lost characters.
const CHECKSUM: usize = 4;
/// Longest proof in bytes: an entry and what is beside it.
const MAX_PROOF: usize = 96 * 1024;

#[derive(Serialize, Deserialize)]
struct Proof(u8, ByteBuf, Secret<32>);

/// `group.report`
///
/// # Errors
/// Unknown group or message.
pub(in crate::engine) fn make(cx: &mut Cx<'_, '_>, params: &GroupReport) -> Result<MessageProof, ApiError> {
    let (group, channel) = rpc::group::resolve(cx, &params.group)?;
    let (_, message) = messages::resolve_in(cx, Some(&channel), &params.message)?;
    let key = covey_feed::FeedKey { author: message.place.author, incarnation: message.place.incarnation };
    let feed = feeds::load(cx.tx, channel.no, &key)?;
    let entry = feed.map(|feed| feeds::entry(cx.tx, feed.fid, message.place.seq)).transpose()?.flatten();
    let entry = entry.filter(|entry| entry.payload().is_some() && entry.signature().is_some());
    let Some(entry) = entry.filter(|_| message.body.text.is_some()) else {
        return Err(ApiError::new(Reason::NoSuchMessage, "that message was deleted or cannot be shown to others"));
    };
    let proof = Proof(VERSION, ByteBuf::from(entry.to_stored()), message.content_key.clone());
    let mut bytes = covey_codec::encode(&proof).map_err(|error| ApiError::internal(error.to_string()))?;
    bytes.extend(&blake3(&bytes)[..CHECKSUM]);
    Ok(MessageProof {
        group: group.to_string(),
        message: messages::text_id(&message.id),
        author: message.author.to_string(),
        proof: format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase()),
    })
}

fn parse(text: &str) -> Option<Proof> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let encoded = text.strip_prefix(PREFIX)?.to_uppercase();
    let bytes = BASE32_NOPAD.decode(encoded.as_bytes()).ok()?;
    let (bytes, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    let whole = blake3(bytes)[..CHECKSUM] == *checksum;
    covey_codec::decode(bytes, MAX_PROOF).ok().filter(|Proof(version, ..)| whole && *version == VERSION)
}

fn worthless(why: &str) -> ProofVerdict {
    ProofVerdict {
        valid: false,
        why: Some(why.to_owned()),
        group: None,
        group_name: None,
        message: None,
        author: None,
        author_name: None,
        member: None,
        sent_at: None,
        text: None,
    }
}

/// `group.verify_report`
///
/// # Errors
/// Those of the store.
pub(in crate::engine) fn verify(cx: &mut Cx<'_, '_>, params: &GroupVerifyReport) -> Result<ProofVerdict, ApiError> {
    let Some(Proof(_, stored, key)) = parse(&params.proof) else {
        return Ok(worthless("It is not a proof, or characters of it are missing."));
    };
    let Ok(entry) = Entry::from_stored(&stored) else { return Ok(worthless("What it holds is no entry.")) };
    let head = entry.header();
    let id = standing::group_id(&head.feed.channel);
    let known = standing::load(cx.tx, &id)?;
    let told = ProofVerdict {
        group: Some(id.to_string()),
        group_name: known.as_ref().map(|known| known.name.clone()),
        message: Some(messages::text_id(&entry.id())),
        ..worthless("")
    };
    let no = |why: &str| Ok(ProofVerdict { why: Some(why.to_owned()), ..told.clone() });
    let Some(channel) = channels::group(cx.tx, &head.feed.channel)? else {
        return no("It is of a group that you are not in, so nobody here can tell who wrote it.");
    };
    let device = DeviceId::from_bytes(*head.feed.author.as_bytes());
    let (Some(group), Some(account)) = (get(cx, channel.no), super::account_of(cx, &channel, &device)) else {
        return no("Its author was never a member of the group.");
    };
    let signed = entry
        .signature()
        .is_some_and(|signature| header::signature_is_valid(&head.feed.author, entry.header_bytes(), signature));
    if !signed {
        return no("It is not signed by its author.");
    }
    let opened = entry
        .payload()
        .and_then(|payload| report::open(&key, payload, &head.payload_hash, &take::aad_of(channel.id, &entry)).ok());
    let Some(body) = opened.and_then(|body| Body::decode(&body).ok()).filter(|body| body.text.is_some()) else {
        return no("Its key does not open it.");
    };
    let counted = group.roster.cut(&device, head.feed.incarnation).is_none_or(|cut| entry.seq() <= cut);
    Ok(ProofVerdict {
        valid: true,
        why: None,
        author: Some(account.to_string()),
        author_name: Some(show::name_of(cx, &account)?),
        member: Some(counted),
        sent_at: Some(Time::from_unix_ms(body.sent_at)),
        text: body.text,
        ..told
    })
}
