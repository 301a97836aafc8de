//! The host's side of a link: reaches the new machine, says what is to be said until it is answered, and adds it to the key log.
//! What is said, and when, is decided in [`covey_pairing::link`].

use covey_api::{ApiError, EventKind, Reason};
use covey_pairing::identity::{JOIN_PROOF_LEN, KeyLogError, MAX_ACTIVE_DEVICES, MAX_OPS};
use covey_pairing::link::{
    Digits, End, HandOver, Host, HostError, HostEvent, LINK_LIFETIME_MS, LinkFrame, LinkTicket, NamedDevice, Stage,
};
use serde_json::json;
use tracing::info;

use crate::engine::contacts::own;
use crate::engine::contacts::own_devices as known;
use crate::engine::devices::room;
use crate::engine::records::devices;
use crate::engine::records::links::{self, Link};
use crate::engine::records::own_devices::{self, OwnDevice};
use crate::engine::shown::device;
use crate::engine::{Cx, Effect, EngineError, PeerKey, Protocol, card, journal};

/// What was not answered is said again after this, in milliseconds.
const AGAIN: u64 = 3_000;

/// Begins a link, or goes on with it if it is this one.
pub(in crate::engine) fn begin(
    cx: &mut Cx<'_, '_>,
    ticket: LinkTicket,
    (holder, history): (bool, Option<u64>),
    name: Option<String>,
) -> Result<Link, ApiError> {
    if !cx.me.account.is_holder() {
        let sentence = "This device was linked without --holder and cannot link others. Use one that `covey device list` shows as holder.";
        return Err(ApiError::new(Reason::NotHolder, sentence));
    }
    let (id, own) = (ticket.device.id, cx.me.device.keys());
    if id == own.id || ticket.device.network == own.network {
        let sentence =
            "This is the link of the device that you are using. Give it to a device that has the account already.";
        return Err(ApiError::new(Reason::OwnDevice, sentence));
    }
    let before = links::load(cx.tx)?;
    if let Some(mut link) = before.clone().filter(|link| link.host.id() == ticket.id()) {
        if let Stage::Ended(end) = stage(&mut link, cx.now) {
            return Err(ended(end));
        }
        reach(cx, &link)?;
        return Ok(link);
    }
    possible(cx, &ticket)?;
    let host = Host::begin(ticket, cx.me.account_id(), cx.now, cx.rng).map_err(ended)?;
    if let Some(mut other) = before {
        end(cx, &mut other, End::Cancelled)?;
        if !cx.me.key_log.is_active(&other.host.ticket().device.id) {
            cx.effects.push(Effect::Revoke { peer: other.peer() });
        }
    }
    let link = Link { host, holder, name, history };
    link.save(cx.tx)?;
    reach(cx, &link)?;
    Ok(link)
}

/// Whether the key log can take the device.
fn possible(cx: &Cx<'_, '_>, ticket: &LinkTicket) -> Result<(), ApiError> {
    let (log, id) = (&cx.me.key_log, &ticket.device.id);
    if log.is_active(id) {
        let sentence = "That machine is a device of this account already. `covey device list` shows them.";
        return Err(ApiError::new(Reason::WrongState, sentence));
    }
    if log.revocation(id).is_some() {
        let sentence = "That device was revoked, and never comes back. Empty its data directory and run `covey init --link` there again.";
        return Err(ApiError::new(Reason::DeviceRevoked, sentence));
    }
    // Letting it in, and shutting it out again, is not for whoever made the ticket to decide.
    if devices::owner(cx.tx, PeerKey(ticket.device.network))?.is_some_and(|owner| !cx.me.is_ours(&owner.account)) {
        let sentence = "That link names a machine of somebody else whom you know. Run `covey init --link` on yours.";
        return Err(ApiError::new(Reason::BadLink, sentence));
    }
    if !room::for_another(log)? {
        let sentence = "The account's list of devices has no room for another one. Recover the account with its words to begin it anew.";
        return Err(ApiError::new(Reason::LimitReached, sentence).with_data(json!({ "limit": MAX_OPS })));
    }
    if log.active().count() >= MAX_ACTIVE_DEVICES {
        let sentence =
            format!("The account has {MAX_ACTIVE_DEVICES} devices, which is the most. Revoke one that you do not use.");
        return Err(ApiError::new(Reason::LimitReached, sentence).with_data(json!({ "limit": MAX_ACTIVE_DEVICES })));
    }
    Ok(())
}

