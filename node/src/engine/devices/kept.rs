//! A device that a recovery of its account kept (`account recover --keep`).
//!
//! Whoever has the words can rotate the account and name any of its devices as one that stays. So such a device changes nothing by itself: it
//! alarms, goes on as before, and waits for its operator, who has the digits of the recovery from the machine on which the words were used.
//!
//! ```text
//! recovered machine                             device that is kept
//!    | log {rotated} -----------------------------> |  alarm: account.second_history, `kept`
//!    |                                              |  operator: covey account accept DIGITS
//!    | <--------------------------- keys wanted     |
//!    | keys {hand-over, sealed} ------------------> |  verified against the rotation that was accepted; own channel anew
//!    | <--------------------------- log head        |  it has them
//! ```

use covey_api::{ApiError, EventKind, Reason};
use covey_pairing::identity::{Device, KeyLog, LogOrder, RecoveryCode, SignedOp};
use covey_pairing::ids::DeviceId;
use covey_pairing::link::{HandOver, NamedDevice};
use serde_bytes::ByteBuf;
use tracing::{info, warn};

use crate::engine::contacts::own_devices as known;
use crate::engine::contacts::{cards, own, witness};
use crate::engine::outbound::post;
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::records::history::{self, Accepted, Is};
use crate::engine::records::own_devices::{self, OwnDevice};
use crate::engine::records::{own_records, transfer};
use crate::engine::sealing::sessions;
use crate::engine::shown::device;
use crate::engine::wire::own_log::LogFrame;
use crate::engine::{Cx, Effect, EngineError, Me, PeerKey, Protocol, card, journal, members, sharing, tables};
use crate::store::Tx;

/// What was not answered is asked for again after this, in milliseconds.
const AGAIN: u64 = 15_000;

/// [KEPT-1] Logs that peers show which no known log names are verified this often at most, in milliseconds: each costs a hundred signatures.
const LOOKED_AT_EVERY: u64 = 2_000;

/// The recovered machine begins: these devices stay, and are given the keys once they ask. `card`: one of the account, by which they are found.
///
/// # Errors
/// Those of the store.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    log: &KeyLog,
    (kept, holder): (&[DeviceId], bool),
    card: Option<Vec<u8>>,
) -> Result<(), EngineError> {
    for listed in log.active().filter(|device| kept.contains(&device.keys.id)) {
        let known = OwnDevice::new(&listed.keys, known::unnamed(listed), holder, listed.added_at);
        let known = OwnDevice { keyless: true, ..known };
        own_devices::set(tx, &known)?;
    }
    if !kept.is_empty() {
        transfer::begin(tx, kept.first().copied(), 0);
        tx.put(&tables::handed_cards(), &card.into_iter().map(ByteBuf::from).collect::<Vec<_>>())?;
    }
    Ok(())
}

pub(super) fn send(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: LogFrame) -> Result<(), EngineError> {
    let frame = frame.encode().map_err(EngineError::bug)?;
    cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    Ok(())
}

/// [KEPT-1] A peer that no log of ours names shows a log of our account. It is a reason to alarm if it names that peer and outranks ours.
pub(super) fn shown(cx: &mut Cx<'_, '_>, peer: PeerKey, ops: Vec<SignedOp>) -> Result<(), EngineError> {
    if accepted(cx)?.is_some_and(|log| giver(cx, &log, peer).is_some()) {
        return send(cx, peer, LogFrame::KeysWanted);
    }
    if cx.live.log_looked_at.saturating_add(LOOKED_AT_EVERY) > cx.now {
        return Ok(());
    }
    cx.live.log_looked_at = cx.now;
    let Ok(log) = KeyLog::verify(ops) else { return Ok(()) };
    let names_it = log.active().any(|device| device.keys.network == peer.0);
    if !names_it || !cx.me.is_ours(&log.account()) || !log.compare(&cx.me.key_log).is_ok_and(LogOrder::outranks) {
        return Ok(());
    }
    let account = cx.me.account_id();
    witness::seen(cx, account, &log)
}

