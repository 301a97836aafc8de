//! Comparing a group with those of its members that are connected: roster and feeds, and the first difference.
//!
//! Asked and answered on the parcel stream; nothing of it is kept.

use std::collections::{BTreeMap, BTreeSet};

use covey_api::{Check, CheckState};
use covey_pairing::crypto::hash::derive_key;
use covey_pairing::ids::DeviceId;
use serde_bytes::{ByteArray, ByteBuf};
use tracing::debug;

use crate::engine::members::{self, rosters};
use crate::engine::outbound::post;
use crate::engine::records::channels::Channel;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::{feeds, parked};
use crate::engine::shown::group;
use crate::engine::wire::doctor::{MAX_FRAME, MAX_HEADS, Report, Wire};
use crate::engine::wire::parcel::VERSION;
use crate::engine::{Cx, EngineError, PeerKey};

/// Oddities of one kind told one by one.
const MAX_TOLD: usize = 20;

/// [DOCTOR-1] Minimum interval between answers to one device, in milliseconds: an answer reads all heads.
const PAUSE: u64 = 500;

/// [DOCTOR-1] Answers given at once to a device that was quiet: for several groups, or to an operator who looks again.
const AT_ONCE: u64 = 16;

/// Devices that are asked at a time.
const MAX_ASKED: usize = 64;

/// Derives what members compare of the group's secret.
const SECRET_CHECK: &str = "covey 2026 group secret check v1";

/// How it looks from here.
pub(in crate::engine) fn own(cx: &Cx<'_, '_>, channel: &Channel) -> Result<Option<Report>, EngineError> {
    let Some(group) = rosters::get(cx, channel.no) else { return Ok(None) };
    let roster = group.roster.hash();
    let mut known = Vec::new();
    let mut hasher = Vec::new();
    for feed in feeds::all(cx.tx, channel.no)? {
        let Some(head) = feed.head else { continue };
        let device = DeviceId::from_bytes(*feed.key.author.as_bytes());
        // What a former member wrote after it was one counts for nobody, whoever got it in time; nor what stands in a feed
        // from a fork on.
        let seq = group.roster.cut(&device, feed.key.incarnation).map_or(head.seq, |cut| cut.min(head.seq));
        if seq > 0 {
            known.push((feed.key, seq));
        }
    }
    known.sort_unstable();
    for (key, seq) in &known {
        hasher.extend_from_slice(key.author.as_bytes());
        hasher.extend_from_slice(&key.incarnation.to_be_bytes());
        hasher.extend_from_slice(&seq.to_be_bytes());
    }
    let heads = covey_pairing::crypto::hash::blake3(&hasher);
    let secret = group.secret.as_ref().map_or([0; 16], |secret| {
        let hash = derive_key(SECRET_CHECK, secret.expose());
        *hash.expose().first_chunk().expect("a key has 32 bytes")
    });
    Ok(Some(Report { roster, heads, feeds: known, secret }))
}