/// What a client is told of a link that came to nothing.
pub(in crate::engine) fn ended(end: End) -> ApiError {
    let (code, advice) = match end {
        End::Expired => ("expired", "Run `covey init --link` on the new machine again."),
        End::Used => ("used", "Run `covey init --link` on the new machine again."),
        End::Digits => {
            ("digits", "Somebody may stand between the two. Run `covey init --link` on the new machine again.")
        }
        End::Cancelled => ("cancelled", "Run `covey init --link` on the new machine again."),
        End::Full => ("full", ""),
        End::NotAdded => ("not_added", "Run `covey init --link` on the new machine with an empty data directory."),
        End::HandOver => ("hand_over", "Are both of the same version? `covey device revoke` ends it."),
    };
    let sentence = format!("{} {advice}", covey_api::sentence(&end.to_string()));
    ApiError::new(Reason::LinkEnded, sentence.trim()).with_data(json!({ "end": code }))
}

/// How far a link is, by time too.
pub(in crate::engine) fn stage(link: &mut Link, now: u64) -> Stage {
    link.host.is_over(now);
    link.host.stage()
}

/// Connects to the new machine, and says what is next if it is there.
fn reach(cx: &mut Cx<'_, '_>, link: &Link) -> Result<(), EngineError> {
    let peer = link.peer();
    let addresses = link.host.ticket().addresses.clone();
    cx.effects.push(Effect::Allow { peer, addresses });
    cx.live.link = Some((peer, cx.now.saturating_add(AGAIN)));
    say(cx, link)
}

/// Says what is next.
fn say(cx: &mut Cx<'_, '_>, link: &Link) -> Result<(), EngineError> {
    let peer = link.peer();
    if !cx.live.connected.contains(&peer) {
        return Ok(());
    }
    let given = if link.host.stage() == Stage::Added { Some(hand_over(cx, link)?) } else { None };
    if let Some(frame) = link.host.outgoing(|| given, cx.rng) {
        cx.effects.push(Effect::Send { peer, protocol: Protocol::Pair, frame });
    }
    Ok(())
}

/// The account, for the new device.
fn hand_over(cx: &mut Cx<'_, '_>, link: &Link) -> Result<HandOver, EngineError> {
    let own = card::own(cx)?;
    let account = cx.me.account_id();
    let other = devices::card(cx.tx, &account)?.map(|card| card.signed.into_vec()).filter(|other| *other != own);
    let named = known::all(cx)?.into_iter().filter(|device| device.revoked_at.is_none());
    let named = named.map(|device| NamedDevice { device: device.id, name: device.name, holder: device.holder });
    Ok(HandOver {
        account: if link.holder { cx.me.account.sealed() } else { cx.me.account.plain() },
        log: cx.me.key_log.clone(),
        name: card::own_name(cx)?,
        devices: named.collect(),
        cards: std::iter::once(own).chain(other).collect(),
        history: own_devices::one(cx.tx, &link.host.ticket().device.id)?.map_or(0, |known| known.history),
    })
}

/// A peer connected.
pub(in crate::engine) fn peer_came(cx: &mut Cx<'_, '_>, peer: PeerKey) -> Result<(), EngineError> {
    if cx.live.link.is_none_or(|(at, _)| at != peer) {
        return Ok(());
    }
    links::load(cx.tx)?.map_or(Ok(()), |link| say(cx, &link))
}

/// A frame of a link. It counts if it came from the machine of the ticket.
pub(in crate::engine) fn frame(cx: &mut Cx<'_, '_>, peer: PeerKey, frame: &LinkFrame) -> Result<(), EngineError> {
    let Some(mut link) = links::load(cx.tx)?.filter(|link| link.peer() == peer) else { return Ok(()) };
    match link.host.frame(frame, cx.now) {
        HostEvent::Nothing => Ok(()),
        HostEvent::Digits(_) => {
            info!("a new machine answers; its digits wait to be compared");
            link.save(cx.tx)?;
            say(cx, &link)
        }
        HostEvent::Joins(proof) => added(cx, link, *proof),
        HostEvent::Done => done(cx, &link),
        HostEvent::Ended(end) => {
            info!(%end, "the link of a new machine ended");
            link.save(cx.tx)
        }
    }
}