/// [KEPT-2] The operator accepts the recovery that keeps this device: the digits are those that the recovered machine shows.
///
/// # Errors
/// There is none, the digits are of another one, or an objection was made.
pub(in crate::engine) fn accept(cx: &mut Cx<'_, '_>, digits: &str) -> Result<(), ApiError> {
    let Some(second) = history::second(cx.tx)?.filter(|second| second.is == Is::Kept) else {
        let sentence = "No recovery of your account was seen that keeps this device. There is nothing to accept.";
        return Err(ApiError::new(Reason::WrongState, sentence));
    };
    if history::objection(cx.tx)?.is_some() {
        let sentence =
            "You have objected to this recovery: contacts have frozen the account. It cannot be accepted any more.";
        return Err(ApiError::new(Reason::WrongState, sentence));
    }
    let typed: RecoveryCode = digits.parse().map_err(|_| {
        ApiError::invalid_params("Type the 16 digits that `covey account recover` showed on the recovered machine.")
    })?;
    let log = KeyLog::verify(second.log.clone()).map_err(EngineError::bug)?;
    if RecoveryCode::of(&log) != Some(typed) {
        let sentence = "These are not the digits of the recovery that this node saw. If they are those that your new machine shows, somebody else has \
                        used your words as well: covey account contest.";
        return Err(ApiError::new(Reason::WrongDigits, sentence));
    }
    cx.tx.put(&tables::accepted(), &Accepted { at: cx.now, log: second.log })?;
    info!("a recovery of this account that keeps this device was accepted");
    cx.live.keys_wanted_at = Some(cx.now);
    Ok(go_on(cx)?)
}

fn accepted(cx: &Cx<'_, '_>) -> Result<Option<KeyLog>, EngineError> {
    let accepted = history::accepted(cx.tx)?;
    accepted.map(|accepted| KeyLog::verify(accepted.log).map_err(EngineError::bug)).transpose()
}

/// The device behind a peer, if it came with the recovery: only such ones have the keys for certain.
fn giver<'a>(cx: &Cx<'_, '_>, log: &'a KeyLog, peer: PeerKey) -> Option<&'a Device> {
    let is_new = |device: &&Device| !cx.me.key_log.names(&device.keys.id);
    log.active().filter(is_new).find(|device| device.keys.network == peer.0)
}

/// The daemon started.
pub(in crate::engine) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    cx.live.keys_wanted_at = history::accepted(cx.tx)?.map(|_| cx.now);
    Ok(())
}

/// Time passed.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    if cx.live.keys_wanted_at.is_some_and(|at| at <= cx.now) { go_on(cx) } else { Ok(()) }
}

/// Asks the devices that came with the recovery for the keys of the account.
fn go_on(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let Some(log) = accepted(cx)? else {
        cx.live.keys_wanted_at = None;
        return Ok(());
    };
    cx.live.keys_wanted_at = Some(cx.now.saturating_add(AGAIN));
    let mut peers: Vec<PeerKey> = log.active().map(|device| PeerKey(device.keys.network)).collect();
    peers.retain(|peer| giver(cx, &log, *peer).is_some());
    for peer in peers {
        if cx.live.connected.contains(&peer) {
            send(cx, peer, LogFrame::KeysWanted)?;
        } else {
            cx.effects.push(Effect::Dial { peer, addresses: Vec::new() });
        }
    }
    Ok(())
}

/// A peer connected that may have the keys.
pub(super) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    if cx.live.keys_wanted_at.is_none() {
        return Ok(());
    }
    match accepted(cx)? {
        Some(log) if giver(cx, &log, peer).is_some() => send(cx, peer, LogFrame::KeysWanted),
        Some(_) | None => Ok(()),
    }
}

/// [KEPT-3] A device that this account was recovered with asks for the keys: they are for those that the recovery kept, as the operator said.
pub(super) fn wanted(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    let Some(kept) = known::behind(cx, peer)?.filter(|device| device.keyless && device.revoked_at.is_none()) else {
        return Ok(());
    };
    let Some(keys) = cx.me.key_log.device(&kept.id).map(|listed| listed.keys).filter(|_| cx.me.account.is_holder())
    else {
        return Ok(());
    };
    let account = cx.me.account_id();
    let to = devices::device(cx.tx, &account, &kept.id)?
        .unwrap_or_else(|| ContactDevice::without_card(keys.id, keys.dh, peer, Vec::new()));
    let active = known::all(cx)?.into_iter().filter(|device| device.revoked_at.is_none());
    let given = HandOver {
        account: if kept.holder { cx.me.account.sealed() } else { cx.me.account.plain() },
        log: cx.me.key_log.clone(),
        name: card::own_name(cx)?,
        devices: active.map(|one| NamedDevice { device: one.id, name: one.name, holder: one.holder }).collect(),
        cards: vec![card::own(cx)?],
        history: 0,
    };
    let sealed = sessions::seal_parcel(cx, &to, &label(&kept.id), &given.encode())?;
    info!(device = %kept.id.fmt_short(), "a device that was kept is given the keys of the account");
    send(cx, peer, LogFrame::Keys(ByteBuf::from(sealed)))
}

