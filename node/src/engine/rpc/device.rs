//! `device.*`

use covey_api::names::name;
use covey_api::{
    ApiError, Device, DeviceConfirm, DeviceLink, DeviceRename, DeviceRevoke, DeviceShow, EventKind, History, Linking,
    Reason, Time,
};
use covey_pairing::link::{Digits, LinkTicket, NetworkTag, Stage};

use crate::engine::contacts::own_devices as known;
use crate::engine::devices::{link, revoke};
use crate::engine::names::pick;
use crate::engine::notices::Notice;
use crate::engine::records::links::{self, Link};
use crate::engine::records::own_devices::{self, MAX_NAME, OwnDevice};
use crate::engine::shown::device;
use crate::engine::wire::own_record::Key;
use crate::engine::{Cx, EngineError, journal};

/// `device.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>) -> Result<Vec<Device>, ApiError> {
    let mut devices = known::all(cx)?;
    devices.sort_by_key(|device| device.revoked_at.is_some());
    Ok(devices.iter().map(|found| device::show(cx, found)).collect())
}

/// `device.show`
///
/// # Errors
/// Unknown device.
pub fn show(cx: &mut Cx<'_, '_>, params: &DeviceShow) -> Result<Device, ApiError> {
    let found = find(cx, &params.device)?;
    Ok(device::show(cx, &found))
}

/// By id, `this`, the name of an active one, the beginning of an id, the name of one that was revoked.
fn find(cx: &Cx<'_, '_>, text: &str) -> Result<OwnDevice, ApiError> {
    let (devices, wanted) = (known::all(cx)?, text.trim());
    let named = |device: &&OwnDevice| device.name.to_lowercase() == wanted.to_lowercase();
    let active = |device: &&OwnDevice| device.revoked_at.is_none();
    let exact = devices.iter().find(|device| device.id.to_string() == wanted);
    let this = || devices.iter().find(|device| wanted == "this" && cx.me.is_this_device(&device.id));
    // Two may have been given one name on two devices at once.
    let named_so: Vec<&OwnDevice> = devices.iter().filter(active).filter(named).collect();
    let by_name = || named_so.first().copied().filter(|_| named_so.len() == 1);
    if let Some(found) = exact.or_else(by_name).or_else(this) {
        return Ok(found.clone());
    }
    let by_start = devices.iter().filter(|device| pick::names_id(&device.id.to_string(), wanted));
    let gone = devices.iter().filter(|device| !active(device)).filter(named);
    let mut found = named_so.iter().copied().chain(by_start).chain(gone);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        (first, _) => {
            let what = if first.is_some() { "Several devices of yours are" } else { "No device of yours is" };
            let sentence = format!("{what} called \"{text}\". `covey device list` shows them and their ids.");
            Err(ApiError::new(Reason::NoSuchDevice, sentence))
        }
    }
}

/// `device.link`, up to what is sent. `network`: the private network that this node is in.
///
/// # Errors
/// The ticket is none, of another network, over; or this device or account cannot.
pub fn link(cx: &mut Cx<'_, '_>, params: &DeviceLink, network: Option<NetworkTag>) -> Result<(), ApiError> {
    let ticket: LinkTicket = params
        .ticket
        .parse()
        .map_err(|error| ApiError::new(Reason::BadLink, covey_api::sentence(&format!("{error}"))))?;
    if ticket.network != network {
        let sentence =
            "That machine is in another network than this node: `network.key_file` has to name the same key on both.";
        return Err(ApiError::new(Reason::BadLink, sentence));
    }
    let wanted = params.name.as_deref().map(checked).transpose()?;
    if let Some(wanted) = &wanted {
        free(cx, wanted, None)?;
    }
    link::begin(cx, ticket, (params.holder, span(params.history)), wanted).map(drop)
}

/// What of the history a new device may read: what was received in so many milliseconds before it is added, or all of it.
fn span(history: History) -> Option<u64> {
    match history {
        History::None => Some(0),
        History::Days90 => Some(90 * 24 * 3_600_000),
        History::All => None,
    }
}

/// How far the link is: the digits, once the new machine has answered.
///
/// # Errors
/// It is over.
pub fn linking(cx: &mut Cx<'_, '_>) -> Result<Option<Linking>, ApiError> {
    let Some(mut found) = links::load(cx.tx)? else { return Ok(None) };
    match link::stage(&mut found, cx.now) {
        Stage::Greeting => Ok(None),
        Stage::Comparing(digits) => Ok(Some(Linking {
            device: found.host.ticket().device.id.to_string(),
            name: link::name_of(cx, &found)?,
            digits: digits.to_string(),
            expires_at: Time::from_unix_ms(found.host.ends_at()),
        })),
        Stage::Ended(end) => Err(link::ended(end)),
        Stage::Confirmed | Stage::Added | Stage::Done => {
            Err(ApiError::new(Reason::WrongState, "The digits of that machine were confirmed already."))
        }
    }
}

