//! Proofs that a member wrote a message: the entry, the headers after it up to the next one that is signed, and the key that
//! opens this one payload and no other. (Of entries that are written or fetched together only the last one has a signature.)

use covey_api::{ApiError, GroupReport, GroupVerifyReport, MessageProof, ProofVerdict, Reason, Time};
use covey_feed::fork::SignedChain;
use covey_feed::limits::MAX_RUN_ENTRIES;
use covey_feed::{Entry, Signature};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::cipher::report;
use covey_pairing::ids::DeviceId;
use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::members::rosters;
use crate::engine::names::message;
use crate::engine::records::{channels, feeds, messages, standing};
use crate::engine::rpc::group::known;
use crate::engine::shown::group;
use crate::engine::wire::payload::{self, Body};
use crate::engine::{Cx, EngineError};

const PREFIX: &str = "covey-proof:";

const VERSION: u8 = 2;

/// Bytes of the hash at the end, against lost characters.
const CHECKSUM: usize = 4;

/// Longest proof in bytes: an entry, the headers of a run, and what is beside them.
const MAX_PROOF: usize = 384 * 1024;

/// Version, entry, its key, headers after the entry, signature of the last of them or of the entry itself.
#[derive(Serialize, Deserialize)]
struct Proof(u8, ByteBuf, Secret<32>, Vec<ByteBuf>, Signature);

/// `group.report`
///
/// # Errors
/// Unknown group or message.
pub(in crate::engine) fn make(cx: &mut Cx<'_, '_>, params: &GroupReport) -> Result<MessageProof, ApiError> {
    let (group, channel) = known::resolve(cx, &params.group)?;
    let (_, message) = message::resolve_in(cx, Some(&channel), &params.message)?;
    let key = covey_feed::FeedKey { author: message.place.author, incarnation: message.place.incarnation };
    let feed = feeds::load(cx.tx, channel.no, &key)?;
    let signed = feed.map(|feed| signed(cx, &feed, message.place.seq)).transpose()?.flatten();
    let signed = signed.filter(|(entry, ..)| entry.payload().is_some() && message.body.kind == payload::kind::TEXT);
    let Some((entry, after, signature)) = signed else {
        return Err(ApiError::new(Reason::NoSuchMessage, "That message was deleted, or cannot be shown to others."));
    };
    let proof = Proof(VERSION, ByteBuf::from(entry.to_stored()), message.content_key.clone(), after, signature);
    let mut bytes = covey_codec::encode(&proof).map_err(|error| ApiError::internal(error.to_string()))?;
    bytes.extend(&blake3(&bytes)[..CHECKSUM]);
    Ok(MessageProof {
        group: group.to_string(),
        message: messages::text_id(&message.id),
        author: message.author.to_string(),
        proof: format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase()),
    })
}

/// An entry, and what proves that its author signed it: the headers after it up to one with a signature.
fn signed(
    cx: &Cx<'_, '_>,
    feed: &feeds::Feed,
    seq: u64,
) -> Result<Option<(Entry, Vec<ByteBuf>, Signature)>, EngineError> {
    let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { return Ok(None) };
    let (mut after, mut signature, mut next) = (Vec::new(), entry.signature().copied(), seq);
    while signature.is_none() && after.len() < MAX_RUN_ENTRIES {
        next += 1;
        let Some(entry) = feeds::entry(cx.tx, feed.fid, next)? else { return Ok(None) };
        after.push(ByteBuf::from(entry.header_bytes().to_vec()));
        signature = entry.signature().copied();
    }
    Ok(signature.map(|signature| (entry, after, signature)))
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

/// [PROOF-1], [PROOF-2] `group.verify_report`
///
/// # Errors
/// Those of the store.
pub(in crate::engine) fn verify(cx: &mut Cx<'_, '_>, params: &GroupVerifyReport) -> Result<ProofVerdict, ApiError> {
    let Some(Proof(_, stored, key, after, signature)) = parse(&params.proof) else {
        return Ok(worthless("It is not a proof, or characters of it are missing."));
    };
    let Ok(entry) = Entry::from_stored(&stored) else { return Ok(worthless("What it holds is no entry.")) };
    let head = entry.header();
    let id = channels::group_id(&head.feed.channel);
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
    let (Some(group), Some(account)) = (rosters::get(cx, channel.no), rosters::account_of(cx, &channel, &device))
    else {
        return no("Its author was never a member of the group.");
    };
    let headers = std::iter::once(entry.header_bytes().to_vec()).chain(after.into_iter().map(ByteBuf::into_vec));
    let chain = SignedChain { headers: headers.collect(), signature };
    if !chain.covers(&entry.id()) {
        return no("It is not signed by its author.");
    }
    let opened = entry
        .payload()
        .and_then(|payload| report::open(&key, payload, &head.payload_hash, &payload::aad_of(channel.id, &entry)).ok());
    let is_text = |body: &Body| body.kind == payload::kind::TEXT && body.is_sound();
    let Some(body) = opened.and_then(|body| Body::decode(&body).ok()).filter(is_text) else {
        return no("Its key does not open it.");
    };
    let counted = group.roster.cut(&device, head.feed.incarnation).is_none_or(|cut| entry.seq() <= cut);
    Ok(ProofVerdict {
        valid: true,
        why: None,
        author: Some(account.to_string()),
        author_name: Some(group::name_of(cx, &account)?),
        member: Some(counted),
        sent_at: Some(Time::from_unix_ms(body.sent_at)),
        text: body.text,
        ..told
    })
}