/// What the seal is bound to.
fn label(to: &DeviceId) -> Vec<u8> {
    [b"covey account keys v1\0".as_slice(), to.as_bytes()].concat()
}

/// [KEPT-3] The device has the keys.
pub(super) fn has_keys(cx: &mut Cx<'_, '_>, kept: OwnDevice) -> Result<(), EngineError> {
    let kept = OwnDevice { keyless: false, ..kept };
    own_devices::set(cx.tx, &kept)?;
    let shown = device::show(cx, &kept);
    journal::record(cx, EventKind::DeviceChanged, &shown)
}

/// [KEPT-4] The keys of the account, from a device that came with the recovery that was accepted here.
pub(super) fn given(cx: &mut Cx<'_, '_>, peer: PeerKey, sealed: &[u8]) -> Result<(), EngineError> {
    let Some(expected) = accepted(cx)? else { return Ok(()) };
    let Some(dh) = giver(cx, &expected, peer).map(|giver| giver.keys.dh) else { return Ok(()) };
    let own = cx.me.device_id();
    let opened = sessions::open_parcel(cx, &label(&own), sealed)?.ok().filter(|(from, _)| *from == dh);
    let Some((_, content)) = opened else {
        warn!("what is said to be the keys of this account does not open");
        return Ok(());
    };
    let keys = cx.me.device.keys();
    let given = match HandOver::open(&content, &keys, &cx.me.account_id(), cx.now) {
        Ok(given) => given,
        Err(error) => {
            warn!(%error, "what is said to be the keys of this account is not in order");
            return Ok(());
        }
    };
    let follows = matches!(given.log.compare(&expected), Ok(LogOrder::Same | LogOrder::Extends));
    if !follows {
        warn!("the keys are those of another recovery than the one that was accepted");
        return Ok(());
    }
    take(cx, given)?;
    let head = cx.me.key_log.head();
    send(cx, peer, LogFrame::Head(head))
}

/// The account has these keys and devices from now on.
fn take(cx: &mut Cx<'_, '_>, given: HandOver) -> Result<(), EngineError> {
    let HandOver { account, log, devices, cards, .. } = given;
    if let Some(mut channel) = members::own_channel(cx)? {
        // Nobody writes there any more: its id and its keys are those of before.
        sharing::channel_closed(cx, &channel)?;
        channel.open = false;
        channel.save(cx.tx)?;
    }
    own_records::say_again(cx.tx)?;
    let own = cx.me.device_id();
    for before in known::all(cx)?.into_iter().filter(|device| device.id != own) {
        cx.tx.delete(&tables::session(&before.id));
        post::forget(cx, &before.id)?;
        if !log.is_active(&before.id) {
            cx.tx.delete(&tables::peer(before.peer));
            cx.live.contacts.remove(&before.peer);
            cx.effects.push(Effect::Revoke { peer: before.peer });
        }
    }
    let mut came = Vec::new();
    for named in devices {
        let noted = own_devices::one(cx.tx, &named.device)?;
        let Some(listed) = log.device(&named.device).filter(|_| noted.is_none()) else { continue };
        let known = OwnDevice::new(&listed.keys, named.name, named.holder, listed.added_at);
        if !cx.me.is_this_device(&known.id) {
            own_devices::set(cx.tx, &known)?;
            came.push(known);
        }
    }
    history::forget(cx.tx);
    cx.live.keys_wanted_at = None;
    // The first operational key goes on leading to this account's card.
    let first = cx.me.account.signing().filter(|_| cx.me.account.rotations() == 0).cloned();
    let first_key = cx.me.first_key.clone().or(first);
    let device = cx.me.device.clone();
    info!(devices = log.active().count(), "this device belongs to the account as it was recovered");
    own::become_now(cx, Me { account, device, key_log: log, backed_up: true, first_key })?;
    let own = cx.me.account_id();
    for card in cards {
        cards::learn(cx, &own, &card)?;
    }
    for known in came {
        let shown = device::show(cx, &known);
        journal::record(cx, EventKind::DeviceLinked, &shown)?;
    }
    Ok(())
}