/// `device.confirm`, up to what is sent: gives the device's id. The inner error is to be kept: an attempt was used.
///
/// # Errors
/// No link waits, or these are not digits.
pub fn confirm(cx: &mut Cx<'_, '_>, params: &DeviceConfirm) -> Result<Result<String, ApiError>, ApiError> {
    let typed: Digits = params.digits.parse().map_err(|_| {
        ApiError::invalid_params("Type the six digits that the new machine shows, for example 042 137.")
    })?;
    let id = |link: Link| link.host.ticket().device.id.to_string();
    Ok(link::confirm(cx, typed)?.map(id))
}

/// Whether a device whose digits were confirmed has the account.
///
/// # Errors
/// It is over.
pub fn linked(cx: &mut Cx<'_, '_>, id: &str) -> Result<Option<Device>, ApiError> {
    if let Some(mut found) = links::load(cx.tx)?
        && found.host.ticket().device.id.to_string() == id
    {
        return match link::stage(&mut found, cx.now) {
            Stage::Ended(end) => Err(link::ended(end)),
            _ => Ok(None),
        };
    }
    let found = known::all(cx)?.into_iter().find(|device| device.id.to_string() == id);
    Ok(found.map(|found| device::show(cx, &found)))
}

fn checked(text: &str) -> Result<String, ApiError> {
    let name = name(text).map_err(|why| ApiError::invalid_params(why.to_string()))?;
    if name.chars().count() > MAX_NAME {
        return Err(ApiError::invalid_params(format!("The name of a device has at most {MAX_NAME} characters.")));
    }
    Ok(name.to_owned())
}

/// Whether no other active device has the name.
fn free(cx: &Cx<'_, '_>, name: &str, except: Option<&OwnDevice>) -> Result<(), ApiError> {
    let is_other = |device: &OwnDevice| device.revoked_at.is_none() && except.is_none_or(|one| one.id != device.id);
    let taken = |device: &OwnDevice| is_other(device) && device.name.to_lowercase() == name.to_lowercase();
    if known::all(cx)?.iter().any(taken) || name == "this" {
        let sentence = format!("Another device of yours is called \"{name}\". Choose another name.");
        return Err(ApiError::new(Reason::AliasTaken, sentence));
    }
    Ok(())
}

/// `device.rename`
///
/// # Errors
/// Unknown or revoked device, a name that is none or taken.
pub fn rename(cx: &mut Cx<'_, '_>, params: &DeviceRename) -> Result<Device, ApiError> {
    let mut found = not_revoked(find(cx, &params.device)?)?;
    let name = checked(&params.name)?;
    free(cx, &name, Some(&found))?;
    found.name = name;
    own_devices::set(cx.tx, &found)?;
    cx.notices.push(Notice::Shared(Key::device(&found.id)));
    changed(cx, EventKind::DeviceChanged, &found)
}

/// `device.revoke`
///
/// # Errors
/// Unknown or revoked device, this one, no right to.
pub fn revoke(cx: &mut Cx<'_, '_>, params: &DeviceRevoke) -> Result<Device, ApiError> {
    let found = find(cx, &params.device)?;
    if cx.me.is_this_device(&found.id) {
        let sentence = "This is the device that you are using. Revoke it from another one of yours that may do so; if there is none, recover the account with its words elsewhere.";
        return Err(ApiError::new(Reason::OwnDevice, sentence));
    }
    let ended = revoke::revoke(cx, not_revoked(found)?)?;
    changed(cx, EventKind::DeviceRevoked, &ended)
}

fn not_revoked(device: OwnDevice) -> Result<OwnDevice, ApiError> {
    if device.revoked_at.is_none() {
        return Ok(device);
    }
    let sentence = format!("The device \"{}\" was revoked already.", device.name);
    Err(ApiError::new(Reason::DeviceRevoked, sentence))
}

fn changed(cx: &mut Cx<'_, '_>, kind: EventKind, found: &OwnDevice) -> Result<Device, ApiError> {
    let shown = device::show(cx, found);
    journal::record(cx, kind, &shown).map_err(|error: EngineError| ApiError::from(error))?;
    Ok(shown)
}