/// [LINK-9] The new device agreed: it is one of ours from now on.
fn added(cx: &mut Cx<'_, '_>, mut link: Link, proof: [u8; JOIN_PROOF_LEN]) -> Result<(), EngineError> {
    let keys = link.host.ticket().device;
    let log = match cx.me.key_log.add_joining(&cx.me.account, keys, proof, cx.now) {
        Ok(log) => log,
        Err(KeyLogError::Limit(_) | KeyLogError::TooLong) => return end(cx, &mut link, End::Full),
        Err(error) => {
            info!(%error, "a new machine cannot be added");
            return end(cx, &mut link, End::NotAdded);
        }
    };
    let history = link.history.map_or(0, |of| cx.now.saturating_sub(of));
    let added = OwnDevice { history, ..OwnDevice::new(&keys, name_of(cx, &link)?, link.holder, cx.now) };
    own::adopt(cx, &log)?;
    own::introduce(cx, &keys, link.host.ticket().addresses.clone())?;
    own_devices::set(cx.tx, &added)?;
    link.host.added();
    link.save(cx.tx)?;
    info!(device = %keys.id.fmt_short(), "a new device of this account");
    let shown = device::show(cx, &added);
    journal::record(cx, EventKind::DeviceLinked, &shown)?;
    say(cx, &link)
}

/// What the device will be called: as its owner said, or as it calls itself, made unique.
pub(in crate::engine) fn name_of(cx: &Cx<'_, '_>, link: &Link) -> Result<String, EngineError> {
    let wanted = link.name.as_deref().or(link.host.suggested_name()).unwrap_or("device").trim().to_owned();
    let taken: Vec<String> = known::all(cx)?
        .into_iter()
        .filter(|device| device.revoked_at.is_none() && device.id != link.host.ticket().device.id)
        .map(|device| device.name.to_lowercase())
        .collect();
    let free = |name: &String| !taken.contains(&name.to_lowercase());
    let numbered = (2..).map(|n| format!("{} {n}", wanted.chars().take(60).collect::<String>()));
    Ok(std::iter::once(wanted.clone()).chain(numbered).find(free).unwrap_or(wanted))
}

/// The new device has the account.
fn done(cx: &mut Cx<'_, '_>, link: &Link) -> Result<(), EngineError> {
    cx.live.link = None;
    links::forget(cx.tx);
    let Some(device) = known::of(cx, &link.host.ticket().device.id)? else { return Ok(()) };
    known::seen(cx, device)
}

/// Ends a link; the machine is told, if it is there.
fn end(cx: &mut Cx<'_, '_>, link: &mut Link, why: End) -> Result<(), EngineError> {
    link.host.end(why);
    link.save(cx.tx)?;
    say(cx, link)
}

/// The operator typed what the new machine shows. `Ok(Err(…))` is to be kept: an attempt was used.
pub(in crate::engine) fn confirm(cx: &mut Cx<'_, '_>, typed: Digits) -> Result<Result<Link, ApiError>, ApiError> {
    let Some(mut link) = links::load(cx.tx)? else { return Err(nothing()) };
    let confirmed = link.host.confirm(typed, cx.now);
    link.save(cx.tx)?;
    say(cx, &link)?;
    Ok(match confirmed {
        Ok(()) => Ok(link),
        Err(HostError::Ended(end)) => Err(ended(end)),
        Err(HostError::NotYet) => Err(ApiError::new(Reason::WrongState, "The new machine has not answered yet.")),
        Err(HostError::WrongDigits { left }) => {
            let attempts = if left == 1 { "attempt is" } else { "attempts are" };
            let sentence = format!(
                "These are not the digits that belong to this link; {left} {attempts} left. If the new machine shows them, somebody may stand between the two."
            );
            Err(ApiError::new(Reason::WrongDigits, sentence).with_data(json!({ "left": left })))
        }
    })
}

fn nothing() -> ApiError {
    let sentence = "No machine waits to be linked. Begin with `covey device link`, with the link that `covey init --link` shows there.";
    ApiError::new(Reason::LinkEnded, sentence)
}

/// Time passed.
pub(in crate::engine) fn tick(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let Some((peer, _)) = cx.live.link.filter(|(_, at)| *at <= cx.now) else { return Ok(()) };
    cx.live.link = None;
    let Some(mut link) = links::load(cx.tx)? else { return Ok(()) };
    if let Stage::Ended(_) = stage(&mut link, cx.now) {
        // Clients are told why for some time.
        if cx.now < link.host.ends_at().saturating_add(LINK_LIFETIME_MS) {
            link.save(cx.tx)?;
            say(cx, &link)?;
        } else {
            links::forget(cx.tx);
        }
        if !cx.me.key_log.is_active(&link.host.ticket().device.id) {
            cx.effects.push(Effect::Revoke { peer });
        }
        return Ok(());
    }
    cx.live.link = Some((peer, cx.now.saturating_add(AGAIN)));
    say(cx, &link)
}

/// The daemon started: goes on with what was under way.
pub(in crate::engine) fn start(cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
    let Some(mut link) = links::load(cx.tx)? else { return Ok(()) };
    if link.host.is_over(cx.now) { Ok(()) } else { reach(cx, &link) }
}