/// Asks every connected member. How many.
pub(in crate::engine) fn ask(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<usize, EngineError> {
    let mut asked = 0;
    cx.live.groups.reports.insert(channel.no, BTreeMap::new());
    let question = covey_codec::encode(&Wire::Question(VERSION, channel.id)).map_err(EngineError::bug)?;
    for peer in members::peers(cx, channel).into_iter().take(MAX_ASKED) {
        if cx.live.opened.contains(&peer) {
            post::send_doctor(cx, peer, question.clone())?;
            asked += 1;
        }
    }
    Ok(asked)
}

/// What was answered so far.
pub(in crate::engine) fn reports(cx: &Cx<'_, '_>, channel: &Channel) -> BTreeMap<DeviceId, Report> {
    cx.live.groups.reports.get(&channel.no).cloned().unwrap_or_default()
}

/// A frame of a member's device.
pub(in crate::engine) fn frame(
    cx: &mut Cx<'_, '_>,
    owner: DeviceRef,
    peer: PeerKey,
    bytes: &ByteBuf,
) -> Result<(), EngineError> {
    let Ok(wire) = covey_codec::decode::<Wire>(bytes, MAX_FRAME) else {
        debug!(?peer, "a malformed question about a group");
        return Ok(());
    };
    let (Wire::Question(VERSION, id) | Wire::Answer(VERSION, id, ..)) = &wire else { return Ok(()) };
    let Some(channel) = rosters::shared(cx, id, &owner.account)? else { return Ok(()) };
    match wire {
        Wire::Question(..) => {
            // When the next answer is due; it lags behind for those who ask seldom, and the clock may have been set back.
            let (first, last) = (cx.now.saturating_sub(AT_ONCE * PAUSE), cx.now.saturating_add(PAUSE));
            let due = cx.live.groups.asked.get(&peer).copied().unwrap_or(0).clamp(first, last);
            let wait = due > cx.now;
            cx.live.groups.asked.insert(peer, if wait { due } else { due.saturating_add(PAUSE) });
            if wait {
                return Ok(());
            }
            let Some(Report { roster, heads, mut feeds, secret }) = own(cx, &channel)? else { return Ok(()) };
            feeds.truncate(MAX_HEADS);
            let (roster, heads, secret) = (ByteArray::new(roster), ByteArray::new(heads), ByteArray::new(secret));
            let answer = Wire::Answer(VERSION, channel.id, roster, heads, feeds, secret);
            let answer = covey_codec::encode(&answer).map_err(EngineError::bug)?;
            post::send_doctor(cx, peer, answer)
        }
        Wire::Answer(_, _, roster, heads, feeds, secret) => {
            if let Some(reports) = cx.live.groups.reports.get_mut(&channel.no)
                && feeds.len() <= MAX_HEADS
            // [DOCTOR-2]
            {
                let (roster, heads, secret) = (roster.into_array(), heads.into_array(), secret.into_array());
                let report = Report { roster, heads, feeds, secret };
                reports.insert(owner.device, report);
            }
            Ok(())
        }
    }
}

/// Whether it is our own secret of the group that is wrong: no session with other members can begin then. Whoever let us in gave
/// it to us; somebody else can give the right one.
pub(in crate::engine) fn secret(own: &Report, others: &BTreeMap<DeviceId, Report>) -> Option<Check> {
    let differ = others.values().filter(|other| other.secret != own.secret).count();
    (2 * differ > others.len()).then(|| Check {
        name: "secret".to_owned(),
        state: CheckState::Fail,
        message: format!(
            "{differ} of {} devices that answered have another secret of the group than this one",
            others.len()
        ),
        advice: Some("leave the group, and ask another member than the last time to let you in".to_owned()),
    })
}

/// What else is to be said of the group.
pub(in crate::engine) fn checks(cx: &Cx<'_, '_>, channel: &Channel) -> Result<Vec<Check>, EngineError> {
    let mut checks = Vec::new();
    let Some(group) = rosters::get(cx, channel.no) else { return Ok(checks) };
    let check =
        |name: &str, state: CheckState, message: String| Check { name: name.to_owned(), state, message, advice: None };
    let ignored = group.roster.ignored();
    for one in ignored.iter().take(MAX_TOLD) {
        let who = group::name_of(cx, &one.account)?;
        checks.push(check(
            "operations",
            CheckState::Ok,
            format!("an operation of {who} does not count: {}", one.reason),
        ));
    }
    for (key, (seq, _)) in group.forks.iter().take(MAX_TOLD) {
        let account = rosters::account_of(cx, channel, &DeviceId::from_bytes(*key.author.as_bytes()));
        let who = account.map(|account| group::name_of(cx, &account)).transpose()?.unwrap_or_default();
        checks.push(check(
            "feeds",
            CheckState::Warn,
            format!("a device of {who} wrote two histories from its entry {seq} on; nothing from there on counts"),
        ));
    }
    let (_, waiting) = group.roster.operations();
    if waiting > 0 {
        checks.push(check(
            "operations",
            CheckState::Warn,
            format!("{waiting} operations wait for others that are not here yet"),
        ));
    }
    for (device, (entries, asked)) in parked::waiting(cx.tx, channel)?.into_iter().take(MAX_TOLD) {
        let who = match rosters::account_of(cx, channel, &device) {
            Some(account) => group::name_of(cx, &account)?,
            None => device.fmt_short(),
        };
        checks.push(Check {
            advice: Some("they are shown as soon as a device that has the keys is connected and gives them".to_owned()),
            ..check("keys", CheckState::Warn, unopened(entries, &who, asked))
        });
    }
    Ok(checks)
}

fn unopened(entries: usize, who: &str, asked: u8) -> String {
    let (entries, them) = match entries {
        1 => ("1 entry".to_owned(), "its key was"),
        many => (format!("{many} entries"), "their keys were"),
    };
    let times = match asked {
        0 => "not asked for yet".to_owned(),
        1 => "asked for once".to_owned(),
        many => format!("asked for up to {many} times"),
    };
    format!("{entries} of {who} cannot be opened yet: {them} {times}")
}

/// The first thing in which another device differs, in a sentence.
pub(in crate::engine) fn difference(
    own: &Report,
    other: &Report,
    name: impl Fn(&DeviceId) -> String,
) -> Option<String> {
    if own.secret != other.secret {
        return Some(
            "it was given another secret of the group: its messages and ours stay closed to each other".to_owned(),
        );
    }
    if own.heads == other.heads {
        return (own.roster != other.roster).then(|| "it has the same entries and another roster".to_owned());
    }
    let ours: BTreeMap<_, _> = own.feeds.iter().copied().collect();
    let theirs: BTreeMap<_, _> = other.feeds.iter().copied().collect();
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    for key in keys {
        let (mine, its) = (ours.get(key).copied().unwrap_or(0), theirs.get(key).copied().unwrap_or(0));
        if mine != its {
            let who = name(&DeviceId::from_bytes(*key.author.as_bytes()));
            let entries = if its == 1 { "entry" } else { "entries" };
            return Some(format!("it has {its} {entries} of {who}, and this node has {mine}"));
        }
    }
    Some("its feeds differ in one that is not told".to_owned())
}
